/** Names of codecs for logs and status. */

import { readU32 } from "../base/bytes.ts";
import {
  FOURCC_BYTES,
  isEnhanced,
  isMultitrack,
  lowNibble,
  packetTypeAt,
  TagType,
} from "./flv_layout.ts";

/** VideoCodecId (FLV 10.1 §E.4.3.1); 12 and 13 are what CDNs agreed on before Enhanced RTMP. */
const VIDEO_CODECS: Readonly<Record<number, string>> = {
  2: "Sorenson H.263",
  3: "Screen Video",
  4: "VP6",
  5: "VP6 with alpha",
  6: "Screen Video 2",
  7: "H.264",
  12: "HEVC",
  13: "AV1",
};

/** SoundFormat (FLV 10.1 §E.4.2.1). */
const SOUND_FORMATS: Readonly<Record<number, string>> = {
  0: "PCM",
  1: "ADPCM",
  2: "MP3",
  3: "PCM",
  4: "Nellymoser",
  5: "Nellymoser",
  6: "Nellymoser",
  7: "G.711 A-law",
  8: "G.711 mu-law",
  10: "AAC",
  11: "Speex",
  14: "MP3",
};

/** VideoFourCc and AudioFourCc (Enhanced RTMP v2), as the number their four characters make. */
const FOURCCS: Readonly<Record<number, string>> = {
  0x76703038: "VP8", // vp08
  0x76703039: "VP9", // vp09
  0x61763031: "AV1", // av01
  0x61766331: "H.264", // avc1
  0x68766331: "HEVC", // hvc1
  0x76766331: "VVC", // vvc1
  0x61632d33: "AC-3", // ac-3
  0x65632d33: "E-AC-3", // ec-3
  0x4f707573: "Opus", // Opus
  0x2e6d7033: "MP3", // .mp3
  0x664c6143: "FLAC", // fLaC
  0x6d703461: "AAC", // mp4a
};

/**
 * Name of the codec in an audio (type 8) or video (type 9) payload, e.g. `H.264`, `Opus`; of the first
 * track when there are several. `unknown 0x…` with the number or FourCC of a codec without a name here,
 * `unknown` when the payload does not say. Never throws.
 */
export function describeCodec(typeId: number, payload: Uint8Array): string {
  if (payload.length === 0) return "unknown";
  if (isEnhanced(typeId, payload)) return describeFourcc(payload, fourccAt(typeId, payload));
  return typeId === TagType.audio
    ? SOUND_FORMATS[payload[0]! >>> 4] ?? unknown(payload[0]! >>> 4, 2)
    : VIDEO_CODECS[payload[0]! & 0x0f] ?? unknown(payload[0]! & 0x0f, 2);
}

function describeFourcc(payload: Uint8Array, at: number): string {
  if (at + FOURCC_BYTES > payload.length) return "unknown";
  const fourcc = readU32(payload, at);
  return FOURCCS[fourcc] ?? unknown(fourcc, 8);
}

function fourccAt(typeId: number, payload: Uint8Array): number {
  const at = packetTypeAt(payload);
  return isMultitrack(typeId, lowNibble(payload, at)) ? at + 2 : at + 1;
}

function unknown(value: number, digits: number): string {
  return `unknown 0x${value.toString(16).padStart(digits, "0")}`;
}
