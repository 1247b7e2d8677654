import { ByteWriter, encodeUtf8, MAX_SHORT_TEXT } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { Amf0Marker } from "./amf0_marker.ts";
import { AmfObject, type AmfValue } from "./amf_value.ts";

const MAX_U16 = 0xffff;

/**
 * Encodes consecutive AMF0 values. The result shares no memory with them.
 *
 * An object or array that occurs again, or inside itself, is written as a reference (AMF0 §2.9), so
 * every decoded message can be encoded without growing. Few RTMP peers support references: do not
 * use an object twice in messages that this server creates.
 *
 * Text longer than 65535 bytes becomes a long string. Lone surrogates become U+FFFD. Dates are
 * written with time zone 0.
 *
 * Source: AMF 0 specification (Adobe, 2007).
 *
 * @throws {WireError} `amf.name_too_long` for a property or class name of more than 65535 bytes,
 * `amf.bad_reference` for a reference to an object after the first 65536.
 */
export function encodeAmf0(values: readonly AmfValue[]): Uint8Array<ArrayBuffer> {
  ENCODER.begin();
  for (const value of values) ENCODER.value(value);
  return ENCODER.take();
}

class Amf0Encoder {
  readonly #writer = new ByteWriter();
  /** Reference index of each object and array written so far. */
  readonly #indexes = new Map<AmfObject | readonly AmfValue[], number>();

  begin(): void {
    this.#writer.clear();
    this.#indexes.clear();
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#writer.take();
  }

  value(value: AmfValue): void {
    switch (typeof value) {
      case "number":
        this.#writer.u8(Amf0Marker.number);
        return this.#writer.f64(value);
      case "boolean":
        this.#writer.u8(Amf0Marker.boolean);
        return this.#writer.u8(value ? 1 : 0);
      case "string":
        return this.#string(value);
      case "undefined":
        return this.#writer.u8(Amf0Marker.undefined);
      case "object":
        return value === null ? this.#writer.u8(Amf0Marker.null) : this.#objectLike(value);
    }
  }

  #string(text: string): void {
    if (text.length <= MAX_SHORT_TEXT) {
      this.#writer.u8(Amf0Marker.string);
      return this.#writer.shortText(text);
    }
    const utf8 = encodeUtf8(text);
    if (utf8.length > MAX_U16) {
      this.#writer.u8(Amf0Marker.longString);
      this.#writer.u32(utf8.length);
    } else {
      this.#writer.u8(Amf0Marker.string);
      this.#writer.u16(utf8.length);
    }
    this.#writer.bytes(utf8);
  }

  #objectLike(value: AmfValue & object): void {
    if (value instanceof Date) return this.#date(value);
    if (value instanceof AmfObject) {
      if (!this.#refer(value)) this.#object(value);
    } else if ("kind" in value) {
      this.#xmlDocument(value.text);
    } else if (!this.#refer(value)) {
      this.#strictArray(value);
    }
  }

  /**
   * Returns true after writing a reference if `value` was written before; else assigns an index.
   */
  #refer(value: AmfObject | readonly AmfValue[]): boolean {
    const index = this.#indexes.get(value);
    if (index === undefined) {
      this.#indexes.set(value, this.#indexes.size);
      return false;
    }
    if (index > MAX_U16) {
      throw new WireError(
        "amf.bad_reference",
        `Cannot encode AMF0: reference to object ${index} exceeds the limit of ${MAX_U16}`,
      );
    }
    this.#writer.u8(Amf0Marker.reference);
    this.#writer.u16(index);
    return true;
  }

  #date(date: Date): void {
    this.#writer.u8(Amf0Marker.date);
    this.#writer.f64(date.getTime());
    this.#writer.i16(0);
  }

  #xmlDocument(text: string): void {
    const utf8 = encodeUtf8(text);
    this.#writer.u8(Amf0Marker.xmlDocument);
    this.#writer.u32(utf8.length);
    this.#writer.bytes(utf8);
  }

  #object(object: AmfObject): void {
    this.#objectStart(object);
    for (const [name, value] of object.properties) {
      this.#name(name);
      this.value(value);
    }
    this.#name("");
    this.#writer.u8(Amf0Marker.objectEnd);
  }

  #objectStart(object: AmfObject): void {
    switch (object.kind) {
      case "object":
        return this.#writer.u8(Amf0Marker.object);
      case "ecma_array":
        this.#writer.u8(Amf0Marker.ecmaArray);
        return this.#writer.u32(object.properties.size);
      case "typed_object":
        this.#writer.u8(Amf0Marker.typedObject);
        return this.#name(object.className);
    }
  }

  #strictArray(values: readonly AmfValue[]): void {
    this.#writer.u8(Amf0Marker.strictArray);
    this.#writer.u32(values.length);
    for (const value of values) this.value(value);
  }

  #name(name: string): void {
    if (name.length <= MAX_SHORT_TEXT) return this.#writer.shortText(name);
    const utf8 = encodeUtf8(name);
    if (utf8.length > MAX_U16) {
      throw new WireError(
        "amf.name_too_long",
        `Cannot encode AMF0: name of ${utf8.length} bytes exceeds the limit of ${MAX_U16}`,
      );
    }
    this.#writer.u16(utf8.length);
    this.#writer.bytes(utf8);
  }
}

/** Shared: a message has a dozen small parts, and thousands of clients may be answered at once. */
const ENCODER = new Amf0Encoder();
