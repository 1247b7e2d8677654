/** Reads and writes big-endian binary data. */

import { WireError, type WireLayer } from "./errors.ts";

// Keep byte order marks: relayed names must not change.
const UTF8_DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const UTF8_ENCODER = new TextEncoder();

/** Most bytes of UTF-8 for one UTF-16 code unit. */
const UTF8_BYTES_PER_UNIT = 3;

/** Text of up to this many UTF-16 code units has less than 65,536 bytes in UTF-8. */
export const MAX_SHORT_TEXT = Math.floor(0xffff / UTF8_BYTES_PER_UNIT);

/** Encodes text as UTF-8. Lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return UTF8_ENCODER.encode(text);
}

/** Decodes UTF-8. Malformed sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return UTF8_DECODER.decode(bytes);
}

/** Reads an unsigned 24-bit number at `offset`. Does not check bounds. */
export function readU24(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!;
}

/** Reads an unsigned 32-bit number at `offset`. Does not check bounds. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | readU24(bytes, offset + 1)) >>> 0;
}

/** Writes an unsigned 24-bit number at `offset`. Does not check bounds. */
export function writeU24(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 16;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value;
}

/** Writes an unsigned 32-bit number at `offset`. Does not check bounds. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  writeU24(bytes, offset + 1, value);
}

/** Concatenates the parts into a new array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Reads numbers and text from front to back. Reading past the end throws
 * `WireError("<layer>.truncated")`. Returned views share the memory of `bytes`.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #layer: WireLayer;
  #at = 0;

  constructor(bytes: Uint8Array, layer: WireLayer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#layer = layer;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.#at;
  }

  /** Number of bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  i16(): number {
    return this.#view.getInt16(this.#advance(2));
  }

  u24(): number {
    return readU24(this.#bytes, this.#advance(3));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  /** Returns a view of the next `length` bytes. */
  view(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Decodes the next `length` bytes as UTF-8. */
  utf8(length: number): string {
    return decodeUtf8(this.view(length));
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) {
      throw new WireError(
        `${this.#layer}.truncated`,
        `Cannot read ${length} bytes: only ${this.#bytes.length - start} are left`,
        { offset: start },
      );
    }
    this.#at = start + length;
    return start;
  }
}

/**
 * Writes text as UTF-8 and returns its length in bytes. `target` must have room for
 * {@linkcode UTF8_BYTES_PER_UNIT} bytes for each code unit.
 */
function writeUtf8(target: Uint8Array<ArrayBuffer>, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return UTF8_ENCODER.encodeInto(text, target.subarray(offset)).written;
    target[offset + i] = unit;
  }
  return text.length;
}

/** Appends numbers and text to a growing buffer. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Number of bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  i16(value: number): void {
    const at = this.#grow(2);
    this.#view.setInt16(at, value);
  }

  u24(value: number): void {
    const at = this.#grow(3);
    writeU24(this.#bytes, at, value);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  f64(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }

  /**
   * Writes the length of the text in 16 bits, then the text in UTF-8. The text has at most
   * {@linkcode MAX_SHORT_TEXT} UTF-16 code units.
   */
  shortText(text: string): void {
    const at = this.#grow(2 + UTF8_BYTES_PER_UNIT * text.length);
    const length = writeUtf8(this.#bytes, at + 2, text);
    this.#view.setUint16(at, length);
    this.#length = at + 2 + length;
  }

  /** Returns a copy of the bytes written so far. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Discards all bytes and keeps the buffer. */
  clear(): void {
    this.#length = 0;
  }

  /**
   * Appends `length` bytes and returns their offset. May replace `#bytes` and `#view`, so callers
   * read those afterwards.
   */
  #grow(length: number): number {
    const start = this.#length;
    const needed = start + length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = needed;
    return start;
  }
}
