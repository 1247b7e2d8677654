/** A number for a text, by which many agree on one of a few without talking. */

import { encodeUtf8 } from "./bytes.ts";

/**
 * Jenkins's one-at-a-time hash of the UTF-8 bytes, u32. Edges of different versions must agree on
 * it: it may not change.
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
