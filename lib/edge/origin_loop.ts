/**
 * One origin after the other, for as long as a stream needs one: the next one at once when an origin
 * fails or is lost, a growing pause only after a whole round of failures.
 */

import { backoffMs, type BackoffOptions } from "../base/backoff.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";

/** Options of {@linkcode OriginLoop}. */
export interface OriginLoopOptions {
  /** In order of preference; at least one. */
  readonly origins: readonly OriginAddress[];
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  /** 0…1, for the jitter of pauses. */
  readonly random: () => number;
  /**
   * Works with one origin for as long as that goes well. Rejects when it fails or is lost; after
   * {@linkcode OriginLoop.stop} it settles soon, either way.
   */
  readonly attempt: (origin: OriginAddress) => Promise<void>;
  /** An attempt failed. */
  readonly onFailed: (origin: OriginAddress, error: unknown) => void;
  /** All origins failed one after the other. */
  readonly onRoundFailed: (lastError: unknown) => void;
}

/** An attempt that went well for less than this counts as a failure: no hot loop on a sick origin. */
const MIN_SUCCESS_MS = 1_000;

/** See the file comment. */
export class OriginLoop {
  readonly #options: OriginLoopOptions;
  #index = 0;
  /** Attempts that failed in a row. */
  #failures = 0;
  #isStopped = false;
  #cancelPause: CancelTimer | null = null;
  #endPause: (() => void) | null = null;
  #succeededAtMs = -1;

  constructor(options: OriginLoopOptions) {
    this.#options = options;
  }

  /** Attempts until stopped. Never rejects. */
  async run(): Promise<void> {
    const { origins, attempt, onFailed, onRoundFailed } = this.#options;
    while (!this.#isStopped) {
      const origin = origins[this.#index]!;
      this.#succeededAtMs = -1;
      try {
        await attempt(origin);
      } catch (error) {
        if (this.#isStopped) return;
        onFailed(origin, error);
        this.#countFailure();
        this.#index = (this.#index + 1) % origins.length;
        if (this.#failures === 0 || this.#failures % origins.length !== 0) continue;
        onRoundFailed(error);
        await this.#pause();
      }
    }
  }

  /** The running attempt goes well: the origin accepted, or media flows. */
  succeeded(): void {
    if (this.#succeededAtMs < 0) this.#succeededAtMs = this.#options.clock.now();
  }

  /** Attempts no more; {@linkcode run} settles when the running attempt does. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelPause?.();
    this.#endPause?.();
  }

  #countFailure(): void {
    const { clock } = this.#options;
    const wentWell = this.#succeededAtMs >= 0 &&
      clock.now() - this.#succeededAtMs >= MIN_SUCCESS_MS;
    this.#failures = wentWell ? 0 : this.#failures + 1;
  }

  async #pause(): Promise<void> {
    if (this.#isStopped) return;
    const { backoff, clock, origins, random } = this.#options;
    const round = this.#failures / origins.length - 1;
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      this.#cancelPause = clock.after(backoffMs(round, backoff, random()), resolve);
    });
  }
}
