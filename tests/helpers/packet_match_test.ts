import { assertEquals, assertThrows } from "./assert.ts";
import { countLost, describeMismatch } from "./packet_match.ts";

const SOURCE = ["a", "b", "c", "d", "e", "f", "g", "h"];

const CASES: readonly { name: string; watched: string; mismatch: string | undefined }[] = [
  { name: "nothing was watched", watched: "", mismatch: undefined },
  { name: "a part was watched", watched: "cdef", mismatch: undefined },
  { name: "the watch crosses the seam twice", watched: "ghabcdefgha", mismatch: undefined },
  {
    name: "a packet is lost",
    watched: "abd",
    mismatch: "1 packet lost at packet 2: source packet 3 came after 1",
  },
  {
    name: "packets are lost across the seam",
    watched: "fgb",
    mismatch: "2 packets lost at packet 2: source packet 1 came after 6",
  },
  {
    name: "a packet is doubled",
    watched: "abbc",
    mismatch: "one packet doubled at packet 2: source packet 1 came after 1",
  },
  {
    name: "packets are repeated",
    watched: "abcdbcd",
    mismatch: "went back by 3 packets at packet 4: source packet 1 came after 3",
  },
  {
    name: "a packet is changed",
    watched: "abx",
    mismatch: "packet 2 (x) is none of the source's",
  },
];

for (const { name, watched, mismatch } of CASES) {
  Deno.test(`describeMismatch() answers when ${name}`, () => {
    assertEquals(describeMismatch(SOURCE, [...watched]), mismatch);
  });
}

Deno.test("describeMismatch() refuses a source when two of its packets are alike", () => {
  assertThrows(() => describeMismatch(["a", "b", "a"], ["a"]), Error, "not distinct");
});

Deno.test("countLost() counts what is missing, also across the seam", () => {
  assertEquals(countLost(SOURCE, [..."abdeh" + "b"]), 1 + 2 + 1);
});

Deno.test("countLost() throws when a packet is doubled or comes late", () => {
  assertThrows(() => countLost(SOURCE, [..."aab"]), Error, "doubled");
  assertThrows(() => countLost(SOURCE, [..."abca"]), Error, "went back");
  assertThrows(() => countLost(SOURCE, [..."abx"]), Error, "none of the source's");
});
