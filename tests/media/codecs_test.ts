/** What each row of the table means to relay and HLS; names are in codec_name_test.ts. */

import { audioCodecs, videoCodecs } from "../../lib/media/codecs.ts";
import { assertEquals } from "../helpers/assert.ts";
import { audioCodec, videoCodec } from "../helpers/codecs.ts";

const VIDEO: readonly (readonly [fourcc: string, hls: string | null])[] = [
  ["avc1", "avc mpegts required"],
  ["hvc1", "hevc cmaf required"],
  ["av01", "av1 cmaf optional"],
  ["vp09", "vp9 cmaf required"],
  ["vp08", null],
  ["vvc1", null],
];

const AUDIO: readonly (readonly [fourcc: string, hls: string | null])[] = [
  ["mp4a", "aac mpegts required"],
  [".mp3", "mp3 mpegts none"],
  ["Opus", "opus cmaf optional"],
  ["fLaC", "flac cmaf required"],
  ["ac-3", "ac3 mpegts none"],
  ["ec-3", "eac3 mpegts none"],
];

const SUPPORT = [
  ...VIDEO.map(([fourcc, hls]) => ({ fourcc, codec: videoCodec(fourcc), hls })),
  ...AUDIO.map(([fourcc, hls]) => ({ fourcc, codec: audioCodec(fourcc), hls })),
];

for (const { fourcc, codec, hls } of SUPPORT) {
  Deno.test(`HLS support of ${fourcc} is ${hls}`, () => {
    const { muxerName, container } = codec.hls ?? {};
    assertEquals(codec.hls && `${muxerName} ${container} ${codec.sequenceHeader}`, hls);
  });
}

Deno.test("hasPacketType() is true for the legacy ids of AVC, HEVC, AV1 and AAC only", () => {
  const ids = Array.from({ length: 16 }, (_, id) => id);
  assertEquals(ids.filter((id) => videoCodecs.hasPacketType(id)), [7, 12, 13]);
  assertEquals(ids.filter((id) => audioCodecs.hasPacketType(id)), [10]);
});

Deno.test("ofLegacyId() and ofFourcc() are null for unknown codecs", () => {
  assertEquals([videoCodecs.ofLegacyId(14), audioCodecs.ofLegacyId(13)], [null, null]);
  assertEquals([videoCodecs.ofFourcc(0x78787878), audioCodecs.ofFourcc(0x61766331)], [null, null]);
});
