import { encodeCommandPayload } from "../rtmp/commands.ts";
import {
  CONTROL_MSID,
  Csid,
  MEDIA_MSID,
  MessageType,
  StatusCode,
  UserControlEvent,
} from "../rtmp/constants.ts";
import { userControlPayload } from "../rtmp/control_messages.ts";
import { statusCommand } from "../rtmp/status.ts";

/** A message that tells players what becomes of the stream. */
export interface Notice {
  readonly csid: number;
  readonly typeId: number;
  readonly msid: number;
  readonly payload: Uint8Array;
}

/** Another source begins. */
export function beginNotices(): Notice[] {
  return [eventNotice(UserControlEvent.STREAM_BEGIN)];
}

/** The stream `name` was unpublished. */
export function unpublishedNotices(name: string): Notice[] {
  const description = `${name} is now unpublished`;
  return [
    statusNotice(StatusCode.PLAY_UNPUBLISH_NOTIFY, description),
    eventNotice(UserControlEvent.STREAM_EOF),
  ];
}

/** The stream `name` is published again. */
export function publishedNotices(name: string): Notice[] {
  return [
    ...beginNotices(),
    statusNotice(StatusCode.PLAY_PUBLISH_NOTIFY, `${name} is now published`),
  ];
}

function statusNotice(code: string, description: string): Notice {
  const payload = encodeCommandPayload(statusCommand({ level: "status", code, description }));
  return { csid: Csid.COMMAND, typeId: MessageType.COMMAND_AMF0, msid: MEDIA_MSID, payload };
}

function eventNotice(event: number): Notice {
  const payload = userControlPayload(event, [MEDIA_MSID]);
  return { csid: Csid.CONTROL, typeId: MessageType.USER_CONTROL, msid: CONTROL_MSID, payload };
}
