/**
 * When players are written to: each once per merge period, spread over the period's slots, so that the
 * load is even and a write carries many messages ("merged write").
 *
 * One timer for all players of a period, scheduled by absolute time: a late tick does not make the next
 * one later. The wheel stands still while nobody is on it.
 */

import type { CancelTimer, Clock } from "../base/clock.ts";
import { AutoPeriod, LONGEST_AUTO_MS } from "./auto_period.ts";
import type { Flushable, FlushQueue } from "./flush_queue.ts";

/** Length of a slot of the longest period, in ms. */
const SLOT_MS = 20;

/**
 * A period has so many ticks, but none is shorter than a slot. More of them would even out the load a bit
 * more, and cost more: a wake-up takes as long as writing to half a dozen players.
 */
const TICKS_PER_PERIOD = 8;

/** A seat on a wheel. */
export interface WheelSeat {
  /** Leaves the wheel. Harmless when repeated. */
  leave(): void;
}

/** See the file comment. */
export class FlushWheel {
  readonly #clock: Clock;
  readonly #queue: FlushQueue;
  readonly #slots: Flushable[][];
  readonly #longestMs: number;
  readonly #slotMs: number;
  /** Null when the period is always the longest. */
  readonly #auto: AutoPeriod | null;
  /** Slots that are due, in part not yet. */
  #due = 0;
  #at = 0;
  #count = 0;
  #nextMs = 0;
  #cancel: CancelTimer | null = null;

  /**
   * @param longestMs Merge period in ms, at least 1; the longest when there is an `auto`.
   * @param auto Says how much shorter the period is.
   */
  constructor(longestMs: number, queue: FlushQueue, clock: Clock, auto: AutoPeriod | null = null) {
    const slotCount = Math.max(1, Math.round(longestMs / SLOT_MS));
    this.#slots = Array.from({ length: slotCount }, () => []);
    this.#longestMs = longestMs;
    this.#slotMs = longestMs / slotCount;
    this.#queue = queue;
    this.#clock = clock;
    this.#auto = auto;
  }

  /** Puts `item` on the emptiest slot: it is flushed once per period from now on. */
  add(item: Flushable): WheelSeat {
    const slot = this.#slots.reduce((least, each) => each.length < least.length ? each : least);
    slot.push(item);
    this.#count++;
    if (this.#cancel === null) this.#start();
    return new Seat(this, slot, item);
  }

  /** Called by a seat. */
  remove(slot: Flushable[], item: Flushable): void {
    const index = slot.indexOf(item);
    if (index < 0) return;
    // Order within a slot means nothing.
    slot[index] = slot[slot.length - 1]!;
    slot.pop();
    this.#count--;
    if (this.#count > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #start(): void {
    this.#nextMs = this.#clock.now() + this.#slotMs;
    this.#schedule();
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(Math.max(0, this.#nextMs - this.#clock.now()), this.#tick);
  }

  // HOT: walks all players once per period; guarded by bench/fanout_bench.ts.
  readonly #tick = (): void => {
    const nowMs = this.#clock.now();
    const periodMs = this.#auto?.periodMs(nowMs, this.#count) ?? this.#longestMs;
    const tickMs = Math.max(this.#slotMs, periodMs / TICKS_PER_PERIOD);
    const missed = Math.max(0, Math.floor((nowMs - this.#nextMs) / tickMs));
    this.#due += (1 + missed) * this.#slots.length * tickMs / periodMs;
    const due = Math.floor(this.#due);
    this.#due -= due;
    // After a long pause each slot is due once, not once per missed period.
    for (let i = 0; i < Math.min(due, this.#slots.length); i++) {
      const slot = this.#slots[this.#at]!;
      this.#at = (this.#at + 1) % this.#slots.length;
      for (let j = 0; j < slot.length; j++) this.#queue.addDue(slot[j]!);
    }
    this.#nextMs += (1 + missed) * tickMs;
    this.#schedule();
  };
}

/** Not a closure: there is one per player. */
class Seat implements WheelSeat {
  readonly #wheel: FlushWheel;
  readonly #slot: Flushable[];
  readonly #item: Flushable;

  constructor(wheel: FlushWheel, slot: Flushable[], item: Flushable) {
    this.#wheel = wheel;
    this.#slot = slot;
    this.#item = item;
  }

  leave(): void {
    this.#wheel.remove(this.#slot, this.#item);
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
