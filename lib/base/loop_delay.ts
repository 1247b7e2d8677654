/** How late the event loop is: a timer that runs late tells how long everything else was kept waiting. */

import type { CancelTimer, Clock } from "./clock.ts";

/** How often the delay is looked at, in ms. */
const PERIOD_MS = 25;

/** Upper bounds of the buckets, in seconds. */
export const LOOP_DELAY_BOUNDS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;

/** See the file comment. */
export class LoopDelay {
  readonly #clock: Clock;
  readonly #counts = new Array<number>(LOOP_DELAY_BOUNDS.length + 1).fill(0);
  #sumSeconds = 0;
  #dueMs = 0;
  #cancel: CancelTimer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins to measure. */
  start(): void {
    this.#cancel = this.#schedule();
  }

  /** Delays by bucket: one count per bound, and one for those beyond the last. */
  get counts(): readonly number[] {
    return [...this.#counts];
  }

  /** All delays together. */
  get sumSeconds(): number {
    return this.#sumSeconds;
  }

  stop(): void {
    this.#cancel?.();
  }

  #schedule(): CancelTimer {
    this.#dueMs = this.#clock.now() + PERIOD_MS;
    return this.#clock.after(PERIOD_MS, () => {
      this.#observe(Math.max(0, this.#clock.now() - this.#dueMs) / 1000);
      this.#cancel = this.#schedule();
    });
  }

  #observe(seconds: number): void {
    const bucket = LOOP_DELAY_BOUNDS.findIndex((bound) => seconds <= bound);
    this.#counts[bucket < 0 ? LOOP_DELAY_BOUNDS.length : bucket]!++;
    this.#sumSeconds += seconds;
  }
}
