/**
 * Reads the messages that `chunk_encode.ts` wrote. Every message starts with a full header behind
 * a one-byte basic header, so the bytes of any message say where the next one starts.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { encodedMessageBytes } from "./chunk_encode.ts";
import { Csid, EXTENDED_TIMESTAMP, MessageType } from "./constants.ts";

/** Offsets inside an encoded message (RTMP 1.0 §5.3.1.2.1): a one-byte basic header comes first. */
const TIMESTAMP_AT = 1;
const LENGTH_AT = 4;
const TYPE_AT = 7;
const EXTENDED_TIMESTAMP_AT = 12;
const HEADER_BYTES = 12;

/** A message found in encoded bytes. */
export interface EncodedMessage {
  /** The whole message with its chunk headers: a view of the bytes that were split. */
  readonly bytes: Uint8Array;
  readonly csid: number;
  readonly typeId: number;
  /** u32. */
  readonly timestampMs: number;
  readonly payloadLength: number;
}

/**
 * Splits `view` into its messages. `view` must start and end at message boundaries, as views of a
 * stream's log and encoded headers do. Copies nothing.
 *
 * @param maxCount Stops after that many.
 */
export function splitMessages(
  view: Uint8Array,
  chunkSize: number,
  maxCount = Infinity,
): EncodedMessage[] {
  const messages: EncodedMessage[] = [];
  let at = 0;
  while (at < view.length && messages.length < maxCount) {
    const end = messageEnd(view, at, chunkSize);
    messages.push({
      bytes: view.subarray(at, end),
      csid: view[at]!,
      typeId: view[at + TYPE_AT]!,
      timestampMs: timestampAt(view, at),
      payloadLength: readU24(view, at + LENGTH_AT),
    });
    at = end;
  }
  return messages;
}

/** Returns the payload of a message: a view if it fits one chunk, else a copy. */
export function payloadOf(message: EncodedMessage, chunkSize: number): Uint8Array {
  const { bytes, payloadLength } = message;
  const extendedBytes = message.timestampMs >= EXTENDED_TIMESTAMP ? 4 : 0;
  let at = HEADER_BYTES + extendedBytes;
  if (payloadLength <= chunkSize) return bytes.subarray(at);
  const payload = new Uint8Array(payloadLength);
  for (let done = 0; done < payloadLength; done += chunkSize) {
    const length = Math.min(chunkSize, payloadLength - done);
    payload.set(bytes.subarray(at, at + length), done);
    at += length + 1 + extendedBytes;
  }
  return payload;
}

/** Returns the timestamp (u32) of the message that starts at `at`. */
export function timestampAt(bytes: Uint8Array, at: number): number {
  const field = readU24(bytes, at + TIMESTAMP_AT);
  return field === EXTENDED_TIMESTAMP ? readU32(bytes, at + EXTENDED_TIMESTAMP_AT) : field;
}

/**
 * Returns where the first message starts that is not AMF0 data, from the one at `start` on; `end`
 * if there is none. `start` and `end` must be message boundaries.
 */
// HOT: once per lag check of a player.
export function skipData(bytes: Uint8Array, start: number, end: number, chunkSize: number): number {
  let at = start;
  while (at < end && bytes[at + TYPE_AT] === MessageType.DATA_AMF0) {
    at = messageEnd(bytes, at, chunkSize);
  }
  return at;
}

/** Whether a publisher sends messages of this type. A log also holds statuses for players. */
export function isMedia(typeId: number): boolean {
  return typeId === MessageType.AUDIO || typeId === MessageType.VIDEO ||
    typeId === MessageType.DATA_AMF0;
}

/** Returns the chunk stream id on which media of a type is sent. */
export function csidOf(typeId: number): number {
  if (typeId === MessageType.AUDIO) return Csid.AUDIO;
  return typeId === MessageType.VIDEO ? Csid.VIDEO : Csid.DATA;
}

function messageEnd(bytes: Uint8Array, at: number, chunkSize: number): number {
  const payloadLength = readU24(bytes, at + LENGTH_AT);
  return at + encodedMessageBytes(payloadLength, timestampAt(bytes, at), chunkSize);
}
