/**
 * The chunked coding of HTTP/1.1 (RFC 9112, section 7.1). It marks the end of a response without a
 * length: ffmpeg reports an error for a body that ends with the connection, and a cache may keep
 * half of one.
 *
 * Sizes have leading zeros, so that all chunk heads have one length and positions can be computed.
 */

import { concatBytes } from "../base/bytes.ts";

const SIZE_DIGITS = 8;

/** Length of a chunk head, in bytes: the size and a line end. */
export const CHUNK_HEAD_BYTES = SIZE_DIGITS + 2;

/** Length of head and tail of a chunk together, in bytes. */
export const CHUNK_FRAME_BYTES = CHUNK_HEAD_BYTES + 2;

const CR = 0x0d;
const LF = 0x0a;
const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

/** The end of a body. */
export const LAST_CHUNK: Uint8Array<ArrayBuffer> = Uint8Array.from(
  "0\r\n\r\n",
  (char) => char.charCodeAt(0),
);

/** Writes a chunk's head at `offset`, and its tail behind `size` bytes of content, 1 or more. */
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

/** Returns `bytes` as a chunk; nothing for no bytes, because that would be the last chunk. */
export function toChunk(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) return bytes;
  const chunk = new Uint8Array(bytes.length + CHUNK_FRAME_BYTES);
  chunk.set(bytes, CHUNK_HEAD_BYTES);
  frameChunk(chunk, 0, bytes.length);
  return chunk;
}

/** Returns the content of whole chunks, which must be in the form written here. */
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
