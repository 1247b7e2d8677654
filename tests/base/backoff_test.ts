import fc from "fast-check";
import { backoffMs } from "../../lib/base/backoff.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const OPTIONS = { minMs: 100, maxMs: 3000 };

Deno.test("backoffMs() doubles from the shortest pause up to the longest", () => {
  assertEquals(
    [0, 1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, OPTIONS, 0)),
    [100, 200, 400, 800, 1600, 3000, 3000],
  );
});

Deno.test("backoffMs() shortens a pause by up to a quarter", () => {
  assertEquals([0, 0.5, 1].map((random) => backoffMs(0, OPTIONS, random)), [100, 87.5, 75]);
  assertEquals(backoffMs(9, OPTIONS, 1), 2250);
});

Deno.test("backoffMs() never exceeds the longest pause", () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), random, (attempt, random) => {
    const pauseMs = backoffMs(attempt, OPTIONS, random);
    assert(75 <= pauseMs && pauseMs <= 3000, `${pauseMs}`);
  }));
});

Deno.test("backoffMs() accepts equal bounds and zero", () => {
  assertEquals(backoffMs(40, { minMs: 500, maxMs: 500 }, 0), 500);
  assertEquals(backoffMs(1_000_000, { minMs: 0, maxMs: 1000 }, 0), 0);
});
