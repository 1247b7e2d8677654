import type { CancelTimer, Clock } from "./clock.ts";
import { DelayHistogram } from "./delay_histogram.ts";

/** Interval of the measurements. */
const PERIOD_MS = 25;

/** Upper bounds of the histogram buckets, in seconds. */
const BOUNDS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;

/**
 * Measures the delay of the event loop. A timer that runs late shows how long all other work had to
 * wait.
 */
export class LoopDelay {
  readonly delays = new DelayHistogram(BOUNDS);
  readonly #clock: Clock;
  #dueMs = 0;
  #cancel: CancelTimer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Measures until stopped. */
  start(): void {
    this.#cancel ??= this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): CancelTimer {
    this.#dueMs = this.#clock.now() + PERIOD_MS;
    return this.#clock.after(PERIOD_MS, () => {
      this.delays.observe(Math.max(0, this.#clock.now() - this.#dueMs) / 1000);
      this.#cancel = this.#schedule();
    });
  }
}
