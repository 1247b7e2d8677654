/** The tracks of a segment, and what a muxer must be told about their codecs. */

import { AmfObject } from "../amf/amf_value.ts";
import { decodeAmf0 } from "../amf/amf0_decode.ts";
import { readU32 } from "../base/bytes.ts";
import type { AudioCodec, VideoCodec } from "./flv_frame.ts";

/** Size of a picture, in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The video of a segment. */
export interface VideoTrack {
  readonly codec: VideoCodec;
  /** Decoder configuration record of the codec; may be empty for AV1. */
  readonly config: Uint8Array<ArrayBuffer>;
  /** As the metadata says it: a hint, players find the real size in the pictures. */
  readonly size: PictureSize;
}

/** The audio of a segment. */
export interface AudioTrack {
  readonly codec: AudioCodec;
  /** Decoder configuration; empty for codecs whose frames say everything. */
  readonly config: Uint8Array<ArrayBuffer>;
  readonly sampleRate: number;
  readonly channels: number;
}

/** How segments are packed: MPEG transport stream, or fragments of MP4 with an init segment (CMAF). */
export type Container = "mpegts" | "cmaf";

/** When there is no metadata. */
export const DEFAULT_SIZE: PictureSize = { width: 1920, height: 1080 };

const MAX_PICTURE_SIDE = 65_535;

/** What every HLS player takes in a transport stream (RFC 8216 §3.2). Anything else needs CMAF. */
const TS_VIDEO: readonly string[] = ["avc"];
const TS_AUDIO: readonly string[] = ["aac", "mp3", "ac3", "eac3"];

/** Container for these tracks. */
export function containerFor(video: VideoTrack | null, audio: AudioTrack | null): Container {
  const fitsTs = (video === null || TS_VIDEO.includes(video.codec)) &&
    (audio === null || TS_AUDIO.includes(audio.codec));
  return fitsTs ? "mpegts" : "cmaf";
}

/** Whether a decoder of one track can go on with the other. */
export function isSameTrack(
  one: VideoTrack | AudioTrack | null,
  other: VideoTrack | AudioTrack | null,
): boolean {
  if (one === null || other === null) return one === other;
  return one.codec === other.codec && one.config.length === other.config.length &&
    one.config.every((byte, index) => byte === other.config[index]);
}

/** Whether frames of a codec mean nothing without its configuration. */
export function needsConfig(codec: VideoCodec | AudioCodec): boolean {
  return codec === "avc" || codec === "hevc" || codec === "vp9" || codec === "aac" ||
    codec === "flac";
}

/** Shortest configuration in which the fields read here lie; shorter ones are damaged. */
const CONFIG_BYTES: Readonly<Record<string, number>> = {
  avc: 7,
  hevc: 23,
  vp9: 3,
  aac: 2,
  // Stream marker, block header and STREAMINFO.
  flac: 42,
};

const OPUS_HEADER_BYTES = 19;
const NO_BYTES = new Uint8Array(0);

/** A video track; `config` is copied. Null when the configuration is damaged. */
export function videoTrack(
  codec: VideoCodec,
  config: Uint8Array,
  size: PictureSize,
): VideoTrack | null {
  return isWhole(codec, config) ? { codec, config: config.slice(), size } : null;
}

/** An audio track from its configuration, which is copied. Null when that is damaged. */
export function audioTrack(codec: AudioCodec, config: Uint8Array): AudioTrack | null {
  if (!isWhole(codec, config)) return null;
  const copy = config.slice();
  switch (codec) {
    case "aac": {
      const format = readAacFormat(copy);
      return format === null ? null : { codec, config: copy, ...format };
    }
    case "flac": {
      // STREAMINFO, behind the marker and the block header: 20 bits of rate, 3 of channels less one.
      const word = readU32(copy, 18);
      return { codec, config: copy, sampleRate: word >>> 12, channels: ((word >>> 9) & 7) + 1 };
    }
    case "opus": {
      // The identification header (RFC 7845 §5.1) is a help; without it the defaults will do.
      const isHeader = copy.length >= OPUS_HEADER_BYTES;
      const channels = isHeader && copy[9]! > 0 ? copy[9]! : 2;
      return { codec, config: isHeader ? copy : NO_BYTES, sampleRate: 48_000, channels };
    }
    default:
      // Their frames say it, and transport streams do not repeat it.
      return { codec, config: NO_BYTES, sampleRate: 48_000, channels: 2 };
  }
}

/** A track of a codec without configuration, from its first frame; null when the frame is damaged. */
export function audioTrackFromFrame(codec: AudioCodec, frame: Uint8Array): AudioTrack | null {
  const track = audioTrack(codec, NO_BYTES);
  if (track === null || codec !== "mp3") return track;
  const format = readMp3Format(frame);
  return format === null ? null : { ...track, ...format };
}

function isWhole(codec: VideoCodec | AudioCodec, config: Uint8Array): boolean {
  return config.length >= (CONFIG_BYTES[codec] ?? 0);
}

interface SoundFormat {
  readonly sampleRate: number;
  readonly channels: number;
}

/** By the index of ISO/IEC 14496-3 §1.6.3.4; 15 announces 24 bits with the rate itself. */
const AAC_RATES: readonly number[] = [
  ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025],
  ...[8_000, 7_350],
];

/** AudioSpecificConfig: 5 bits of object type, 4 of rate, 4 of channels. */
function readAacFormat(config: Uint8Array): SoundFormat | null {
  const index = ((config[0]! & 7) << 1) | (config[1]! >>> 7);
  if (index === 15) return null;
  const sampleRate = AAC_RATES[index];
  const channels = (config[1]! >>> 3) & 15;
  if (sampleRate === undefined) return null;
  // Eight channels are written as 7; 0 means that the stream itself says it.
  return { sampleRate, channels: channels === 7 ? 8 : channels || 2 };
}

/** MPEG version 1 (ISO/IEC 11172-3 §2.4.2.3); versions 2 and 2.5 have a half and a quarter of that. */
const MP3_RATES: readonly number[] = [44_100, 48_000, 32_000];

function readMp3Format(frame: Uint8Array): SoundFormat | null {
  if (frame.length < 4 || frame[0] !== 0xff || frame[1]! < 0xe0) return null;
  const rate = MP3_RATES[(frame[2]! >>> 2) & 3];
  const version = (frame[1]! >>> 3) & 3;
  if (rate === undefined || version === 1) return null;
  const divisor = version === 3 ? 1 : version === 2 ? 2 : 4;
  return { sampleRate: rate / divisor, channels: frame[3]! >>> 6 === 3 ? 1 : 2 };
}

/** Width and height in an `onMetaData` message (type 18), or null when it does not say. Never throws. */
export function readPictureSize(payload: Uint8Array): PictureSize | null {
  try {
    const values = decodeAmf0(payload).find((value) => value instanceof AmfObject);
    const [width, height] = [values?.get("width"), values?.get("height")];
    return isSide(width) && isSide(height) ? { width, height } : null;
  } catch {
    return null;
  }
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_PICTURE_SIDE;
}
