/** Codecs by SRS's names, from hand-written headers. */

import { describeAudio, describeVideo } from "../../lib/monitor/stream_codecs.ts";
import { HeaderSet } from "../../lib/hub/header_set.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const NOTHING = new HeaderSet();

function video(bytes: string): HeaderSet {
  return NOTHING.after(9, hex(bytes));
}

function audio(bytes: string): HeaderSet {
  return NOTHING.after(8, hex(bytes));
}

/** `onMetaData` with these doubles for width and height. */
function withSize(headers: HeaderSet, width: string, height: string): HeaderSet {
  return headers.after(
    18,
    hex(`
      02 000A 6F6E4D65746144617461          // "onMetaData"
      08 00000002                           // ECMA array
      0005 7769647468   00 ${width}
      0006 686569676874 00 ${height}
      000009
    `),
  );
}

const VIDEOS = [
  {
    what: "AVC, high profile, level 3.1",
    header: "17 00 000000  01 64 00 1F FF E1 00 00",
    codec: "H264",
    profile: "High",
    level: "3.1",
  },
  {
    what: "AVC, baseline, level 4",
    header: "17 00 000000  01 42 C0 28 FF E1 00 00",
    codec: "H264",
    profile: "Baseline",
    level: "4",
  },
  {
    what: "AVC of a profile without a name",
    header: "17 00 000000  01 01 00 1F FF E1 00 00",
    codec: "H264",
    profile: "",
    level: "3.1",
  },
  {
    what: "HEVC (Enhanced RTMP), main, level 4.1",
    header: "90 68766331  01 01 60000000 900000000000 7B F000FCFDF8F800000F00",
    codec: "HEVC",
    profile: "Main",
    level: "4.1",
  },
  {
    what: "AV1 (Enhanced RTMP), main, level 3.1",
    header: "90 61763031  81 05 0C 00",
    codec: "AV1",
    profile: "Main",
    level: "3.1",
  },
  {
    what: "AV1 without a configuration record",
    header: "90 61763031",
    codec: "AV1",
    profile: "",
    level: "",
  },
  { what: "AVC cut short", header: "17 00 000000", codec: "H264", profile: "", level: "" },
] as const;

for (const { what, header, codec, profile, level } of VIDEOS) {
  Deno.test(`describeVideo() describes ${what}`, () => {
    const expected = { codec, profile, level, width: 0, height: 0 };
    assertEquals(describeVideo(video(header)), expected);
  });
}

const AUDIOS = [
  {
    what: "AAC-LC, 44.1 kHz, stereo",
    header: "AF 00 1210",
    audio: { codec: "AAC", profile: "LC", sampleRate: 44_100, channels: 2 },
  },
  {
    what: "AAC-LC, 48 kHz, mono",
    header: "AF 00 1188",
    audio: { codec: "AAC", profile: "LC", sampleRate: 48_000, channels: 1 },
  },
  {
    what: "Opus (Enhanced RTMP), 48 kHz, stereo",
    header: "90 4F707573  4F70757348656164 01 02 3801 80BB0000 0000 00",
    audio: { codec: "Opus", profile: "", sampleRate: 48_000, channels: 2 },
  },
  {
    what: "AAC cut short",
    header: "AF 00 12",
    audio: { codec: "AAC", profile: "LC", sampleRate: 0, channels: 0 },
  },
] as const;

for (const { what, header, audio: expected } of AUDIOS) {
  Deno.test(`describeAudio() describes ${what}`, () => {
    assertEquals(describeAudio(audio(header)), expected);
  });
}

Deno.test("describeVideo() reads width and height from the metadata", () => {
  const headers = withSize(video(VIDEOS[0].header), "409E000000000000", "4090E00000000000");
  const { width, height } = describeVideo(headers)!;
  assertEquals([width, height], [1920, 1080]);
});

Deno.test("describeVideo() ignores an impossible size in the metadata", () => {
  const headers = withSize(video(VIDEOS[0].header), "BFF0000000000000", "7FF8000000000000");
  const { width, height } = describeVideo(headers)!;
  assertEquals([width, height], [0, 0]);
});

Deno.test("describeVideo() and describeAudio() return null without a header", () => {
  assertEquals([describeVideo(NOTHING), describeAudio(NOTHING)], [null, null]);
});
