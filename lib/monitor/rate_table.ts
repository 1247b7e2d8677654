import { RateWindow } from "../base/rate_window.ts";
import type { RateSnapshot } from "./server_view.ts";

const NO_RATE: RateSnapshot = { recvKbps: 0, sendKbps: 0 };

/**
 * Rates by name. What was not sampled in a round is forgotten at its end, so clients and streams
 * need no removal.
 */
export class RateTable {
  #rates = new Map<string, RateWindow>();
  /** Sampled in this round. */
  #next = new Map<string, RateWindow>();

  /** Samples the counters of `name`, in bytes, at `nowMs`. Once per round. */
  sample(name: string, nowMs: number, receivedBytes: number, sentBytes: number): void {
    const rate = this.#rates.get(name) ?? new RateWindow();
    rate.sample(nowMs, receivedBytes, sentBytes);
    this.#next.set(name, rate);
  }

  /** Ends a round, in which everything that exists was sampled. */
  endRound(): void {
    this.#rates = this.#next;
    this.#next = new Map();
  }

  /** Returns the average over the last 30 s; 0 until `name` was sampled twice. */
  of(name: string): RateSnapshot {
    return this.#rates.get(name)?.kbps ?? NO_RATE;
  }

  /** Returns by how much the first counter of `name` grows in a second; 0 as {@linkcode of}. */
  firstPerSecond(name: string): number {
    return this.#rates.get(name)?.firstPerSecond ?? 0;
  }
}
