import type { Segment } from "./segmenter.ts";

/** How far dates may be behind the clock, or after a burst ahead of it. */
const MAX_BEHIND_MS = 1000;
const MAX_AHEAD_MS = 10_000;

/** The times of day at which the segments of a stream begin. */
export class WallTimes {
  /** When the next segment begins if it continues the newest one. */
  #nextMs = Infinity;

  /**
   * Returns the time of day of the first frame, by the stream's own time while it continues.
   *
   * @param cutWallMs When the segment was cut, in ms since 1970.
   */
  begin(
    { durationMs, ageMs, isDiscontinuity }: Pick<
      Segment,
      "durationMs" | "ageMs" | "isDiscontinuity"
    >,
    cutWallMs: number,
  ): number {
    const measuredMs = cutWallMs - ageMs;
    const expectedMs = isDiscontinuity ? Infinity : this.#nextMs;
    const aheadMs = expectedMs - measuredMs;
    const isNear = aheadMs >= -MAX_BEHIND_MS && aheadMs <= MAX_AHEAD_MS;
    const wallMs = isNear ? expectedMs : measuredMs;
    this.#nextMs = wallMs + durationMs;
    return wallMs;
  }

  /** Sets when the next segment begins. */
  continueAt(wallMs: number): void {
    this.#nextMs = wallMs;
  }
}
