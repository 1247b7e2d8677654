/** Messages written by hand from Enhanced RTMP v2, "ExVideoTagHeader" and "ExAudioTagHeader". */

import { TagType } from "../../lib/media/flv_layout.ts";
import { defaultTrackOf, hasTracks } from "../../lib/media/multitrack.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const { audio, video, data } = TagType;

type Case = readonly [name: string, typeId: number, bytes: string, expected: string | null];

/** Null: the message has no default track. */
const MULTITRACK: readonly Case[] = [
  [
    "one track: a keyframe with its composition time",
    video,
    "96 01 61766331 00 00002a 65",
    "91 61766331 00002a 65",
  ],
  ["one track: a sequence header", video, "96 00 61763031 00 81", "90 61763031 81"],
  ["one track: an inter frame", video, "a6 03 68766331 00 02", "a3 68766331 02"],
  ["one track: audio", audio, "95 01 4f707573 00 fc", "91 4f707573 fc"],
  ["one track: another one", video, "96 01 61766331 01 000000 65", null],
  ["one track: another one of audio", audio, "95 00 6d703461 02 1210", null],
  [
    "many tracks, the default one first",
    video,
    "96 11 61763031 00 000002 0a0b 01 000001 0c",
    "91 61763031 0a0b",
  ],
  [
    "many tracks, the default one last",
    audio,
    "95 11 6d703461 03 000001 0c 00 000002 0a0b",
    "91 6d703461 0a0b",
  ],
  ["many tracks without the default one", video, "96 11 61763031 01 000001 0a", null],
  [
    "many tracks of different codecs",
    video,
    "96 21 61766331 01 000001 0c 68766331 00 000004 000000 65",
    "91 68766331 000000 65",
  ],
  ["an empty default track", video, "96 12 61763031 00 000000", "92 61763031"],
  ["a ModEx before it", video, "97 02 01e240 06 03 68766331 00 02", "97 02 01e240 03 68766331 02"],
  ["a track that is cut short", video, "96 11 61763031 00 000005 0a", null],
  ["a track without its size", video, "96 11 61763031 00 00", null],
  ["a message that ends at its FourCC", video, "96 01 617663", null],
  ["an unknown layout", video, "96 31 61763031 00 65", null],
];

for (const [name, typeId, bytes, expected] of MULTITRACK) {
  Deno.test(`defaultTrackOf() of ${name}`, () => {
    assertEquals(hasTracks(typeId, hex(bytes)), true);
    assertEquals(defaultTrackOf(hex(bytes)), expected === null ? null : hex(expected));
  });
}

Deno.test("hasTracks() and defaultTrackOf() take any beginning of a message", () => {
  for (const [, typeId, bytes] of MULTITRACK) {
    const whole = hex(bytes);
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      if (!hasTracks(typeId, cut)) continue;
      const body = defaultTrackOf(cut);
      assert(body === null || body.length <= length);
    }
  }
});

const SINGLE: readonly (readonly [name: string, typeId: number, bytes: string])[] = [
  ["legacy video", video, "17 01 000000 65"],
  ["legacy audio", audio, "af 01 21"],
  ["an enhanced keyframe", video, "91 61763031 0a"],
  ["packet type 5 of video", video, "95 61763031 80"],
  ["a video command", video, "d6 00"],
  ["metadata", data, "96 00"],
  ["an empty video message", video, ""],
  ["a ModEx that is cut short", video, "97 ff"],
];

for (const [name, typeId, bytes] of SINGLE) {
  Deno.test(`hasTracks() is false for ${name}`, () => {
    assertEquals(hasTracks(typeId, hex(bytes)), false);
  });
}
