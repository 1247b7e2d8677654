import {
  extentOf,
  HlsBlocking,
  type PlaylistPosition,
  reaches,
} from "../../lib/http/hls_blocking.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** Segments 7 (three parts) and 8 (two parts) are complete, 9 has `open` parts. */
function playlist(open: number, end = ""): string {
  const part = (text: string) => `#EXT-X-PART:DURATION=0.400,URI="${text}"\n`;
  return `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n${part("a").repeat(3)}#EXTINF:1.200,\n7.m4s\n` +
    `${part("b").repeat(2)}#EXTINF:0.800,\n8.m4s\n${part("c").repeat(open)}${end}`;
}

const CASES: readonly (readonly [open: number, at: PlaylistPosition, isReached: boolean])[] = [
  [0, { sequence: 8, part: null }, true],
  [2, { sequence: 9, part: null }, false],
  [2, { sequence: 9, part: 1 }, true],
  [2, { sequence: 9, part: 2 }, false],
  [2, { sequence: 10, part: 0 }, false],
  [2, { sequence: 3, part: 90 }, true],
  [0, { sequence: 8, part: 1 }, true],
  // A part after the last one of a segment is the first one of the next.
  [0, { sequence: 8, part: 2 }, false],
  [1, { sequence: 8, part: 2 }, true],
];

for (const [open, at, isReached] of CASES) {
  Deno.test(`A playlist with ${open} open parts reaches ${JSON.stringify(at)}: ${isReached}`, () => {
    assertEquals(reaches(playlist(open), at), isReached);
  });
}

Deno.test("A playlist that has ended reaches everything", () => {
  assertEquals(reaches(playlist(0, "#EXT-X-ENDLIST\n"), { sequence: 99, part: 0 }), true);
  assertEquals(extentOf(""), { nextSequence: 0, openParts: 0, lastParts: 0, isEnded: false });
});

/** One playlist in memory. */
function createRig() {
  const clock = new FakeClock();
  const file = { text: playlist(0) as string | null, modifiedMs: 1, reads: 0 };
  const blocking = new HlsBlocking({
    clock,
    modifiedMs: () => Promise.resolve(file.text === null ? null : file.modifiedMs),
    read: () => {
      file.reads++;
      return Promise.resolve(file.text);
    },
  });
  const wait = (part: number, signal = new AbortController().signal) =>
    blocking.until("p", (text) => reaches(text, { sequence: 9, part }), 6000, signal);
  return { clock, file, blocking, wait };
}

Deno.test("Requests wait for a playlist together, with one look for all", async () => {
  const { clock, file, blocking, wait } = createRig();
  assertEquals(await blocking.until("p", () => true, 6000, new AbortController().signal), "ready");
  const waits = Array.from({ length: 50 }, () => wait(0));
  const later = wait(1);
  await clock.advance(1000);
  assertEquals(blocking.count, 51);
  const { reads } = file;
  file.text = playlist(1);
  file.modifiedMs++;
  await clock.advance(50);
  assertEquals(await Promise.all(waits), Array.from({ length: 50 }, () => "ready"));
  assertEquals([blocking.count, file.reads - reads], [1, 1]);
  await clock.advance(6000);
  assertEquals([await later, blocking.count], ["late", 0]);
});

Deno.test("A wait ends with the client and with the playlist, and their number is limited", async () => {
  const { clock, file, blocking, wait } = createRig();
  const abort = new AbortController();
  const left = wait(0, abort.signal);
  await clock.advance(0);
  abort.abort();
  assertEquals([await left, blocking.count], ["busy", 0]);
  const waits = Array.from({ length: 5000 }, () => wait(0));
  await clock.advance(0);
  assertEquals(await wait(0), "busy");
  file.text = null;
  await clock.advance(50);
  assertEquals([...new Set(await Promise.all(waits))], ["ready"]);
  assertEquals(blocking.count, 0);
});
