/**
 * The codecs this server knows: one row each. A new codec is a new row, plus parsers of its decoder
 * configuration where it has one. Codecs without a row are relayed all the same.
 */

import {
  type AudioFormat,
  defaultAudioFormat,
  readAacFormat,
  readFlacFormat,
  readMp3Format,
  readOpusFormat,
} from "./audio_format.ts";
import {
  aacProfile,
  av1Profile,
  avcProfile,
  type CodecProfile,
  hevcProfile,
  noProfile,
} from "./codec_profile.ts";
import {
  aacCodecString,
  av1CodecString,
  avcCodecString,
  hevcCodecString,
  vp9CodecString,
} from "./codec_string.ts";

/** Format of an HLS segment: an MPEG transport stream, or fragmented MP4 with an init segment. */
export type Container = "mpegts" | "cmaf";

/** How HLS carries a codec. */
export interface HlsSupport<MuxerName> {
  /** `mpegts` for what every HLS player takes in a transport stream (RFC 8216 §3.2). */
  readonly container: Container;
  /** Name of the codec in mediabunny. */
  readonly muxerName: MuxerName;
  /** Returns the RFC 6381 name with profile and level. `config` is as long as the row demands. */
  readonly codecString: (config: Uint8Array) => string;
}

/** What a row of the table says, for video and audio alike. */
interface Codec<MuxerName> {
  /** Name in logs and reports. */
  readonly name: string;
  /** VideoCodecId (FLV 10.1 §E.4.3.1) or SoundFormat (§E.4.2.1) values of legacy payloads. */
  readonly legacyIds: readonly number[];
  /** Whether legacy payloads have a packet type in their second byte, hence sequence headers. */
  readonly hasPacketType: boolean;
  /** FourCCs of enhanced payloads (Enhanced RTMP v2, VideoFourCc and AudioFourCc). */
  readonly fourccs: readonly string[];
  /** Whether frames can be decoded without the configuration that a sequence header carries. */
  readonly sequenceHeader: "required" | "optional" | "none";
  /** Bytes of the shortest valid decoder configuration; a shorter one is damaged. */
  readonly minConfigBytes: number;
  /** Returns profile and level; empty strings if `config` is damaged. Never throws. */
  readonly readProfile: (config: Uint8Array) => CodecProfile;
  /** Null if no HLS segment can hold the codec. */
  readonly hls: HlsSupport<MuxerName> | null;
}

/** mediabunny's names of the video codecs that HLS carries. */
export type VideoMuxerName = "avc" | "hevc" | "vp9" | "av1";
/** mediabunny's names of the audio codecs that HLS carries. */
export type AudioMuxerName = "aac" | "mp3" | "opus" | "flac" | "ac3" | "eac3";

/** A video codec. Rows are compared by identity. */
export interface VideoCodec extends Codec<VideoMuxerName> {
  /** Whether enhanced coded frames start with a composition time. Legacy ones do by packet type. */
  readonly hasCompositionTime: boolean;
}

/** An audio codec. Rows are compared by identity. */
export interface AudioCodec extends Codec<AudioMuxerName> {
  /** Returns sample rate and channels; null if `config` does not tell them. Never throws. */
  readonly readFormat: (config: Uint8Array) => AudioFormat | null;
  /** Returns them from a frame; null if frames of the codec are not parsed. Never throws. */
  readonly readFrameFormat: ((frame: Uint8Array) => AudioFormat | null) | null;
}

const RELAYED = {
  legacyIds: [],
  hasPacketType: false,
  fourccs: [],
  sequenceHeader: "none",
  minConfigBytes: 0,
  readProfile: noProfile,
  hls: null,
} as const;

const RELAYED_VIDEO = { ...RELAYED, hasCompositionTime: false } as const;
const RELAYED_AUDIO = { ...RELAYED, readFormat: () => null, readFrameFormat: null } as const;

const VIDEO_CODECS: readonly VideoCodec[] = [
  {
    name: "H.264",
    legacyIds: [7],
    hasPacketType: true,
    fourccs: ["avc1"],
    hasCompositionTime: true,
    sequenceHeader: "required",
    minConfigBytes: 7,
    readProfile: avcProfile,
    hls: { container: "mpegts", muxerName: "avc", codecString: avcCodecString },
  },
  {
    name: "HEVC",
    // 12 and 13 are not in the FLV specification: CDNs agreed on them before Enhanced RTMP.
    legacyIds: [12],
    hasPacketType: true,
    fourccs: ["hvc1"],
    hasCompositionTime: true,
    sequenceHeader: "required",
    minConfigBytes: 23,
    readProfile: hevcProfile,
    hls: { container: "cmaf", muxerName: "hevc", codecString: hevcCodecString },
  },
  {
    name: "AV1",
    legacyIds: [13],
    hasPacketType: true,
    fourccs: ["av01"],
    hasCompositionTime: false,
    // Some publishers send sequence headers without a configuration record.
    sequenceHeader: "optional",
    minConfigBytes: 4,
    readProfile: av1Profile,
    hls: { container: "cmaf", muxerName: "av1", codecString: av1CodecString },
  },
  {
    ...RELAYED_VIDEO,
    name: "VP9",
    fourccs: ["vp09"],
    sequenceHeader: "required",
    minConfigBytes: 3,
    hls: { container: "cmaf", muxerName: "vp9", codecString: vp9CodecString },
  },
  { ...RELAYED_VIDEO, name: "VP8", fourccs: ["vp08"] },
  { ...RELAYED_VIDEO, name: "VVC", fourccs: ["vvc1"], sequenceHeader: "required" },
  { ...RELAYED_VIDEO, name: "Sorenson H.263", legacyIds: [2] },
  { ...RELAYED_VIDEO, name: "Screen Video", legacyIds: [3] },
  { ...RELAYED_VIDEO, name: "VP6", legacyIds: [4] },
  { ...RELAYED_VIDEO, name: "VP6 with alpha", legacyIds: [5] },
  { ...RELAYED_VIDEO, name: "Screen Video 2", legacyIds: [6] },
];

const AUDIO_CODECS: readonly AudioCodec[] = [
  {
    name: "AAC",
    legacyIds: [10],
    hasPacketType: true,
    fourccs: ["mp4a"],
    sequenceHeader: "required",
    minConfigBytes: 2,
    readProfile: aacProfile,
    readFormat: readAacFormat,
    readFrameFormat: null,
    hls: { container: "mpegts", muxerName: "aac", codecString: aacCodecString },
  },
  {
    ...RELAYED_AUDIO,
    name: "MP3",
    // 14 is MP3 at 8 kHz.
    legacyIds: [2, 14],
    fourccs: [".mp3"],
    readFormat: defaultAudioFormat,
    readFrameFormat: readMp3Format,
    hls: { container: "mpegts", muxerName: "mp3", codecString: () => "mp3" },
  },
  {
    ...RELAYED_AUDIO,
    name: "Opus",
    fourccs: ["Opus"],
    sequenceHeader: "optional",
    minConfigBytes: 19,
    readFormat: readOpusFormat,
    hls: { container: "cmaf", muxerName: "opus", codecString: () => "opus" },
  },
  {
    ...RELAYED_AUDIO,
    name: "FLAC",
    fourccs: ["fLaC"],
    sequenceHeader: "required",
    // Stream marker, block header and STREAMINFO.
    minConfigBytes: 42,
    readFormat: readFlacFormat,
    hls: { container: "cmaf", muxerName: "flac", codecString: () => "flac" },
  },
  {
    ...RELAYED_AUDIO,
    name: "AC-3",
    fourccs: ["ac-3"],
    readFormat: defaultAudioFormat,
    hls: { container: "mpegts", muxerName: "ac3", codecString: () => "ac-3" },
  },
  {
    ...RELAYED_AUDIO,
    name: "E-AC-3",
    fourccs: ["ec-3"],
    readFormat: defaultAudioFormat,
    hls: { container: "mpegts", muxerName: "eac3", codecString: () => "ec-3" },
  },
  { ...RELAYED_AUDIO, name: "PCM", legacyIds: [0, 3] },
  { ...RELAYED_AUDIO, name: "ADPCM", legacyIds: [1] },
  { ...RELAYED_AUDIO, name: "Nellymoser", legacyIds: [4, 5, 6] },
  { ...RELAYED_AUDIO, name: "G.711 A-law", legacyIds: [7] },
  { ...RELAYED_AUDIO, name: "G.711 mu-law", legacyIds: [8] },
  { ...RELAYED_AUDIO, name: "Speex", legacyIds: [11] },
];

/** Codecs of one kind by what payloads say. */
class CodecIndex<C extends VideoCodec | AudioCodec> {
  /** FourCCs of all codecs. */
  readonly fourccs: readonly string[];
  readonly #byLegacyId = new Map<number, C>();
  readonly #byFourcc = new Map<number, C>();
  /** Bit n is set if legacy payloads of id n have a packet type. */
  readonly #packetTypeIds: number;

  constructor(codecs: readonly C[]) {
    this.fourccs = codecs.flatMap((codec) => codec.fourccs);
    let packetTypeIds = 0;
    for (const codec of codecs) {
      for (const id of codec.legacyIds) {
        this.#byLegacyId.set(id, codec);
        if (codec.hasPacketType) packetTypeIds |= 1 << id;
      }
      for (const fourcc of codec.fourccs) this.#byFourcc.set(fourccNumber(fourcc), codec);
    }
    this.#packetTypeIds = packetTypeIds;
  }

  /** Returns the codec of a legacy VideoCodecId or SoundFormat, or null. */
  ofLegacyId(id: number): C | null {
    return this.#byLegacyId.get(id) ?? null;
  }

  /** Returns the codec of a FourCC, given as the big-endian number of its characters, or null. */
  ofFourcc(fourcc: number): C | null {
    return this.#byFourcc.get(fourcc) ?? null;
  }

  /** Whether legacy payloads with this id, 0…15, have a packet type in their second byte. */
  // HOT: once per media message of a stream.
  hasPacketType(legacyId: number): boolean {
    return (this.#packetTypeIds & (1 << legacyId)) !== 0;
  }
}

function fourccNumber(fourcc: string): number {
  return [...fourcc].reduce((number, char) => number * 256 + char.charCodeAt(0), 0);
}

/** The video codecs. */
export const videoCodecs = new CodecIndex(VIDEO_CODECS);
/** The audio codecs. */
export const audioCodecs = new CodecIndex(AUDIO_CODECS);
