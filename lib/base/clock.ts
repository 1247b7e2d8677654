import { setImmediate } from "node:timers";

/** Cancels a timer. Does nothing when the timer has run or was cancelled. */
export type CancelTimer = () => void;

/** The current time and timers. A dependency, so that tests control time. */
export interface Clock {
  /** Returns milliseconds of a monotonic clock with an arbitrary origin. */
  now(): number;
  /** Calls `run` once after `delayMs` milliseconds. */
  after(delayMs: number, run: () => void): CancelTimer;
  /** Calls `run` in the next turn of the event loop, after pending reads and writes. */
  yield(run: () => void): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const id = setTimeout(run, delayMs);
    return () => clearTimeout(id);
  },
  yield(run) {
    setImmediate(run);
  },
};

/** Resolves in the next turn of the event loop; see {@linkcode Clock.yield}. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.yield(resolve));
}
