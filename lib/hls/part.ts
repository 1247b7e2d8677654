import type { AudioTrack, VideoTrack } from "./track.ts";

/** A coded video or audio frame. Times are in ms, on a clock that never wraps. */
export interface Packet {
  readonly isVideo: boolean;
  readonly isKey: boolean;
  readonly decodeMs: number;
  readonly presentMs: number;
  /** The whole frame, a view of the log; never changes. */
  readonly data: Uint8Array;
}

/** A part of a segment that is not finished, for low-latency HLS. */
export interface Part {
  /** The tracks of the segment; those that its first part has packets of. */
  readonly video: VideoTrack | null;
  readonly audio: AudioTrack | null;
  /** In order of arrival. */
  readonly packets: readonly Packet[];
  readonly durationMs: number;
  /** Whether it is the first one of its segment. */
  readonly isFirst: boolean;
  /** Whether its segment ends with it. */
  readonly isLast: boolean;
  /** When the packet that follows is decoded. */
  readonly endMs: number;
  /** Of the first one: the segment does not continue the segment before. */
  readonly isDiscontinuity: boolean;
  /** Whether decoding can start in it. */
  readonly isIndependent: boolean;
}

/**
 * Longest duration of a part, in ms. All but the last of a segment must have 85 % of it (RFC
 * 8216bis §4.4.4.9): whole frames of all usual rates but 6 a second do, also with stamps in whole
 * ms.
 */
export const PART_MS = 420;

/**
 * Returns when the last of a track's packets is over, in ms. In the leading track, which is the
 * video if there is one, it lasts until the segment or part ends. Others end elsewhere: there it
 * lasts as long as its packets on average. A shorter one makes Chromium take what follows for a
 * leap in time, and drop the frames of all tracks up to a keyframe (Media Source Extensions, "coded
 * frame processing").
 *
 * @param packets Those of the track; at least one.
 * @param endMs When the segment or part ends.
 */
export function trackEndMs(packets: readonly Packet[], endMs: number, isLeading: boolean): number {
  const [firstMs, lastMs] = [packets[0]!.decodeMs, packets.at(-1)!.decodeMs];
  if (isLeading || packets.length === 1) return Math.max(endMs, lastMs);
  return lastMs + (lastMs - firstMs) / (packets.length - 1);
}
