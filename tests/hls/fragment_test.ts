import { muxFragment } from "../../lib/hls/fragment.ts";
import { assertEquals } from "../helpers/assert.ts";

const TRACKS = [
  { id: 1, isVideo: true, timescale: 1_000 },
  { id: 2, isVideo: false, timescale: 1_000 },
];

function packet(isVideo: boolean, decodeMs: number) {
  return { isVideo, isKey: true, decodeMs, presentMs: decodeMs, data: new Uint8Array(4) };
}

/** The durations in each `trun`: four bytes at the beginning of each sample's sixteen. */
function durationsOf(fragment: Uint8Array): number[][] {
  const view = new DataView(fragment.buffer);
  const text = new TextDecoder("latin1").decode(fragment);
  return Array.from(text.matchAll(/trun/g), ({ index }) => {
    const count = view.getUint32(index + 8);
    return Array.from({ length: count }, (_, at) => view.getUint32(index + 16 + 16 * at));
  });
}

Deno.test("the last audio frame of a part lasts as long as others, wherever the video ends", () => {
  for (const endMs of [80, 75, 71]) {
    const packets = [
      ...[0, 40].map((ms) => packet(true, ms)),
      ...[1, 24, 47, 70].map((ms) => packet(false, ms)),
    ];
    const fragment = muxFragment(TRACKS, packets, { sequence: 1, endMs });
    assertEquals(durationsOf(fragment), [[40, endMs - 40], [23, 23, 23, 23]]);
  }
});

Deno.test("the last audio frame of a part lasts as long as others, though two have the same time", () => {
  const packets = [packet(true, 0), ...[0, 20, 40, 60, 60].map((ms) => packet(false, ms))];
  const fragment = muxFragment(TRACKS, packets, { sequence: 1, endMs: 80 });
  assertEquals(durationsOf(fragment), [[80], [20, 20, 20, 0, 15]]);
});

Deno.test("the last frame of a part of audio alone lasts until the next one", () => {
  const packets = [0, 23].map((ms) => packet(false, ms));
  const fragment = muxFragment(TRACKS, packets, { sequence: 1, endMs: 47 });
  assertEquals(durationsOf(fragment), [[23, 24]]);
});

Deno.test("the only audio frame of a part lasts until the part ends", () => {
  const packets = [packet(true, 0), packet(false, 10)];
  const fragment = muxFragment(TRACKS, packets, { sequence: 1, endMs: 40 });
  assertEquals(durationsOf(fragment), [[40], [30]]);
});
