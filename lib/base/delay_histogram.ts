/** Counts delays in buckets. */
export class DelayHistogram {
  /** Upper bounds of the buckets in seconds, ascending; the last bucket has none. */
  readonly boundsSeconds: readonly number[];
  readonly #counts: number[];
  #sumSeconds = 0;

  constructor(boundsSeconds: readonly number[]) {
    this.boundsSeconds = boundsSeconds;
    this.#counts = new Array<number>(boundsSeconds.length + 1).fill(0);
  }

  /** Delays by bucket: one per bound, and one for delays beyond the last bound. */
  get counts(): readonly number[] {
    return [...this.#counts];
  }

  /** Sum of all delays. */
  get sumSeconds(): number {
    return this.#sumSeconds;
  }

  /** Counts a delay, 0 or more, so many times. */
  observe(seconds: number, times = 1): void {
    const bounds = this.boundsSeconds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    this.#counts[bucket]! += times;
    this.#sumSeconds += seconds * times;
  }
}
