/**
 * When players are written to: each once per merge period, spread over the period's ticks, so that the
 * load is even and a write carries many messages ("merged write").
 *
 * Players stand in a ring in the order in which they came, and each tick goes on where the last one
 * stopped. So those who are written to one after the other lie side by side in memory, ours and the
 * kernel's: with 4,000 players a write takes 4 % less than in an order that leaps.
 *
 * One timer for all players of a period, scheduled by absolute time: a late tick does not make the next
 * one later, and each player keeps its tick. There is none while nobody is due for some time.
 */

import type { CancelTimer, Clock } from "../base/clock.ts";
import { AutoPeriod, LONGEST_AUTO_MS } from "./auto_period.ts";
import type { Flushable, FlushQueue } from "./flush_queue.ts";

/** A period is not parted into ticks shorter than this, in ms. */
const SHORTEST_TICK_MS = 40;

/**
 * A period has so many ticks at most. More of them would even out the load a bit more, and cost more: eight
 * of 44 ms took 5 % more CPU than four, two of 20 ms a tenth more than one.
 */
const MAX_TICKS = 4;

/** More than adding up parts of a player can be wrong by. */
const ROUNDING = 1e-6;

/** A seat on a wheel. */
export interface WheelSeat {
  /** Leaves the wheel. Harmless when repeated. */
  leave(): void;
}

/** See the file comment. */
export class FlushWheel {
  readonly #clock: Clock;
  readonly #queue: FlushQueue;
  readonly #longestMs: number;
  /** Null when the period is always the longest. */
  readonly #auto: AutoPeriod | null;
  readonly #ring: Flushable[] = [];
  /** Whose turn is next. */
  #at = 0;
  /** How many were due at {@linkcode #countedMs}. The last one in part, so it has to wait. */
  #due = 0;
  #countedMs = 0;
  /** When the next tick is to be. */
  #nextMs = 0;
  #cancel: CancelTimer | null = null;

  /**
   * @param longestMs Merge period in ms, at least 1; the longest when there is an `auto`.
   * @param auto Says how much shorter the period is.
   */
  constructor(longestMs: number, queue: FlushQueue, clock: Clock, auto: AutoPeriod | null = null) {
    this.#longestMs = longestMs;
    this.#queue = queue;
    this.#clock = clock;
    this.#auto = auto;
  }

  /** `item` is flushed within a period, and once per period from then on. */
  add(item: Flushable): WheelSeat {
    const nowMs = this.#clock.now();
    this.#count(nowMs);
    this.#ring.push(item);
    // Whoever was there keeps its tick, which is soon enough for all unless they are few.
    if (this.#ring.length === 1 || this.#dueMs(nowMs) < this.#nextMs) this.#schedule(nowMs);
    return new Seat(this, item);
  }

  /** Called by a seat. */
  remove(item: Flushable): void {
    const index = this.#ring.indexOf(item);
    if (index < 0) return;
    this.#ring.splice(index, 1);
    if (index < this.#at) this.#at--;
    if (this.#ring.length === 0) this.#cancel?.();
  }

  // HOT: walks all players once per period; guarded by bench/fanout_bench.ts.
  readonly #tick = (): void => {
    const nowMs = this.#clock.now();
    const tickMs = this.#tickMs(nowMs);
    const missed = Math.max(0, Math.floor((nowMs - this.#nextMs) / tickMs));
    this.#count(this.#nextMs + missed * tickMs);
    const ring = this.#ring;
    for (; this.#due > 1 - ROUNDING; this.#due--) {
      if (this.#at >= ring.length) this.#at = 0;
      this.#queue.addDue(ring[this.#at++]!);
    }
    this.#schedule(nowMs);
  };

  /** After a long pause each is due once, not once per missed period. */
  #count(untilMs: number): void {
    const { length } = this.#ring;
    const passedMs = Math.max(0, untilMs - this.#countedMs);
    this.#due = Math.min(this.#due + length * passedMs / this.#periodMs(untilMs), length);
    this.#countedMs += passedMs;
  }

  #schedule(nowMs: number): void {
    this.#nextMs = this.#dueMs(nowMs);
    this.#cancel?.();
    this.#cancel = this.#clock.after(Math.max(0, this.#nextMs - nowMs), this.#tick);
  }

  /** The end of the tick that begins now, or when the next one is due, if that is later. */
  #dueMs(nowMs: number): number {
    const untilDueMs = (1 - this.#due) * this.#periodMs(nowMs) / this.#ring.length;
    return this.#countedMs + Math.max(this.#tickMs(nowMs), untilDueMs);
  }

  #tickMs(nowMs: number): number {
    const periodMs = this.#periodMs(nowMs);
    return periodMs / Math.max(1, Math.min(Math.floor(periodMs / SHORTEST_TICK_MS), MAX_TICKS));
  }

  #periodMs(nowMs: number): number {
    return this.#auto?.periodMs(nowMs, this.#ring.length) ?? this.#longestMs;
  }
}

/** Not a closure: there is one per player. */
class Seat implements WheelSeat {
  readonly #wheel: FlushWheel;
  readonly #item: Flushable;

  constructor(wheel: FlushWheel, item: Flushable) {
    this.#wheel = wheel;
    this.#item = item;
  }

  leave(): void {
    this.#wheel.remove(this.#item);
  }
}

/** The wheels of a server, one per merge period in use. */
export class FlushWheels {
  readonly #queue: FlushQueue;
  readonly #clock: Clock;
  readonly #wheels = new Map<number | "auto", FlushWheel>();

  constructor(queue: FlushQueue, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  /** The wheel that turns once in `periodMs`, or as fast as the load lets it. */
  for(periodMs: number | "auto"): FlushWheel {
    let wheel = this.#wheels.get(periodMs);
    if (wheel === undefined) {
      wheel = periodMs === "auto"
        ? new FlushWheel(LONGEST_AUTO_MS, this.#queue, this.#clock, new AutoPeriod(this.#queue))
        : new FlushWheel(periodMs, this.#queue, this.#clock);
      this.#wheels.set(periodMs, wheel);
    }
    return wheel;
  }
}
