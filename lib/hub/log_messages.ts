/**
 * The messages inside the bytes of a stream's log, for those who want messages and not the bytes that
 * players get.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { encodedMessageBytes } from "../rtmp/chunk_encode.ts";
import { EXTENDED_TIMESTAMP, MessageType } from "../rtmp/constants.ts";

/** A message inside encoded bytes. */
export interface LogMessage {
  /** All of it, chunk headers included: a view of the bytes it was found in. */
  readonly bytes: Uint8Array;
  readonly csid: number;
  readonly typeId: number;
  /** Stream time, u32. */
  readonly timestampMs: number;
  readonly payloadLength: number;
}

/**
 * The messages in `view`, bytes of a log or of a join entry's headers that begin and end at message
 * boundaries. Every one begins with a full header, so the bytes say where the next one begins.
 */
export function splitMessages(view: Uint8Array, chunkSize: number): LogMessage[] {
  const messages: LogMessage[] = [];
  let at = 0;
  while (at < view.length) {
    const timestampMs = timestampAt(view, at);
    const payloadLength = readU24(view, at + 4);
    const end = at + encodedMessageBytes(payloadLength, timestampMs, chunkSize);
    messages.push({
      bytes: view.subarray(at, end),
      csid: view[at]!,
      typeId: view[at + 7]!,
      timestampMs,
      payloadLength,
    });
    at = end;
  }
  return messages;
}

/** Time of the message that begins at `at`: every one begins with a full header behind a one-byte csid. */
export function timestampAt(bytes: Uint8Array, at: number): number {
  const field = readU24(bytes, at + 1);
  return field === EXTENDED_TIMESTAMP ? readU32(bytes, at + 12) : field;
}

/** Whether a message is one that a source sends: the log also holds statuses for players. */
export function isFromSource({ typeId }: LogMessage): boolean {
  return typeId === MessageType.AUDIO || typeId === MessageType.VIDEO ||
    typeId === MessageType.DATA_AMF0;
}

/** A message's payload: a view when it lies whole in one chunk, else a copy. */
export function payloadOf(message: LogMessage, chunkSize: number): Uint8Array {
  const { bytes, payloadLength } = message;
  const extended = message.timestampMs >= EXTENDED_TIMESTAMP ? 4 : 0;
  let at = 12 + extended;
  if (payloadLength <= chunkSize) return bytes.subarray(at);
  const payload = new Uint8Array(payloadLength);
  for (let done = 0; done < payloadLength; done += chunkSize) {
    const length = Math.min(chunkSize, payloadLength - done);
    payload.set(bytes.subarray(at, at + length), done);
    at += length + 1 + extended;
  }
  return payload;
}
