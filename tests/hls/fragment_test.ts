import { muxFragment } from "../../lib/hls/fragment.ts";
import { assertEquals } from "../helpers/assert.ts";
import { findBoxes } from "../helpers/mp4_boxes.ts";

const TRACKS = [
  { id: 1, isVideo: true, timescale: 1_000 },
  { id: 2, isVideo: false, timescale: 1_000 },
];

/** In the middle of a segment. */
const PART = { isFirst: false, isLast: false };

function packet(isVideo: boolean, decodeMs: number) {
  return { isVideo, isKey: true, decodeMs, presentMs: decodeMs, data: new Uint8Array(4) };
}

/** The durations in each `trun`, whose samples have sixteen bytes. */
function durationsOf(fragment: Uint8Array): number[][] {
  return findBoxes("trun", fragment).map((body) =>
    Array.from({ length: body.getUint32(4) }, (_, index) => body.getUint32(12 + 16 * index))
  );
}

Deno.test("the last audio frame of a part lasts as long as others, wherever the video ends", () => {
  for (const endMs of [80, 75, 71]) {
    const packets = [
      ...[0, 40].map((ms) => packet(true, ms)),
      ...[1, 24, 47, 70].map((ms) => packet(false, ms)),
    ];
    const fragment = muxFragment(TRACKS, packets, 1, { endMs, ...PART });
    assertEquals(durationsOf(fragment), [[40, endMs - 40], [23, 23, 23, 23]]);
  }
});

Deno.test("the last audio frame of a part lasts as long as others, though two have the same time", () => {
  const packets = [packet(true, 0), ...[0, 20, 40, 60, 60].map((ms) => packet(false, ms))];
  const fragment = muxFragment(TRACKS, packets, 1, { endMs: 80, ...PART });
  assertEquals(durationsOf(fragment), [[80], [20, 20, 20, 0, 15]]);
});

Deno.test("the last frame of a part of audio alone lasts until the next one", () => {
  const packets = [0, 23].map((ms) => packet(false, ms));
  const fragment = muxFragment(TRACKS, packets, 1, { endMs: 47, ...PART });
  assertEquals(durationsOf(fragment), [[23, 24]]);
});

Deno.test("the only audio frame of a part lasts until the part ends", () => {
  const packets = [packet(true, 0), packet(false, 10)];
  const fragment = muxFragment(TRACKS, packets, 1, { endMs: 40, ...PART });
  assertEquals(durationsOf(fragment), [[40], [30]]);
});

Deno.test("the video of a segment begins and ends a tick late", () => {
  const packets = [...[0, 40].map((ms) => packet(true, ms)), packet(false, 0), packet(false, 20)];
  const fragment = muxFragment(TRACKS, packets, 1, { endMs: 80, isFirst: true, isLast: true });
  assertEquals(findBoxes("tfdt", fragment).map((body) => body.getBigUint64(4)), [1n, 0n]);
  assertEquals(durationsOf(fragment), [[39, 41], [20, 20]]);
});
