import { type ByteRange, parseRange } from "../../lib/http/range.ts";
import { assertEquals } from "../helpers/assert.ts";

/** RFC 9110, section 14.1.2, for a file of 1,000 bytes. */
const RANGES: readonly (readonly [string | null, ByteRange | "unsatisfiable" | null])[] = [
  [null, null],
  ["", null],
  ["bytes=0-499", { first: 0, last: 499 }],
  ["bytes=500-999", { first: 500, last: 999 }],
  ["bytes=500-", { first: 500, last: 999 }],
  ["bytes=999-5000", { first: 999, last: 999 }],
  ["bytes=-1", { first: 999, last: 999 }],
  ["bytes=-5000", { first: 0, last: 999 }],
  ["Bytes=0-0", { first: 0, last: 0 }],
  ["bytes=1000-", "unsatisfiable"],
  ["bytes=1000-2000", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=5-4", null],
  ["bytes=-", null],
  ["bytes=0-1,5-6", null],
  ["bytes=a-b", null],
  ["bytes=0x1-0x2", null],
  ["bytes=1e3-", null],
  ["chunks=0-1", null],
  ["bytes=99999999999999999999-", null],
];

for (const [header, range] of RANGES) {
  Deno.test(`parseRange() reads ${JSON.stringify(header)}`, () => {
    assertEquals(parseRange(header, 1_000), range);
  });
}

Deno.test("parseRange() satisfies no range of an empty file", () => {
  assertEquals(parseRange("bytes=0-", 0), "unsatisfiable");
  assertEquals(parseRange("bytes=-5", 0), "unsatisfiable");
});
