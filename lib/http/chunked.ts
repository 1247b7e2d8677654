/**
 * The chunked coding of HTTP/1.1 (RFC 9112 §7.1). With it an answer without a length has an end of
 * its own: ffmpeg reports an error for a body that ends with its connection, and a cache may keep
 * half of one.
 *
 * Sizes are written with leading zeros, so that all heads are of one length, and a frame's place
 * can be reckoned without reading it.
 */

import { concatBytes } from "../base/bytes.ts";

const SIZE_DIGITS = 8;

/** What stands before the bytes of a chunk: its size and a line end. */
export const CHUNK_HEAD_BYTES = SIZE_DIGITS + 2;

/** What a chunk takes beside its bytes. */
export const CHUNK_FRAME_BYTES = CHUNK_HEAD_BYTES + 2;

const CR = 0x0d;
const LF = 0x0a;
const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

/** What tells the end of a body. */
export const LAST_CHUNK: Uint8Array<ArrayBuffer> = Uint8Array.from(
  "0\r\n\r\n",
  (char) => char.charCodeAt(0),
);

/**
 * Writes a chunk's head at `offset` and its tail behind the `size` bytes that follow it; 1 or more.
 */
// HOT: once per media message of a stream that is watched over HTTP; guarded by bench/flv_bench.ts.
export function frameChunk(target: Uint8Array, offset: number, size: number): void {
  let rest = size;
  for (let digit = SIZE_DIGITS - 1; digit >= 0; digit--) {
    target[offset + digit] = DIGITS[rest & 0xf]!;
    rest >>>= 4;
  }
  putLineEnd(target, offset + SIZE_DIGITS);
  putLineEnd(target, offset + CHUNK_HEAD_BYTES + size);
}

/** One chunk of `bytes`; nothing when there are none, for that would be the last chunk. */
export function toChunk(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) return bytes;
  const chunk = new Uint8Array(bytes.length + CHUNK_FRAME_BYTES);
  chunk.set(bytes, CHUNK_HEAD_BYTES);
  frameChunk(chunk, 0, bytes.length);
  return chunk;
}

/** The bytes of whole chunks as they are written here. */
export function fromChunks(chunks: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < chunks.length;) {
    const size = readSize(chunks, at);
    pieces.push(chunks.subarray(at + CHUNK_HEAD_BYTES, at + CHUNK_HEAD_BYTES + size));
    at += size + CHUNK_FRAME_BYTES;
  }
  return concatBytes(pieces);
}

function readSize(bytes: Uint8Array, offset: number): number {
  const digits = String.fromCharCode(...bytes.subarray(offset, offset + SIZE_DIGITS));
  return parseInt(digits, 16);
}

function putLineEnd(target: Uint8Array, offset: number): void {
  target[offset] = CR;
  target[offset + 1] = LF;
}
