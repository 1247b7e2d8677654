import type { Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";

/** Dials a second because of one silent origin, and how many of them at once. */
const PER_SECOND = 500;
const AT_ONCE = 50;

/** What is left of a second's dials, below which streams that have dialled before wait. */
const RESERVED = AT_ONCE / 2;

/** One silent origin. */
interface Bucket {
  tokens: number;
  filledMs: number;
}

/**
 * Bounds the dials because of silence, so that a hiccup of the network, in which thousands of
 * streams fall silent at once, is no storm.
 */
export class SilentDials {
  readonly #clock: Pick<Clock, "now">;
  readonly #buckets = new WeakMap<OriginAddress, Bucket>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * Takes the right to dial another origin because `silent` is silent.
   *
   * @param isRepeated The stream has dialled before: those that have not come first.
   * @returns false when it has to wait
   */
  tryTake(silent: OriginAddress, isRepeated: boolean): boolean {
    const nowMs = this.#clock.now();
    let bucket = this.#buckets.get(silent);
    if (bucket === undefined) {
      bucket = { tokens: AT_ONCE, filledMs: nowMs };
      this.#buckets.set(silent, bucket);
    }
    const gained = (nowMs - bucket.filledMs) / 1_000 * PER_SECOND;
    bucket.tokens = Math.min(AT_ONCE, bucket.tokens + gained);
    bucket.filledMs = nowMs;
    if (bucket.tokens < (isRepeated ? RESERVED : 1)) return false;
    bucket.tokens--;
    return true;
  }
}
