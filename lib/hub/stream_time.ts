import { Role } from "../media/flv_tag.ts";
import { isMetadata } from "../media/metadata.ts";
import { METADATA_TIMESTAMP_MS } from "./header_set.ts";
import type { Timeline, Track } from "./timeline.ts";

/**
 * Returns the stream time of a data message. Encoders and origins may stamp data and headers with 0
 * at any time: those belong to now and are no new clock.
 *
 * @param sourceMs The source's timestamp.
 */
export function dataTimeOf(timeline: Timeline, sourceMs: number, body: Uint8Array): number {
  if (isMetadata(body)) return METADATA_TIMESTAMP_MS;
  return sourceMs === 0 ? timeline.nowMs : timeline.dataTime(sourceMs);
}

/** Returns the stream time of an audio or video message. */
export function mediaTimeOf(
  timeline: Timeline,
  track: Track,
  sourceMs: number,
  role: Role,
  arrivalMs: number,
): number {
  const isLost = role === Role.side && !timeline.follows(track, sourceMs, arrivalMs);
  return isLost ? timeline.nowMs : timeline.map(track, sourceMs, arrivalMs);
}
