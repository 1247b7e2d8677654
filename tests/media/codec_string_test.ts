/** Records as encoders write them; names as ffmpeg's HLS muxer and the specifications have them. */

import { assertEquals } from "../helpers/assert.ts";
import { audioCodec, videoCodec } from "../helpers/codecs.ts";
import { hex } from "../helpers/hex.ts";

const VIDEO: readonly (readonly [fourcc: string, config: string, name: string])[] = [
  ["avc1", "01 64001F FF E1 0004 6764001F 01 0003 68EE3C", "avc1.64001f"],
  // Main profile, level 3.1, compatible with profiles 1 and 2, progressive and frame only.
  ["hvc1", `01 01 60000000 900000000000 5D ${"00".repeat(10)}`, "hvc1.1.6.L93.90"],
  // Main 10, high tier, level 5.
  ["hvc1", `01 22 20000000 B00000000000 96 ${"00".repeat(10)}`, "hvc1.2.4.H150.B0"],
  ["av01", "81 08 0C 00", "av01.0.08M.08"],
  ["av01", "81 2D C0 00", "av01.1.13H.10"],
  ["av01", "", "av01.0.08M.08"],
  ["vp09", "00 1F 82 01 01 01", "vp09.00.31.08"],
];

for (const [fourcc, config, name] of VIDEO) {
  Deno.test(`codecString() is ${name} for ${fourcc} with ${config.slice(0, 30) || "nothing"}`, () => {
    assertEquals(videoCodec(fourcc).hls!.codecString(hex(config)), name);
  });
}

const AUDIO: readonly (readonly [fourcc: string, config: string, name: string])[] = [
  ["mp4a", "1210", "mp4a.40.2"],
  ["mp4a", "2B92 0800", "mp4a.40.5"],
  ["mp4a", "EB92 0800", "mp4a.40.29"],
  // AAC Main (1) passes for AAC-LC.
  ["mp4a", "0A10", "mp4a.40.2"],
  [".mp3", "", "mp3"],
  ["Opus", "", "opus"],
  ["fLaC", "", "flac"],
  ["ac-3", "", "ac-3"],
  ["ec-3", "", "ec-3"],
];

for (const [fourcc, config, name] of AUDIO) {
  Deno.test(`codecString() is ${name} for ${fourcc} with ${config || "nothing"}`, () => {
    assertEquals(audioCodec(fourcc).hls!.codecString(hex(config)), name);
  });
}
