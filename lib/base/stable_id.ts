/** Ids in the form of SRS's, which programs made for it take from its API and its callbacks. */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const DIGITS = 7;

/** `vid-` and 7 digits or small letters: the same for the same text in every process (FNV-1a, 32 bits). */
export function stableId(text: string): string {
  let hash = FNV_OFFSET;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  }
  return `vid-${(hash >>> 0).toString(36).padStart(DIGITS, "0")}`;
}
