/**
 * The values that AMF0 can carry, as the rest of the program sees them.
 *
 * Most AMF0 types have a natural twin in the language. Objects do not: their properties have an order,
 * any text may be a name (`__proto__` too), and an ECMA array differs from an object only by its marker.
 */

/** Any AMF0 value. `Date` is a moment in UTC; its zone field is not kept (AMF0 §2.13 reserves it). */
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

/** An XML document (AMF0 §2.17), as text that nobody has parsed. */
export interface AmfXml {
  readonly kind: "xml_document";
  readonly text: string;
}

/** Which of the three AMF0 types with named properties an object is (§2.5, §2.10, §2.18). */
export type AmfObjectKind = "object" | "ecma_array" | "typed_object";

/** Named properties in the order of the wire. */
export class AmfObject {
  readonly kind: AmfObjectKind;
  /** Class of a typed object; empty for the other kinds. */
  readonly className: string;
  /** A name that came twice has the later value. */
  readonly properties: Map<string, AmfValue>;

  constructor(kind: AmfObjectKind, properties: Map<string, AmfValue>, className = "") {
    this.kind = kind;
    this.properties = properties;
    this.className = className;
  }

  /** Value of the property, or `undefined` when there is none of this name. */
  get(name: string): AmfValue {
    return this.properties.get(name);
  }
}

/** An anonymous object with the record's entries. */
export function amfObject(record: Readonly<Record<string, AmfValue>>): AmfObject {
  return new AmfObject("object", new Map(Object.entries(record)));
}

/** An ECMA array with the record's entries. */
export function amfEcmaArray(record: Readonly<Record<string, AmfValue>>): AmfObject {
  return new AmfObject("ecma_array", new Map(Object.entries(record)));
}
