/** The longest time between two messages. */
export class SilenceMeter {
  #newestMs: number | null = null;
  #longestMs = 0;

  /** A message arrives. `nowMs` must not decrease. */
  note(nowMs: number): void {
    if (this.#newestMs !== null) {
      this.#longestMs = Math.max(this.#longestMs, nowMs - this.#newestMs);
    }
    this.#newestMs = nowMs;
  }

  /** Returns the longest since the last call, the present silence included, in ms. */
  take(nowMs: number): number {
    if (this.#newestMs !== null) {
      this.#longestMs = Math.max(this.#longestMs, nowMs - this.#newestMs);
    }
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return Math.round(longestMs);
  }
}
