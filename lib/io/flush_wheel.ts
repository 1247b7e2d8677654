import type { CancelTimer, Clock } from "../base/clock.ts";
import { AutoPeriod, LONGEST_AUTO_MS } from "./auto_period.ts";
import type { Flushable, FlushQueue } from "./flush_queue.ts";

/** Shortest tick, in ms. */
const SHORTEST_TICK_MS = 40;

/**
 * Most ticks of a period. More would spread the load a little better, but cost more: eight of 44 ms
 * took 5 % more CPU than four, two of 20 ms took 10 % more than one.
 */
const MAX_TICKS = 4;

/** Larger than the error of adding up fractions of a player. */
const ROUNDING = 1e-6;

/** A place on a wheel. */
export interface WheelSeat {
  /** Leaves the wheel. Harmless when repeated. */
  leave(): void;
}

/**
 * Flushes each player once per merge period, spread over the ticks of the period: the load is even,
 * and a write carries many messages ("merged write").
 *
 * Players form a ring in the order in which they joined, and each tick continues where the previous
 * one stopped. So players that are written to in sequence are neighbours in memory, ours and the
 * kernel's: with 4,000 players a write takes 4 % less than in a scattered order.
 *
 * All players of a period share one timer, scheduled by absolute time: a late tick does not delay
 * the next one, and each player keeps its tick. Without players there is no timer.
 */
export class FlushWheel {
  readonly #clock: Clock;
  readonly #queue: FlushQueue;
  readonly #longestMs: number;
  /** Null when the period is constant. */
  readonly #auto: AutoPeriod | null;
  readonly #ring: Flushable[] = [];
  /** Index of the next player. */
  #at = 0;
  /** Players due at {@linkcode #countedMs}. A fraction of a player has to wait. */
  #due = 0;
  #countedMs = 0;
  /** When the next tick is due. */
  #nextMs = 0;
  #cancel: CancelTimer | null = null;

  /**
   * @param longestMs Merge period in ms, at least 1; with `auto`, the longest.
   * @param auto Computes the period from the load.
   */
  constructor(longestMs: number, queue: FlushQueue, clock: Clock, auto: AutoPeriod | null = null) {
    this.#longestMs = longestMs;
    this.#queue = queue;
    this.#clock = clock;
    this.#auto = auto;
  }

  /** Flushes `item` within a period, and once per period from then on. */
  add(item: Flushable): WheelSeat {
    const nowMs = this.#clock.now();
    this.#count(nowMs);
    this.#ring.push(item);
    // Existing players keep their tick; only reschedule if it would be too late for the new one.
    if (this.#ring.length === 1 || this.#dueMs(nowMs) < this.#nextMs) this.#schedule(nowMs);
    return new Seat(this, item);
  }

  /** Removes a player; called by its seat. */
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

  /** Adds the players that became due. After a long pause each is due once, not once per period. */
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

  /**
   * Returns the end of the tick that starts now, or when the next player is due if that is later.
   */
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

// Not a closure: there is one per player.
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

  /** Returns the wheel with this merge period, or with one that follows the load. */
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
