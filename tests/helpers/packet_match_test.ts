import { assertEquals, assertThrows } from "./assert.ts";
import { countLost, describeMismatch } from "./packet_match.ts";

const SOURCE = ["a", "b", "c", "d", "e", "f", "g", "h"];

const CASES: readonly { name: string; watched: string; mismatch: string | undefined }[] = [
  { name: "no packet was watched", watched: "", mismatch: undefined },
  { name: "a part of the source was watched", watched: "cdef", mismatch: undefined },
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
    name: "a packet is duplicated",
    watched: "abbc",
    mismatch: "one packet duplicated at packet 2: source packet 1 came after 1",
  },
  {
    name: "packets are repeated",
    watched: "abcdbcd",
    mismatch: "went back by 3 packets at packet 4: source packet 1 came after 3",
  },
  {
    name: "a packet is changed",
    watched: "abx",
    mismatch: "packet 2 (x) is not in the source",
  },
];

for (const { name, watched, mismatch } of CASES) {
  Deno.test(`describeMismatch() describes a run in which ${name}`, () => {
    assertEquals(describeMismatch(SOURCE, [...watched]), mismatch);
  });
}

Deno.test("describeMismatch() rejects a source with two equal packets", () => {
  assertThrows(() => describeMismatch(["a", "b", "a"], ["a"]), Error, "not distinct");
});

Deno.test("countLost() counts missing packets, also across the seam", () => {
  assertEquals(countLost(SOURCE, [..."abdeh" + "b"]), 1 + 2 + 1);
});

Deno.test("countLost() throws when a packet is duplicated or late", () => {
  assertThrows(() => countLost(SOURCE, [..."aab"]), Error, "duplicated");
  assertThrows(() => countLost(SOURCE, [..."abca"]), Error, "went back");
  assertThrows(() => countLost(SOURCE, [..."abx"]), Error, "not in the source");
});
