/**
 * Converts hexadecimal digits to bytes. Ignores white space, so that digits can be grouped by
 * field, and comments from `//` to the end of the line. Throws for anything else, to find typing
 * errors.
 */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\/\/.*$/gm, "").replace(/\s+/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) {
    throw new Error(`Cannot read hex text: not pairs of digits: ${digits}`);
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
