/** Stream time, however the clocks of sources behave. */

import fc from "fast-check";
import { diffU32 } from "../../lib/base/u32.ts";
import { type ClockChange, Timeline, type Track } from "../../lib/hub/timeline.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const HOUR_MS = 3_600_000;

/** Source times of video messages, wall time between them, `"next"` for another source. */
type Step = number | "next" | { readonly after: number };

/** Stream times of a script. Unless it says so, no time passes between messages. */
function run(timeline: Timeline, script: readonly Step[]): number[] {
  const times: number[] = [];
  let arrivalMs = 5_000;
  for (const step of script) {
    if (step === "next") timeline.beginSource();
    else if (typeof step === "object") arrivalMs += step.after;
    else times.push(timeline.map("video", step, arrivalMs));
  }
  return times;
}

const CLOCKS: readonly (readonly [name: string, script: readonly Step[], expected: number[]])[] = [
  ["keeps a clock that starts at 0", [0, 40, 80], [0, 40, 80]],
  ["keeps a clock that starts near 0", [9_999, 10_039], [9_999, 10_039]],
  ["starts a high clock at 3 s", [10_000, 10_040], [3_000, 3_040]],
  ["starts a clock beyond 24 bits at 3 s", [0x1000000, 0x1000028], [3_000, 3_040]],
  ["follows a clock across 2³¹", [0x7ffffff0, 0x80000010], [3_000, 3_032]],
  ["follows a clock across its wrap", [0xfffffff0, 0xfffffff8, 8], [3_000, 3_008, 3_024]],
  ["stands still while a message is late", [1000, 980, 1020, 521, 1040], [
    1000,
    1000,
    1020,
    1020,
    1040,
  ]],
  ["takes a step back of 500 ms for a leap", [1000, 500, 540], [1000, 1040, 1080]],
  ["corrects a leap of −2.9 s", [5_000, 5_040, 2_140, 2_180], [5_000, 5_040, 5_080, 5_120]],
  ["corrects a leap of −10 s", [20_000, 20_040, 10_000, 10_040], [3_000, 3_040, 3_080, 3_120]],
  ["keeps a step of 3 s", [0, 3_000], [0, 3_000]],
  ["corrects a leap of 3.001 s", [0, 40, 3_041, 3_081], [0, 40, 80, 120]],
  ["corrects a leap of 59 s", [0, 40, 59_040, 59_080], [0, 40, 80, 120]],
  ["corrects a leap of an hour", [0, 40, HOUR_MS, HOUR_MS + 40], [0, 40, 80, 120]],
  ["takes the time that passed for a leap", [0, { after: 700 }, 59_000, 59_040], [0, 700, 740]],
  ["keeps a pause of 20 s with the clock running", [0, { after: 20_000 }, 20_000], [0, 20_000]],
  ["keeps a pause stamped 1 s too long", [0, { after: 20_000 }, 21_000], [0, 21_000]],
  ["corrects a pause stamped longer", [0, { after: 20_000 }, 21_001], [0, 20_000]],
  ["keeps a gap in late messages", [0, { after: 20_000 }, 40, 10_040, 10_080, 20_080], [
    0,
    40,
    10_040,
    10_080,
    20_080,
  ]],
  ["keeps a clock that is sent faster than it runs", [0, 1_000, 2_000, 3_000, 4_000, 5_000], [
    0,
    1_000,
    2_000,
    3_000,
    4_000,
    5_000,
  ]],
  ["keeps a gap of 3 s in a file that is sent faster than it runs", [
    ...[0, 400, 800, 1_200].flatMap((ms) => [ms, { after: 100 }]),
    4_200,
    { after: 100 },
    4_600,
  ], [0, 400, 800, 1_200, 4_200, 4_600]],
  ["keeps a pause of 3 s of a paced source", [
    ...[0, 1_000, 2_000, 3_000].flatMap((ms) => [ms, { after: 1_000 }]),
    { after: 2_000 },
    6_000,
  ], [0, 1_000, 2_000, 3_000, 6_000]],
  ["keeps the gap in what a paced source sends after a stall", [
    ...[0, 1_000, 2_000, 3_000].flatMap((ms) => [ms, { after: 1_000 }]),
    { after: 4_000 },
    ...[4_000, 5_000, 8_000],
  ], [0, 1_000, 2_000, 3_000, 4_000, 5_000, 8_000]],
  ["corrects a leap of 2 s of a paced source", [
    ...[0, 1_000, 2_000, 3_000].flatMap((ms) => [ms, { after: 1_000 }]),
    6_001,
  ], [0, 1_000, 2_000, 3_000, 4_000]],
  ["keeps a timestamp that is repeated after a silence", [0, { after: 9_000 }, 0, 40], [0, 0, 40]],
  ["continues with another source at 0", [0, 2_000, "next", 0, 40], [0, 2_000, 2_040, 2_080]],
  ["continues with another source ahead", [0, 40, "next", 5_000, 5_040], [0, 40, 80, 120]],
  ["continues with a source at the same time", [0, 40, "next", 40, 80], [0, 40, 80, 120]],
];

for (const [name, script, expected] of CLOCKS) {
  Deno.test(`Timeline.map() ${name}`, () => {
    assertEquals(run(new Timeline({ isAbsolute: false }), script), expected);
  });
}

Deno.test("Timeline.map() corrects a clock that creeps back at 3.5 s", () => {
  const timeline = new Timeline({ isAbsolute: false });
  const times = run(timeline, Array.from({ length: 12 }, (_, n) => 9_000 - n * 400));
  assertEquals(times, [...Array(9).fill(9_000), 9_040, 9_040, 9_040]);
});

Deno.test("Timeline.map() keeps all times when they are absolute", () => {
  const script = [5_000_000, 10, "next" as const, HOUR_MS, 0xffffffff, 0];
  const times = [5_000_000, 10, HOUR_MS, 0xffffffff, 0];
  assertEquals(run(new Timeline({ isAbsolute: true }), script), times);
});

Deno.test("Timeline.nowMs is 0 before the first message", () => {
  assertEquals(new Timeline({ isAbsolute: false }).nowMs, 0);
});

const NOWS: readonly (readonly [
  name: string,
  isAbsolute: boolean,
  script: readonly Step[],
  nowMs: number,
])[] = [
  ["is the newest time, not the last", false, [1000, 980], 1000],
  ["does not move when a source ends", false, [0, 40, "next"], 40],
  ["is the newest time of an absolute clock", true, [5000, 4980], 5000],
  ["goes back with an absolute clock that is set back", true, [HOUR_MS, 0, 40], 40],
  ["passes the end of the clock", true, [0xffffffff, 5], 5],
];

for (const [name, isAbsolute, script, nowMs] of NOWS) {
  Deno.test(`Timeline.nowMs ${name}`, () => {
    const timeline = new Timeline({ isAbsolute });
    run(timeline, script);
    assertEquals(timeline.nowMs, nowMs);
  });
}

Deno.test("Timeline.follows() tells a message on the source's clock from one elsewhere", () => {
  const timeline = new Timeline({ isAbsolute: false });
  assert(!timeline.follows("video", 0, 0), "no clock is known yet");
  timeline.map("video", 100_000, 0);
  assert(timeline.follows("video", 100_000, 0));
  assert(timeline.follows("video", 99_501, 0));
  assert(timeline.follows("video", 103_000, 0));
  assert(timeline.follows("video", 160_000, 60_000));
  assert(!timeline.follows("video", 99_500, 0));
  assert(!timeline.follows("video", 103_001, 0));
  assert(!timeline.follows("video", 0, 0));
  assert(timeline.follows("audio", 97_000, 0), "within 3 s of the video");
  assert(!timeline.follows("audio", 96_999, 0));
  timeline.beginSource();
  assert(!timeline.follows("video", 100_000, 0), "the next source has another clock");
});

Deno.test("Timeline.map() resumes with another source's clock at the moment of the pair", () => {
  const timeline = new Timeline({ isAbsolute: false });
  timeline.map("video", 0, 0);
  timeline.map("audio", 20, 0);
  timeline.resumeSource({ sourceMs: 700_000, streamMs: 0 });
  assertEquals(timeline.map("video", 700_040, 90), 40);
  assertEquals(timeline.map("audio", 700_043, 90), 43);
});

// Two tracks.

/** One moment of a scripted source: a message each 20 ms of audio, 40 ms of video, 25 s in all. */
interface Source {
  readonly name: string;
  readonly videoMs: (wallMs: number) => number | null;
  readonly audioMs: (wallMs: number) => number | null;
  readonly changes: readonly string[];
  /** How far audio is ahead of video at the end, in ms of stream time, where that is certain. */
  readonly distanceMs?: number;
}

const same = (ms: number) => ms;

const SOURCES: readonly Source[] = [
  { name: "honest", videoMs: same, audioMs: same, changes: [], distanceMs: 0 },
  ...[2_900, 3_000, -2_900].map((apart) => ({
    name: `audio ${apart} ms apart`,
    videoMs: (ms: number) => ms + 50_000,
    audioMs: (ms: number) => ms + 50_000 + apart,
    changes: [],
    distanceMs: apart,
  })),
  ...[3_001, 3_500, 10_000, 59_000, 70_000, 1_000_000, -10_000, -1_000_000].map((apart) => ({
    name: `audio ${apart} ms apart`,
    videoMs: (ms: number) => ms + 2_000_000,
    audioMs: (ms: number) => ms + 2_000_000 + apart,
    changes: ["audio apart"],
    distanceMs: 0,
  })),
  {
    name: "clocks of days",
    videoMs: (ms: number) => ms + 3 * 86_400_000,
    audioMs: (ms: number) => ms + 3 * 86_400_000,
    changes: [],
    distanceMs: 0,
  },
  ...[1_100, 2_000, 2_900, 5_000, 30_000, 59_000, 3_600_000].flatMap((by) => [
    {
      name: `both leap ${by} ms ahead`,
      videoMs: (ms: number) => ms < 9_000 ? ms : ms + by,
      audioMs: (ms: number) => ms < 9_000 ? ms : ms + by,
      changes: ["audio leap", "video leap"],
      distanceMs: 0,
    },
    {
      name: `only audio leaps ${by} ms ahead`,
      videoMs: same,
      audioMs: (ms: number) => ms < 9_000 ? ms : ms + by,
      changes: ["audio leap"],
    },
  ]),
  ...[-2_900, 2_900].map((apart) => ({
    name: `both leap 2 s ahead, audio ${apart} ms apart`,
    videoMs: (ms: number) => ms < 9_000 ? ms + 50_000 : ms + 52_000,
    audioMs: (ms: number) => (ms < 9_000 ? ms + 50_000 : ms + 52_000) + apart,
    changes: ["audio leap", "video leap"],
    distanceMs: apart,
  })),
  ...[2_900, 1_500].map((by) => ({
    name: `both leap ${by} ms ahead every 3 s`,
    videoMs: (ms: number) => ms + Math.floor(ms / 3_000) * by,
    audioMs: (ms: number) => ms + Math.floor(ms / 3_000) * by,
    changes: Array(8).fill(["audio leap", "video leap"]).flat(),
    distanceMs: 0,
  })),
  {
    name: "both leap 2.9 s ahead and back, in turn",
    videoMs: (ms: number) => ms + 9_000 + Math.floor(ms / 3_000) % 2 * 2_900,
    audioMs: (ms: number) => ms + 9_000 + Math.floor(ms / 3_000) % 2 * 2_900,
    changes: Array(8).fill(["audio leap", "video leap"]).flat(),
    distanceMs: 0,
  },
  ...[0, 60, 120, 300, 900].flatMap((lag) => [
    {
      name: `both clocks restart, audio ${lag} ms later`,
      videoMs: (ms: number) => ms < 9_000 ? ms + 30_000 : ms - 9_000,
      audioMs: (ms: number) => ms < 9_000 + lag ? ms + 30_000 : ms - 9_000,
      changes: ["audio leap", "video leap"],
      distanceMs: 0,
    },
    {
      name: `a loop whose audio overlaps by ${lag} ms`,
      videoMs: (ms: number) => ms % 8_000,
      audioMs: (ms: number) => ms < 8_000 + lag ? ms : (ms - 8_000 - lag) % 8_000,
      changes: Array(3).fill(["audio leap", "video leap"]).flat(),
    },
  ]),
  { name: "audio always 0", videoMs: same, audioMs: () => 0, changes: ["audio unstamped"] },
  {
    name: "everything always 0",
    videoMs: () => 0,
    audioMs: () => 0,
    changes: ["audio unstamped", "video unstamped"],
  },
  {
    name: "audio silent for 8 s",
    videoMs: same,
    audioMs: (ms) => ms > 6_000 && ms < 14_000 ? null : ms,
    changes: [],
    distanceMs: 0,
  },
  {
    name: "both silent for 8 s",
    videoMs: (ms) => ms > 6_000 && ms < 14_000 ? null : ms,
    audioMs: (ms) => ms > 6_000 && ms < 14_000 ? null : ms,
    changes: [],
    distanceMs: 0,
  },
];

for (const { name, videoMs, audioMs, changes, distanceMs } of SOURCES) {
  Deno.test(`Timeline.map() advances as the wall does: ${name}`, () => {
    const heard: ClockChange[] = [];
    const timeline = new Timeline({ isAbsolute: false, onClockChange: (each) => heard.push(each) });
    const newest: Record<Track, { wallMs: number; streamMs: number }[]> = { audio: [], video: [] };
    const feed = (track: Track, wallMs: number, sourceMs: number | null) => {
      if (sourceMs === null) return;
      newest[track].push({ wallMs, streamMs: timeline.map(track, sourceMs, 1e6 + wallMs) });
    };
    for (let wallMs = 0; wallMs < 25_000; wallMs += 20) {
      if (wallMs % 40 === 0) feed("video", wallMs, videoMs(wallMs));
      feed("audio", wallMs, audioMs(wallMs));
    }
    for (const track of ["audio", "video"] as const) {
      requireSteady(newest[track], `${name} ${track}`);
    }
    const kinds = heard.map(({ track, kind }) => `${track} ${kind}`).sort();
    assertEquals(kinds.slice(0, changes.length), [...changes].sort());
    assertEquals(kinds.length, changes.length);
    if (distanceMs === undefined) return;
    const [video, audio] = [newest.video.at(-1)!, newest.audio.at(-1)!];
    const apartMs = (audio.streamMs - audio.wallMs) - (video.streamMs - video.wallMs);
    assert(Math.abs(apartMs - distanceMs) <= 40, `${apartMs} ms apart`);
  });
}

/** Never back, and over any 5 s of wall time 5 s ± 1 s. */
function requireSteady(times: readonly { wallMs: number; streamMs: number }[], what: string): void {
  let from = 0;
  for (const [index, { wallMs, streamMs }] of times.entries()) {
    assert(index === 0 || streamMs >= times[index - 1]!.streamMs, `${what}: back at ${wallMs}`);
    while (wallMs - times[from]!.wallMs > 5_000) from++;
    const passedMs = streamMs - times[from]!.streamMs;
    const offMs = passedMs - (wallMs - times[from]!.wallMs);
    assert(Math.abs(offMs) <= 1_020, `${what}: off by ${offMs} ms at ${wallMs}`);
  }
}

Deno.test("Timeline.map() never runs backwards, and never leads the source's wall time for long", () => {
  const message = fc.record({
    track: fc.constantFrom<Track>("audio", "video"),
    sourceMs: fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: 0, max: 20_000 }),
    ),
    passedMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000 })),
    isNewSource: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });
  fc.assert(fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
    const timeline = new Timeline({ isAbsolute: false });
    const newest = new Map<Track, number>();
    let arrivalMs = 0;
    let beganMs = 0;
    for (const { track, sourceMs, passedMs, isNewSource } of messages) {
      arrivalMs += passedMs;
      if (isNewSource) timeline.beginSource();
      if (isNewSource) beganMs = arrivalMs;
      const before = newest.get(track);
      const nowMs = timeline.nowMs;
      const streamMs = timeline.map(track, sourceMs, arrivalMs);
      newest.set(track, streamMs);
      if (before === undefined) continue;
      const movedMs = diffU32(streamMs, before);
      assert(movedMs >= 0, `moved ${movedMs} ms at ${sourceMs}`);
      const maxMs = Math.max(diffU32(nowMs, before), 0) + 4_000 + arrivalMs - beganMs;
      assert(movedMs <= maxMs, `moved ${movedMs} ms at ${sourceMs}, more than ${maxMs}`);
    }
  }));
});

Deno.test("Timeline.dataTime() stamps data by a track's clock without moving it", () => {
  const timeline = new Timeline({ isAbsolute: false });
  assertEquals(timeline.dataTime(77), 0);
  timeline.map("video", 100_000, 0);
  assertEquals(timeline.dataTime(100_020), 3_020);
  assertEquals(timeline.map("video", 100_010, 0), 3_010);
  timeline.map("audio", 500_000, 0);
  assertEquals(timeline.dataTime(500_000), 3_010);
  assertEquals(timeline.dataTime(900_000), 3_010, "near no track");
});
