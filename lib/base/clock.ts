/** Time as a dependency, so that tests drive it by hand. */

import { setImmediate } from "node:timers";

/** Cancels a pending timer; harmless when it has run or was cancelled before. */
export type CancelTimer = () => void;

/** Where "now" and timers come from. */
export interface Clock {
  /** Milliseconds of a monotone clock; only differences mean something. */
  now(): number;
  /** Calls `run` once after `delayMs`. */
  after(delayMs: number, run: () => void): CancelTimer;
  /** Calls `run` in the next turn of the event loop, after pending reads and writes had theirs. */
  yield(run: () => void): void;
}

/** The machine's clock. */
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

/** Settles in the next turn of the event loop, as {@linkcode Clock.yield} calls. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.yield(resolve));
}
