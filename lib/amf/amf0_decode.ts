import { ByteReader } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { Amf0Marker } from "./amf0_marker.ts";
import { AmfObject, type AmfObjectKind, type AmfValue } from "./amf_value.ts";

/** Limits on the cost of one message. */
interface AmfLimits {
  /** Deepest nesting of objects and arrays; those at the top level have depth 1. Default 32. */
  readonly maxDepth?: number;
  /** Most values in total, including nested ones. Default 16384. */
  readonly maxValues?: number;
}

const DEFAULT_MAX_DEPTH = 32;
const DEFAULT_MAX_VALUES = 16_384;

/**
 * Decodes a buffer of consecutive AMF0 values. The values share no memory with `bytes`. References
 * (AMF0 §2.9) are relative to this buffer and resolve to the referenced object itself, so an object
 * may occur several times in the result and may contain itself.
 *
 * The bytes are untrusted: counts are checked against the remaining bytes before memory is
 * allocated, and depth and number of values are limited. Any error rejects the whole buffer.
 *
 * Source: AMF 0 specification (Adobe, 2007). Its sections 2.10 and 2.12 omit the markers of the two
 * array types, which every implementation writes.
 *
 * @throws {WireError} with the offset in `bytes`: `amf.truncated`, `amf.unknown_marker`,
 * `amf.unsupported_marker` (movie clip, unsupported, record set, AMF3),
 * `amf.unexpected_object_end`, `amf.bad_count`, `amf.bad_reference`, `amf.too_deep`,
 * `amf.too_many_values`.
 */
export function decodeAmf0(bytes: Uint8Array, limits: AmfLimits = {}): AmfValue[] {
  return new Amf0Decoder(bytes, limits).decodeAll();
}

/** Values in front of the first one that cannot be decoded. */
interface DecodedPrefix {
  readonly values: readonly AmfValue[];
  /** Why the values end there; null if all were decoded. */
  readonly error: WireError | null;
}

/**
 * Decodes as {@linkcode decodeAmf0} does, but keeps the values in front of the first one that
 * cannot be decoded. Never throws for any bytes.
 */
export function decodeAmf0Prefix(bytes: Uint8Array): DecodedPrefix {
  return new Amf0Decoder(bytes, {}).decodePrefix();
}

class Amf0Decoder {
  readonly #reader: ByteReader;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  /** Targets of references: objects and arrays in the order in which they start. */
  readonly #complexValues: (AmfObject | readonly AmfValue[])[] = [];
  #depth = 0;
  #valueCount = 0;

  constructor(bytes: Uint8Array, limits: AmfLimits) {
    this.#reader = new ByteReader(bytes, "amf");
    this.#maxDepth = limits.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#maxValues = limits.maxValues ?? DEFAULT_MAX_VALUES;
  }

  decodeAll(): AmfValue[] {
    const { values, error } = this.decodePrefix();
    if (error !== null) throw error;
    return values;
  }

  decodePrefix(): { values: AmfValue[]; error: WireError | null } {
    const values: AmfValue[] = [];
    try {
      while (this.#reader.remaining > 0) values.push(this.#nextValue());
    } catch (error) {
      if (error instanceof WireError) return { values, error };
      throw error;
    }
    return { values, error: null };
  }

  #nextValue(): AmfValue {
    return this.#value(this.#reader.u8());
  }

  /** Decodes the value after `marker`. */
  #value(marker: number): AmfValue {
    const reader = this.#reader;
    this.#countValue();
    switch (marker) {
      case Amf0Marker.number:
        return reader.f64();
      case Amf0Marker.boolean:
        return reader.u8() !== 0;
      case Amf0Marker.string:
        return reader.utf8(reader.u16());
      case Amf0Marker.longString:
        return reader.utf8(reader.u32());
      case Amf0Marker.null:
        return null;
      case Amf0Marker.undefined:
        return undefined;
      case Amf0Marker.date:
        return this.#date();
      case Amf0Marker.xmlDocument:
        return { kind: "xml_document", text: reader.utf8(reader.u32()) };
      case Amf0Marker.reference:
        return this.#reference();
      case Amf0Marker.object:
        return this.#object("object");
      case Amf0Marker.typedObject:
        return this.#object("typed_object", reader.utf8(reader.u16()));
      case Amf0Marker.ecmaArray:
        // The count is only a hint; some encoders always write 0. Object-end ends the array.
        reader.u32();
        return this.#object("ecma_array");
      case Amf0Marker.strictArray:
        return this.#strictArray();
      default:
        throw undecodableMarker(marker, reader.offset - 1);
    }
  }

  #countValue(): void {
    if (++this.#valueCount > this.#maxValues) {
      throw new WireError(
        "amf.too_many_values",
        `Cannot decode AMF0: more than ${this.#maxValues} values in one message`,
        { offset: this.#reader.offset - 1 },
      );
    }
  }

  #date(): Date {
    const millisecondsSinceEpoch = this.#reader.f64();
    // The time zone is reserved and must be ignored; the time is UTC (AMF0 §2.13).
    this.#reader.i16();
    return new Date(millisecondsSinceEpoch);
  }

  #reference(): AmfValue {
    const offset = this.#reader.offset;
    const index = this.#reader.u16();
    const target = this.#complexValues[index];
    if (target === undefined) {
      throw new WireError(
        "amf.bad_reference",
        `Cannot resolve AMF0 reference ${index}: only ${this.#complexValues.length} objects precede it`,
        { offset },
      );
    }
    return target;
  }

  #object(kind: AmfObjectKind, className = ""): AmfObject {
    const object = new AmfObject(kind, new Map(), className);
    this.#complexValues.push(object);
    this.#enter();
    while (!this.#isUnendedArray(kind)) {
      const name = this.#reader.utf8(this.#reader.u16());
      const marker = this.#reader.u8();
      if (name === "" && marker === Amf0Marker.objectEnd) break;
      object.properties.set(name, this.#value(marker));
    }
    this.#depth--;
    return object;
  }

  // DEVIATION: AMF0 §2.10 ends an ECMA array with object-end; the end of the buffer also ends it
  //   | because lal omitted it from onMetaData until late 2022, and librtmp accepts that
  //   | test "decodeAmf0() accepts the end of the buffer as the end of an ECMA array"
  #isUnendedArray(kind: AmfObjectKind): boolean {
    return kind === "ecma_array" && this.#reader.remaining === 0;
  }

  #strictArray(): readonly AmfValue[] {
    const offset = this.#reader.offset;
    const count = this.#reader.u32();
    // A value has at least one byte, so a larger count is wrong, or an attempt to exhaust memory.
    if (count > this.#reader.remaining) {
      throw new WireError(
        "amf.bad_count",
        `Cannot decode AMF0 array of ${count} values: only ${this.#reader.remaining} bytes are left`,
        { offset },
      );
    }
    const values: AmfValue[] = [];
    this.#complexValues.push(values);
    this.#enter();
    for (let i = 0; i < count; i++) values.push(this.#nextValue());
    this.#depth--;
    return values;
  }

  #enter(): void {
    if (++this.#depth > this.#maxDepth) {
      throw new WireError(
        "amf.too_deep",
        `Cannot decode AMF0: objects are nested more than ${this.#maxDepth} deep`,
        { offset: this.#reader.offset },
      );
    }
  }
}

function undecodableMarker(marker: number, offset: number): WireError {
  const hex = `0x${marker.toString(16).padStart(2, "0")}`;
  switch (marker) {
    case Amf0Marker.objectEnd:
      return new WireError(
        "amf.unexpected_object_end",
        "Cannot decode AMF0: object-end outside an object",
        { offset },
      );
    case Amf0Marker.movieClip:
    case Amf0Marker.unsupported:
    case Amf0Marker.recordSet:
    case Amf0Marker.avmPlus:
      return new WireError(
        "amf.unsupported_marker",
        `Cannot decode AMF0: type ${hex} is not supported`,
        { offset, fix: "the peer must send plain AMF0 values (objectEncoding 0)" },
      );
    default:
      return new WireError(
        "amf.unknown_marker",
        `Cannot decode AMF0: unknown type ${hex}`,
        { offset },
      );
  }
}
