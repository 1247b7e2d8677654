import type { CancelTimer, Clock } from "../base/clock.ts";

/** Time between two moves, in ms. */
const PERIOD_MS = 10;

/**
 * Spreads moves of upstream connections over time: when an origin asks all its edges to leave, the
 * next one is not dialled by a thousand streams at once.
 */
export class MovePace {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #waiting = new Set<CancelTimer>();
  #nextMs = -Infinity;

  /** @param random returns 0…1, so that edges do not move in step */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Calls `move` later, in the order of the calls. */
  add(move: () => void): void {
    const nowMs = this.#clock.now();
    const atMs = Math.max(nowMs, this.#nextMs + PERIOD_MS * this.#random());
    this.#nextMs = Math.max(nowMs, this.#nextMs) + PERIOD_MS;
    const cancel = this.#clock.after(atMs - nowMs, () => {
      this.#waiting.delete(cancel);
      move();
    });
    this.#waiting.add(cancel);
  }

  /** Calls none of those that wait. */
  close(): void {
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }
}
