/** An AMF0 value. Dates are in UTC; their time zone field is reserved (AMF0 §2.13) and dropped. */
export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | Date
  | AmfXml
  | AmfObject
  | readonly AmfValue[];

/** An XML document (AMF0 §2.17), as unparsed text. */
interface AmfXml {
  readonly kind: "xml_document";
  readonly text: string;
}

/** The three AMF0 types with named properties (§2.5, §2.10, §2.18). */
export type AmfObjectKind = "object" | "ecma_array" | "typed_object";

/**
 * An AMF0 object or ECMA array. Unlike in a JavaScript object, the properties keep the order of the
 * wire and may have any name, such as `__proto__`.
 */
export class AmfObject {
  readonly kind: AmfObjectKind;
  /** Class name of a typed object; empty for the other kinds. */
  readonly className: string;
  /** A duplicate name has the last value. */
  readonly properties: Map<string, AmfValue>;

  constructor(kind: AmfObjectKind, properties: Map<string, AmfValue>, className = "") {
    this.kind = kind;
    this.properties = properties;
    this.className = className;
  }

  /** Returns the value of a property, or `undefined` when it is absent. */
  get(name: string): AmfValue {
    return this.properties.get(name);
  }
}

/** Creates an anonymous object with the entries of `record`. */
export function amfObject(record: Readonly<Record<string, AmfValue>>): AmfObject {
  return new AmfObject("object", new Map(Object.entries(record)));
}

/** Creates an ECMA array with the entries of `record`. */
export function amfEcmaArray(record: Readonly<Record<string, AmfValue>>): AmfObject {
  return new AmfObject("ecma_array", new Map(Object.entries(record)));
}
