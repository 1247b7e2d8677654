import { addU32, diffU32 } from "../base/u32.ts";

/** A larger step back is a new clock. Smaller ones are interleaving and B-frames. */
const MAX_BACKWARD_MS = 3_000;

/** A larger step ahead is a new clock. Smaller ones are gaps of a source that was cut off. */
const MAX_FORWARD_MS = 60_000;

/** Time between the last message of a clock and the first of the next: a frame at 25 fps. */
const FRAME_MS = 40;

/** A first timestamp below this is kept unchanged. */
const NEAR_ZERO_MS = 10_000;

/** One moment on the clock of a source and in stream time, both u32. */
export interface TimePair {
  readonly sourceMs: number;
  readonly streamMs: number;
}

/**
 * Keeps stream time: one clock for players, however often the source changes. A source's timestamps
 * are shifted by an offset, chosen when the source begins so that time continues.
 */
export class Timeline {
  #isAbsolute: boolean;
  /** Stream time minus source time; null until the next message sets it. */
  #offsetMs: number | null = null;
  #hasTime = false;
  #nowMs = 0;

  /**
   * @param isAbsolute Keeps the source's timestamps (SRS `atc on`). Otherwise stream time starts
   *   near 0, so that 4-byte timestamps first appear after 4 h 39 min, even if the encoder starts
   *   high.
   */
  constructor(isAbsolute: boolean) {
    this.#isAbsolute = isAbsolute;
  }

  /** Newest stream time in ms, u32. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Prepares for another source, or a new clock of the same one. */
  beginSource(isAbsolute: boolean = this.#isAbsolute): void {
    this.#isAbsolute = isAbsolute;
    this.#offsetMs = null;
  }

  /** Prepares for another source whose clock shows `sourceMs` at stream time `streamMs`. */
  resumeSource({ sourceMs, streamMs }: TimePair): void {
    this.#offsetMs = diffU32(streamMs, sourceMs);
  }

  /** Whether `sourceMs` continues the source's clock. False while that is unknown. */
  follows(sourceMs: number): boolean {
    if (this.#isAbsolute) return true;
    return this.#offsetMs !== null && !this.#isJump(addU32(sourceMs, this.#offsetMs));
  }

  /** Returns the stream time of a message with `sourceMs` on its source's clock (both u32). */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  map(sourceMs: number): number {
    if (!this.follows(sourceMs)) this.#offsetMs = diffU32(this.#startFor(sourceMs), sourceMs);
    const streamMs = addU32(sourceMs, this.#offsetMs ?? 0);
    const isNewest = !this.#hasTime || diffU32(streamMs, this.#nowMs) > 0;
    // Only an absolute clock can jump here: it may be set back.
    if (isNewest || this.#isJump(streamMs)) this.#nowMs = streamMs;
    this.#hasTime = true;
    return streamMs;
  }

  #isJump(streamMs: number): boolean {
    const stepMs = diffU32(streamMs, this.#nowMs);
    return stepMs < -MAX_BACKWARD_MS || stepMs > MAX_FORWARD_MS;
  }

  /** Returns the stream time for the first message of a source, stamped `sourceMs`. */
  #startFor(sourceMs: number): number {
    if (this.#hasTime) return addU32(this.#nowMs, FRAME_MS);
    // Leaves room for steps back, so that no early message lands before zero.
    return sourceMs < NEAR_ZERO_MS ? sourceMs : MAX_BACKWARD_MS;
  }
}
