import type { CancelTimer, Clock } from "../base/clock.ts";

/** A timer that fires this late means that the event loop stood still, in ms. */
const STALL_MS = 250;

/** Period of the clock's own timer, in ms. */
const BEAT_MS = 100;

/**
 * A clock that stands still while the program does: during a pause of the process or its machine,
 * or a turn of the event loop that takes long. Silence of a peer is then measured by the time in
 * which the program could have read, and all timeouts follow: a pause of 12 s closes no one.
 *
 * A stall is noticed by the first timer that is late. While timers wait, the clock has its own,
 * too, the beat, so that a stall counts before the time is told: a time noted before would lie in
 * the future. Late timers run one round of reads later, when what arrived meanwhile is known.
 */
export class AwakeClock implements Clock {
  readonly #clock: Clock;
  /** Length of all stalls so far. */
  #stalledMs = 0;
  /** Until when all stalls are counted. */
  #countedMs = -Infinity;
  /** Timers that wait. */
  #waiting = 0;
  #beatDueMs = Infinity;
  #cancelBeat: CancelTimer = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    const nowMs = this.#clock.now();
    if (nowMs - this.#beatDueMs >= STALL_MS) this.#count(this.#beatDueMs, nowMs);
    return nowMs - this.#stalledMs;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    let isOver = false;
    let cancel: CancelTimer = () => {};
    const end = (): void => {
      if (!isOver && --this.#waiting === 0) this.#stopBeat();
      isOver = true;
    };
    const runOnce = (): void => {
      if (isOver) return;
      end();
      run();
    };
    const wait = (ms: number): void => {
      const stalledBefore = this.#stalledMs;
      const dueMs = this.#clock.now() + ms;
      cancel = this.#clock.after(ms, () => {
        const nowMs = this.#clock.now();
        const lateMs = nowMs - dueMs;
        this.#count(dueMs, nowMs);
        // Others noticed stalls that this timer slept through.
        const leftMs = this.#stalledMs - stalledBefore - lateMs;
        if (leftMs >= 1) wait(leftMs);
        else if (lateMs < STALL_MS) runOnce();
        else this.#clock.afterReads(runOnce);
      });
    };
    // A stall before this call is none of the timer's.
    this.now();
    if (this.#waiting++ === 0) this.#beat();
    wait(delayMs);
    return () => {
      cancel();
      end();
    };
  }

  yield(run: () => void): void {
    this.#clock.yield(run);
  }

  afterReads(run: () => void): void {
    this.#clock.afterReads(run);
  }

  /** Counts a stall that a timer reveals. */
  #count(dueMs: number, nowMs: number): void {
    const stallMs = nowMs - Math.max(dueMs, this.#countedMs);
    if (stallMs >= STALL_MS) this.#stalledMs += stallMs;
    this.#countedMs = nowMs;
  }

  #beat(): void {
    this.#beatDueMs = this.#clock.now() + BEAT_MS;
    this.#cancelBeat = this.#clock.after(BEAT_MS, () => {
      this.#count(this.#beatDueMs, this.#clock.now());
      this.#beat();
    });
  }

  #stopBeat(): void {
    this.#cancelBeat();
    this.#beatDueMs = Infinity;
  }
}
