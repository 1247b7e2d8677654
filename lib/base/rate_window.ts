/** Interval at which {@linkcode RateWindow.sample} should be called. */
export const RATE_SAMPLE_MS = 3_000;

/** Number of samples kept. The oldest is 30 s old. */
const SAMPLES = 11;

/**
 * Computes the rates of two byte counters over the last 30 s from periodic samples. A counter that
 * falls belongs to another object of the same name: what it has counted by then is no growth, so a
 * rate is never negative.
 */
export class RateWindow {
  /** Ring buffer of samples: time, and growth of both counters since the first sample. */
  readonly #ring = new Float64Array(SAMPLES * 3);
  #samples = 0;
  /** Both counters at the newest sample. */
  #receivedBytes = 0;
  #sentBytes = 0;

  /** Records the values of both counters at `nowMs`. */
  sample(nowMs: number, receivedBytes: number, sentBytes: number): void {
    const before = ((this.#samples + SAMPLES - 1) % SAMPLES) * 3;
    const isFirst = this.#samples === 0;
    const at = (this.#samples++ % SAMPLES) * 3;
    const grown = (counter: number, bytes: number) =>
      isFirst ? 0 : this.#ring[before + counter]! + Math.max(0, bytes);
    this.#ring[at] = nowMs;
    this.#ring[at + 1] = grown(1, receivedBytes - this.#receivedBytes);
    this.#ring[at + 2] = grown(2, sentBytes - this.#sentBytes);
    this.#receivedBytes = receivedBytes;
    this.#sentBytes = sentBytes;
  }

  /** Average rates in kbit/s, rounded; 0 before the second sample. */
  get kbps(): { recvKbps: number; sendKbps: number } {
    return {
      recvKbps: Math.round(this.#perMs(1) * 8),
      sendKbps: Math.round(this.#perMs(2) * 8),
    };
  }

  /** By how much the first counter, grows in a second. */
  get firstPerSecond(): number {
    return this.#perMs(1) * 1_000;
  }

  #perMs(counter: 1 | 2): number {
    if (this.#samples < 2) return 0;
    const oldest = this.#samples > SAMPLES ? this.#samples % SAMPLES : 0;
    const newest = (this.#samples - 1) % SAMPLES;
    const grown = (column: number) =>
      this.#ring[newest * 3 + column]! - this.#ring[oldest * 3 + column]!;
    return grown(counter) / Math.max(1, grown(0));
  }
}
