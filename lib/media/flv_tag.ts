/**
 * Classifies RTMP audio and video messages by what they mean to a player that joins or skips: where
 * it can start, what it needs first, and the rest.
 *
 * HOT: runs once per relayed message, so it works on numbers and never allocates.
 */

import { audioCodecs, videoCodecs } from "./codecs.ts";
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

/** Kinds of video messages. */
export const VideoKind = {
  /** Empty, cut short, or of an unknown packet type. */
  unknown: 0,
  /** A frame that needs earlier ones, or a keyframe of a track other than the default one. */
  frame: 1,
  /** A frame of the default track at which decoding can start: a random access point. */
  keyframe: 2,
  /** A decoder configuration. Has the keyframe flag but is no frame. */
  sequenceHeader: 3,
  /** The end of a sequence; a new header precedes the next frame. */
  sequenceEnd: 4,
  /** Enhanced RTMP metadata (HDR `colorInfo`): in force until the next, so new players need it. */
  metadata: 5,
  /** Video info or command frame (start or end of a seek); no frame. */
  command: 6,
} as const;
/** One of {@linkcode VideoKind}. */
export type VideoKind = typeof VideoKind[keyof typeof VideoKind];

/** Kinds of audio messages. */
export const AudioKind = {
  /** Empty (Flash's "silence" message), cut short, or of an unknown packet type. */
  unknown: 0,
  /** A frame. Decoding can start at any of them. */
  frame: 1,
  /** A decoder configuration. */
  sequenceHeader: 3,
  /** The end of a sequence. */
  sequenceEnd: 4,
  /** Enhanced RTMP multichannel configuration (speaker layout). New players need it. */
  channelConfig: 5,
} as const;
/** One of {@linkcode AudioKind}. */
export type AudioKind = typeof AudioKind[keyof typeof AudioKind];

/** Three bits of a video payload's first byte (VideoFrameType). */
const FrameType = { key: 1, generatedKey: 4, command: 5 } as const;

/** Packet type and composition time before the body of legacy video that has them. */
const LEGACY_VIDEO_HEADER_BYTES = 5;

/** Second byte of a legacy payload with packet types (AVCPacketType, AACPacketType). */
const LegacyPacketType = { sequenceHeader: 0, frame: 1, sequenceEnd: 2 } as const;

/**
 * Returns the kind of a video (type 9) payload. Never throws.
 *
 * In multitrack messages (Enhanced RTMP v2) only a keyframe of track 0 is a `keyframe`. Tracks are
 * sent in separate messages, so a player that starts at the keyframe of track 2 has missed that of
 * the default track.
 */
export function classifyVideo(payload: Uint8Array): VideoKind {
  if (payload.length === 0) return VideoKind.unknown;
  return isExVideo(payload) ? classifyExVideo(payload) : classifyLegacyVideo(payload);
}

/** Returns the kind of an audio (type 8) payload. Never throws. */
export function classifyAudio(payload: Uint8Array): AudioKind {
  if (payload.length < 2) return AudioKind.unknown;
  if (isExAudio(payload)) return classifyExAudio(payload);
  if (!audioCodecs.hasPacketType(payload[0]! >>> 4)) return AudioKind.frame;
  return payload[1] === LegacyPacketType.sequenceHeader
    ? AudioKind.sequenceHeader
    : AudioKind.frame;
}

/** What a message is to those that follow a stream. */
export const Role = {
  /** No frame, and of no use to later frames. */
  other: 0,
  /** Carries a frame. */
  frame: 1,
  /** Describes the frames of others: metadata, cue points, decoder configurations. */
  side: 2,
} as const;
/** One of {@linkcode Role}. */
export type Role = typeof Role[keyof typeof Role];

/** Returns the role of a message. Never throws. */
export function roleOf(typeId: number, payload: Uint8Array): Role {
  if (typeId === TagType.video) {
    const kind = classifyVideo(payload);
    if (kind === VideoKind.frame || kind === VideoKind.keyframe) return Role.frame;
    const isSide = kind === VideoKind.sequenceHeader || kind === VideoKind.metadata;
    return isSide ? Role.side : Role.other;
  }
  if (typeId !== TagType.audio) return Role.side;
  const kind = classifyAudio(payload);
  if (kind === AudioKind.frame) return Role.frame;
  const isSide = kind === AudioKind.sequenceHeader || kind === AudioKind.channelConfig;
  return isSide ? Role.side : Role.other;
}

/** Whether a message is {@linkcode Role.side}. Never throws. */
export function isSideData(typeId: number, payload: Uint8Array): boolean {
  return roleOf(typeId, payload) === Role.side;
}

/** Whether an audio or video message carries a frame. Never throws. */
export function isFrame(typeId: number, payload: Uint8Array): boolean {
  return roleOf(typeId, payload) === Role.frame;
}

function classifyLegacyVideo(payload: Uint8Array): VideoKind {
  if (frameTypeOf(payload) === FrameType.command) return VideoKind.command;
  if (!videoCodecs.hasPacketType(payload[0]! & 0x0f)) return frameKind(payload, 1);
  switch (payload[1]) {
    case LegacyPacketType.sequenceHeader:
      return VideoKind.sequenceHeader;
    case LegacyPacketType.frame:
      return frameKind(payload, LEGACY_VIDEO_HEADER_BYTES);
    case LegacyPacketType.sequenceEnd:
      return VideoKind.sequenceEnd;
    default:
      return VideoKind.unknown;
  }
}

function classifyExVideo(payload: Uint8Array): VideoKind {
  const at = packetTypeAt(payload);
  const type = lowNibble(payload, at);
  // The frame type of metadata means nothing, and FFmpeg sends it as "command".
  if (type !== VideoPacketType.metadata && frameTypeOf(payload) === FrameType.command) {
    return VideoKind.command;
  }
  if (type !== VideoPacketType.multitrack) return exVideoKind(payload, type, at + 1 + FOURCC_BYTES);
  const trackAt = firstTrackAt(payload, at);
  const kind = exVideoKind(payload, lowNibble(payload, at + 1), trackAt + 1);
  return kind === VideoKind.keyframe && !hasDefaultTrack(payload, at) ? VideoKind.frame : kind;
}

/** Returns the kind of an enhanced payload with this packet type whose header ends at `bodyAt`. */
function exVideoKind(payload: Uint8Array, packetType: number, bodyAt: number): VideoKind {
  if (bodyAt > payload.length) return VideoKind.unknown;
  switch (packetType) {
    case VideoPacketType.sequenceStart:
    case VideoPacketType.mpeg2TsSequenceStart:
      return VideoKind.sequenceHeader;
    case VideoPacketType.codedFrames:
    case VideoPacketType.codedFramesX:
      return frameKind(payload, bodyAt);
    case VideoPacketType.sequenceEnd:
      return VideoKind.sequenceEnd;
    case VideoPacketType.metadata:
      return VideoKind.metadata;
    default:
      return VideoKind.unknown;
  }
}

/** A keyframe if it has the flag and a body: decoding cannot start at a header without a frame. */
function frameKind(payload: Uint8Array, bodyAt: number): VideoKind {
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

/** Returns the kind of an enhanced payload with this packet type whose header ends at `bodyAt`. */
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
