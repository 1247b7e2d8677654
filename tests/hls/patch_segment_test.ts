import { numberFragments, unmarkFirstFrame } from "../../lib/hls/patch_segment.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** A box in hexadecimal digits. */
function box(type: string, content: string): string {
  const digits = content.replace(/\s/g, "");
  const length = (8 + digits.length / 2).toString(16).padStart(8, "0");
  return length + Array.from(type, (letter) => letter.charCodeAt(0).toString(16)).join("") + digits;
}

/** A segment with one fragment. `defaults` are the default flags of its track. */
function segment(trun: string, defaults = "02000000"): Uint8Array {
  const tfhd = box("tfhd", `00020038 00000001 00000021 00000100 ${defaults}`);
  const traf = box("traf", tfhd + box("tfdt", "01000000 0000000000000000") + box("trun", trun));
  const moof = box("moof", box("mfhd", "00000000 00000001") + traf);
  return hex(box("styp", "") + moof + box("mdat", "0000"));
}

const CASES: readonly (readonly [what: string, before: Uint8Array, after: Uint8Array])[] = [
  [
    "flags of the first frame",
    segment("01000205 00000002 00000060 02000000 00000010 00000020", "01010000"),
    segment("01000205 00000002 00000060 01010000 00000010 00000020", "01010000"),
  ],
  [
    "flags of each frame",
    segment("01000701 00000002 00000060 00000021 00000010 02000000 00000021 00000020 02000000"),
    segment("01000701 00000002 00000060 00000021 00000010 01010000 00000021 00000020 02000000"),
  ],
  [
    "default flags, for a single frame",
    segment("01000001 00000001 00000060"),
    segment("01000001 00000001 00000060", "01010000"),
  ],
  [
    "nothing where all frames have default flags",
    segment("01000001 00000002 00000060"),
    segment("01000001 00000002 00000060"),
  ],
  ["nothing in a file without fragments", hex(box("free", "00")), hex(box("free", "00"))],
];

for (const [what, before, after] of CASES) {
  Deno.test(`unmarkFirstFrame() changes ${what}`, () => {
    unmarkFirstFrame(before);
    assertEquals(before, after);
  });
}

Deno.test("numberFragments() numbers all fragments and returns the next number", () => {
  const fragment = (number: string) =>
    box("moof", box("mfhd", `00000000 ${number}`)) + box("mdat", "0000");
  const media = hex(box("styp", "") + fragment("00000001") + fragment("00000001"));
  assertEquals(numberFragments(media, 255), 257);
  assertEquals(media, hex(box("styp", "") + fragment("000000FF") + fragment("00000100")));
  assertEquals(numberFragments(hex(box("free", "00")), 7), 7);
});
