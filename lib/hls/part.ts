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
