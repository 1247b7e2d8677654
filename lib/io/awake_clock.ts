import type { CancelTimer, Clock } from "../base/clock.ts";

/** A timer that fires this late means that the event loop stood still, in ms. */
const STALL_MS = 250;

/**
 * A clock that stands still while the program does: during a pause of the process or its machine,
 * or a turn of the event loop that takes long. Silence of a peer is then measured by the time in
 * which the program could have read, and all timeouts follow: a pause of 12 s closes no one.
 *
 * A stall is noticed by the first timer that fires late. Late timers run one round of reads later,
 * when what arrived meanwhile is known.
 */
export class AwakeClock implements Clock {
  readonly #clock: Clock;
  /** Length of all stalls so far. */
  #stalledMs = 0;
  /** When a timer last fired: until then, all stalls are counted. */
  #firedMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() - this.#stalledMs;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    let isCancelled = false;
    let cancel: CancelTimer = () => {};
    const wait = (ms: number): void => {
      const stalledBefore = this.#stalledMs;
      const dueMs = this.#clock.now() + ms;
      cancel = this.#clock.after(ms, () => {
        const lateMs = this.#fired(dueMs);
        // Others noticed stalls that this timer slept through.
        const leftMs = this.#stalledMs - stalledBefore - lateMs;
        if (leftMs >= 1) wait(leftMs);
        else if (lateMs < STALL_MS) run();
        else this.#clock.afterReads(() => isCancelled || run());
      });
    };
    wait(delayMs);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  yield(run: () => void): void {
    this.#clock.yield(run);
  }

  afterReads(run: () => void): void {
    this.#clock.afterReads(run);
  }

  /** Counts a stall that a timer reveals. @returns how late the timer is, in ms */
  #fired(dueMs: number): number {
    const nowMs = this.#clock.now();
    const stallMs = nowMs - Math.max(dueMs, this.#firedMs);
    if (stallMs >= STALL_MS) this.#stalledMs += stallMs;
    this.#firedMs = nowMs;
    return nowMs - dueMs;
  }
}
