import {
  audioTrack,
  audioTrackFromFrame,
  containerFor,
  DEFAULT_SIZE,
  videoTrack,
} from "../../lib/hls/track.ts";
import { assertEquals } from "../helpers/assert.ts";
import { audioCodec, videoCodec } from "../helpers/codecs.ts";
import { hex } from "../helpers/hex.ts";

const OPUS_HEAD = "4F70757348656164 01 06 3801 80BB0000 0000 00";

/** One SPS and one PPS. */
const AVC = "01 64001F FF E1 0002 6764 01 0001 68";

/** A configuration, and what of it a track keeps; null if there is no track. */
type Case = readonly [fourcc: string, config: string, kept: string | null];

const VIDEO: readonly Case[] = [
  ["avc1", AVC, AVC],
  // Cut short within the first parameter set.
  ["avc1", "01 64001F FF E1 0002 67", null],
  ["avc1", "01 64", null],
  ["hvc1", "01 01 60000000", null],
  ["av01", "81 08 0C 00", "81 08 0C 00"],
  ["av01", "81 08", ""],
  ["av01", "", ""],
  ["vp09", "", null],
  ["vp08", "00 00 00 00", null],
];

const AUDIO: readonly Case[] = [
  ["mp4a", "1210", "1210"],
  ["mp4a", "12", null],
  // Reserved sample rate.
  ["mp4a", "1690", null],
  ["Opus", OPUS_HEAD, OPUS_HEAD],
  ["Opus", "4F70", ""],
  ["fLaC", "664C6143", null],
  ["ac-3", "0B77", ""],
];

for (const [fourcc, config, kept] of VIDEO) {
  Deno.test(`videoTrack() of ${fourcc} with "${config}" keeps "${kept}"`, () => {
    const track = videoTrack(videoCodec(fourcc), hex(config), DEFAULT_SIZE);
    assertEquals(track && track.config, kept === null ? null : hex(kept));
  });
}

for (const [fourcc, config, kept] of AUDIO) {
  Deno.test(`audioTrack() of ${fourcc} with "${config}" keeps "${kept}"`, () => {
    const track = audioTrack(audioCodec(fourcc), hex(config));
    assertEquals(track && track.config, kept === null ? null : hex(kept));
  });
}

Deno.test("audioTrack() reads sample rate and channels", () => {
  const { sampleRate, channels } = audioTrack(audioCodec("mp4a"), hex("1188"))!;
  assertEquals([sampleRate, channels], [48_000, 1]);
});

Deno.test("audioTrackFromFrame() reads them from an MP3 frame, and takes no damaged one", () => {
  const track = audioTrackFromFrame(audioCodec(".mp3"), hex("FFFB9064"))!;
  assertEquals([track.sampleRate, track.channels], [44_100, 2]);
  assertEquals(audioTrackFromFrame(audioCodec(".mp3"), hex("00000000")), null);
});

Deno.test("audioTrackFromFrame() assumes 48 kHz stereo for frames it does not parse", () => {
  const track = audioTrackFromFrame(audioCodec("ac-3"), hex("0B77"))!;
  assertEquals([track.sampleRate, track.channels], [48_000, 2]);
});

Deno.test("containerFor() takes a transport stream for what every player knows, else CMAF", () => {
  const avc = videoTrack(videoCodec("avc1"), hex(AVC), DEFAULT_SIZE);
  const av1 = videoTrack(videoCodec("av01"), hex(""), DEFAULT_SIZE);
  const aac = audioTrack(audioCodec("mp4a"), hex("1210"));
  const opus = audioTrack(audioCodec("Opus"), hex(""));
  assertEquals(containerFor(avc, aac), "mpegts");
  assertEquals(containerFor(avc, null), "mpegts");
  assertEquals(containerFor(null, aac), "mpegts");
  assertEquals(containerFor(avc, opus), "cmaf");
  assertEquals(containerFor(av1, aac), "cmaf");
  // AAC whose sample rate is spelled out: ADTS cannot state it.
  assertEquals(containerFor(avc, audioTrack(audioCodec("mp4a"), hex("1780 5622 10"))), "cmaf");
});
