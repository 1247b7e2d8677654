import { type CancelTimer, type Clock, systemClock } from "../../lib/base/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
  cancel: CancelTimer;
}

/** The system clock, which a test may move forward: timeouts of half a minute pass at once. */
export class LeapingClock implements Clock {
  readonly #timers = new Set<Timer>();
  #leaptMs = 0;

  now(): number {
    return systemClock.now() + this.#leaptMs;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    const timer: Timer = { dueMs: this.now() + delayMs, run, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
  }

  yield(run: () => void): void {
    systemClock.yield(run);
  }

  afterReads(run: () => void): void {
    systemClock.afterReads(run);
  }

  /** Moves the clock forward by `ms`; due timers fire soon after. */
  leap(ms: number): void {
    this.#leaptMs += ms;
    for (const timer of this.#timers) this.#arm(timer);
  }

  #arm(timer: Timer): void {
    timer.cancel();
    timer.cancel = systemClock.after(Math.max(0, timer.dueMs - this.now()), () => {
      this.#timers.delete(timer);
      timer.run();
    });
  }
}
