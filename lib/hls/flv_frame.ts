/**
 * What is inside an RTMP audio (type 8) or video (type 9) payload, for a container that wants codec
 * data and coded frames apart.
 *
 * Only the default track: messages of several tracks (Enhanced RTMP v2 "Multitrack") are left out, for
 * publishers send track 0 the plain way.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import {
  FOURCC_BYTES,
  isExAudio,
  isExVideo,
  isMultitrack,
  lowNibble,
  packetTypeAt,
  TagType,
  VideoPacketType,
} from "../media/flv_layout.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "../media/flv_tag.ts";

/** Codecs that a segment can hold, video then audio. */
export type VideoCodec = "avc" | "hevc" | "av1" | "vp9";
/** See {@linkcode VideoCodec}. */
export type AudioCodec = "aac" | "mp3" | "opus" | "flac" | "ac3" | "eac3";

/** One of the codecs that a payload can be of; null for one that no segment holds. */
export interface FlvCodecData<Codec> {
  readonly type: "config";
  readonly codec: Codec | null;
  /** Decoder configuration, in the form of the codec's own specification; may be empty. A view. */
  readonly body: Uint8Array;
}

/** A coded picture or sound. */
export interface FlvFrame<Codec> {
  readonly type: "frame";
  readonly codec: Codec | null;
  /** Decoding can start here. Always true for sound. */
  readonly isKey: boolean;
  /** Presentation time less decoding time, in ms. */
  readonly compositionMs: number;
  /** A view of the payload. */
  readonly body: Uint8Array;
}

/** Content of a payload, or null when there is none for a container. */
export type FlvContent<Codec> = FlvCodecData<Codec> | FlvFrame<Codec> | null;

/** By FLV's VideoCodecId; 12 and 13 are what CDNs agreed on before Enhanced RTMP. */
const VIDEO_BY_ID: Readonly<Record<number, VideoCodec>> = { 7: "avc", 12: "hevc", 13: "av1" };

/** By FLV's SoundFormat. */
const AUDIO_BY_FORMAT: Readonly<Record<number, AudioCodec>> = { 2: "mp3", 10: "aac", 14: "mp3" };

/** By FourCC, as the number its four characters make. */
const VIDEO_BY_FOURCC: Readonly<Record<number, VideoCodec>> = {
  0x61766331: "avc", // avc1
  0x68766331: "hevc", // hvc1
  0x61763031: "av1", // av01
  0x76703039: "vp9", // vp09
};

const AUDIO_BY_FOURCC: Readonly<Record<number, AudioCodec>> = {
  0x6d703461: "aac", // mp4a
  0x2e6d7033: "mp3", // .mp3
  0x4f707573: "opus", // Opus
  0x664c6143: "flac", // fLaC
  0x61632d33: "ac3", // ac-3
  0x65632d33: "eac3", // ec-3
};

/** Type and composition time before the body of AVC and its like. */
const AVC_HEADER_BYTES = 5;
const COMPOSITION_BYTES = 3;

/** Content of a video payload. Never throws. */
export function readVideo(payload: Uint8Array): FlvContent<VideoCodec> {
  const kind = classifyVideo(payload);
  const isConfig = kind === VideoKind.sequenceHeader;
  const isKey = kind === VideoKind.keyframe;
  if (!isConfig && !isKey && kind !== VideoKind.frame) return null;
  const place = isExVideo(payload) ? placeOfExVideo(payload) : placeOfVideo(payload);
  if (place === null) return null;
  const { codec, compositionMs } = place;
  const body = payload.subarray(place.bodyAt);
  return isConfig
    ? { type: "config", codec, body }
    : { type: "frame", codec, isKey, compositionMs, body };
}

/** Content of an audio payload. Never throws. */
export function readAudio(payload: Uint8Array): FlvContent<AudioCodec> {
  const kind = classifyAudio(payload);
  const isConfig = kind === AudioKind.sequenceHeader;
  if (!isConfig && kind !== AudioKind.frame) return null;
  const place = isExAudio(payload)
    ? placeOfExMedia(TagType.audio, payload, AUDIO_BY_FOURCC)
    : placeOfAudio(payload);
  if (place === null) return null;
  const body = payload.subarray(place.bodyAt);
  return isConfig
    ? { type: "config", codec: place.codec, body }
    : { type: "frame", codec: place.codec, isKey: true, compositionMs: 0, body };
}

interface Place<Codec> {
  readonly codec: Codec | null;
  readonly bodyAt: number;
}

function placeOfVideo(payload: Uint8Array): Place<VideoCodec> & { readonly compositionMs: number } {
  const codec = VIDEO_BY_ID[payload[0]! & 0x0f] ?? null;
  const compositionMs = payload.length < AVC_HEADER_BYTES ? 0 : readI24(payload, 2);
  return { codec, compositionMs, bodyAt: AVC_HEADER_BYTES };
}

function placeOfExVideo(
  payload: Uint8Array,
): Place<VideoCodec> & { readonly compositionMs: number } | null {
  const place = placeOfExMedia(TagType.video, payload, VIDEO_BY_FOURCC);
  if (place === null) return null;
  const { codec, bodyAt } = place;
  const isCoded = lowNibble(payload, packetTypeAt(payload)) === VideoPacketType.codedFrames;
  // Only these two write a composition time, and "codedFramesX" says that it is 0.
  const hasTime = isCoded && (codec === "avc" || codec === "hevc");
  if (!hasTime) return { codec, compositionMs: 0, bodyAt };
  const end = bodyAt + COMPOSITION_BYTES;
  return end > payload.length ? null : {
    codec,
    compositionMs: readI24(payload, bodyAt),
    bodyAt: end,
  };
}

function placeOfAudio(payload: Uint8Array): Place<AudioCodec> {
  const codec = AUDIO_BY_FORMAT[payload[0]! >>> 4] ?? null;
  return { codec, bodyAt: codec === "aac" ? 2 : 1 };
}

/** Null for messages of several tracks, whose codec is elsewhere. */
function placeOfExMedia<Codec>(
  typeId: number,
  payload: Uint8Array,
  byFourcc: Readonly<Record<number, Codec>>,
): Place<Codec> | null {
  const at = packetTypeAt(payload);
  const bodyAt = at + 1 + FOURCC_BYTES;
  if (isMultitrack(typeId, lowNibble(payload, at)) || bodyAt > payload.length) return null;
  return { codec: byFourcc[readU32(payload, at + 1)] ?? null, bodyAt };
}

function readI24(bytes: Uint8Array, at: number): number {
  return (readU24(bytes, at) << 8) >> 8;
}
