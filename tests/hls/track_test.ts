import { codecString } from "../../lib/hls/codec_string.ts";
import {
  audioTrack,
  audioTrackFromFrame,
  containerFor,
  DEFAULT_SIZE,
  readPictureSize,
  videoTrack,
} from "../../lib/hls/track.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import type { AudioCodec, VideoCodec } from "../../lib/hls/flv_frame.ts";

/** Records as encoders write them, and names as ffmpeg's HLS muxer and the specifications have them. */
const VIDEO: readonly (readonly [VideoCodec, string, string | null])[] = [
  ["avc", "01 64001F FF E1 0004 6764001F 01 0003 68EE3C", "avc1.64001f"],
  ["avc", "01 64", null],
  // Main profile, level 3.1, compatible with profiles 1 and 2, progressive and frame only.
  ["hevc", `01 01 60000000 900000000000 5D ${"00".repeat(10)}`, "hvc1.1.6.L93.90"],
  // Main 10, high tier, level 5.
  ["hevc", `01 22 20000000 B00000000000 96 ${"00".repeat(10)}`, "hvc1.2.4.H150.B0"],
  ["hevc", "01 01 60000000", null],
  ["av1", "81 08 0C 00", "av01.0.08M.08"],
  ["av1", "81 2D C0 00", "av01.1.13H.10"],
  ["av1", "", "av01.0.08M.08"],
  ["vp9", "00 1F 82 01 01 01", "vp09.00.31.08"],
  ["vp9", "", null],
];

for (const [codec, config, name] of VIDEO) {
  Deno.test(`codecString() of ${codec} with ${config.slice(0, 30) || "nothing"}`, () => {
    const track = videoTrack(codec, hex(config), DEFAULT_SIZE);
    assertEquals(track && codecString(track), name);
  });
}

const OPUS_HEAD = "4F70757348656164 01 06 3801 80BB0000 0000 00";

const AUDIO: readonly (readonly [AudioCodec, string, string | null])[] = [
  ["aac", "1210", "mp4a.40.2 44100 2"],
  ["aac", "1188", "mp4a.40.2 48000 1"],
  ["aac", "2B92 0800", "mp4a.40.5 22050 2"],
  ["aac", "11B8", "mp4a.40.2 48000 8"],
  ["aac", "12", null],
  // Index 13 is reserved.
  ["aac", "1690", null],
  ["opus", OPUS_HEAD, "opus 48000 6"],
  ["opus", "", "opus 48000 2"],
  ["flac", `664C6143 80000022 1000 1000 000000 000000 0BB802F0 ${"00".repeat(20)}`, "flac 48000 2"],
  ["flac", "664C6143", null],
  ["ac3", "", "ac-3 48000 2"],
  ["eac3", "", "ec-3 48000 2"],
];

for (const [codec, config, expected] of AUDIO) {
  Deno.test(`audioTrack() reads ${codec} from ${config.slice(0, 20) || "nothing"}`, () => {
    const track = audioTrack(codec, hex(config));
    assertEquals(track && `${codecString(track)} ${track.sampleRate} ${track.channels}`, expected);
  });
}

const MP3: readonly (readonly [string, string | null])[] = [
  ["FFFB9064", "44100 2"],
  ["FFFB94C4", "48000 1"],
  ["FFF38000", "22050 2"],
  ["FFE38800", "8000 2"],
  ["FFFB9C64", null],
  ["00000000", null],
  ["FFFB", null],
];

for (const [frame, expected] of MP3) {
  Deno.test(`audioTrackFromFrame() reads MP3 from ${frame}`, () => {
    const track = audioTrackFromFrame("mp3", hex(frame));
    assertEquals(track && `${track.sampleRate} ${track.channels}`, expected);
  });
}

Deno.test("containerFor() takes a transport stream for what every player knows, else CMAF", () => {
  const avc = videoTrack("avc", hex("01 64001F FF E1 0000"), DEFAULT_SIZE);
  const av1 = videoTrack("av1", hex(""), DEFAULT_SIZE);
  const [aac, opus] = [audioTrack("aac", hex("1210")), audioTrack("opus", hex(""))];
  assertEquals(containerFor(avc, aac), "mpegts");
  assertEquals(containerFor(avc, null), "mpegts");
  assertEquals(containerFor(null, aac), "mpegts");
  assertEquals(containerFor(avc, opus), "cmaf");
  assertEquals(containerFor(av1, aac), "cmaf");
});

Deno.test("readPictureSize() reads metadata, and shrugs at what is no size", () => {
  const metadata = (width: string) =>
    hex(`02 000A 6F6E4D65746144617461 08 00000002
      0005 7769647468 ${width} 0006 686569676874 00 4086800000000000 000009`);
  assertEquals(readPictureSize(metadata("00 4094000000000000")), { width: 1280, height: 720 });
  assertEquals(readPictureSize(metadata("00 0000000000000000")), null);
  assertEquals(readPictureSize(metadata("02 0001 39")), null);
  assertEquals(readPictureSize(hex("02 000A 6F6E")), null);
});
