/**
 * Encodes messages as chunks (RTMP 1.0 §5.3).
 *
 * Every message starts with a full header (fmt 0), so its bytes do not depend on earlier messages:
 * a player may join at any message, and any message may be omitted. Hence these functions are pure.
 *
 * A timestamp of 0xFFFFFF or more is repeated in every continuation chunk. ffmpeg and librtmp lose
 * the message when it is omitted, GStreamer's rtmp2src when it is replaced by zeros.
 */

import { writeU24, writeU32 } from "../base/bytes.ts";
import { EXTENDED_TIMESTAMP } from "./constants.ts";

/** Header of a message. */
export interface MessageHeader {
  /** Chunk stream id, 2…63, because only one-byte basic headers are written. */
  readonly csid: number;
  readonly typeId: number;
  /** Message stream id, u32. */
  readonly msid: number;
  /** Absolute timestamp, u32. */
  readonly timestampMs: number;
}

/** Returns the encoded size of a message with `length` payload bytes. */
export function encodedMessageBytes(
  length: number,
  timestampMs: number,
  chunkSize: number,
): number {
  const extended = timestampMs >= EXTENDED_TIMESTAMP ? 4 : 0;
  const continuations = length > 0 ? Math.ceil(length / chunkSize) - 1 : 0;
  return 12 + extended + length + continuations * (1 + extended);
}

/**
 * Writes a message to `target` at `offset`. `target` must have room for
 * {@linkcode encodedMessageBytes}. The payload is copied.
 *
 * @returns the offset after the last byte written
 */
// HOT: once per media message of a stream, for all its players. Measured by bench/codec_bench.ts.
export function encodeMessageInto(
  target: Uint8Array,
  offset: number,
  header: MessageHeader,
  payload: Uint8Array,
  chunkSize: number,
): number {
  const { csid, timestampMs, msid } = header;
  const isExtended = timestampMs >= EXTENDED_TIMESTAMP;
  const length = payload.length;
  let at = offset;
  target[at] = csid;
  writeU24(target, at + 1, isExtended ? EXTENDED_TIMESTAMP : timestampMs);
  writeU24(target, at + 4, length);
  target[at + 7] = header.typeId;
  // The message stream id is the only little-endian number of the protocol (RTMP 1.0 §5.3.1.2.1).
  target[at + 8] = msid;
  target[at + 9] = msid >>> 8;
  target[at + 10] = msid >>> 16;
  target[at + 11] = msid >>> 24;
  at += 12;
  if (isExtended) {
    writeU32(target, at, timestampMs);
    at += 4;
  }
  if (length <= chunkSize) {
    target.set(payload, at);
    return at + length;
  }
  for (let start = 0; start < length; start += chunkSize) {
    if (start > 0) {
      target[at++] = 0xC0 | csid;
      if (isExtended) {
        writeU32(target, at, timestampMs);
        at += 4;
      }
    }
    const piece = payload.subarray(start, start + chunkSize);
    target.set(piece, at);
    at += piece.length;
  }
  return at;
}

/** Encodes a message into a new array. */
export function encodeMessage(
  header: MessageHeader,
  payload: Uint8Array,
  chunkSize: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(encodedMessageBytes(payload.length, header.timestampMs, chunkSize));
  encodeMessageInto(bytes, 0, header, payload, chunkSize);
  return bytes;
}
