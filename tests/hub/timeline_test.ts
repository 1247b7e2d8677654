/** Stream time under any clocks of the sources. */

import fc from "fast-check";
import { diffU32 } from "../../lib/base/u32.ts";
import { Timeline } from "../../lib/hub/timeline.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const HOUR_MS = 3_600_000;

/** Source times of messages, with `"next"` where another source takes over. */
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
  ["keeps a clock that starts at 0", [0, 40, 80], [0, 40, 80]],
  ["keeps a clock that starts near 0", [9_999, 10_039], [9_999, 10_039]],
  ["starts a high clock at 3 s", [10_000, 10_040], [3_000, 3_040]],
  ["starts a clock beyond 24 bits at 3 s", [0x1000000, 0x1000028], [3_000, 3_040]],
  ["leaves room for early messages of a high clock", [5_000_000, 4_997_000], [3_000, 0]],
  ["follows a clock across 2³¹", [0x7ffffff0, 0x80000010], [3_000, 3_032]],
  ["follows a clock across its wrap", [0xfffffff0, 0xfffffff8, 8], [3_000, 3_008, 3_024]],
  ["lets a message step back", [1000, 980, 1020, 900], [1000, 980, 1020, 900]],
  ["lets a message step back 3 s", [9_000, 6_000], [9_000, 6_000]],
  ["takes a larger step back for a new clock", [9_000, 5_999, 6_039], [9_000, 9_040, 9_080]],
  ["continues after −10 s", [20_000, 20_040, 10_000, 10_040], [3_000, 3_040, 3_080, 3_120]],
  ["continues after +1 h", [0, 40, HOUR_MS, HOUR_MS + 40], [0, 40, 80, 120]],
  ["keeps a gap of a minute", [0, 60_000], [0, 60_000]],
  ["takes a longer gap for a new clock", [0, 60_001], [0, 40]],
  ["continues with another source at 0", [0, 5_000, "next", 0, 40], [0, 5_000, 5_040, 5_080]],
  ["continues with another source ahead", [0, 40, "next", 5_000, 5_040], [0, 40, 80, 120]],
  ["continues with a source at the same time", [0, 40, "next", 40, 80], [0, 40, 80, 120]],
  ["continues after the newest message, not the last", [9_000, 8_000, "next", 0], [
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

Deno.test("Timeline.map() keeps all timestamps if isAbsolute is set", () => {
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
  ["follows an absolute clock that is set back", true, [HOUR_MS, 0, 40], 40],
  ["follows the wrap of the clock", true, [0xffffffff, 5], 5],
];

for (const [name, isAbsolute, script, nowMs] of NOWS) {
  Deno.test(`Timeline.nowMs ${name}`, () => {
    const timeline = new Timeline(isAbsolute);
    run(timeline, script);
    assertEquals(timeline.nowMs, nowMs);
  });
}

Deno.test("Timeline.follows() is true near the newest message of the source only", () => {
  const timeline = new Timeline(false);
  assert(!timeline.follows(0), "no clock yet");
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

Deno.test("Timeline.map() never steps more than 3 s back or 60 s ahead", () => {
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
