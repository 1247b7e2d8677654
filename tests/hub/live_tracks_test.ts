/** Which tracks of a source are live, by the arrival of their frames. */

import { LiveTracks, type TrackChange } from "../../lib/hub/live_tracks.ts";
import type { Track } from "../../lib/hub/timeline.ts";
import { assertEquals } from "../helpers/assert.ts";

/** Frames of tracks, with the times at which each arrives. */
type Frames = readonly { readonly track: Track; readonly atMs: number }[];

function every(track: Track, stepMs: number, fromMs: number, toMs: number): Frames {
  const count = Math.ceil((toMs - fromMs) / stepMs);
  return Array.from({ length: count }, (_, i) => ({ track, atMs: fromMs + i * stepMs }));
}

/** Returns the changes that the frames caused, in order of time. */
function changesOf(...frames: Frames[]): { atMs: number; change: TrackChange }[] {
  const tracks = new LiveTracks();
  tracks.begin();
  return frames.flat().sort((a, b) => a.atMs - b.atMs)
    .map(({ track, atMs }) => ({ atMs, change: tracks.noteFrame(track, atMs) }))
    .filter(({ change }) => change !== "none");
}

Deno.test("LiveTracks calls a track silent 5 s after its newest frame, and live with the next", () => {
  const audio = [...every("audio", 20, 0, 2_000), ...every("audio", 20, 30_000, 32_000)];
  assertEquals(changesOf(every("video", 40, 0, 32_000), audio), [
    { atMs: 7_000, change: "other silent" },
    { atMs: 30_000, change: "returned" },
  ]);
});

Deno.test("LiveTracks calls a track that never had a frame silent after 5 s", () => {
  const changes = changesOf(every("audio", 20, 1_000, 9_000));
  assertEquals(changes.map(({ change }) => change), ["other silent"]);
  assertEquals(Math.abs(changes[0]!.atMs - 6_000) <= 1_000, true);
});

Deno.test("LiveTracks does not count a stall of the whole source", () => {
  const both = [0, 60_000, 120_000].flatMap((fromMs) => [
    ...every("video", 40, fromMs, fromMs + 2_000),
    ...every("audio", 20, fromMs + 500, fromMs + 2_000),
  ]);
  assertEquals(changesOf(both), []);
});

Deno.test("LiveTracks keeps a sparse track, such as slides every 8 s, once it knows the gap", () => {
  const changes = changesOf(every("audio", 20, 0, 120_000), every("video", 8_000, 0, 120_000));
  assertEquals(changes.map(({ change }) => change), ["other silent", "returned"]);
});

Deno.test("LiveTracks forgets a long break: the next silence counts after 5 s again", () => {
  const audio = [
    ...every("audio", 20, 0, 1_000),
    ...every("audio", 20, 60_000, 62_000),
  ];
  const changes = changesOf(every("video", 40, 0, 70_000), audio);
  assertEquals(changes.map(({ change }) => change), ["other silent", "returned", "other silent"]);
  assertEquals(changes[2]!.atMs < 67_500, true);
});

Deno.test("LiveTracks.noteHeader() announces a track, but does not revive a silent one", () => {
  const tracks = new LiveTracks();
  tracks.begin();
  assertEquals(tracks.stateOf("audio"), "expected");
  tracks.noteHeader("audio");
  assertEquals(tracks.stateOf("audio"), "live");
  for (let atMs = 0; atMs <= 6_000; atMs += 40) tracks.noteFrame("video", atMs);
  tracks.noteHeader("audio");
  assertEquals([tracks.stateOf("audio"), tracks.stateOf("video")], ["silent", "live"]);
  tracks.begin();
  assertEquals([tracks.stateOf("audio"), tracks.stateOf("video")], ["expected", "expected"]);
});
