/** The rate is an average over this time, in ms, */
const WINDOW_MS = 10_000;

/** and may be too high for as long again after the warning. */
const PATIENCE_MS = 10_000;

/** A total at a time. */
interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** What to do about a rate. `kbps` is the average. */
interface RateVerdict {
  readonly type: "warn" | "close";
  readonly kbps: number;
}

/** Watches how fast a publisher sends: warns first, and gives up after a while. */
export class PublishRate {
  /** Oldest first; the first one is as old as the window, or older. */
  readonly #samples: Sample[] = [];
  #warnedMs: number | null = null;

  /**
   * Called about once a second.
   *
   * @param bytes Received since the publish began.
   * @param maxKbps 1 or more.
   * @returns null while the rate is right, or after the warning.
   */
  check(nowMs: number, bytes: number, maxKbps: number): RateVerdict | null {
    this.#samples.push({ atMs: nowMs, bytes });
    while (this.#samples.length > 2 && nowMs - this.#samples[1]!.atMs >= WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0]!;
    const spanMs = nowMs - first.atMs;
    if (spanMs < WINDOW_MS) return null;
    const kbps = Math.round((bytes - first.bytes) * 8 / spanMs);
    if (kbps <= maxKbps) {
      this.#warnedMs = null;
      return null;
    }
    if (this.#warnedMs === null) {
      this.#warnedMs = nowMs;
      return { type: "warn", kbps };
    }
    return nowMs - this.#warnedMs < PATIENCE_MS ? null : { type: "close", kbps };
  }
}
