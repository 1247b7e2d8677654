import type { Clock } from "../base/clock.ts";

/** Has bytes to write. */
export interface Flushable {
  /** Whether it is in the queue. Set and cleared by the queue. */
  isQueued: boolean;
  /** A flush would do nothing now. */
  readonly isIdle?: boolean;
  /** Starts at most one write. Must not throw. */
  flush(nowMs: number): void;
}

/** Writes started per turn. */
const BATCH = 64;

/** Of these, writes reserved for items that are not due by a wheel, if there are any. */
const RESERVED = 16;

/**
 * The order of all writes of the process, with a limit for each turn of the event loop.
 *
 * Beyond about 120 socket operations per turn the runtime's poll budget is spent: every further
 * write becomes pending and is polled again each turn, and costs up to ten times as much. So the
 * queue starts 64 writes and yields. Reads run in between.
 *
 * Players that are due come first, but for a quarter of each turn: when thousands join at once,
 * those that already play must not wait for all of them.
 */
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

  /** Flushes since the start, of idle players, too. */
  get flushCount(): number {
    return this.#flushCount;
  }

  /** Time spent in them, in ms. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** Flushes `item` soon, but after the caller's turn, so that several sends become one write. */
  add(item: Flushable): void {
    this.#append(this.#others, item);
  }

  /**
   * Flushes a player whose merge period is over. One that is idle only counts: the players of a
   * thousand thin streams must not spread the few writes of a tick over many turns, each of which
   * wakes the receivers.
   */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  addDue(item: Flushable): void {
    if (item.isIdle === true) this.#flushCount++;
    else this.#append(this.#due, item);
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
    // Removed from the arrays, which would grow without limit if the queue were never empty.
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
