import { assertEquals } from "./assert.ts";

const RANDOM_SPLITS = 50;
const FIRST_SEED = 20_240_601;

/**
 * Tests an incremental parser with every way a network may split its input. Calls `run` with
 * `bytes` as a whole, split in two at every position (including both ends), byte by byte, and split
 * at random (with fixed seeds). Asserts the same result each time, and returns it.
 *
 * `run` must create a new parser, push the chunks in order, and return its output in a form that
 * does not depend on the splits (sent bytes concatenated, events in one list). The chunks are
 * copies.
 */
export function feedAtEverySplit<T>(
  bytes: Uint8Array,
  run: (chunks: readonly Uint8Array[]) => T,
): T {
  const expected = run([bytes.slice()]);
  const check = (how: string, cuts: readonly number[]) =>
    assertEquals(run(cutAt(bytes, cuts)), expected, `different result when split ${how}`);
  for (let cut = 0; cut <= bytes.length; cut += 1) check(`at byte ${cut}`, [cut]);
  check("byte by byte", Array.from(bytes, (_, i) => i));
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RANDOM_SPLITS; seed += 1) {
    check(`at random with seed ${seed}`, randomCuts(bytes.length, seed));
  }
  return expected;
}

/** Splits at the given ascending positions. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  return [...cuts, bytes.length].map((end, i) => bytes.slice(i === 0 ? 0 : cuts[i - 1], end));
}

function randomCuts(length: number, seed: number): number[] {
  const cuts: number[] = [];
  let state = seed;
  // The generator of Numerical Recipes. Steps are up to a tenth of the stream and may be 0.
  const maxStep = Math.max(2, Math.ceil(length / 10));
  for (let at = 0;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    at += (state >>> 8) % maxStep;
    if (at > length) return cuts;
    cuts.push(at);
  }
}
