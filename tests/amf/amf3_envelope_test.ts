import { amf0BodyOf } from "../../lib/amf/amf3_envelope.ts";
import { WireError } from "../../lib/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

Deno.test("amf0BodyOf() omits the format byte", () => {
  const payload = hex("00 02 0004 70696e67 05");
  const body = amf0BodyOf(payload);
  assertEquals(body, hex("02 0004 70696e67 05"));
  assert(body.buffer === payload.buffer, "a view, not a copy");
});

Deno.test("amf0BodyOf() accepts a payload without the format byte that starts with a string", () => {
  const payload = hex("02 000a 6f6e4d65746144617461 05");
  assertEquals(amf0BodyOf(payload), payload);
});

for (
  const [name, bytes] of [["AMF3", "03 06 09"], ["an unknown format", "01 00"], ["nothing", ""]]
) {
  Deno.test(`amf0BodyOf() rejects ${name}`, () => {
    const error = assertThrows(() => amf0BodyOf(hex(bytes!)), WireError);
    assertEquals({ code: error.code, offset: error.offset }, {
      code: "amf.amf3_unsupported",
      offset: 0,
    });
  });
}
