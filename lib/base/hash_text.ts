import { encodeUtf8 } from "./bytes.ts";

/**
 * Returns a u32 hash of a text: Jenkins's one-at-a-time hash of its UTF-8 bytes. Edges of different
 * versions choose the same origin by it, so it must never change.
 */
export function hashText(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // A character is a byte, and nothing is allocated, unless there are others than ASCII.
    if (code >= 0x80) return finish(encodeUtf8(text).reduce(mix, 0));
    hash = mix(hash, code);
  }
  return finish(hash);
}

function mix(hash: number, byte: number): number {
  const added = (hash + byte) | 0;
  const shifted = (added + (added << 10)) | 0;
  return shifted ^ (shifted >>> 6);
}

function finish(hash: number): number {
  const shifted = (hash + (hash << 3)) | 0;
  const mixed = shifted ^ (shifted >>> 11);
  return (mixed + (mixed << 15)) >>> 0;
}
