import type { Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";

/** Probes of a vhost a second, and how many of them at once. */
const PER_SECOND = 50;
const AT_ONCE = 5;

/** Most probes that run at one origin. */
const MAX_RUNNING = 8;

/** Bounds the probes of a vhost, so that thousands of streams ask their origins a few at a time. */
export class ProbePace {
  readonly #clock: Pick<Clock, "now">;
  readonly #running = new WeakMap<OriginAddress, number>();
  #tokens = AT_ONCE;
  #filledMs: number;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#filledMs = clock.now();
  }

  /** Begins a probe of `origin`, which ends with {@linkcode end}. @returns false when it waits */
  tryBegin(origin: OriginAddress): boolean {
    const nowMs = this.#clock.now();
    const gained = (nowMs - this.#filledMs) / 1_000 * PER_SECOND;
    this.#tokens = Math.min(AT_ONCE, this.#tokens + gained);
    this.#filledMs = nowMs;
    const running = this.#running.get(origin) ?? 0;
    if (this.#tokens < 1 || running >= MAX_RUNNING) return false;
    this.#tokens--;
    this.#running.set(origin, running + 1);
    return true;
  }

  /** A probe of `origin` has ended. */
  end(origin: OriginAddress): void {
    this.#running.set(origin, this.#running.get(origin)! - 1);
  }
}
