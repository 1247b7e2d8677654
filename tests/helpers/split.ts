/** Feeds a byte stream to an incremental machine in all the ways a network may cut it. */

import { assertEquals } from "./assert.ts";

const RANDOM_SPLITS = 50;
const FIRST_SEED = 20_240_601;

/**
 * Calls `run` with `bytes` whole, cut in two at every place (both ends included), byte by byte, and cut at
 * random (with fixed seeds), and asserts the same result each time. Returns that result, so that the
 * caller can compare it with what it should be.
 *
 * `run` makes a new machine, pushes the chunks in order and returns what came out, in a form that does
 * not depend on the cuts (sent bytes joined, events in one list). The chunks are copies.
 */
export function feedAtEverySplit<T>(
  bytes: Uint8Array,
  run: (chunks: readonly Uint8Array[]) => T,
): T {
  const expected = run([bytes.slice()]);
  const check = (how: string, cuts: readonly number[]) =>
    assertEquals(run(cutAt(bytes, cuts)), expected, `other result when cut ${how}`);
  for (let cut = 0; cut <= bytes.length; cut += 1) check(`at byte ${cut}`, [cut]);
  check("byte by byte", Array.from(bytes, (_, i) => i));
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RANDOM_SPLITS; seed += 1) {
    check(`at random with seed ${seed}`, randomCuts(bytes.length, seed));
  }
  return expected;
}

/** The parts between the given ascending positions. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  return [...cuts, bytes.length].map((end, i) => bytes.slice(i === 0 ? 0 : cuts[i - 1], end));
}

function randomCuts(length: number, seed: number): number[] {
  const cuts: number[] = [];
  let state = seed;
  // The generator of Numerical Recipes; a step of up to a tenth of the stream, sometimes none at all.
  const maxStep = Math.max(2, Math.ceil(length / 10));
  for (let at = 0;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    at += (state >>> 8) % maxStep;
    if (at > length) return cuts;
    cuts.push(at);
  }
}
