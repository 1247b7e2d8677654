/**
 * Aggregate messages (type 22, RTMP 1.0 §7.1.6): several audio, video and data messages in one, laid out
 * like the tags of an FLV file. Flash Media Server and its kin send them; they are split on arrival and
 * never made.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { addU32, diffU32 } from "../base/u32.ts";

/** Type 1, length 3, timestamp 3 + 1 (its upper byte comes last, as in FLV), stream id 3. */
const HEADER_BYTES = 11;

/** Length of header and data once more. Not looked at: it serves those who read backwards. */
const BACK_POINTER_BYTES = 4;

/** Receives one message of an aggregate. The payload is a view into the aggregate's. */
export type EmitSubMessage = (typeId: number, timestampMs: number, payload: Uint8Array) => void;

/**
 * Calls `emit` for each message in an aggregate, in order. The first gets the time of the aggregate, the
 * others keep their distance from it (§7.1.6: the times inside are offsets in an epoch of their own).
 *
 * @param timestampMs time of the aggregate, u32
 * @throws {WireError} `chunk.aggregate_truncated`; the messages before the broken one were emitted.
 */
export function splitAggregate(
  timestampMs: number,
  payload: Uint8Array,
  emit: EmitSubMessage,
): void {
  let firstMs: number | null = null;
  for (let at = 0; at < payload.length;) {
    requireBytes(payload, at, HEADER_BYTES);
    const length = readU24(payload, at + 1);
    requireBytes(payload, at, HEADER_BYTES + length + BACK_POINTER_BYTES);
    const subMs = readFlvTimestamp(payload, at + 4);
    firstMs ??= subMs;
    const start = at + HEADER_BYTES;
    emit(
      payload[at]!,
      addU32(timestampMs, diffU32(subMs, firstMs)),
      payload.subarray(start, start + length),
    );
    at = start + length + BACK_POINTER_BYTES;
  }
}

function readFlvTimestamp(bytes: Uint8Array, at: number): number {
  const u32 = readU32(bytes, at);
  return ((u32 << 24) | (u32 >>> 8)) >>> 0;
}

function requireBytes(payload: Uint8Array, at: number, needed: number): void {
  const left = payload.length - at;
  if (left >= needed) return;
  throw new WireError(
    "chunk.aggregate_truncated",
    `Cannot split aggregate message: the message at byte ${at} needs ${needed} bytes, ${left} are left`,
    {
      offset: at,
      fix: "capture the connection with tcpdump and report it with the encoder's name",
    },
  );
}
