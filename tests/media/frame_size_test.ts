import { readFrameSize } from "../../lib/media/frame_size.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** `onMetaData` with this AMF0 value for the width and a height of 720. */
function metadata(width: string): Uint8Array {
  return hex(`02 000A 6F6E4D65746144617461 08 00000002
    0005 7769647468 ${width} 0006 686569676874 00 4086800000000000 000009`);
}

const SIZES: readonly (readonly [name: string, payload: Uint8Array, width: number | null])[] = [
  ["1280", metadata("00 4094000000000000"), 1280],
  ["0", metadata("00 0000000000000000"), null],
  ["65536", metadata("00 40F0000000000000"), null],
  ["a fraction", metadata("00 3FE0000000000000"), null],
  ["text", metadata("02 0001 39"), null],
  ["bytes that are no AMF0", hex("02 000A 6F6E"), null],
];

for (const [name, payload, width] of SIZES) {
  Deno.test(`readFrameSize() with a width of ${name} is ${width === null ? "null" : "read"}`, () => {
    assertEquals(readFrameSize(payload), width === null ? null : { width, height: 720 });
  });
}
