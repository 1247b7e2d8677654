/** A part of a file, in bytes, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Returns the range of a file that a `Range` header requests (RFC 9110, section 14). Null for no
 * range, an unknown form, or several ranges: then the whole file is a valid answer.
 *
 * @param size Length of the file, in bytes.
 */
export function parseRange(
  header: string | null,
  size: number,
): ByteRange | "unsatisfiable" | null {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? "");
  if (match === null || match[1] === "" && match[2] === "") return null;
  if (match[1] === "") {
    const count = Math.min(Number(match[2]), size);
    return count === 0 ? "unsatisfiable" : { first: size - count, last: size - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < first) return null;
  return first >= size ? "unsatisfiable" : { first, last };
}
