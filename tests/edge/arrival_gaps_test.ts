import { ArrivalGaps } from "../../lib/edge/arrival_gaps.ts";
import { assertEquals } from "../helpers/assert.ts";

/** Returns what is unusual after messages at these distances, in ms. */
function unusualAfter(...gapsMs: number[]): number {
  const gaps = new ArrivalGaps(0);
  let nowMs = 0;
  for (const gapMs of gapsMs) gaps.note(nowMs += gapMs);
  return gaps.unusualMs;
}

function times(count: number, ...gapsMs: number[]): number[] {
  return Array.from({ length: count }, () => gapsMs).flat();
}

for (
  const [source, gapsMs, unusualMs] of [
    ["that has just begun", times(5, 40), 2_000],
    ["at 25 frames a second", times(20, 40), 300],
    ["at 60 frames a second with audio between", times(40, 10, 6, 1), 300],
    ["at 10 frames a second", times(20, 100), 500],
    ["at 3 frames a second", times(20, 333), 1_665],
    ["that sends bursts every 350 ms, as SRS does", times(20, 350, 0, 0, 1, 0), 1_750],
    ["of one slide a second", times(20, 1_000), 2_000],
    ["of keyframes alone", times(10, 4_000), 6_000],
    ["of keyframes alone that has just begun", [4_000, 4_000], 6_000],
    ["of audio, in packets of 23 ms", times(50, 23), 300],
    ["whose publisher began late, and its first keyframe later", [900, 700, ...times(40, 40)], 300],
    ["that had one hiccup lately", [...times(20, 40), 600, ...times(100, 40)], 900],
    ["that had one pause lately", [...times(20, 40), 9_000, ...times(100, 40)], 2_000],
    ["that had a pause long ago", [...times(20, 40), 9_000, ...times(2_000, 40)], 300],
  ] as const
) {
  Deno.test(`ArrivalGaps finds ${unusualMs} ms of silence unusual for a source ${source}`, () => {
    assertEquals(Math.round(unusualAfter(...gapsMs)), unusualMs);
  });
}
