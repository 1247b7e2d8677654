/** Which of the stored headers a new one replaces. */

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
 * Key under which a join point keeps the newest header: a later header of the same track gets the same
 * key, one of another track another. Only for audio and video messages which classify as sequence
 * header, metadata or channel configuration. Never throws.
 *
 * `video`, `audio`: the only or default track (a multitrack message of just track 0 is the same track);
 * `video:1`, `audio:2`: further tracks; `video:0+1`: several in one message, ids rising;
 * `video-metadata`, `audio-channels`, with the same endings: what is not a decoder configuration.
 *
 * A header of several tracks does not replace those of its single tracks. So keep them in the order of
 * arrival, and limit how many: a hostile publisher can make up as many keys as it likes.
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

/** Ids in a multitrack message, each once, rising; none for other messages. */
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
