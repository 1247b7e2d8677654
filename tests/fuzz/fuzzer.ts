import { mutate } from "./mutate.ts";
import { SeededRandom } from "./random.ts";
import type { FuzzTarget } from "./targets.ts";

/** Maximum duration of a run; a thousandth of that is usual. */
const MAX_RUN_MS = 2000;

/** Runs of an input that must all take longer before it counts as slow. */
const SLOW_RUNS = 3;

/** Maximum memory of a run, garbage included. */
const MAX_RUN_BYTES = 64 * 1024 * 1024;

/** Maximum number of inputs kept for further mutations. */
const MAX_POOL = 500;

/** Characters of an answer that decide whether it is new; the rest is mostly repetition. */
const ANSWER_CHARS = 200;

/** Options of {@linkcode fuzz}. */
interface FuzzOptions {
  readonly seed: number;
  /** Called before every run with the number of runs so far. */
  readonly isDone: (runs: number) => boolean;
}

/** An input and the error it caused. */
interface Crash {
  readonly input: Uint8Array;
  readonly error: unknown;
}

/** Result of a session. */
interface FuzzResult {
  readonly runs: number;
  /** Number of different answers. */
  readonly answers: number;
  readonly crash: Crash | null;
}

/**
 * Mutates valid inputs, keeps those that a target answers in a new way, and stops at the first that
 * makes it fail. The same seed and number of runs give the same inputs.
 */
export async function fuzz(
  target: FuzzTarget,
  { seed, isDone }: FuzzOptions,
): Promise<FuzzResult> {
  const random = new SeededRandom(seed);
  const pool = [...target.seeds];
  const answers = new Set<string>();
  let runs = 0;
  for (; !isDone(runs); runs++) {
    // The seeds themselves run first.
    const input = target.seeds[runs] ??
      mutate(random.pick(pool), { random, pool, tokens: target.tokens });
    try {
      const answer = shorten(await runWithinBounds(target, input));
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
 * Runs the target once; again if it takes long, because a busy machine makes anything slow.
 *
 * @throws {Error} when it takes too long or too much memory; anything that the target throws
 */
export async function runWithinBounds(target: FuzzTarget, input: Uint8Array): Promise<string> {
  for (let left = SLOW_RUNS; left > 1; left--) {
    const answer = await runOnce(target, input).catch((error: unknown) => {
      if (error instanceof SlowRun) return null;
      throw error;
    });
    if (answer !== null) return answer;
  }
  return await runOnce(target, input);
}

async function runOnce(target: FuzzTarget, input: Uint8Array): Promise<string> {
  const startBytes = usedBytes();
  const startMs = performance.now();
  const answer = await target.run(input);
  const tookMs = performance.now() - startMs;
  const tookBytes = usedBytes() - startBytes;
  if (tookMs > MAX_RUN_MS) throw new SlowRun(`Took ${Math.round(tookMs)} ms`);
  if (tookBytes > MAX_RUN_BYTES) throw new Error(`Took ${tookBytes} bytes of memory`);
  return answer;
}

/** A run took longer than {@linkcode MAX_RUN_MS}. */
class SlowRun extends Error {}

function usedBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Removes numbers, which differ from input to input. */
function shorten(answer: string): string {
  return answer.replace(/\d+/g, "").slice(0, ANSWER_CHARS);
}
