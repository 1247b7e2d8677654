/**
 * One origin after the other, for as long as a stream needs one: the next one at once when an origin
 * fails or is lost, a growing pause only after a whole round of failures. In a round every origin is
 * tried once; which one is next, the set of origins knows.
 */

import { backoffMs } from "../base/backoff.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";
import type { OriginSet } from "./origin_set.ts";

/** Options of {@linkcode OriginLoop}. */
export interface OriginLoopOptions {
  readonly origins: OriginSet;
  /** `app/stream`. */
  readonly streamName: string;
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
  /** Best first. */
  readonly #order: readonly OriginAddress[];
  /** Not tried yet in this round, best first. */
  #untried: readonly OriginAddress[] = [];
  /** Comes after all others in this round: it was lost just before. */
  #lost: OriginAddress | null = null;
  /** The one that the running attempt is about. */
  #origin: OriginAddress | null = null;
  #beganMs = 0;
  #succeededAtMs: number | null = null;
  /** Rounds that failed in a row. */
  #failedRounds = 0;
  #isStopped = false;
  #cancelPause: CancelTimer | null = null;
  #endPause: (() => void) | null = null;

  constructor(options: OriginLoopOptions) {
    this.#options = options;
    this.#order = options.origins.orderFor(options.streamName);
    this.#beginRound(null);
  }

  /** Attempts until stopped. Never rejects. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const origin = this.#next();
      this.#origin = origin;
      this.#beganMs = this.#options.clock.now();
      this.#succeededAtMs = null;
      try {
        await this.#options.attempt(origin);
        this.#onEnded(this.#origin);
      } catch (error) {
        if (this.#isStopped) return this.#onEnded(this.#origin);
        await this.#onFailed(this.#origin, error);
      }
    }
  }

  /** The running attempt goes well: the origin accepted, or media flows. */
  succeeded(): void {
    this.#options.origins.succeeded(this.#origin!);
    this.#succeededAtMs ??= this.#options.clock.now();
  }

  /** The running attempt goes on with `origin`: it was given up for another, and goes well again. */
  returnedTo(origin: OriginAddress): void {
    const { origins, clock } = this.#options;
    origins.left(this.#origin!);
    origins.succeeded(origin);
    this.#origin = origin;
    // It went well before, too.
    this.#succeededAtMs = clock.now() - MIN_SUCCESS_MS;
  }

  /** Attempts no more; {@linkcode run} settles when the running attempt does. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelPause?.();
    this.#endPause?.();
  }

  /** Every origin once; `lost` not before the others. */
  #beginRound(lost: OriginAddress | null): void {
    this.#untried = this.#order.filter((origin) => origin !== lost);
    this.#lost = lost;
  }

  #next(): OriginAddress {
    if (this.#untried.length === 0 && this.#lost !== null) {
      this.#untried = [this.#lost];
      this.#lost = null;
    }
    // A stream that has already waited for one origin, or had one, is not kept waiting by a doubtful one.
    const mayProbe = this.#untried.length === this.#order.length;
    const chosen = this.#options.origins.choose(this.#untried, mayProbe);
    this.#untried = this.#untried.filter((origin) => origin !== chosen);
    return chosen;
  }

  /** Ended here, or nobody knows why: the others come first. */
  #onEnded(origin: OriginAddress): void {
    this.#options.origins.left(origin);
    this.#beginRound(origin);
  }

  async #onFailed(origin: OriginAddress, error: unknown): Promise<void> {
    const { origins, onFailed, onRoundFailed } = this.#options;
    onFailed(origin, error);
    origins.failed(origin, error, this.#beganMs);
    if (this.#wentWell()) {
      this.#failedRounds = 0;
      return this.#beginRound(origin);
    }
    if (this.#untried.length > 0 || this.#lost !== null) return;
    onRoundFailed(error);
    await this.#pause();
    this.#beginRound(null);
  }

  #wentWell(): boolean {
    return this.#succeededAtMs !== null &&
      this.#options.clock.now() - this.#succeededAtMs >= MIN_SUCCESS_MS;
  }

  async #pause(): Promise<void> {
    if (this.#isStopped) return;
    const { origins, clock, random } = this.#options;
    const pauseMs = backoffMs(this.#failedRounds++, origins.backoff, random());
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      this.#cancelPause = clock.after(pauseMs, resolve);
    });
  }
}
