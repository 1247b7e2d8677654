import type { Clock } from "../base/clock.ts";
import { DelayHistogram } from "../base/delay_histogram.ts";
import type { MergedReads, VhostConfig } from "../config/config.ts";
import type { FlushQueue } from "./flush_queue.ts";
import type { WorkTurns } from "./work_turns.ts";

/** Longest pause of `auto`, in ms: with a busy loop's delay, 99 of 100 are shorter than 45. */
const LONGEST_AUTO_MS = 36;

/** Shortest pause, in ms: shorter ones merge nothing. */
const SHORTEST_MS = 5;

/** Shares of the event loop above which `auto` makes pauses longer, and below which shorter. */
const HIGH_LOAD = 0.5;
const LOW_LOAD = 0.3;

/** Time between two adjustments, in ms. */
const ADJUST_EVERY_MS = 500;

/** What a read costs the runtime, in ms; measured. Our own work is measured as it is done. */
const READ_MS = 0.009;

/** Most reads resumed per turn, as the runtime polls about 120 sockets without extra cost. */
const BATCH = 64;

/** Pauses that end within this time, in ms, end together. A timer costs as much as some reads. */
const SLOT_MS = 2;

/** Upper bounds of the buckets in which delays are counted, in seconds. */
const DELAY_BOUNDS = [0, 0.005, 0.01, 0.02, 0.04, 0.045, 0.05, 0.1, 0.2, 0.35, 0.5] as const;

const NOT_MERGED: MergedReads = { mode: "off", maxMs: 0 };

/** Returns how a vhost merges reads: not at all with `min_latency`. */
export function mergedReadsOf({ minLatency, publish }: VhostConfig): MergedReads {
  return minLatency ? NOT_MERGED : publish.mergedReads;
}

/** Peers that are read from again at `dueMs`: at most {@linkcode BATCH}. */
interface Slot {
  readonly pauseMs: number;
  readonly dueMs: number;
  readonly over: PromiseWithResolvers<void>;
  count: number;
}

/**
 * Spaces the reads of publishers and origins, so that one read takes several messages ("merged
 * read"). A read costs the runtime more than a short message costs us, so a thousand thin streams
 * take half the time. `auto` begins when the event loop is half busy, and pauses no longer than
 * that requires.
 *
 * A peer whose read filled its buffer is read from again at once. Where many are, as when the
 * server is too slow for them all, they take turns. Without that, the runtime reads from some until
 * nothing is left, and polls no sockets meanwhile: with a tenth of a core for 1,000 publishers,
 * others were not read from for 20 s.
 */
export class ReadPacer {
  /** By how much reads were delayed, at most: what arrived late in a pause waited less. */
  readonly delays = new DelayHistogram(DELAY_BOUNDS);
  readonly #clock: Clock;
  readonly #turns: Pick<WorkTurns, "busyMs">;
  readonly #queue: Pick<FlushQueue, "busyMs">;
  /** Pause of `auto`. */
  #autoMs = 0;
  /** Ordered by time. */
  readonly #slots: Slot[] = [];
  #cancel: (() => void) | null = null;
  #reads = 0;
  /** Reads since the newest turn that filled their buffer. */
  #fullReads = 0;
  /** At the newest adjustment. */
  #adjustedMs: number;
  #busyMs = 0;
  readonly #wake = (): void => this.#resumeDue();

  /** @param turns and `queue` measure the work of reads and writes. */
  constructor(
    clock: Clock,
    turns: Pick<WorkTurns, "busyMs">,
    queue: Pick<FlushQueue, "busyMs">,
  ) {
    this.#clock = clock;
    this.#turns = turns;
    this.#queue = queue;
    this.#adjustedMs = clock.now();
  }

  /**
   * Call it after each read of a peer with media.
   *
   * @param nowMs The time, read since then.
   * @param isMore The read filled its buffer, so more may wait.
   * @returns null when the next read may follow at once; otherwise a promise that settles when it
   * may.
   */
  // HOT: once per read of a publisher or origin.
  pause({ mode, maxMs }: MergedReads, nowMs: number, isMore = false): Promise<void> | null {
    this.#reads++;
    if (nowMs - this.#adjustedMs >= ADJUST_EVERY_MS) this.#adjust(nowMs);
    if (isMore) return ++this.#fullReads <= BATCH ? null : this.#pause(0, nowMs);
    const pauseMs = mode === "on" ? maxMs : mode === "off" ? 0 : Math.min(this.#autoMs, maxMs);
    if (pauseMs > 0) return this.#pause(pauseMs, nowMs + pauseMs);
    this.delays.observe(0);
    return null;
  }

  #adjust(nowMs: number): void {
    const busyMs = this.#turns.busyMs + this.#queue.busyMs;
    const usedMs = busyMs - this.#busyMs + this.#reads * READ_MS;
    const load = usedMs / (nowMs - this.#adjustedMs);
    if (load > HIGH_LOAD) {
      this.#autoMs = Math.min(Math.max(SHORTEST_MS, this.#autoMs * 2), LONGEST_AUTO_MS);
    } else if (load < LOW_LOAD) {
      this.#autoMs = this.#autoMs > SHORTEST_MS ? this.#autoMs / 2 : 0;
    }
    this.#adjustedMs = nowMs;
    this.#busyMs = busyMs;
    this.#reads = 0;
  }

  /** All peers of a slot share its promise: one each would be garbage after every read. */
  #pause(pauseMs: number, dueMs: number): Promise<void> {
    const slots = this.#slots;
    // Nearly always at the end: most peers pause for the same time.
    let index = slots.length;
    while (index > 0 && slots[index - 1]!.dueMs > dueMs) index--;
    const before = slots[index - 1];
    const isShared = before !== undefined && before.pauseMs === pauseMs &&
      dueMs - before.dueMs < SLOT_MS && before.count < BATCH;
    if (isShared) {
      before.count++;
      return before.over.promise;
    }
    const over = Promise.withResolvers<void>();
    slots.splice(index, 0, { pauseMs, dueMs, over, count: 1 });
    if (index === 0) this.#schedule();
    return over.promise;
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = null;
    const waitMs = this.#slots[0]!.dueMs - this.#clock.now();
    if (waitMs > 0) this.#cancel = this.#clock.after(waitMs, this.#wake);
    else this.#clock.yield(this.#wake);
  }

  /** Ends the pauses that are over, and leaves some to another turn if they are many. */
  #resumeDue(): void {
    const slots = this.#slots;
    const nowMs = this.#clock.now();
    this.#cancel?.();
    this.#cancel = null;
    this.#fullReads = 0;
    let resumed = 0;
    while (slots.length > 0 && slots[0]!.dueMs <= nowMs) {
      const { pauseMs, dueMs, over, count } = slots[0]!;
      if (resumed > 0 && resumed + count > BATCH) return this.#clock.yield(this.#wake);
      slots.shift();
      resumed += count;
      this.delays.observe((nowMs - dueMs + pauseMs) / 1000, count);
      over.resolve();
    }
    if (slots.length > 0) this.#schedule();
  }
}
