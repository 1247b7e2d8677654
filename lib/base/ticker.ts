/**
 * One timer for all who look at something now and then. A timer each is dear: those of a thousand streams,
 * ten a second, were a fifth of all that an edge with them did, most of it collecting what they left.
 */

import type { CancelTimer, Clock } from "./clock.ts";

/** See the file comment. */
export class Ticker {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #looks = new Set<(nowMs: number) => void>();
  #cancel: CancelTimer | null = null;

  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /**
   * Calls `look` once per period from now on, the first time after a period or sooner, until the caller
   * cancels that. It must not throw: the others would not be called.
   */
  add(look: (nowMs: number) => void): CancelTimer {
    this.#looks.add(look);
    this.#cancel ??= this.#schedule();
    return () => {
      if (!this.#looks.delete(look) || this.#looks.size > 0) return;
      this.#cancel?.();
      this.#cancel = null;
    };
  }

  #schedule(): CancelTimer {
    return this.#clock.after(this.#periodMs, () => {
      this.#cancel = this.#schedule();
      const nowMs = this.#clock.now();
      for (const look of this.#looks) look(nowMs);
    });
  }
}
