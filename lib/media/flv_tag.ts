/**
 * What an RTMP audio or video message is to somebody who joins or skips: a point to start at, a header
 * to have first, or something in between. Nothing else of the payload is looked at.
 *
 * HOT: called once per relayed message; numbers only, no allocation.
 */

import {
  AudioPacketType,
  firstTrackAt,
  FOURCC_BYTES,
  isExAudio,
  isExVideo,
  lowNibble,
  nextTrackAt,
  packetTypeAt,
  TagType,
  VideoPacketType,
} from "./flv_layout.ts";

/** What a video message is. */
export const VideoKind = {
  /** Empty, cut short, or of a packet type that is not known. */
  unknown: 0,
  /** A picture that needs earlier ones, or a keyframe of a track other than the default one. */
  frame: 1,
  /** A picture of the default track that decoding can start at: a random access point. */
  keyframe: 2,
  /** Decoder configuration. Not a picture, though it carries the keyframe flag. */
  sequenceHeader: 3,
  /** The sequence is over; a new header comes before the next picture. */
  sequenceEnd: 4,
  /** Enhanced RTMP metadata frame (HDR `colorInfo`): valid until the next one, so joiners need it. */
  metadata: 5,
  /** Video info or command frame (start or end of a seek); no picture. */
  command: 6,
} as const;
/** One of {@linkcode VideoKind}. */
export type VideoKind = typeof VideoKind[keyof typeof VideoKind];

/** What an audio message is. */
export const AudioKind = {
  /** Empty (Flash's "silence" message), cut short, or of a packet type that is not known. */
  unknown: 0,
  /** Sound; decoding can start at any of them. */
  frame: 1,
  /** Decoder configuration. */
  sequenceHeader: 3,
  /** The sequence is over. */
  sequenceEnd: 4,
  /** Enhanced RTMP multichannel configuration (speaker layout): joiners need it like a header. */
  channelConfig: 5,
} as const;
/** One of {@linkcode AudioKind}. */
export type AudioKind = typeof AudioKind[keyof typeof AudioKind];

/** Three bits of a video payload's first byte (VideoFrameType). */
const FrameType = { key: 1, generatedKey: 4, command: 5 } as const;

/** Legacy codecs whose second byte is a packet type: AVC, and HEVC and AV1 as CDNs squeezed them in. */
const CODEC_ID_AVC = 7;
const CODEC_ID_HEVC = 12;
const CODEC_ID_AV1 = 13;
/** Type and composition time before the body of those codecs. */
const AVC_HEADER_BYTES = 5;

/** Second byte of a legacy payload with packet types (AVCPacketType, AACPacketType). */
const LegacyPacketType = { sequenceHeader: 0, frame: 1, sequenceEnd: 2 } as const;

const SOUND_FORMAT_AAC = 10;

/**
 * Kind of a video (type 9) payload. Never throws.
 *
 * In a multitrack message (Enhanced RTMP v2) only a keyframe of track 0 is a `keyframe`: tracks are sent
 * in messages of their own, and a viewer who starts at the keyframe of track 2 has missed the one of the
 * default track.
 */
export function classifyVideo(payload: Uint8Array): VideoKind {
  if (payload.length === 0) return VideoKind.unknown;
  return isExVideo(payload) ? classifyExVideo(payload) : classifyLegacyVideo(payload);
}

/** Kind of an audio (type 8) payload. Never throws. */
export function classifyAudio(payload: Uint8Array): AudioKind {
  if (payload.length < 2) return AudioKind.unknown;
  if (isExAudio(payload)) return classifyExAudio(payload);
  if (payload[0]! >>> 4 !== SOUND_FORMAT_AAC) return AudioKind.frame;
  return payload[1] === LegacyPacketType.sequenceHeader
    ? AudioKind.sequenceHeader
    : AudioKind.frame;
}

/**
 * Whether a message describes the frames of others and carries none: metadata, cue points, decoder
 * configurations. Never throws.
 */
export function isSideData(typeId: number, payload: Uint8Array): boolean {
  if (typeId === TagType.video) {
    const kind = classifyVideo(payload);
    return kind === VideoKind.sequenceHeader || kind === VideoKind.metadata;
  }
  if (typeId === TagType.audio) {
    const kind = classifyAudio(payload);
    return kind === AudioKind.sequenceHeader || kind === AudioKind.channelConfig;
  }
  return true;
}

function classifyLegacyVideo(payload: Uint8Array): VideoKind {
  if (frameTypeOf(payload) === FrameType.command) return VideoKind.command;
  switch (payload[0]! & 0x0f) {
    case CODEC_ID_AVC:
    case CODEC_ID_HEVC:
    case CODEC_ID_AV1:
      return classifyAvcLike(payload);
    default:
      return pictureKind(payload, 1);
  }
}

function classifyAvcLike(payload: Uint8Array): VideoKind {
  switch (payload[1]) {
    case LegacyPacketType.sequenceHeader:
      return VideoKind.sequenceHeader;
    case LegacyPacketType.frame:
      return pictureKind(payload, AVC_HEADER_BYTES);
    case LegacyPacketType.sequenceEnd:
      return VideoKind.sequenceEnd;
    default:
      return VideoKind.unknown;
  }
}

function classifyExVideo(payload: Uint8Array): VideoKind {
  const at = packetTypeAt(payload);
  const type = lowNibble(payload, at);
  // The frame type of metadata means nothing, and FFmpeg does send it as "command".
  if (type !== VideoPacketType.metadata && frameTypeOf(payload) === FrameType.command) {
    return VideoKind.command;
  }
  if (type !== VideoPacketType.multitrack) return exVideoKind(payload, type, at + 1 + FOURCC_BYTES);
  const trackAt = firstTrackAt(payload, at);
  const kind = exVideoKind(payload, lowNibble(payload, at + 1), trackAt + 1);
  return kind === VideoKind.keyframe && !hasDefaultTrack(payload, at) ? VideoKind.frame : kind;
}

/** Kind of an enhanced payload with this packet type, whose header ends at `bodyAt`. */
function exVideoKind(payload: Uint8Array, packetType: number, bodyAt: number): VideoKind {
  if (bodyAt > payload.length) return VideoKind.unknown;
  switch (packetType) {
    case VideoPacketType.sequenceStart:
    case VideoPacketType.mpeg2TsSequenceStart:
      return VideoKind.sequenceHeader;
    case VideoPacketType.codedFrames:
    case VideoPacketType.codedFramesX:
      return pictureKind(payload, bodyAt);
    case VideoPacketType.sequenceEnd:
      return VideoKind.sequenceEnd;
    case VideoPacketType.metadata:
      return VideoKind.metadata;
    default:
      return VideoKind.unknown;
  }
}

/** A keyframe, if it has the flag and a body; nothing can start at a header without a picture. */
function pictureKind(payload: Uint8Array, bodyAt: number): VideoKind {
  const frameType = frameTypeOf(payload);
  const hasKeyFlag = frameType === FrameType.key || frameType === FrameType.generatedKey;
  return hasKeyFlag && payload.length > bodyAt ? VideoKind.keyframe : VideoKind.frame;
}

function frameTypeOf(payload: Uint8Array): number {
  return (payload[0]! >>> 4) & 0x07;
}

function hasDefaultTrack(payload: Uint8Array, at: number): boolean {
  let trackAt = firstTrackAt(payload, at);
  while (trackAt < payload.length) {
    if (payload[trackAt] === 0) return true;
    trackAt = nextTrackAt(payload, at, trackAt);
  }
  return false;
}

function classifyExAudio(payload: Uint8Array): AudioKind {
  const at = packetTypeAt(payload);
  const type = lowNibble(payload, at);
  if (type !== AudioPacketType.multitrack) return exAudioKind(payload, type, at + 1 + FOURCC_BYTES);
  return exAudioKind(payload, lowNibble(payload, at + 1), firstTrackAt(payload, at) + 1);
}

/** Kind of an enhanced payload with this packet type, whose header ends at `bodyAt`. */
function exAudioKind(payload: Uint8Array, packetType: number, bodyAt: number): AudioKind {
  if (bodyAt > payload.length) return AudioKind.unknown;
  switch (packetType) {
    case AudioPacketType.sequenceStart:
      return AudioKind.sequenceHeader;
    case AudioPacketType.codedFrames:
      return AudioKind.frame;
    case AudioPacketType.sequenceEnd:
      return AudioKind.sequenceEnd;
    case AudioPacketType.multichannelConfig:
      return AudioKind.channelConfig;
    default:
      return AudioKind.unknown;
  }
}
