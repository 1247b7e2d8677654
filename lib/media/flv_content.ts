/**
 * Splits RTMP audio (type 8) and video (type 9) payloads into codec, decoder configuration and
 * coded frame, as containers want them. Of payloads of several tracks (Enhanced RTMP v2
 * "Multitrack") they read the default one, as players do that know no others.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { type AudioCodec, audioCodecs, type VideoCodec, videoCodecs } from "./codecs.ts";
import {
  FOURCC_BYTES,
  isExAudio,
  isExVideo,
  lowNibble,
  packetTypeAt,
  TagType,
  VideoPacketType,
} from "./flv_layout.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "./flv_tag.ts";
import { defaultTrackOf, hasTracks } from "./multitrack.ts";

/** A decoder configuration. */
interface FlvConfig<Codec> {
  readonly type: "config";
  /** Null for a codec without a row in the table. */
  readonly codec: Codec | null;
  /**
   * In the form of the codec's own specification; may be empty. A view of the payload, or of a copy
   * of one track.
   */
  readonly body: Uint8Array;
}

/** A coded video or audio frame. */
export interface FlvFrame<Codec> {
  readonly type: "frame";
  /** Null for a codec without a row in the table. */
  readonly codec: Codec | null;
  /** Decoding can start here. Always true for audio. */
  readonly isKey: boolean;
  /** Presentation time minus decoding time, in ms. */
  readonly compositionMs: number;
  /** A view of the payload, or of a copy of one track. */
  readonly body: Uint8Array;
}

/** Content of a payload; null if it has none for a container. */
type FlvContent<Codec> = FlvConfig<Codec> | FlvFrame<Codec> | null;

/** Packet type and composition time after the first byte of legacy video that has them. */
const LEGACY_VIDEO_HEADER_BYTES = 5;
const COMPOSITION_BYTES = 3;

/** Returns the content of a video payload. Never throws. */
export function readVideo(message: Uint8Array): FlvContent<VideoCodec> {
  const payload = onlyTrackOf(TagType.video, message);
  if (payload === null) return null;
  const kind = classifyVideo(payload);
  const isConfig = kind === VideoKind.sequenceHeader;
  const isKey = kind === VideoKind.keyframe;
  if (!isConfig && !isKey && kind !== VideoKind.frame) return null;
  const layout = isExVideo(payload) ? layoutOfExVideo(payload) : layoutOfLegacyVideo(payload);
  if (layout === null) return null;
  const { codec, compositionMs } = layout;
  const body = payload.subarray(layout.bodyAt);
  return isConfig
    ? { type: "config", codec, body }
    : { type: "frame", codec, isKey, compositionMs, body };
}

/** Returns the content of an audio payload. Never throws. */
export function readAudio(message: Uint8Array): FlvContent<AudioCodec> {
  const payload = onlyTrackOf(TagType.audio, message);
  if (payload === null) return null;
  const kind = classifyAudio(payload);
  const isConfig = kind === AudioKind.sequenceHeader;
  if (!isConfig && kind !== AudioKind.frame) return null;
  const layout = isExAudio(payload)
    ? layoutOfEnhanced(payload, (fourcc) => audioCodecs.ofFourcc(fourcc))
    : layoutOfLegacyAudio(payload);
  if (layout === null) return null;
  const { codec } = layout;
  const body = payload.subarray(layout.bodyAt);
  return isConfig
    ? { type: "config", codec, body }
    : { type: "frame", codec, isKey: true, compositionMs: 0, body };
}

/** Returns a payload without tracks; null if the message has not the default one. */
function onlyTrackOf(typeId: number, message: Uint8Array): Uint8Array | null {
  return hasTracks(typeId, message) ? defaultTrackOf(message) : message;
}

interface Layout<Codec> {
  readonly codec: Codec | null;
  readonly bodyAt: number;
}

interface VideoLayout extends Layout<VideoCodec> {
  readonly compositionMs: number;
}

function layoutOfLegacyVideo(payload: Uint8Array): VideoLayout {
  const codec = videoCodecs.ofLegacyId(payload[0]! & 0x0f);
  if (codec === null || !codec.hasPacketType) return { codec, compositionMs: 0, bodyAt: 1 };
  const isWhole = payload.length >= LEGACY_VIDEO_HEADER_BYTES;
  const compositionMs = isWhole ? readI24(payload, 2) : 0;
  return { codec, compositionMs, bodyAt: LEGACY_VIDEO_HEADER_BYTES };
}

function layoutOfExVideo(payload: Uint8Array): VideoLayout | null {
  const layout = layoutOfEnhanced(payload, (fourcc) => videoCodecs.ofFourcc(fourcc));
  if (layout === null) return null;
  const { codec, bodyAt } = layout;
  // "CodedFramesX" says that the composition time is 0 and leaves it out.
  const isCoded = lowNibble(payload, packetTypeAt(payload)) === VideoPacketType.codedFrames;
  if (!isCoded || codec === null || !codec.hasCompositionTime) {
    return { codec, compositionMs: 0, bodyAt };
  }
  const end = bodyAt + COMPOSITION_BYTES;
  if (end > payload.length) return null;
  return { codec, compositionMs: readI24(payload, bodyAt), bodyAt: end };
}

function layoutOfLegacyAudio(payload: Uint8Array): Layout<AudioCodec> {
  const codec = audioCodecs.ofLegacyId(payload[0]! >>> 4);
  return { codec, bodyAt: codec?.hasPacketType === true ? 2 : 1 };
}

/** Null for a payload that is cut short. */
function layoutOfEnhanced<Codec>(
  payload: Uint8Array,
  codecOf: (fourcc: number) => Codec | null,
): Layout<Codec> | null {
  const at = packetTypeAt(payload);
  const bodyAt = at + 1 + FOURCC_BYTES;
  if (bodyAt > payload.length) return null;
  return { codec: codecOf(readU32(payload, at + 1)), bodyAt };
}

function readI24(bytes: Uint8Array, at: number): number {
  return (readU24(bytes, at) << 8) >> 8;
}
