/** Messages that follow each other within less, in ms, arrived together. */
const MIN_GAP_MS = 5;

/** Gaps remembered. */
const CAPACITY = 32;

/** With fewer gaps it is not known how regular the source is. */
const MIN_GAPS = 8;

/** A silence that a source broke by itself counts for this long, in ms, and up to twice as long. */
const LEARNT_MS = 30_000;

/** Bounds of what is unusual, in ms. */
const SHORTEST_MS = 300;
const LONGEST_MS = 2_000;

/**
 * Learns from the arrivals of a source how long it is usually silent, to tell soon when it is
 * silent for longer: after five usual gaps, 300 ms at least and 2 s at most. A source whose own
 * gaps are longer than that, as slides or keyframes alone have, gets one and a half of them.
 */
export class ArrivalGaps {
  readonly #gapsMs = new Uint32Array(CAPACITY);
  #count = 0;
  #newestMs: number;
  /** Longest gaps of the present and of the previous period of {@linkcode LEARNT_MS}. */
  #longestMs = 0;
  #longestBeforeMs = 0;
  #periodEndMs: number;

  constructor(nowMs: number) {
    this.#newestMs = nowMs;
    this.#periodEndMs = nowMs + LEARNT_MS;
  }

  /** When the newest message arrived, or when the source began. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** A message arrives. */
  // HOT: once per pulled message.
  note(nowMs: number): void {
    const gapMs = nowMs - this.#newestMs;
    this.#newestMs = nowMs;
    if (gapMs < MIN_GAP_MS) return;
    this.#gapsMs[this.#count++ % CAPACITY] = gapMs;
    if (nowMs >= this.#periodEndMs) {
      this.#longestBeforeMs = this.#longestMs;
      this.#longestMs = 0;
      this.#periodEndMs = nowMs + LEARNT_MS;
    }
    // A source that begins may have waited for its publisher, or for a keyframe.
    if (this.#count > MIN_GAPS) this.#longestMs = Math.max(this.#longestMs, gapMs);
  }

  /** Returns the silence, in ms, that is unusual for this source. */
  get unusualMs(): number {
    if (this.#count < 2) return LONGEST_MS;
    const gapsMs = this.#gapsMs.slice(0, Math.min(this.#count, CAPACITY)).sort().reverse();
    // One long gap may have been a failure; two are how the source is.
    const ownMs = 1.5 * gapsMs[1]!;
    if (this.#count < MIN_GAPS) return Math.max(LONGEST_MS, ownMs);
    const usualMs = 5 * gapsMs[gapsMs.length >> 1]!;
    const longestMs = 1.5 * Math.max(this.#longestMs, this.#longestBeforeMs);
    return Math.max(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, usualMs, longestMs)), ownMs);
  }

  /**
   * Returns {@linkcode unusualMs}, for a source that has been silent for `silentMs`. A shorter
   * silence than any that is unusual, as nearly all are, costs nothing.
   */
  limitMs(silentMs: number): number {
    return silentMs < SHORTEST_MS ? SHORTEST_MS : this.unusualMs;
  }
}
