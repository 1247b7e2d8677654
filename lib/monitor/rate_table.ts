/** Rates of things that come and go, by name. */

import { RateWindow } from "../base/rate_window.ts";
import type { RateSnapshot } from "./server_view.ts";

const NO_RATE: RateSnapshot = { recvKbps: 0, sendKbps: 0 };

/** See the file comment. What is not sampled is forgotten: see {@linkcode RateTable.endRound}. */
export class RateTable {
  #rates = new Map<string, RateWindow>();
  /** Those sampled in this round. */
  #next = new Map<string, RateWindow>();

  /** Takes note of the counters of `name` at `nowMs`, once in a round. */
  sample(name: string, nowMs: number, receivedBytes: number, sentBytes: number): void {
    const rate = this.#rates.get(name) ?? new RateWindow();
    rate.sample(nowMs, receivedBytes, sentBytes);
    this.#next.set(name, rate);
  }

  /** Everything that there is has been sampled. */
  endRound(): void {
    this.#rates = this.#next;
    this.#next = new Map();
  }

  /** Average over the last 30 s; 0 for what was not there twice yet. */
  of(name: string): RateSnapshot {
    return this.#rates.get(name)?.kbps ?? NO_RATE;
  }
}
