import { TagType } from "../../lib/media/flv_layout.ts";
import { headerKey } from "../../lib/media/header_key.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const { audio, video } = TagType;

const KEYS: readonly (readonly [name: string, typeId: number, bytes: string, key: string])[] = [
  ["a legacy AVC header", video, "17 00 000000 01640028", "video"],
  ["a legacy AAC header", audio, "af 00 1210", "audio"],
  ["an enhanced video header of another codec", video, "90 61763031 81", "video"],
  ["an enhanced audio header", audio, "90 4f707573 4f", "audio"],
  ["MPEG2TSSequenceStart", video, "95 61763031 80", "video"],
  ["a header after ModEx", video, "97 02 01e240 00 68766331 01", "video"],
  ["HDR metadata", video, "d4 61763031 02 0009", "video-metadata"],
  ["a multichannel configuration", audio, "94 4f707573 01 01 00000004", "audio-channels"],
  ["video track 0 alone", video, "96 00 61763031 00 81", "video"],
  ["video track 1", video, "96 00 61763031 01 81", "video:1"],
  ["video track 255", video, "96 00 61763031 ff 81", "video:255"],
  ["video track 1 after ModEx", video, "97 00 aa 06 00 61763031 01 81", "video:1"],
  ["HDR metadata of track 1", video, "96 04 61763031 01 02 0009", "video-metadata:1"],
  ["audio track 2", audio, "95 00 6d703461 02 1210", "audio:2"],
  ["audio channels of track 2", audio, "95 04 6d703461 02 01 02", "audio-channels:2"],
  ["packet type 5, multitrack only for audio", video, "95 00 6d703461 02", "video"],
  ["several tracks", video, "96 10 61763031 01 000001 81 00 000001 81", "video:0+1"],
  [
    "several tracks of different codecs",
    video,
    "96 20 61763031 02 000001 81 68766331 01 000001 01",
    "video:1+2",
  ],
  ["a track listed twice", video, "96 10 61763031 01 000000 01 000000", "video:1"],
  ["tracks cut short", video, "96 10 61763031 01 000001 81 03", "video:1+3"],
  ["tracks of an unknown layout", video, "96 30 61763031 01 81", "video"],
  ["an empty video payload", video, "", "video"],
  ["an empty audio payload", audio, "", "audio"],
];

for (const [name, typeId, bytes, key] of KEYS) {
  Deno.test(`headerKey() is ${key} for ${name}`, () => {
    assertEquals(headerKey(typeId, hex(bytes)), key);
  });
}
