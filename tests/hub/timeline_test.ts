/** Stream time whatever the clocks of the sources do. */

import fc from "fast-check";
import { diffU32 } from "../../lib/base/u32.ts";
import { Timeline } from "../../lib/hub/timeline.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const HOUR_MS = 3_600_000;

/** Times of messages, with `"next"` where another source takes over. */
type Script = readonly (number | "next")[];

function run(timeline: Timeline, script: Script): number[] {
  const times: number[] = [];
  for (const step of script) {
    if (step === "next") timeline.beginSource();
    else times.push(timeline.map(step));
  }
  return times;
}

const CLOCKS: readonly (readonly [name: string, script: Script, expected: readonly number[]])[] = [
  ["keeps a clock that begins at 0", [0, 40, 80], [0, 40, 80]],
  ["keeps a clock that begins near 0", [9_999, 10_039], [9_999, 10_039]],
  ["begins a high clock at 3 s", [10_000, 10_040], [3_000, 3_040]],
  ["begins a clock beyond 24 bits at 3 s", [0x1000000, 0x1000028], [3_000, 3_040]],
  ["has room for early messages of a high clock", [5_000_000, 4_997_000], [3_000, 0]],
  ["follows a clock over 2³¹", [0x7ffffff0, 0x80000010], [3_000, 3_032]],
  ["follows a clock over its end", [0xfffffff0, 0xfffffff8, 8], [3_000, 3_008, 3_024]],
  ["lets a message step back", [1000, 980, 1020, 900], [1000, 980, 1020, 900]],
  ["lets a message step back 3 s", [9_000, 6_000], [9_000, 6_000]],
  ["takes a step back of more for a new clock", [9_000, 5_999, 6_039], [9_000, 9_040, 9_080]],
  ["goes on after −10 s", [20_000, 20_040, 10_000, 10_040], [3_000, 3_040, 3_080, 3_120]],
  ["goes on after +1 h", [0, 40, HOUR_MS, HOUR_MS + 40], [0, 40, 80, 120]],
  ["lets time pass in a gap of a minute", [0, 60_000], [0, 60_000]],
  ["takes a longer gap for a new clock", [0, 60_001], [0, 40]],
  ["goes on with another source at 0", [0, 5_000, "next", 0, 40], [0, 5_000, 5_040, 5_080]],
  ["goes on with another source ahead", [0, 40, "next", 5_000, 5_040], [0, 40, 80, 120]],
  ["goes on with a source at the same time", [0, 40, "next", 40, 80], [0, 40, 80, 120]],
  ["goes on behind the newest message, not the last", [9_000, 8_000, "next", 0], [
    9_000,
    8_000,
    9_040,
  ]],
];

for (const [name, script, expected] of CLOCKS) {
  Deno.test(`Timeline.map() ${name}`, () => {
    assertEquals(run(new Timeline(false), script), expected);
  });
}

Deno.test("Timeline.map() keeps all times when they are absolute", () => {
  const script: Script = [5_000_000, 10, "next", HOUR_MS, 0xffffffff, 0];
  const times = [5_000_000, 10, HOUR_MS, 0xffffffff, 0];
  assertEquals(run(new Timeline(true), script), times);
});

Deno.test("Timeline.nowMs is 0 before the first message", () => {
  assertEquals(new Timeline(false).nowMs, 0);
});

const NOWS: readonly (readonly [
  name: string,
  isAbsolute: boolean,
  script: Script,
  nowMs: number,
])[] = [
  ["is the newest time, not the last", false, [1000, 980], 1000],
  ["does not move when a source ends", false, [0, 40, "next"], 40],
  ["is the newest time of an absolute clock", true, [5000, 4980], 5000],
  ["goes back with an absolute clock that is set back", true, [HOUR_MS, 0, 40], 40],
  ["goes over the end of the clock", true, [0xffffffff, 5], 5],
];

for (const [name, isAbsolute, script, nowMs] of NOWS) {
  Deno.test(`Timeline.nowMs ${name}`, () => {
    const timeline = new Timeline(isAbsolute);
    run(timeline, script);
    assertEquals(timeline.nowMs, nowMs);
  });
}

Deno.test("Timeline.follows() tells a message on the source's clock from one elsewhere", () => {
  const timeline = new Timeline(false);
  assert(!timeline.follows(0), "no clock is known yet");
  timeline.map(100_000);
  assert(timeline.follows(100_000));
  assert(timeline.follows(97_000));
  assert(timeline.follows(160_000));
  assert(!timeline.follows(96_999));
  assert(!timeline.follows(160_001));
  assert(!timeline.follows(0));
  timeline.beginSource();
  assert(!timeline.follows(100_000), "the next source has another clock");
});

Deno.test("Timeline.map() never leads players more than 3 s back or 60 s ahead", () => {
  const step = fc.oneof(
    fc.constant("next" as const),
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.integer({ min: 0, max: 20_000 }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (script) => {
    const timeline = new Timeline(false);
    let newest: number | null = null;
    for (const step of script) {
      if (step === "next") {
        timeline.beginSource();
        continue;
      }
      const time = timeline.map(step);
      if (newest !== null) {
        const moved = diffU32(time, newest);
        assert(moved >= -3_000 && moved <= 60_000, `moved ${moved} ms at ${step}`);
      }
      newest = timeline.nowMs;
    }
  }));
});
