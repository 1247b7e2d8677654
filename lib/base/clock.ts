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
  /**
   * Calls `run` when everything was read that had arrived before this call. That takes a while
   * when there is more to read than there is time for.
   */
  afterReads(run: () => void): void;
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
  afterReads(run) {
    setImmediate(run);
  },
};

/**
 * Calls `check` after `delayMs` and all reads of that time, so that what a peer has sent counts,
 * no matter how late it is read.
 *
 * @param check Gets the time until which everything was read.
 */
export function checkAfter(
  clock: Clock,
  delayMs: number,
  check: (readUntilMs: number) => void,
): CancelTimer {
  let isCancelled = false;
  const cancel = clock.after(delayMs, () => {
    const nowMs = clock.now();
    clock.afterReads(() => isCancelled || check(nowMs));
  });
  return () => {
    isCancelled = true;
    cancel();
  };
}

/** Resolves in the next turn of the event loop; see {@linkcode Clock.yield}. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.yield(resolve));
}
