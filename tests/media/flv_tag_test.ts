/**
 * Classification of audio and video payloads. Bytes by hand from FLV 10.1 Annex E and Enhanced RTMP v2
 * "ExAudioTagHeader" and "ExVideoTagHeader"; counts of the fixtures from a separate reader of those bits.
 */

import { readFlv } from "../../lib/media/flv_file.ts";
import { TagType } from "../../lib/media/flv_layout.ts";
import {
  AudioKind,
  classifyAudio,
  classifyVideo,
  isSideData,
  VideoKind,
} from "../../lib/media/flv_tag.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { AV1_OPUS_MULTIPACKET_FLV } from "../fixtures/av1_opus_multipacket_flv.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

type VideoName = keyof typeof VideoKind;
type AudioName = keyof typeof AudioKind;

const VIDEO: readonly (readonly [name: string, bytes: string, kind: VideoName])[] = [
  ["nothing", "", "unknown"],

  // Legacy: frame type (4 bits), codec id (4 bits); with AVC a packet type and a composition time.
  ["AVC sequence header, keyframe flag and all", "17 00 000000 01640028", "sequenceHeader"],
  ["AVC sequence header with the inter flag", "27 00 000000 01640028", "sequenceHeader"],
  ["AVC keyframe", "17 01 000000 00000001 65", "keyframe"],
  ["AVC keyframe the server made", "47 01 000000 00000001 65", "keyframe"],
  ["AVC inter frame", "27 01 000042 00000001 41", "frame"],
  ["AVC disposable inter frame", "37 01 000000 00000001 01", "frame"],
  ["AVC end of sequence", "17 02 000000", "sequenceEnd"],
  ["AVC packet type 3", "17 03 000000 00", "unknown"],
  ["AVC cut before the packet type", "17", "unknown"],
  ["AVC keyframe cut in the composition time", "17 01 0000", "frame"],
  ["AVC keyframe without a picture", "17 01 000000", "frame"],
  ["HEVC (12) sequence header", "1c 00 000000 01", "sequenceHeader"],
  ["HEVC (12) keyframe", "1c 01 000000 00000001 26", "keyframe"],
  ["HEVC (12) inter frame", "2c 01 000000 00000001 02", "frame"],
  ["HEVC (12) end of sequence", "1c 02 000000", "sequenceEnd"],
  ["AV1 (13) sequence header", "1d 00 000000 81", "sequenceHeader"],
  ["AV1 (13) keyframe", "1d 01 000000 1200", "keyframe"],
  ["AV1 (13) inter frame", "2d 01 000000 1200", "frame"],
  ["Sorenson keyframe", "12 00008400", "keyframe"],
  ["Sorenson inter frame", "22 00008400", "frame"],
  ["Sorenson disposable frame", "32 00008400", "frame"],
  ["Sorenson keyframe without a picture", "12", "frame"],
  ["Screen Video keyframe", "13 00", "keyframe"],
  ["VP6 keyframe whose second byte is 0", "14 00 78", "keyframe"],
  ["VP6 inter frame", "24 00 78", "frame"],
  ["VP6 with alpha keyframe", "15 00 000010", "keyframe"],
  ["Screen Video 2 inter frame", "26 00", "frame"],
  ["AVC seek command", "57 00", "command"],
  ["Sorenson seek command", "52 01", "command"],
  ["command cut short", "57", "command"],

  // Enhanced: 1 (bit), frame type (3 bits), packet type (4 bits), FourCC.
  ["hvc1 SequenceStart", "90 68766331 01", "sequenceHeader"],
  ["hvc1 SequenceStart with the inter flag", "a0 68766331 01", "sequenceHeader"],
  ["av01 SequenceStart without a body", "90 61763031", "sequenceHeader"],
  ["hvc1 CodedFrames, keyframe", "91 68766331 000000 00000001", "keyframe"],
  ["hvc1 CodedFrames, keyframe the server made", "c1 68766331 000000 00", "keyframe"],
  ["hvc1 CodedFrames, inter frame", "a1 68766331 000000 00000001", "frame"],
  ["hvc1 CodedFrames, disposable frame", "b1 68766331 000000 00000001", "frame"],
  ["hvc1 CodedFramesX, keyframe", "93 68766331 00000001", "keyframe"],
  ["avc1 CodedFramesX, inter frame", "a3 61766331 00000001", "frame"],
  ["vp09 keyframe without a picture", "91 76703039", "frame"],
  ["hvc1 SequenceEnd", "92 68766331", "sequenceEnd"],
  ["hvc1 Metadata with the keyframe flag", "94 68766331 02 0009", "metadata"],
  ["av01 Metadata with the command flag, as FFmpeg sends it", "d4 61763031 02 0009", "metadata"],
  ["av01 MPEG2TSSequenceStart", "95 61763031 80", "sequenceHeader"],
  ["an unknown FourCC's keyframe", "91 78787878 00", "keyframe"],
  ["packet type 8", "98 68766331 00", "unknown"],
  ["packet type 15", "9f 68766331 00", "unknown"],
  ["seek command", "d1 00", "command"],
  ["seek command with packet type SequenceStart", "d0 01", "command"],
  ["header alone", "91", "unknown"],
  ["SequenceStart cut in the FourCC", "90 687663", "unknown"],
  ["Metadata cut in the FourCC", "d4 617630", "unknown"],

  // ModEx: size − 1, data, modifier (4 bits) and next packet type (4 bits).
  ["ModEx, then a keyframe", "97 02 01e240 01 68766331 000000 00", "keyframe"],
  ["ModEx, then an inter frame", "a7 02 01e240 03 68766331 00", "frame"],
  ["ModEx, then SequenceStart", "97 02 01e240 00 68766331 01", "sequenceHeader"],
  ["ModEx, then Metadata with the command flag", "d7 00 aa 04 68766331 02", "metadata"],
  ["ModEx, then a seek command", "d7 00 aa 01 00", "command"],
  ["ModEx of one byte that reads like a packet type", "97 00 07 01 68766331 00", "keyframe"],
  ["ModEx of 255 bytes, the longest with one size byte", modEx("fe", 255), "keyframe"],
  ["ModEx of 256 bytes, the shortest with three", modEx("ff 00ff", 256), "keyframe"],
  ["ModEx of 257 bytes", modEx("ff 0100", 257), "keyframe"],
  ["ModEx of 65536 bytes", modEx("ff ffff", 65_536), "keyframe"],
  ["ModEx of one byte in the long form", modEx("ff 0000", 1), "keyframe"],
  ["ModEx twice", "97 00 aa 07 01 bbbb 01 68766331 000000 00", "keyframe"],
  ["ModEx without a size", "97", "unknown"],
  ["ModEx without data", "97 02", "unknown"],
  ["ModEx without a next packet type", "97 02 01e240", "unknown"],
  ["ModEx cut in the long size", "97 ff 00", "unknown"],
  ["ModEx longer than the message", "97 ff ffff 00 01 68766331", "unknown"],
  ["ModEx, then nothing after the packet type", "97 00 aa 01", "unknown"],

  // Multitrack: layout (4 bits) and packet type (4 bits), FourCC, then track id(, size), body.
  ["OneTrack 0, keyframe", "96 01 61763031 00 1200", "keyframe"],
  ["OneTrack 0, inter frame", "a6 01 61763031 00 1200", "frame"],
  ["OneTrack 0, CodedFramesX keyframe", "96 03 68766331 00 0000", "keyframe"],
  ["OneTrack 2, keyframe", "96 01 61763031 02 1200", "frame"],
  ["OneTrack 2, SequenceStart", "96 00 61763031 02 81", "sequenceHeader"],
  ["OneTrack 1, SequenceEnd", "96 02 61763031 01", "sequenceEnd"],
  ["OneTrack 1, Metadata", "96 04 61763031 01 02 0009", "metadata"],
  ["OneTrack 0, keyframe without a picture", "96 01 61763031 00", "frame"],
  ["OneTrack cut before the track id", "96 00 61763031", "unknown"],
  ["OneTrack cut in the FourCC", "96 00 6176", "unknown"],
  ["multitrack cut before the layout", "96", "unknown"],
  ["multitrack in multitrack", "96 06 61763031 00 00", "unknown"],
  ["ModEx in multitrack", "96 07 61763031 00 00", "unknown"],
  ["multitrack of layout 3", "96 31 61763031 00 00", "unknown"],
  ["multitrack seek command", "d6 00", "command"],
  ["ModEx, then OneTrack 0, keyframe", "97 00 aa 06 01 61763031 00 1200", "keyframe"],
  [
    "ManyTracks 1 and 0, keyframe",
    "96 11 61763031 01 000002 1200 00 000002 1200",
    "keyframe",
  ],
  ["ManyTracks 1 and 2, keyframe", "96 11 61763031 01 000002 1200 02 000002 1200", "frame"],
  ["ManyTracks 0 and 1, inter frame", "a6 11 61763031 00 000001 12 01 000001 12", "frame"],
  [
    "ManyTracks 0 and 1, SequenceStart",
    "96 10 61763031 00 000001 81 01 000001 81",
    "sequenceHeader",
  ],
  ["ManyTracks 1, whose size points behind the end", "96 11 61763031 01 ffffff 12", "frame"],
  ["ManyTracks 1, cut in its size", "96 11 61763031 01 0000", "frame"],
  [
    "ManyTracksManyCodecs 1 and 0, keyframe",
    "96 21 61763031 01 000002 1200 68766331 00 000002 0000",
    "keyframe",
  ],
  [
    "ManyTracksManyCodecs 1 and 2, keyframe",
    "96 21 61763031 01 000002 1200 68766331 02 000002 0000",
    "frame",
  ],
];

for (const [name, bytes, kind] of VIDEO) {
  Deno.test(`classifyVideo() says ${kind} when given ${name}`, () => {
    assertEquals(nameOf(VideoKind, classifyVideo(hex(bytes))), kind);
  });
}

const AUDIO: readonly (readonly [name: string, bytes: string, kind: AudioName])[] = [
  ["nothing, the silence message", "", "unknown"],

  // Legacy: sound format (4 bits), rate, size, type; with AAC a packet type.
  ["AAC sequence header", "af 00 1210", "sequenceHeader"],
  ["AAC sequence header with other rate bits", "a0 00 1210", "sequenceHeader"],
  ["AAC frame", "af 01 211049", "frame"],
  ["AAC cut before the packet type", "af", "unknown"],
  ["MP3 frame whose second byte is 0", "2f 00 fb", "frame"],
  ["G.711 A-law", "72 d5", "frame"],
  ["Speex", "b2 36", "frame"],
  ["format byte alone", "2f", "unknown"],

  // Enhanced: 9 (4 bits), packet type (4 bits), FourCC.
  ["Opus SequenceStart", "90 4f707573 4f70757348656164", "sequenceHeader"],
  ["ac-3 SequenceStart without a body", "90 61632d33", "sequenceHeader"],
  ["Opus CodedFrames", "91 4f707573 fc", "frame"],
  ["mp4a SequenceEnd", "92 6d703461", "sequenceEnd"],
  ["Opus MultichannelConfig", "94 4f707573 01 01 00000004", "channelConfig"],
  ["packet type 3", "93 4f707573 00", "unknown"],
  ["packet type 6, which is multitrack only for video", "96 00 4f707573 00", "unknown"],
  ["CodedFrames cut in the FourCC", "91 4f7075", "unknown"],
  ["ModEx, then CodedFrames", "97 02 01e240 01 4f707573 fc", "frame"],
  ["ModEx, then SequenceStart", "97 02 01e240 00 4f707573 4f", "sequenceHeader"],
  ["ModEx longer than the message", "97 20 01", "unknown"],
  ["OneTrack 1, SequenceStart", "95 00 6d703461 01 1210", "sequenceHeader"],
  ["OneTrack 1, CodedFrames", "95 01 6d703461 01 2110", "frame"],
  ["OneTrack 1, MultichannelConfig", "95 04 6d703461 01 01 02", "channelConfig"],
  ["ManyTracks 0 and 1, CodedFrames", "95 11 6d703461 00 000001 21 01 000001 21", "frame"],
  ["ManyTracksManyCodecs, SequenceStart", "95 20 4f707573 00 000001 4f", "sequenceHeader"],
  ["multitrack in multitrack", "95 05 6d703461 00", "unknown"],
  ["OneTrack cut before the track id", "95 00 6d703461", "unknown"],
  ["multitrack cut before the layout", "95", "unknown"],
];

for (const [name, bytes, kind] of AUDIO) {
  Deno.test(`classifyAudio() says ${kind} when given ${name}`, () => {
    assertEquals(nameOf(AudioKind, classifyAudio(hex(bytes))), kind);
  });
}

const SIDE_DATA: readonly (readonly [string, typeId: number, bytes: string, is: boolean])[] = [
  ["metadata", TagType.data, "02 000a 6f6e4d65746144617461", true],
  ["a cue point", TagType.data, "02 0001 41", true],
  ["an AVC header", TagType.video, "17 00 000000 01640020", true],
  ["HDR metadata", TagType.video, "d4 61763031 02 0009", true],
  ["an AAC header", TagType.audio, "af 00 1210", true],
  ["a channel configuration", TagType.audio, "94 4f707573 01 01 00000004", true],
  ["a keyframe", TagType.video, "17 01 000000 00000001", false],
  ["an inter frame", TagType.video, "27 01 000000 00000001", false],
  ["an AAC frame", TagType.audio, "af 01 2110", false],
  ["an MP3 frame", TagType.audio, "2f ff fb", false],
  ["an empty video message", TagType.video, "", false],
];

for (const [name, typeId, bytes, is] of SIDE_DATA) {
  Deno.test(`isSideData() is ${is} for ${name}`, () => {
    assertEquals(isSideData(typeId, hex(bytes)), is);
  });
}

Deno.test("classifyVideo() and classifyAudio() know every first byte with any cut", () => {
  const tails = [hex("00 4f707573 00 00"), hex("ff ffff 00 00 00"), hex("06 11 61 76 30 31")];
  for (let first = 0; first <= 0xff; first++) {
    for (const tail of tails) {
      for (let length = 0; length <= tail.length; length++) {
        const payload = new Uint8Array([first, ...tail.subarray(0, length)]);
        assert(nameOf(VideoKind, classifyVideo(payload)) !== undefined, `video ${payload}`);
        assert(nameOf(AudioKind, classifyAudio(payload)) !== undefined, `audio ${payload}`);
      }
    }
  }
});

interface Counted {
  readonly name: string;
  readonly file: Uint8Array;
  readonly video: Partial<Record<VideoName, number>>;
  readonly audio: Partial<Record<AudioName, number>>;
  readonly keyframeTimesMs: readonly number[];
}

const FILES: readonly Counted[] = [
  {
    name: "av1-opus.flv",
    file: AV1_OPUS_FLV,
    video: { sequenceHeader: 2, metadata: 1, keyframe: 1, frame: 299 },
    audio: { sequenceHeader: 1, channelConfig: 1, frame: 501 },
    keyframeTimesMs: [7],
  },
  {
    name: "av1-opus-multipacket.flv",
    file: AV1_OPUS_MULTIPACKET_FLV,
    video: { sequenceHeader: 2, metadata: 1, keyframe: 3, frame: 339 },
    audio: { sequenceHeader: 1, channelConfig: 1, frame: 501 },
    keyframeTimesMs: [7, 40, 9040],
  },
];

for (const { name, file, video, audio, keyframeTimesMs } of FILES) {
  Deno.test(`classifyVideo() and classifyAudio() count the messages of ${name}`, () => {
    const { tags } = readFlv(file);
    const videoTags = tags.filter((tag) => tag.typeId === TagType.video);
    const audioTags = tags.filter((tag) => tag.typeId === TagType.audio);
    assertEquals(countBy(videoTags, (tag) => nameOf(VideoKind, classifyVideo(tag.payload))), video);
    assertEquals(countBy(audioTags, (tag) => nameOf(AudioKind, classifyAudio(tag.payload))), audio);
    const keyframes = videoTags.filter((tag) => classifyVideo(tag.payload) === VideoKind.keyframe);
    assertEquals(keyframes.map((tag) => tag.timestampMs), keyframeTimesMs);
  });
}

/** A keyframe behind one modifier with this size field and so many bytes that look like packet types. */
function modEx(size: string, dataBytes: number): string {
  return `97 ${size} ${"07".repeat(dataBytes)} 01 68766331 000000 00`;
}

function nameOf<T extends Readonly<Record<string, number>>>(
  kinds: T,
  value: number,
): keyof T | undefined {
  return Object.keys(kinds).find((name) => kinds[name] === value);
}

function countBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) {
    const key = keyOf(item) ?? "none";
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
