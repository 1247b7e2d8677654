import { encodeUtf8 } from "./bytes.ts";

/**
 * Returns a u32 hash of a text: Jenkins's one-at-a-time hash of its UTF-8 bytes. Edges of different
 * versions choose the same origin by it, so it must never change.
 */
export function hashText(text: string): number {
  let hash = 0;
  for (const byte of encodeUtf8(text)) {
    hash = (hash + byte) | 0;
    hash = (hash + (hash << 10)) | 0;
    hash ^= hash >>> 6;
  }
  hash = (hash + (hash << 3)) | 0;
  hash ^= hash >>> 11;
  return (hash + (hash << 15)) >>> 0;
}
