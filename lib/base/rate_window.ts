/** Interval at which {@linkcode RateWindow.sample} should be called. */
export const RATE_SAMPLE_MS = 3_000;

/** Number of samples kept. The oldest is 30 s old. */
const SAMPLES = 11;

/** Computes the rates of two byte counters over the last 30 s from periodic samples. */
export class RateWindow {
  /** Ring buffer of samples: time, bytes received, bytes sent. */
  readonly #ring = new Float64Array(SAMPLES * 3);
  #samples = 0;

  /** Records the values of both counters at `nowMs`. */
  sample(nowMs: number, receivedBytes: number, sentBytes: number): void {
    const at = (this.#samples++ % SAMPLES) * 3;
    this.#ring[at] = nowMs;
    this.#ring[at + 1] = receivedBytes;
    this.#ring[at + 2] = sentBytes;
  }

  /** Average rates in kbit/s, rounded; 0 before the second sample. */
  get kbps(): { recvKbps: number; sendKbps: number } {
    if (this.#samples < 2) return { recvKbps: 0, sendKbps: 0 };
    const oldest = this.#samples > SAMPLES ? this.#samples % SAMPLES : 0;
    const newest = (this.#samples - 1) % SAMPLES;
    const grown = (counter: number) =>
      this.#ring[newest * 3 + counter]! - this.#ring[oldest * 3 + counter]!;
    const perMs = (counter: number) => Math.round(grown(counter) * 8 / Math.max(1, grown(0)));
    return { recvKbps: perMs(1), sendKbps: perMs(2) };
  }
}
