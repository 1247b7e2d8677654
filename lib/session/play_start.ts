import { encodeAmf0 } from "../amf/amf0_encode.ts";
import { concatBytes } from "../base/bytes.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { encodeCommand } from "../rtmp/commands.ts";
import { Csid, MEDIA_MSID, MessageType, StatusCode, UserControlEvent } from "../rtmp/constants.ts";
import { encodeUserControl } from "../rtmp/control_messages.ts";
import { statusCommand } from "../rtmp/status.ts";

const DETAILS = "stream";

const RESET = statusCommand({
  level: "status",
  code: StatusCode.PLAY_RESET,
  description: "Playing and resetting stream",
}, DETAILS);

const START = statusCommand({
  level: "status",
  code: StatusCode.PLAY_START,
  description: "Started playing stream",
}, DETAILS);

/**
 * Allows Flash players to read pixels and samples. NetStream.Data.Start is omitted, because ffmpeg
 * creates an empty data stream for it.
 */
const SAMPLE_ACCESS = ["|RtmpSampleAccess", true, true] as const;

/** By chunk size. A process uses only one. */
const encoded = new Map<number, Uint8Array>();

/**
 * Returns what every player is sent when its play starts: StreamBegin, both statuses, and the right
 * to read samples. `chunkSize`, in bytes, must have been announced to the peer. The result is
 * encoded once and shared; do not change it.
 */
export function playStart(chunkSize: number): Uint8Array {
  let bytes = encoded.get(chunkSize);
  if (bytes === undefined) {
    bytes = encode(chunkSize);
    encoded.set(chunkSize, bytes);
  }
  return bytes;
}

function encode(chunkSize: number): Uint8Array {
  const framing = { msid: MEDIA_MSID, chunkSize };
  const data = {
    csid: Csid.DATA,
    typeId: MessageType.DATA_AMF0,
    msid: MEDIA_MSID,
    timestampMs: 0,
  };
  return concatBytes([
    encodeUserControl(UserControlEvent.STREAM_BEGIN, MEDIA_MSID),
    encodeCommand(RESET, framing),
    encodeCommand(START, framing),
    encodeMessage(data, encodeAmf0(SAMPLE_ACCESS), chunkSize),
  ]);
}
