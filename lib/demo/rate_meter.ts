/** Bit rate over the last moments of a growing byte count. */

/** How far back the rate looks. */
const WINDOW_MS = 2000;

/** Fed with totals now and then, tells the rate between the oldest and the newest in its window. */
export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly totalBytes: number }[] = [];

  /** Takes the bytes counted so far at a time that never runs backwards. */
  sample(atMs: number, totalBytes: number): void {
    this.#samples.push({ atMs, totalBytes });
    // The one that is just older than the window stays: the window is measured from it.
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= atMs - WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Thousands of bits per second, 0 until two samples were taken at different times. */
  get kbps(): number {
    const oldest = this.#samples[0];
    const newest = this.#samples.at(-1);
    if (oldest === undefined || newest === undefined) return 0;
    const spanMs = newest.atMs - oldest.atMs;
    return spanMs === 0 ? 0 : (newest.totalBytes - oldest.totalBytes) * 8 / spanMs;
  }
}
