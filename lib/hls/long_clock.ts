import { diffU32 } from "../base/u32.ts";

/** Unwraps u32 timestamps. */
export class LongClock {
  #lastU32 = 0;
  #longMs = 0;

  /** Returns the time of a timestamp, which is near the one before. */
  at(timestampMs: number): number {
    this.#longMs += diffU32(timestampMs, this.#lastU32);
    this.#lastU32 = timestampMs;
    return this.#longMs;
  }
}
