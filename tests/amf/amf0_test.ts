/** AMF0 in both directions. The bytes are written by hand from the AMF 0 specification. */

import { decodeAmf0 } from "../../lib/amf/amf0_decode.ts";
import { encodeAmf0 } from "../../lib/amf/amf0_encode.ts";
import { amfEcmaArray, AmfObject, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { WireError } from "../../lib/base/errors.ts";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

interface Row {
  readonly name: string;
  readonly bytes: string;
  readonly value: AmfValue;
}

/** The bytes decode to the value, and the value encodes to the bytes. */
const CANONICAL: readonly Row[] = [
  { name: "number 0", bytes: "00 0000000000000000", value: 0 },
  { name: "number 1", bytes: "00 3ff0000000000000", value: 1 },
  { name: "number -0", bytes: "00 8000000000000000", value: -0 },
  { name: "number -2.5", bytes: "00 c004000000000000", value: -2.5 },
  { name: "number 2^53", bytes: "00 4340000000000000", value: 2 ** 53 },
  { name: "infinity", bytes: "00 7ff0000000000000", value: Infinity },
  { name: "not a number", bytes: "00 7ff8000000000000", value: NaN },
  { name: "false", bytes: "01 00", value: false },
  { name: "true", bytes: "01 01", value: true },
  { name: "empty string", bytes: "02 0000", value: "" },
  { name: "string", bytes: "02 0004 6c697665 // live", value: "live" },
  { name: "string of 2-byte and 4-byte characters", bytes: "02 0006 c3a9 f09f8eac", value: "é🎬" },
  { name: "null", bytes: "05", value: null },
  { name: "undefined", bytes: "06", value: undefined },
  { name: "empty object", bytes: "03 0000 09", value: amfObject({}) },
  {
    name: "object",
    bytes: `03
      0003 617070    02 0004 6c697665          // app: "live"
      0004 66706164  01 00                     // fpad: false
      0003 636170    00 402e000000000000       // cap: 15
      0000 09`,
    value: amfObject({ app: "live", fpad: false, cap: 15 }),
  },
  {
    name: "object with a property named __proto__",
    bytes: "03 0009 5f5f70726f746f5f5f 01 01 0000 09",
    value: new AmfObject("object", new Map([["__proto__", true]])),
  },
  {
    name: "object with a property without a name",
    bytes: "03 0000 05 0000 09",
    value: amfObject({ "": null }),
  },
  {
    name: "ECMA array",
    bytes: "08 00000002 0005 7769647468 00 4094000000000000 0001 78 06 0000 09",
    value: amfEcmaArray({ width: 1280, x: undefined }),
  },
  {
    name: "typed object",
    bytes: "10 0003 466f6f 0001 61 01 01 0000 09",
    value: new AmfObject("typed_object", new Map([["a", true]]), "Foo"),
  },
  { name: "empty strict array", bytes: "0a 00000000", value: [] },
  {
    name: "strict array in a strict array",
    bytes: "0a 00000003 05 02 0001 61 0a 00000001 01 01",
    value: [null, "a", [true]],
  },
  {
    name: "date of 2020-01-01T00:00:00Z",
    bytes: "0b 4276f5e66e800000 0000",
    value: new Date(1_577_836_800_000),
  },
  { name: "date before 1970", bytes: "0b bff0000000000000 0000", value: new Date(-1) },
  {
    name: "XML document",
    bytes: "0f 00000004 3c612f3e",
    value: { kind: "xml_document", text: "<a/>" },
  },
];

for (const { name, bytes, value } of CANONICAL) {
  Deno.test(`decodeAmf0() reads ${name}`, () => {
    assertEquals(decodeAmf0(hex(bytes)), [value]);
  });
  Deno.test(`encodeAmf0() writes ${name}`, () => {
    assertEquals(encodeAmf0([value]), hex(bytes));
  });
}

/** Decoding only: peers may write these; the encoder writes the canonical form. */
const TOLERATED: readonly Row[] = [
  { name: "any byte but 0 as true", bytes: "01 7f", value: true },
  { name: "a short text written as a long string", bytes: "0c 00000002 6162", value: "ab" },
  {
    name: "a date and ignores its time zone",
    bytes: "0b 4276f5e66e800000 fe20",
    value: new Date(1_577_836_800_000),
  },
  {
    name: "an ECMA array that claims 4294967295 entries",
    bytes: "08 ffffffff 0001 61 05 0000 09",
    value: amfEcmaArray({ a: null }),
  },
  {
    name: "an ECMA array that claims no entries",
    bytes: "08 00000000 0001 61 05 0000 09",
    value: amfEcmaArray({ a: null }),
  },
  {
    name: "the last of two properties with one name",
    bytes: "03 0001 61 05 0001 61 01 01 0000 09",
    value: amfObject({ a: true }),
  },
  { name: "malformed UTF-8 as U+FFFD", bytes: "02 0001 ff", value: "\ufffd" },
];

for (const { name, bytes, value } of TOLERATED) {
  Deno.test(`decodeAmf0() reads ${name}`, () => {
    assertEquals(decodeAmf0(hex(bytes)), [value]);
  });
}

Deno.test("decodeAmf0() accepts the end of the buffer as the end of an ECMA array", () => {
  const bytes = hex(`
    02 000a 6f6e4d65746144617461                       // "onMetaData"
    08 00000001 0005 7769647468 00 4094000000000000    // width: 1280, no object-end`);
  assertEquals(decodeAmf0(bytes), ["onMetaData", amfEcmaArray({ width: 1280 })]);
});

Deno.test("decodeAmf0() accepts the end of the buffer as the end of nested ECMA arrays", () => {
  const bytes = hex("08 00000001 0001 61 08 00000000");
  assertEquals(decodeAmf0(bytes), [amfEcmaArray({ a: amfEcmaArray({}) })]);
});

Deno.test("decodeAmf0() reads the values of a command in order", () => {
  const bytes = hex(`
    02 0007 636f6e6e656374                         // "connect"
    00 3ff0000000000000                            // transaction 1
    03 0003 617070 02 0004 6c697665 0000 09        // {app: "live"}
    05`);
  assertEquals(decodeAmf0(bytes), ["connect", 1, amfObject({ app: "live" }), null]);
});

Deno.test("decodeAmf0() returns no values for an empty buffer", () => {
  assertEquals(decodeAmf0(new Uint8Array(0)), []);
});

Deno.test("decodeAmf0() reads a view into a larger buffer", () => {
  assertEquals(decodeAmf0(hex("ff ff 02 0001 61 ff").subarray(2, 6)), ["a"]);
});

Deno.test("decodeAmf0() keeps the order of properties", () => {
  const [value] = decodeAmf0(hex("03 0001 62 05 0001 31 05 0001 61 05 0000 09"));
  assertInstanceOf(value, AmfObject);
  assertEquals([...value.properties.keys()], ["b", "1", "a"]);
});

Deno.test("decodeAmf0() resolves a reference to the object itself", () => {
  // [ {a: null}, reference 1 ]: index 0 is the array, 1 the object.
  const [array] = decodeAmf0(hex("0a 00000002 03 0001 61 05 0000 09 07 0001"));
  assert(Array.isArray(array));
  assertEquals(array[0], amfObject({ a: null }));
  assert(array[0] === array[1]);
});

Deno.test("decodeAmf0() resolves references across values and counts all object types", () => {
  const values = decodeAmf0(hex(`
    08 00000000 0000 09          // 0: ECMA array
    10 0001 54 0000 09           // 1: typed object
    0b 0000000000000000 0000     // a date does not count
    0a 00000000                  // 2: strict array
    03 0000 09                   // 3: object
    07 0000  07 0001  07 0002  07 0003`));
  const complex = [values[0], values[1], values[3], values[4]];
  for (let i = 0; i < complex.length; i++) assert(values[5 + i] === complex[i], `reference ${i}`);
});

Deno.test("decodeAmf0() reads an object that refers to itself", () => {
  const [value] = decodeAmf0(hex("03 0004 73656c66 07 0000 0000 09"));
  assertInstanceOf(value, AmfObject);
  assert(value.get("self") === value);
});

Deno.test("AmfObject.get() returns undefined for a missing property", () => {
  assertEquals(amfObject({ a: 1 }).get("b"), undefined);
  assertEquals(amfObject({}).get("toString"), undefined);
});

interface Refusal {
  readonly name: string;
  readonly bytes: string;
  readonly code: string;
  readonly offset: number;
}

const REFUSALS: readonly Refusal[] = [
  { name: "a number cut short", bytes: "00 3ff00000000000", code: "amf.truncated", offset: 1 },
  { name: "a boolean cut short", bytes: "01", code: "amf.truncated", offset: 1 },
  { name: "a string cut short", bytes: "02 0005 6c697665", code: "amf.truncated", offset: 3 },
  { name: "a 4 GB long string", bytes: "0c ffffffff 61", code: "amf.truncated", offset: 5 },
  { name: "a 4 GB XML document", bytes: "0f ffffffff 61", code: "amf.truncated", offset: 5 },
  { name: "a date without zone", bytes: "0b 0000000000000000", code: "amf.truncated", offset: 9 },
  { name: "an object without end", bytes: "03 0001 61 05", code: "amf.truncated", offset: 5 },
  { name: "a name without value", bytes: "03 0001 61", code: "amf.truncated", offset: 4 },
  {
    name: "an ECMA array cut inside its end",
    bytes: "08 00000000 0000",
    code: "amf.truncated",
    offset: 7,
  },
  {
    name: "an object without end around an ECMA array without end",
    bytes: "03 0001 61 08 00000000",
    code: "amf.truncated",
    offset: 9,
  },
  {
    name: "a malformed last argument",
    bytes: "02 0001 61 00 3ff0000000000000 02 0009 61",
    code: "amf.truncated",
    offset: 16,
  },
  { name: "a strict array of 2^32-1", bytes: "0a ffffffff 05", code: "amf.bad_count", offset: 1 },
  {
    name: "a strict array that lacks a value",
    bytes: "0a 00000002 05",
    code: "amf.bad_count",
    offset: 1,
  },
  { name: "a reference to nothing", bytes: "07 0000", code: "amf.bad_reference", offset: 1 },
  {
    name: "a forward reference",
    bytes: "03 0001 61 07 0001 0000 09 03 0000 09",
    code: "amf.bad_reference",
    offset: 5,
  },
  {
    name: "object-end alone",
    bytes: "05 09",
    code: "amf.unexpected_object_end",
    offset: 1,
  },
  {
    name: "object-end after a name",
    bytes: "03 0001 61 09",
    code: "amf.unexpected_object_end",
    offset: 4,
  },
  { name: "a movie clip", bytes: "04", code: "amf.unsupported_marker", offset: 0 },
  { name: "the type unsupported", bytes: "05 0d", code: "amf.unsupported_marker", offset: 1 },
  { name: "a record set", bytes: "0e", code: "amf.unsupported_marker", offset: 0 },
  {
    name: "an AMF3 value",
    bytes: "03 0001 61 11 01 0000 09",
    code: "amf.unsupported_marker",
    offset: 4,
  },
  { name: "marker 0x12", bytes: "12", code: "amf.unknown_marker", offset: 0 },
  { name: "marker 0xff", bytes: "05 05 ff", code: "amf.unknown_marker", offset: 2 },
];

for (const { name, bytes, code, offset } of REFUSALS) {
  Deno.test(`decodeAmf0() rejects ${name}`, () => {
    const error = assertThrows(() => decodeAmf0(hex(bytes)), WireError);
    assertEquals({ code: error.code, offset: error.offset }, { code, offset });
  });
}

/** `depth` nested strict arrays with null in the innermost. */
function nestedArrays(depth: number): Uint8Array {
  return hex("0a00000001".repeat(depth) + "05");
}

/** `depth` nested objects, each the property "a" of its parent. */
function nestedObjects(depth: number): Uint8Array {
  return hex("03000161".repeat(depth) + "05" + "000009".repeat(depth));
}

Deno.test("decodeAmf0() rejects nesting deeper than the limit", () => {
  for (const nested of [nestedArrays, nestedObjects]) {
    assertEquals(decodeAmf0(nested(32)).length, 1);
    assertEquals(assertThrows(() => decodeAmf0(nested(33)), WireError).code, "amf.too_deep");
    assertEquals(decodeAmf0(nested(3), { maxDepth: 3 }).length, 1);
    const error = assertThrows(() => decodeAmf0(nested(4), { maxDepth: 3 }), WireError);
    assertEquals(error.code, "amf.too_deep");
  }
});

Deno.test("decodeAmf0() decreases the depth when a container ends", () => {
  const two = hex("0a00000001 05".repeat(2));
  assertEquals(decodeAmf0(two, { maxDepth: 1 }), [[null], [null]]);
  const twoObjects = hex("03 0000 09".repeat(2));
  assertEquals(decodeAmf0(twoObjects, { maxDepth: 1 }), [amfObject({}), amfObject({})]);
});

Deno.test("decodeAmf0() rejects 10000 nested containers without a stack overflow", () => {
  for (const nested of [nestedArrays, nestedObjects]) {
    assertEquals(assertThrows(() => decodeAmf0(nested(10_000)), WireError).code, "amf.too_deep");
  }
});

Deno.test("decodeAmf0() rejects more values than the limit", () => {
  const nulls = (count: number) => new Uint8Array(count).fill(0x05);
  assertEquals(decodeAmf0(nulls(16_384)).length, 16_384);
  const error = assertThrows(() => decodeAmf0(nulls(16_385)), WireError);
  assertEquals({ code: error.code, offset: error.offset }, {
    code: "amf.too_many_values",
    offset: 16_384,
  });
});

Deno.test("decodeAmf0() counts nested values", () => {
  const bytes = hex("0a 00000002 05 05");
  assertEquals(decodeAmf0(bytes, { maxValues: 3 }), [[null, null]]);
  const error = assertThrows(() => decodeAmf0(bytes, { maxValues: 2 }), WireError);
  assertEquals(error.code, "amf.too_many_values");
});

Deno.test("encodeAmf0() writes strings of more than 65535 bytes as long strings", () => {
  const short = encodeAmf0(["a".repeat(0xffff)]);
  assertEquals(short.subarray(0, 4), hex("02 ffff 61"));
  assertEquals(short.length, 3 + 0xffff);
  const long = encodeAmf0(["a".repeat(0x10000)]);
  assertEquals(long.subarray(0, 6), hex("0c 00010000 61"));
  assertEquals(long.length, 5 + 0x10000);
});

Deno.test("encodeAmf0() measures strings in bytes", () => {
  const bytes = encodeAmf0(["é".repeat(0x8000)]);
  assertEquals(bytes.subarray(0, 5), hex("0c 00010000"));
});

Deno.test("encodeAmf0() writes the second occurrence of an object as a reference", () => {
  const shared = amfObject({});
  assertEquals(encodeAmf0([[shared, shared]]), hex("0a 00000002 03 0000 09 07 0001"));
});

Deno.test("encodeAmf0() writes an object that contains itself", () => {
  const bytes = hex("03 0004 73656c66 07 0000 0000 09");
  assertEquals(encodeAmf0(decodeAmf0(bytes)), bytes);
});

Deno.test("encodeAmf0() rejects a reference to an object after the 65536th", () => {
  const arrays = Array.from({ length: 0x10001 }, () => []);
  const bytes = encodeAmf0([...arrays, arrays[0xffff]]);
  assertEquals(bytes.subarray(-3), hex("07 ffff"));
  const error = assertThrows(() => encodeAmf0([...arrays, arrays[0x10000]]), WireError);
  assertEquals(error.code, "amf.bad_reference");
});

Deno.test("encodeAmf0() writes equal but distinct objects in full", () => {
  assertEquals(encodeAmf0([amfObject({}), amfObject({})]), hex("03 0000 09 03 0000 09"));
});

Deno.test("encodeAmf0() rejects a name that is too long after its malformed UTF-8 was replaced", () => {
  const name = hex("ff".repeat(0x8000));
  const [object] = decodeAmf0(new Uint8Array([...hex("03 8000"), ...name, ...hex("05 0000 09")]));
  const error = assertThrows(() => encodeAmf0([object]), WireError);
  assertEquals(error.code, "amf.name_too_long");
});
