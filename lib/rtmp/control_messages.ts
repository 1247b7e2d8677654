/** Protocol control and user control messages (RTMP 1.0 §5.4, §7.1.7) as complete chunks. */

import { readU32, writeU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { encodeMessage } from "./chunk_encode.ts";
import {
  CONTROL_MSID,
  Csid,
  INITIAL_CHUNK_SIZE,
  MessageType,
  UserControlEvent,
} from "./constants.ts";

function encodeControl(typeId: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = { csid: Csid.CONTROL, typeId, msid: CONTROL_MSID, timestampMs: 0 };
  return encodeMessage(header, payload, INITIAL_CHUNK_SIZE);
}

function encodeControlU32(typeId: number, value: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4);
  writeU32(payload, 0, value);
  return encodeControl(typeId, payload);
}

/** Announces the size of all following chunks, 1…0x7FFFFFFF bytes (RTMP 1.0 §5.4.1). */
export function encodeSetChunkSize(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return encodeControlU32(MessageType.SET_CHUNK_SIZE, sizeBytes);
}

/** Reports the total number of bytes received, u32 (RTMP 1.0 §5.4.3). */
export function encodeAcknowledgement(totalBytes: number): Uint8Array<ArrayBuffer> {
  return encodeControlU32(MessageType.ACKNOWLEDGEMENT, totalBytes);
}

/** Announces how many bytes may be sent between two acknowledgements (RTMP 1.0 §5.4.4). */
export function encodeWindowAckSize(windowBytes: number): Uint8Array<ArrayBuffer> {
  return encodeControlU32(MessageType.WINDOW_ACK_SIZE, windowBytes);
}

/** Limits the peer's output, with limit type 2, "dynamic" (RTMP 1.0 §5.4.5). */
export function encodeSetPeerBandwidth(windowBytes: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(5);
  writeU32(payload, 0, windowBytes);
  payload[4] = 2;
  return encodeControl(MessageType.SET_PEER_BANDWIDTH, payload);
}

/** Encodes a user control event with 4-byte values: a stream id, a time, … (RTMP 1.0 §7.1.7). */
export function encodeUserControl(
  event: number,
  ...values: readonly number[]
): Uint8Array<ArrayBuffer> {
  return encodeControl(MessageType.USER_CONTROL, userControlPayload(event, values));
}

/** Encodes only the payload of a user control message. */
export function userControlPayload(
  event: number,
  values: readonly number[],
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(2 + 4 * values.length);
  payload[0] = event >>> 8;
  payload[1] = event;
  values.forEach((value, index) => writeU32(payload, 2 + 4 * index, value));
  return payload;
}

/** Asks the peer to connect again at the next keyframe (facebookincubator, RTMP Go Away). */
export function encodeGoAway(): Uint8Array<ArrayBuffer> {
  return encodeControl(MessageType.GO_AWAY, new Uint8Array(0));
}

/** Requests a {@linkcode encodePingResponse} with the same `timestampMs`. */
export function encodePingRequest(timestampMs: number): Uint8Array<ArrayBuffer> {
  return encodeUserControl(UserControlEvent.PING_REQUEST, timestampMs);
}

/** Responds to a ping. */
export function encodePingResponse(timestampMs: number): Uint8Array<ArrayBuffer> {
  return encodeUserControl(UserControlEvent.PING_RESPONSE, timestampMs);
}

/**
 * Decodes the number in a SetChunkSize, Acknowledgement, WindowAckSize or SetPeerBandwidth message.
 *
 * @throws {WireError} `control.truncated`
 */
export function decodeControlU32(payload: Uint8Array): number {
  requireBytes(payload, 4);
  return readU32(payload, 0);
}

/** Event type and first 4-byte value of a user control message; `value` is 0 when absent. */
export interface UserControl {
  readonly event: number;
  readonly value: number;
}

/**
 * Decodes a user control message. The caller must ignore unknown event types.
 *
 * @throws {WireError} `control.truncated`
 */
export function decodeUserControl(payload: Uint8Array): UserControl {
  requireBytes(payload, 2);
  const event = (payload[0]! << 8) | payload[1]!;
  return { event, value: payload.length >= 6 ? readU32(payload, 2) : 0 };
}

function requireBytes(payload: Uint8Array, length: number): void {
  if (payload.length >= length) return;
  throw new WireError(
    "control.truncated",
    `Cannot read control message: it has only ${payload.length} of ${length} bytes`,
  );
}
