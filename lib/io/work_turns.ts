import type { Clock } from "../base/clock.ts";

/** Time that work may take in a turn, in ms. One job is always done. */
const TURN_MS = 2;

/** After a pause this long, others have had the event loop, and a new turn begins. */
const PAUSE_MS = 1;

/** Work that waits for its turn. */
interface Job {
  readonly work: () => void;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Shares the event loop between clients that join and clients that play. The work of a burst of new
 * clients is done in slices, first come first served; writes to players and reads from publishers
 * run in between.
 */
export class WorkTurns {
  readonly #clock: Clock;
  #jobs: Job[] = [];
  /** Time worked in this turn, and when the last job ended. */
  #workedMs = 0;
  #doneMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Does `work` at once, which is the rule, or in a later turn.
   *
   * @returns null when the work is done; otherwise a promise that settles when it is, and rejects
   * with what it throws.
   * @throws what `work` throws when it is done at once.
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
