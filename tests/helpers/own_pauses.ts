/** Period of the timer that notices pauses. */
const TICK_MS = 10;

/**
 * Notices when the machine keeps this process from its work: servers are not to blame for what a
 * test sees late.
 */
export class OwnPauses implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #tickMs = performance.now();
  #endedMs = 0;
  #longestMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** All pauses so far, also one of which only its end is missing, in ms. */
  get totalMs(): number {
    return this.#endedMs + this.#lateMs;
  }

  /** A clock, in ms, that stands still in pauses. */
  now(): number {
    return performance.now() - this.totalMs;
  }

  /** Returns the longest pause since the last call, in ms. */
  takeLongestMs(): number {
    this.#tick();
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return Math.round(longestMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** How much later than it should the timer's next call comes at least, in ms. */
  get #lateMs(): number {
    return Math.max(0, performance.now() - this.#tickMs - 2 * TICK_MS);
  }

  #tick(): void {
    const lateMs = this.#lateMs;
    this.#endedMs += lateMs;
    this.#longestMs = Math.max(this.#longestMs, lateMs);
    this.#tickMs = performance.now();
  }
}
