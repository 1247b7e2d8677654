/** Time the rate is averaged over. */
const WINDOW_MS = 2000;

/** The bit rate of a growing byte count, between the oldest and newest sample of the last 2 s. */
export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly totalBytes: number }[] = [];

  /** Samples the bytes counted so far. `atMs` must not decrease. */
  sample(atMs: number, totalBytes: number): void {
    this.#samples.push({ atMs, totalBytes });
    // Keep the newest sample older than the window: the window is measured from it.
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= atMs - WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** kbit/s; 0 until there are samples of two different times. */
  get kbps(): number {
    const oldest = this.#samples[0];
    const newest = this.#samples.at(-1);
    if (oldest === undefined || newest === undefined) return 0;
    const spanMs = newest.atMs - oldest.atMs;
    return spanMs === 0 ? 0 : (newest.totalBytes - oldest.totalBytes) * 8 / spanMs;
  }
}
