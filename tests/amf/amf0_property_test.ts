/** Properties of AMF0 that hold for all values and bytes. */

import fc from "fast-check";
import { decodeAmf0 } from "../../lib/amf/amf0_decode.ts";
import { encodeAmf0 } from "../../lib/amf/amf0_encode.ts";
import { AmfObject, type AmfObjectKind, type AmfValue } from "../../lib/amf/amf_value.ts";
import { WireError } from "../../lib/base/errors.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });

const scalar: fc.Arbitrary<AmfValue> = fc.oneof(
  fc.double(),
  fc.boolean(),
  text,
  fc.constant(null),
  fc.constant(undefined),
  fc.date(),
  text.map((it): AmfValue => ({ kind: "xml_document", text: it })),
);

const { value: anyValue } = fc.letrec<{ value: AmfValue }>((tie) => {
  const properties = fc.array(fc.tuple(text, tie("value")), { maxLength: 4 });
  const kind = fc.constantFrom<AmfObjectKind>("object", "ecma_array", "typed_object");
  const object = fc.tuple(kind, properties, text).map(([kind, entries, className]) =>
    new AmfObject(kind, new Map(entries), kind === "typed_object" ? className : "")
  );
  return {
    value: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      scalar,
      object,
      fc.array(tie("value"), { maxLength: 4 }),
    ),
  };
});

Deno.test("decodeAmf0() undoes encodeAmf0()", () => {
  fc.assert(fc.property(fc.array(anyValue, { maxLength: 6 }), (values) => {
    const decoded = decodeAmf0(encodeAmf0(values));
    assertEquals(decoded, values);
    assertEquals(namesInOrder(decoded), namesInOrder(values));
  }));
});

Deno.test("decodeAmf0() throws only WireError for any bytes", () => {
  // Small numbers are markers and lengths, so many inputs get far into the decoder.
  const byte = fc.oneof(fc.integer({ min: 0, max: 0x12 }), fc.integer({ min: 0, max: 0xff }));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 64 }), (bytes) => {
      try {
        encodeAmf0(decodeAmf0(Uint8Array.from(bytes)));
      } catch (error) {
        assert(error instanceof WireError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decodeAmf0() rejects a truncated value, unless the cut ends an ECMA array", () => {
  const noEcmaArray = fc.oneof(scalar, fc.array(scalar, { minLength: 1, maxLength: 4 }));
  fc.assert(fc.property(noEcmaArray, fc.nat(), (value, cut) => {
    const bytes = encodeAmf0([value]);
    const part = bytes.subarray(0, 1 + cut % bytes.length);
    if (part.length === bytes.length) return;
    try {
      decodeAmf0(part);
    } catch (error) {
      assert(error instanceof WireError, String(error));
      return;
    }
    throw new Error(`decoded ${part.length} of ${bytes.length} bytes`);
  }));
});

/** Names of all properties, depth first. Comparing maps alone ignores their order. */
function namesInOrder(values: readonly AmfValue[]): string[] {
  return values.flatMap((value) => {
    if (value instanceof AmfObject) {
      return [...value.properties.keys(), ...namesInOrder([...value.properties.values()])];
    }
    return Array.isArray(value) ? namesInOrder(value) : [];
  });
}
