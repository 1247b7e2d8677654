/**
 * Stream time: one clock for the players however often the source changes. A source's timestamps are
 * mapped by an offset that is chosen when it begins, so that time goes on where it was.
 */

import { addU32, diffU32 } from "../base/u32.ts";

/** A source may step back this far (interleaving, B-frames) without being taken for a new clock. */
const MAX_BACKWARD_MS = 3_000;

/** A source may leap this far ahead (it was cut off for so long) without being taken for a new clock. */
const MAX_FORWARD_MS = 60_000;

/** Time from the last message of one clock to the first of the next: a frame at 25 frames a second. */
const FRAME_MS = 40;

/** A first timestamp below this is kept as it is. */
const NEAR_ZERO_MS = 10_000;

/** One moment on a source's clock and in stream time, both u32. */
export interface TimePair {
  readonly sourceMs: number;
  readonly streamMs: number;
}

/** See the file comment. */
export class Timeline {
  #isAbsolute: boolean;
  /** What to add to the source's clock; null when the next message fixes it. */
  #offsetMs: number | null = null;
  #hasTime = false;
  #nowMs = 0;

  /**
   * @param isAbsolute Keeps the source's own timestamps (SRS `atc on`). Otherwise stream time begins
   *   near 0, which puts off the 4-byte timestamps of encoders that begin high by 4 h 39 min.
   */
  constructor(isAbsolute: boolean) {
    this.#isAbsolute = isAbsolute;
  }

  /** Newest stream time in ms, u32. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The next message comes from another source, or from the same one with a new clock. */
  beginSource(isAbsolute: boolean = this.#isAbsolute): void {
    this.#isAbsolute = isAbsolute;
    this.#offsetMs = null;
  }

  /** The next message comes from another source, whose clock shows `sourceMs` at stream time `streamMs`. */
  resumeSource({ sourceMs, streamMs }: TimePair): void {
    this.#offsetMs = diffU32(streamMs, sourceMs);
  }

  /** Whether a message with `sourceMs` lies where the source's clock is, as far as that is known. */
  follows(sourceMs: number): boolean {
    if (this.#isAbsolute) return true;
    return this.#offsetMs !== null && !this.#isJump(addU32(sourceMs, this.#offsetMs));
  }

  /** Stream time of a message with `sourceMs` on its source's clock (both u32). */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  map(sourceMs: number): number {
    if (!this.follows(sourceMs)) this.#offsetMs = diffU32(this.#startFor(sourceMs), sourceMs);
    const streamMs = addU32(sourceMs, this.#offsetMs ?? 0);
    const isNewest = !this.#hasTime || diffU32(streamMs, this.#nowMs) > 0;
    // Only an absolute clock comes here with a jump: it may be set back.
    if (isNewest || this.#isJump(streamMs)) this.#nowMs = streamMs;
    this.#hasTime = true;
    return streamMs;
  }

  #isJump(streamMs: number): boolean {
    const stepMs = diffU32(streamMs, this.#nowMs);
    return stepMs < -MAX_BACKWARD_MS || stepMs > MAX_FORWARD_MS;
  }

  /** Where a source that begins with `sourceMs` begins in stream time. */
  #startFor(sourceMs: number): number {
    if (this.#hasTime) return addU32(this.#nowMs, FRAME_MS);
    // Room to step back to, so that no early message lands before zero.
    return sourceMs < NEAR_ZERO_MS ? sourceMs : MAX_BACKWARD_MS;
  }
}
