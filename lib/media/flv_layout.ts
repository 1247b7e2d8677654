/**
 * Where things are in the payload of an RTMP audio (type 8) or video (type 9) message. The same bytes
 * are the body of an FLV tag.
 *
 * Sources: FLV 10.1 Annex E ("legacy"), Enhanced RTMP v2 "ExAudioTagHeader" and "ExVideoTagHeader"
 * ("enhanced", where a FourCC names the codec).
 *
 * HOT: everything here runs once per relayed message, so it works on numbers and offsets and allocates
 * nothing. Truncated payloads never throw: an offset may lie behind the end, and the caller looks.
 */

import { readU24 } from "../base/bytes.ts";

/** Type of an FLV tag and id of the RTMP message with the same body. */
export const TagType = { audio: 8, video: 9, data: 18 } as const;

/** Top bit of a video payload: the header is an ExVideoTagHeader. */
const EX_VIDEO_FLAG = 0x80;
/** Top four bits of an audio payload (SoundFormat): the header is an ExAudioTagHeader. */
const EX_AUDIO_FORMAT = 9;

/** Low four bits of an ExVideoTagHeader (VideoPacketType). */
export const VideoPacketType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
} as const;

/** Low four bits of an ExAudioTagHeader (AudioPacketType). */
export const AudioPacketType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  multichannelConfig: 4,
  multitrack: 5,
} as const;

/** Packet type, of audio and video alike, that says: a modifier comes first, the real type after it. */
const MOD_EX = 7;

/** How the tracks of a multitrack message are laid out (AvMultitrackType). */
const MultitrackType = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

/** Length of the FourCC that names the codec of an enhanced payload. */
export const FOURCC_BYTES = 4;
const TRACK_SIZE_BYTES = 3;

/** Whether a video payload has the enhanced header. */
export function isExVideo(payload: Uint8Array): boolean {
  return (payload[0]! & EX_VIDEO_FLAG) !== 0;
}

/** Whether an audio payload has the enhanced header. */
export function isExAudio(payload: Uint8Array): boolean {
  return payload[0]! >>> 4 === EX_AUDIO_FORMAT;
}

/** {@linkcode isExAudio} or {@linkcode isExVideo}, by type of message. */
export function isEnhanced(typeId: number, payload: Uint8Array): boolean {
  return typeId === TagType.audio ? isExAudio(payload) : isExVideo(payload);
}

/** Whether this packet type of an enhanced payload announces tracks with ids. */
export function isMultitrack(typeId: number, packetType: number): boolean {
  const multitrack = typeId === TagType.audio
    ? AudioPacketType.multitrack
    : VideoPacketType.multitrack;
  return packetType === multitrack;
}

/** Low four bits of the byte at `at`; 15, which names nothing, behind the end. */
export function lowNibble(payload: Uint8Array, at: number): number {
  return at < payload.length ? payload[at]! & 0x0f : 0x0f;
}

/**
 * Offset of the byte whose low four bits hold the packet type of an enhanced payload: 0, or behind the
 * ModEx modifiers.
 */
export function packetTypeAt(payload: Uint8Array): number {
  let at = 0;
  while (lowNibble(payload, at) === MOD_EX) at = modExEnd(payload, at + 1);
  return at;
}

/** End of the modifier whose size field is at `at`: there is the next packet type. */
function modExEnd(payload: Uint8Array, at: number): number {
  if (at + 3 > payload.length) return payload.length;
  const size = payload[at]! + 1;
  if (size < 256) return at + 1 + size;
  return at + 3 + (((payload[at + 1]! << 8) | payload[at + 2]!) + 1);
}

/**
 * Offset of the first track's id in a multitrack message, or behind the end when the layout is not known.
 * `at` is where {@linkcode packetTypeAt} found the multitrack type; the byte after it holds the layout
 * and the real packet type, then a FourCC follows in every layout.
 */
export function firstTrackAt(payload: Uint8Array, at: number): number {
  const isKnown = multitrackType(payload, at) <= MultitrackType.manyTracksManyCodecs;
  return isKnown ? at + 2 + FOURCC_BYTES : payload.length;
}

/** Offset of the track id after the one at `trackAt`; at or behind the end when that was the last. */
export function nextTrackAt(payload: Uint8Array, at: number, trackAt: number): number {
  const type = multitrackType(payload, at);
  const bodyAt = trackAt + 1 + TRACK_SIZE_BYTES;
  if (type === MultitrackType.oneTrack || bodyAt > payload.length) return payload.length;
  const nextAt = bodyAt + readU24(payload, trackAt + 1);
  return type === MultitrackType.manyTracksManyCodecs ? nextAt + FOURCC_BYTES : nextAt;
}

function multitrackType(payload: Uint8Array, at: number): number {
  return at + 1 < payload.length ? payload[at + 1]! >>> 4 : 0x0f;
}
