/**
 * A mutation fuzzer: damages good inputs, keeps those that a target answers in a new way, and stops at the
 * first that makes it misbehave. The same seed and number of runs give the same inputs.
 */

import { mutate } from "./mutate.ts";
import { SeededRandom } from "./random.ts";
import type { FuzzTarget } from "./targets.ts";

/** Longest time a run may take; usual is a thousandth. */
const MAX_RUN_MS = 2000;

/** Most memory a run may take, garbage included. */
const MAX_RUN_BYTES = 64 * 1024 * 1024;

/** Most inputs kept for further mutations. */
const MAX_POOL = 500;

/** Characters of an answer that make it new; the rest is mostly repetition. */
const ANSWER_CHARS = 200;

/** Options of {@linkcode fuzz}. */
export interface FuzzOptions {
  readonly seed: number;
  /** Asked before every run with the number of runs so far. */
  readonly isDone: (runs: number) => boolean;
}

/** An input and what it did. */
export interface Crash {
  readonly input: Uint8Array;
  readonly error: unknown;
}

/** What came of a session. */
export interface FuzzResult {
  readonly runs: number;
  /** Different answers seen. */
  readonly answers: number;
  readonly crash: Crash | null;
}

/** See the file comment. */
export function fuzz(target: FuzzTarget, { seed, isDone }: FuzzOptions): FuzzResult {
  const random = new SeededRandom(seed);
  const pool = [...target.seeds];
  const answers = new Set<string>();
  let runs = 0;
  for (; !isDone(runs); runs++) {
    // The seeds themselves come first.
    const input = target.seeds[runs] ??
      mutate(random.pick(pool), { random, pool, tokens: target.tokens });
    try {
      const answer = shorten(runWithinBounds(target, input));
      if (answers.has(answer)) continue;
      answers.add(answer);
      if (pool.length < MAX_POOL) pool.push(input);
      else pool[random.below(MAX_POOL)] = input;
    } catch (error) {
      return { runs, answers: answers.size, crash: { input, error } };
    }
  }
  return { runs, answers: answers.size, crash: null };
}

/**
 * Runs the target once.
 *
 * @throws {Error} when it takes too long or too much memory; anything that the target throws
 */
export function runWithinBounds(target: FuzzTarget, input: Uint8Array): string {
  const startBytes = usedBytes();
  const startMs = performance.now();
  const answer = target.run(input);
  const tookMs = performance.now() - startMs;
  const tookBytes = usedBytes() - startBytes;
  if (tookMs > MAX_RUN_MS) throw new Error(`Took ${Math.round(tookMs)} ms`);
  if (tookBytes > MAX_RUN_BYTES) throw new Error(`Took ${tookBytes} bytes of memory`);
  return answer;
}

function usedBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Without numbers, which differ from input to input. */
function shorten(answer: string): string {
  return answer.replace(/\d+/g, "").slice(0, ANSWER_CHARS);
}
