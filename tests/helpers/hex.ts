/** Bytes written by hand. */

/**
 * Bytes of hexadecimal digits. White space is free, so that digits can be grouped by field, and `//` begins
 * a comment that ends with the line. Throws on anything else, so that a typing error cannot pass.
 */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\/\/.*$/gm, "").replace(/\s+/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) {
    throw new Error(`Cannot read hex text: not pairs of digits: ${digits}`);
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
