/** Rates of two counters over the last 30 s, from samples that are taken now and then. */

/** How often to sample, in ms. */
export const RATE_SAMPLE_MS = 3_000;

/** Samples kept: the oldest is 30 s back. */
const SAMPLES = 11;

/** See the file comment. */
export class RateWindow {
  /** Time, bytes received and bytes sent, sample by sample, round and round. */
  readonly #ring = new Float64Array(SAMPLES * 3);
  #samples = 0;

  /** Takes note of the counters at `nowMs`. */
  sample(nowMs: number, receivedBytes: number, sentBytes: number): void {
    const at = (this.#samples++ % SAMPLES) * 3;
    this.#ring[at] = nowMs;
    this.#ring[at + 1] = receivedBytes;
    this.#ring[at + 2] = sentBytes;
  }

  /** Averages in kbit/s, whole; 0 before the second sample. */
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
