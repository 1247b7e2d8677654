import {
  firstTrackAt,
  isEnhanced,
  isMultitrack,
  lowNibble,
  nextTrackAt,
  packetTypeAt,
  TagType,
} from "./flv_layout.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "./flv_tag.ts";

/**
 * Returns the key of a header: a newer header with the same key replaces it. `payload` must be
 * audio or video that classifies as sequence header, metadata or channel configuration. Never
 * throws.
 *
 * - `video`, `audio`: the only or default track. A multitrack message of just track 0 is that
 *   track.
 * - `video:1`, `audio:2`: further tracks. `video:0+1`: several in one message, in order of their
 *   ids.
 * - `video-metadata`, `audio-channels`, with the same suffixes: all but decoder configurations.
 *
 * A header of several tracks does not replace those of the single tracks, so keep headers in order
 * of arrival. Limit how many: a hostile publisher can invent any number of keys.
 */
export function headerKey(typeId: number, payload: Uint8Array): string {
  return prefixOf(typeId, payload) + trackSuffix(typeId, payload);
}

function prefixOf(typeId: number, payload: Uint8Array): string {
  if (typeId === TagType.audio) {
    return classifyAudio(payload) === AudioKind.channelConfig ? "audio-channels" : "audio";
  }
  return classifyVideo(payload) === VideoKind.metadata ? "video-metadata" : "video";
}

function trackSuffix(typeId: number, payload: Uint8Array): string {
  const ids = trackIds(typeId, payload);
  const isDefaultTrackOnly = ids.length === 0 || (ids.length === 1 && ids[0] === 0);
  return isDefaultTrackOnly ? "" : `:${ids.join("+")}`;
}

/** Returns the track ids of a multitrack message, sorted, each once; none for other messages. */
function trackIds(typeId: number, payload: Uint8Array): number[] {
  if (!isEnhanced(typeId, payload)) return [];
  const at = packetTypeAt(payload);
  if (!isMultitrack(typeId, lowNibble(payload, at))) return [];
  const ids = new Set<number>();
  let trackAt = firstTrackAt(payload, at);
  while (trackAt < payload.length) {
    ids.add(payload[trackAt]!);
    trackAt = nextTrackAt(payload, at, trackAt);
  }
  return [...ids].sort((a, b) => a - b);
}
