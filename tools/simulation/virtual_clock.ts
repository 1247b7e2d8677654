import { setImmediate } from "node:timers";
import type { CancelTimer, Clock } from "../../lib/base/clock.ts";

/** A timer in the heap. `run` is null once it is cancelled. */
interface Timer {
  readonly dueMs: number;
  /** Timers due at the same time run in the order in which they were set. */
  readonly number: number;
  run: (() => void) | null;
}

/**
 * A clock whose time is simulated: it leaps from timer to timer, in steps of a millisecond, and
 * lets all promises settle in between. Holds millions of timers.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #count = 0;
  /** A binary heap, earliest first. */
  readonly #heap: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    const dueMs = this.#nowMs + Math.max(0, Math.ceil(delayMs));
    const timer: Timer = { dueMs, number: this.#count++, run };
    this.#push(timer);
    return () => {
      timer.run = null;
    };
  }

  yield(run: () => void): void {
    this.after(0, run);
  }

  afterReads(run: () => void): void {
    this.after(0, run);
  }

  /** Advances time to `endMs`, running what is due on the way. */
  async runUntil(endMs: number): Promise<void> {
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= endMs;) {
      this.#nowMs = next.dueMs;
      while (next !== undefined && next.dueMs === this.#nowMs) {
        this.#pop();
        next.run?.();
        next = this.#heap[0];
      }
      await settle();
      next = this.#heap[0];
    }
    this.#nowMs = endMs;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isEarlier(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  /** Removes the earliest. */
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child++;
      if (!isEarlier(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isEarlier(left: Timer, right: Timer): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.number < right.number);
}

/** All promises settle before the next macrotask. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
