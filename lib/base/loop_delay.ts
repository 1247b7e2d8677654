import type { CancelTimer, Clock } from "./clock.ts";

/** Interval of the measurements. */
const PERIOD_MS = 25;

/** Upper bounds of the histogram buckets, in seconds. */
export const LOOP_DELAY_BOUNDS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;

/**
 * Measures the delay of the event loop as a histogram. A timer that runs late shows how long all
 * other work had to wait.
 */
export class LoopDelay {
  readonly #clock: Clock;
  readonly #counts = new Array<number>(LOOP_DELAY_BOUNDS.length + 1).fill(0);
  #sumSeconds = 0;
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

  /** Number of delays by bucket: one per bound, and one for delays beyond the last bound. */
  get counts(): readonly number[] {
    return [...this.#counts];
  }

  /** Sum of all delays. */
  get sumSeconds(): number {
    return this.#sumSeconds;
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
