import { concatBytes } from "../base/bytes.ts";
import {
  firstTrackAt,
  fourccAt,
  isEnhanced,
  isMultitrack,
  isVideoCommand,
  lowNibble,
  nextTrackAt,
  packetTypeAt,
  TagType,
  trackBody,
} from "./flv_layout.ts";

/** Id of the track that players take which know only one (Enhanced RTMP v2, "trackId"). */
const DEFAULT_TRACK = 0;

/** Whether a message is audio or video that consists of tracks with ids (Enhanced RTMP v2). */
// HOT: once per media message of a stream.
export function hasTracks(typeId: number, payload: Uint8Array): boolean {
  if (typeId !== TagType.audio && typeId !== TagType.video) return false;
  if (payload.length === 0 || !isEnhanced(typeId, payload)) return false;
  if (typeId === TagType.video && isVideoCommand(payload)) return false;
  return isMultitrack(typeId, lowNibble(payload, packetTypeAt(payload)));
}

/**
 * Returns the default track of a payload that {@linkcode hasTracks}, as a payload without tracks:
 * its modifiers, packet type and FourCC, then the body of the track. Null if the message is damaged
 * or has only other tracks.
 */
export function defaultTrackOf(payload: Uint8Array): Uint8Array | null {
  const at = packetTypeAt(payload);
  let trackAt = firstTrackAt(payload, at);
  while (trackAt < payload.length && payload[trackAt] !== DEFAULT_TRACK) {
    trackAt = nextTrackAt(payload, at, trackAt);
  }
  if (trackAt >= payload.length) return null;
  const body = trackBody(payload, at, trackAt);
  if (body === null) return null;
  const packetType = (payload[at]! & 0xf0) | lowNibble(payload, at + 1);
  return concatBytes([
    payload.subarray(0, at),
    new Uint8Array([packetType]),
    fourccAt(payload, at, trackAt),
    body,
  ]);
}
