import fc from "fast-check";
import { addU32, diffU32, toU32 } from "../../lib/base/u32.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

/** Values at which signed, 24-bit or 31-bit arithmetic fails. */
const EDGES = [
  ...[0, 1, 0xfffffe, 0xffffff, 0x1000000],
  ...[0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff],
];

const SUMS = [
  { value: 0, delta: 0, sum: 0 },
  { value: 0xffffff, delta: 1, sum: 0x1000000 },
  { value: 0x7fffffff, delta: 1, sum: 0x80000000 },
  { value: 0xffffffff, delta: 1, sum: 0 },
  { value: 0xffffffff, delta: 0xffffffff, sum: 0xfffffffe },
  { value: 0, delta: -1, sum: 0xffffffff },
  { value: 0x80000000, delta: -1, sum: 0x7fffffff },
  { value: 5, delta: 0xffffffff, sum: 4 },
];

for (const { value, delta, sum } of SUMS) {
  Deno.test(`addU32(${value}, ${delta}) is ${sum}`, () => assertEquals(addU32(value, delta), sum));
}

const DISTANCES = [
  { to: 0, from: 0, distance: 0 },
  { to: 5, from: 3, distance: 2 },
  { to: 3, from: 5, distance: -2 },
  { to: 0, from: 0xffffffff, distance: 1 },
  { to: 0xffffffff, from: 0, distance: -1 },
  { to: 0x80000000, from: 0x7fffffff, distance: 1 },
  { to: 0x7fffffff, from: 0, distance: 0x7fffffff },
  { to: 0x80000000, from: 0, distance: -0x80000000 }, // equally far both ways
  { to: 0x80000001, from: 0, distance: -0x7fffffff },
];

for (const { to, from, distance } of DISTANCES) {
  Deno.test(`diffU32(${to}, ${from}) is ${distance}`, () => {
    assertEquals(diffU32(to, from), distance);
  });
}

Deno.test("toU32() reduces any integer", () => {
  assertEquals(
    [0, 0xffffffff, 0x100000000, -1, 2 ** 40 + 7, -(2 ** 33) - 1].map(toU32),
    [0, 0xffffffff, 0, 0xffffffff, 7, 0xffffffff],
  );
});

const anyU32 = fc.oneof(fc.constantFrom(...EDGES), fc.nat(0xffffffff));

Deno.test("addU32() undoes diffU32()", () => {
  fc.assert(fc.property(anyU32, anyU32, (from, to) => {
    const distance = diffU32(to, from);
    assertEquals(addU32(from, distance), to);
    assert(-(2 ** 31) <= distance && distance < 2 ** 31);
  }));
});

Deno.test("diffU32() undoes addU32() within half the range", () => {
  fc.assert(fc.property(anyU32, fc.integer(), (from, delta) => {
    assertEquals(diffU32(addU32(from, delta), from), delta);
  }));
});
