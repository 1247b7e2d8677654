import { readU24, readU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { addU32, diffU32 } from "../base/u32.ts";

/** Type 1, length 3, timestamp 3 + 1 (the upper byte is last, as in FLV), stream id 3. */
const HEADER_BYTES = 11;

/** Length of header and data again, for reading backwards. Ignored. */
const BACK_POINTER_BYTES = 4;

/** Most messages of an aggregate. Flash Media Server's are of 64 KiB, some hundred messages. */
const MAX_MESSAGES = 2048;

/** Receives one message of an aggregate. `payload` is a view of the aggregate's payload. */
type EmitSubMessage = (typeId: number, timestampMs: number, payload: Uint8Array) => void;

/**
 * Calls `emit` for each message of an aggregate message (type 22, RTMP 1.0 §7.1.6), in order. An
 * aggregate has several audio, video and data messages, laid out like the tags of an FLV file.
 * Flash Media Server and similar servers send them.
 *
 * The first message gets the timestamp of the aggregate. The others keep their distance from it,
 * because the timestamps inside have a separate epoch.
 *
 * @param timestampMs timestamp of the aggregate, u32
 * @throws {WireError} `chunk.aggregate_truncated` or `chunk.aggregate_too_long`, after the messages
 *   before the truncated or surplus one were emitted
 */
export function splitAggregate(
  timestampMs: number,
  payload: Uint8Array,
  emit: EmitSubMessage,
): void {
  let firstMs: number | null = null;
  let count = 0;
  for (let at = 0; at < payload.length;) {
    if (++count > MAX_MESSAGES) {
      throw new WireError(
        "chunk.aggregate_too_long",
        `Cannot split aggregate message: it has more than ${MAX_MESSAGES} messages`,
        { offset: at },
      );
    }
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
    `Cannot split aggregate message: the message at byte ${at} needs ${needed} bytes, only ${left} are left`,
    {
      offset: at,
      fix: "report it with the encoder's name and a tcpdump capture of the connection",
    },
  );
}
