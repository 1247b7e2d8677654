/**
 * Who wants to write, in order, and not too many of them in one turn of the event loop.
 *
 * Beyond about 120 socket operations per turn the runtime's poll budget is spent, every further write
 * becomes pending and is polled again each turn: a write then costs up to ten times as much. So all
 * writes of the process go through one queue that lets 64 go and yields. Reads run in between.
 *
 * Players whose time has come go before everything else, which gets a quarter of each turn at least: when
 * thousands join at once, those who watch must not wait for all of them.
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

/** Of these, how many are kept for what is not due by a wheel, if there is any. */
const RESERVED = 16;

/** See the file comment. */
export class FlushQueue {
  readonly #clock: Clock;
  readonly #due: Flushable[] = [];
  readonly #others: Flushable[] = [];
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
  add(item: Flushable): void {
    this.#append(this.#others, item);
  }

  /** The same for a player whose merge period is over. */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  addDue(item: Flushable): void {
    this.#append(this.#due, item);
  }

  #append(lane: Flushable[], item: Flushable): void {
    if (item.isQueued) return;
    item.isQueued = true;
    lane.push(item);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(this.#drain);
  }

  #runBatch(): void {
    const nowMs = this.#clock.now();
    // Taken out of the queue, which would grow for ever if it were never empty.
    const due = this.#due.splice(0, BATCH - Math.min(RESERVED, this.#others.length));
    flushAll(due, nowMs);
    const others = this.#others.splice(0, BATCH - due.length);
    flushAll(others, nowMs);
    this.#flushCount += due.length + others.length;
    this.#busyMs += this.#clock.now() - nowMs;
    if (this.#due.length + this.#others.length > 0) return this.#clock.yield(this.#drain);
    this.#isScheduled = false;
  }
}

function flushAll(items: readonly Flushable[], nowMs: number): void {
  for (const item of items) {
    item.isQueued = false;
    item.flush(nowMs);
  }
}
