import type { FlushQueue } from "./flush_queue.ts";

/** Shortest period, in ms. */
const SHORTEST_MS = 30;

/** Longest period, in ms. SRS always uses it. */
export const LONGEST_AUTO_MS = 350;

/** Share of the time that writes may take. The rest is for publishers, upstreams and joins. */
const MAX_BUSY_SHARE = 0.25;

/** Time between two adjustments, in ms. */
const ADJUST_EVERY_MS = 500;

/**
 * The merge period where none is configured (`mw_latency auto`): short for few players, so that
 * they have little delay, and longer with every player, so that writes never exceed their share of
 * the time.
 */
export class AutoPeriod {
  readonly #queue: FlushQueue;
  #periodMs = SHORTEST_MS;
  #adjustedMs = -Infinity;
  #flushCount = 0;
  #busyMs = 0;

  /** @param queue Does the writes, and measures what they cost. */
  constructor(queue: FlushQueue) {
    this.#queue = queue;
  }

  /** Returns the period for so many players, in ms. */
  periodMs(nowMs: number, playerCount: number): number {
    if (nowMs - this.#adjustedMs >= ADJUST_EVERY_MS) this.#adjust(nowMs, playerCount);
    return this.#periodMs;
  }

  #adjust(nowMs: number, playerCount: number): void {
    const { flushCount, busyMs } = this.#queue;
    const flushes = flushCount - this.#flushCount;
    if (flushes > 0) {
      const flushMs = (busyMs - this.#busyMs) / flushes;
      const neededMs = playerCount * flushMs / MAX_BUSY_SHARE;
      this.#periodMs = Math.min(LONGEST_AUTO_MS, Math.max(SHORTEST_MS, neededMs));
    }
    this.#adjustedMs = nowMs;
    this.#flushCount = flushCount;
    this.#busyMs = busyMs;
  }
}
