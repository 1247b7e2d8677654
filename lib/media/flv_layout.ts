/**
 * The layout of RTMP audio (type 8) and video (type 9) payloads, which are also the bodies of FLV
 * tags.
 *
 * Sources: FLV 10.1 Annex E ("legacy"), and Enhanced RTMP v2 "ExAudioTagHeader" and
 * "ExVideoTagHeader" ("enhanced": a FourCC names the codec).
 *
 * HOT: runs once per relayed message, so it works on numbers and offsets and never allocates.
 * Truncated payloads never throw: an offset may lie past the end, so callers compare.
 */

import { readU24 } from "../base/bytes.ts";

/** Type of an FLV tag, and of the RTMP message with the same body. */
export const TagType = { audio: 8, video: 9, data: 18 } as const;

/** Top bit of a video payload: the header is an ExVideoTagHeader. */
const EX_VIDEO_FLAG = 0x80;
/** Top four bits of an audio payload (SoundFormat): the header is an ExAudioTagHeader. */
const EX_AUDIO_FORMAT = 9;

/** Three bits of a video payload's first byte (VideoFrameType): info or command frame. */
const VIDEO_COMMAND = 5;

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

/** Packet type of audio and video that announces a modifier, with the real packet type after it. */
const MOD_EX = 7;

/** Layouts of a multitrack message (AvMultitrackType). */
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

/** Whether the frame type of a video payload says that a command follows instead of a frame. */
export function isVideoCommand(payload: Uint8Array): boolean {
  return ((payload[0]! >>> 4) & 0x07) === VIDEO_COMMAND;
}

/** {@linkcode isExAudio} or {@linkcode isExVideo}, by type of message. */
export function isEnhanced(typeId: number, payload: Uint8Array): boolean {
  return typeId === TagType.audio ? isExAudio(payload) : isExVideo(payload);
}

/** Whether an enhanced payload with this packet type consists of tracks with ids. */
export function isMultitrack(typeId: number, packetType: number): boolean {
  const multitrack = typeId === TagType.audio
    ? AudioPacketType.multitrack
    : VideoPacketType.multitrack;
  return packetType === multitrack;
}

/** Returns the low four bits of the byte at `at`; 15, which has no meaning, past the end. */
export function lowNibble(payload: Uint8Array, at: number): number {
  return at < payload.length ? payload[at]! & 0x0f : 0x0f;
}

/**
 * Returns the offset of the byte whose low four bits are the packet type of an enhanced payload: 0,
 * or the offset after the ModEx modifiers.
 */
export function packetTypeAt(payload: Uint8Array): number {
  let at = 0;
  while (lowNibble(payload, at) === MOD_EX) at = modExEnd(payload, at + 1);
  return at;
}

/** Returns the end of the modifier with its size field at `at`: there is the next packet type. */
function modExEnd(payload: Uint8Array, at: number): number {
  if (at + 3 > payload.length) return payload.length;
  const size = payload[at]! + 1;
  if (size < 256) return at + 1 + size;
  return at + 3 + (((payload[at + 1]! << 8) | payload[at + 2]!) + 1);
}

/**
 * Returns the offset of the first track's id in a multitrack message; past the end if the layout is
 * unknown. `at` is where {@linkcode packetTypeAt} found the multitrack type. The byte after it
 * holds layout and real packet type; in every layout a FourCC follows.
 */
export function firstTrackAt(payload: Uint8Array, at: number): number {
  const isKnown = multitrackType(payload, at) <= MultitrackType.manyTracksManyCodecs;
  return isKnown ? at + 2 + FOURCC_BYTES : payload.length;
}

/** Returns the offset of the track id after the one at `trackAt`; at or past the end if none. */
export function nextTrackAt(payload: Uint8Array, at: number, trackAt: number): number {
  const type = multitrackType(payload, at);
  const bodyAt = trackAt + 1 + TRACK_SIZE_BYTES;
  if (type === MultitrackType.oneTrack || bodyAt > payload.length) return payload.length;
  const nextAt = bodyAt + readU24(payload, trackAt + 1);
  return type === MultitrackType.manyTracksManyCodecs ? nextAt + FOURCC_BYTES : nextAt;
}

/** Returns the body of the track whose id is at `trackAt`; null if it is cut short. */
export function trackBody(payload: Uint8Array, at: number, trackAt: number): Uint8Array | null {
  if (multitrackType(payload, at) === MultitrackType.oneTrack) return payload.subarray(trackAt + 1);
  const bodyAt = trackAt + 1 + TRACK_SIZE_BYTES;
  if (bodyAt > payload.length) return null;
  const end = bodyAt + readU24(payload, trackAt + 1);
  return end > payload.length ? null : payload.subarray(bodyAt, end);
}

/** Returns the FourCC of the track whose id is at `trackAt`. */
export function fourccAt(payload: Uint8Array, at: number, trackAt: number): Uint8Array {
  const isOwn = multitrackType(payload, at) === MultitrackType.manyTracksManyCodecs;
  const start = isOwn ? trackAt - FOURCC_BYTES : at + 2;
  return payload.subarray(start, start + FOURCC_BYTES);
}

function multitrackType(payload: Uint8Array, at: number): number {
  return at + 1 < payload.length ? payload[at + 1]! >>> 4 : 0x0f;
}
