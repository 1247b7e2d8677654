/** What `onMetaData` says of tracks. The bytes are written by hand from AMF0 §2. */

import { metadataWithout, tracksInMetadata } from "../../lib/media/metadata_tracks.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const NAME = "02 000a 6f6e4d65746144617461";
const END = "000009";
const AUDIO_CODEC = "000c 617564696f636f6465636964 00 4024000000000000";
const STEREO = "0006 73746572656f 01 01";
const WIDTH = "0005 7769647468 00 4084000000000000";
const VIDEO_CODEC = "000c 766964656f636f6465636964 00 401c000000000000";
const ENCODER = "0007 656e636f646572 02 0001 78";

/** An ECMA array: marker 8, number of properties. */
function metadata(...properties: string[]): Uint8Array<ArrayBuffer> {
  return hex(`${NAME} 08 0000000${properties.length} ${properties.join(" ")} ${END}`);
}

const BOTH = metadata(AUDIO_CODEC, STEREO, WIDTH, VIDEO_CODEC, ENCODER);

Deno.test("metadataWithout() removes the properties of a track and keeps the others in order", () => {
  assertEquals(metadataWithout("audio", BOTH), metadata(WIDTH, VIDEO_CODEC, ENCODER));
  assertEquals(
    metadataWithout("video", BOTH),
    metadata(AUDIO_CODEC, STEREO, ENCODER),
  );
});

Deno.test("metadataWithout() returns the payload itself if there is nothing to remove", () => {
  const audio = metadata(AUDIO_CODEC);
  assert(metadataWithout("video", audio) === audio);
});

Deno.test("metadataWithout() returns metadata that it cannot read", () => {
  const cut = BOTH.subarray(0, 30);
  assert(metadataWithout("audio", cut) === cut);
});

Deno.test("tracksInMetadata() names the tracks with a codec", () => {
  assertEquals(tracksInMetadata(BOTH), { hasAudio: true, hasVideo: true });
  assertEquals(tracksInMetadata(metadata(AUDIO_CODEC)), { hasAudio: true, hasVideo: false });
  assertEquals(tracksInMetadata(hex("05")), { hasAudio: false, hasVideo: false });
});
