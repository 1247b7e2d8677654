/** A clock that stands still until a test moves it. */

import type { CancelTimer, Clock } from "../../lib/base/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Rounds of microtasks that {@linkcode FakeClock.settle} lets pass: more than any chain in the code. */
const SETTLE_ROUNDS = 50;

/** See the file comment. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  yield(run: () => void): void {
    this.after(0, run);
  }

  /** Timers that have not run. */
  get pendingCount(): number {
    return this.#timers.length;
  }

  /** Time passes while the program is busy: timers that are due run late, with the next `advance`. */
  skip(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves time on by `ms`, running each timer at its time, and promises in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await this.settle();
    }
    this.#nowMs = endMs;
  }

  /** Lets pending promises settle without moving time. */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await Promise.resolve();
  }

  #next(endMs: number): Timer | undefined {
    // Stable: timers of the same time run in the order in which they were set.
    return this.#timers.filter(({ dueMs }) => dueMs <= endMs)
      .sort((left, right) => left.dueMs - right.dueMs)[0];
  }
}
