/**
 * Who wants to write, in order, and not too many of them in one turn of the event loop.
 *
 * Beyond about 120 socket operations per turn the runtime's poll budget is spent, every further write
 * becomes pending and is polled again each turn: a write then costs up to ten times as much. So all
 * writes of the process go through one queue that lets 64 go and yields. Reads run in between.
 */

import type { Clock } from "../base/clock.ts";

/** Something with bytes to write. */
export interface Flushable {
  /** Set and cleared by the queue: it is in the queue. */
  isQueued: boolean;
  /** Starts at most one write. Must not throw. */
  flush(nowMs: number): void;
}

/** Writes started per turn. */
const BATCH = 64;

/** See the file comment. */
export class FlushQueue {
  readonly #clock: Clock;
  readonly #queue: Flushable[] = [];
  #isScheduled = false;
  #flushCount = 0;
  #busyMs = 0;
  readonly #drain = (): void => this.#runBatch();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Flushes since the beginning. */
  get flushCount(): number {
    return this.#flushCount;
  }

  /** Time spent in them, in ms. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** Lets `item` flush soon: after the caller's turn is over, so that several sends go out as one. */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  add(item: Flushable): void {
    if (item.isQueued) return;
    item.isQueued = true;
    this.#queue.push(item);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(this.#drain);
  }

  #runBatch(): void {
    const nowMs = this.#clock.now();
    // Taken out of the queue, which would grow for ever if it were never empty.
    const batch = this.#queue.splice(0, BATCH);
    for (const item of batch) {
      item.isQueued = false;
      item.flush(nowMs);
    }
    this.#flushCount += batch.length;
    this.#busyMs += this.#clock.now() - nowMs;
    if (this.#queue.length > 0) return this.#clock.yield(this.#drain);
    this.#isScheduled = false;
  }
}
