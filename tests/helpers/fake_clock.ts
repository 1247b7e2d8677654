import type { CancelTimer, Clock } from "../../lib/base/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/**
 * Rounds of microtasks that {@linkcode FakeClock.settle} lets run: more than any chain in the code.
 */
const SETTLE_ROUNDS = 50;

/** A clock that stands still until a test advances it. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];
  /** How late the program reads what arrives, in ms: what `afterReads` takes. */
  readDelayMs = 0;

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

  afterReads(run: () => void): void {
    this.after(this.readDelayMs, run);
  }

  /** Number of timers that have not fired. */
  get pendingCount(): number {
    return this.#timers.length;
  }

  /** Lets time pass while the program is busy: due timers fire late, with the next `advance`. */
  skip(ms: number): void {
    this.#nowMs += ms;
  }

  /**
   * Advances time by `ms`, firing each timer at its time and letting promises settle in between.
   */
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

  /** Lets pending promises settle without advancing time. */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await Promise.resolve();
  }

  #next(endMs: number): Timer | undefined {
    // The sort is stable: timers due at the same time fire in the order in which they were set.
    return this.#timers.filter(({ dueMs }) => dueMs <= endMs)
      .sort((left, right) => left.dueMs - right.dueMs)[0];
  }
}
