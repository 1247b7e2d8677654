import { ReadSize } from "../../lib/io/read_size.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const KIB = 1024;

/** Reads `seconds` of a stream as a socket gives it: each message alone, long ones in pieces. */
function readStream(size: ReadSize, seconds: number, messages: readonly number[]): void {
  for (let second = 0; second < seconds; second++) {
    for (const message of messages) {
      for (let left = message; left > 0;) {
        const count = Math.min(left, size.bytes);
        left -= count;
        size.note(count);
      }
    }
  }
}

/** A second of 30 video frames, of which one is a keyframe of six times the size, and audio. */
function secondOf(frameBytes: number): number[] {
  return [frameBytes * 6, ...Array(29).fill(frameBytes), ...Array(43).fill(350)];
}

for (const [kbps, kib] of [[100, 8], [1_000, 8], [6_000, 32], [20_000, 64]] as const) {
  Deno.test(`ReadSize.bytes is ${kib} KiB for ${kbps} kbit/s`, () => {
    const size = new ReadSize();
    readStream(size, 10, secondOf(kbps * 125 / 35));
    assertEquals(size.bytes / KIB, kib);
  });
}

Deno.test("ReadSize.bytes returns to 8 KiB after a burst", () => {
  const size = new ReadSize();
  readStream(size, 10, [1_000_000]);
  assertEquals(size.bytes, 64 * KIB);
  readStream(size, 10, secondOf(3_500));
  assertEquals(size.bytes, 8 * KIB);
});

Deno.test("ReadSize.note() says whether more may wait", () => {
  const size = new ReadSize();
  assert(size.note(8 * KIB));
  assert(!size.note(8 * KIB - 1));
});
