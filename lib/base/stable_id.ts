const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const DIGITS = 7;

/**
 * Returns an id of the form that SRS uses in its API and callbacks: `vid-` and 7 digits or
 * lowercase letters. The same text has the same id in every process (32-bit FNV-1a).
 */
export function stableId(text: string): string {
  let hash = FNV_OFFSET;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  }
  return `vid-${(hash >>> 0).toString(36).padStart(DIGITS, "0")}`;
}
