/**
 * Shares the event loop between those who begin and those who watch: what a storm of new clients asks for
 * is done for a moment in each turn, first come first served, and writes to players and reads of
 * publishers get theirs in between.
 */

import type { Clock } from "../base/clock.ts";

/** How much of a turn such work may take, in ms; one piece is done in any case. */
const TURN_MS = 2;

/** When so long nothing was done here, others had the event loop: it counts as a new turn. */
const PAUSE_MS = 1;

/** Something to do, and whoever waits for it. */
interface Job {
  readonly work: () => void;
  readonly done: PromiseWithResolvers<void>;
}

/** See the file comment. */
export class WorkTurns {
  readonly #clock: Clock;
  #jobs: Job[] = [];
  /** Work of this turn, and when the newest was done. */
  #workedMs = 0;
  #doneMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Does `work`: at once, which is the rule and then returns null, or when its turn comes.
   *
   * @returns settles when the work is done, and rejects with what it throws. Throws what it throws when it
   * is done at once.
   */
  run(work: () => void): Promise<void> | null {
    const nowMs = this.#clock.now();
    if (nowMs - this.#doneMs >= PAUSE_MS) this.#workedMs = 0;
    if (this.#jobs.length === 0 && this.#workedMs < TURN_MS) {
      this.#do(work, nowMs);
      return null;
    }
    const done = Promise.withResolvers<void>();
    if (this.#jobs.push({ work, done }) === 1) this.#clock.yield(() => this.#runTurn());
    return done.promise;
  }

  #do(work: () => void, nowMs: number): void {
    try {
      work();
    } finally {
      this.#doneMs = this.#clock.now();
      this.#workedMs += this.#doneMs - nowMs;
    }
  }

  #runTurn(): void {
    this.#workedMs = 0;
    let count = 0;
    while (count < this.#jobs.length && this.#workedMs < TURN_MS) {
      const { work, done } = this.#jobs[count++]!;
      try {
        this.#do(work, this.#clock.now());
        done.resolve();
      } catch (error) {
        done.reject(error);
      }
    }
    this.#jobs = this.#jobs.slice(count);
    if (this.#jobs.length > 0) this.#clock.yield(() => this.#runTurn());
  }
}
