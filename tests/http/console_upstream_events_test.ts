// deno-lint-ignore-file camelcase -- names of the API

import { UpstreamTracker } from "../../lib/http/console/upstream_events.js";
import { assertEquals } from "../helpers/assert.ts";

const LIVE = {
  kind: "pull",
  origin: "a:1935",
  state: "live",
  switches: 2,
  last_error: "",
  last_silence_ms: 0,
  lost_frames: 3,
  doubled_frames: 1,
  lost_bytes: 0,
};

/** Events of the second of two polls. */
function eventsOf(before: readonly object[], after: readonly object[]) {
  const tracker = new UpstreamTracker();
  const streamOf = (upstreams: readonly object[]) =>
    [{ id: "s1", url: "/live/show", upstreams }] as Parameters<UpstreamTracker["update"]>[0];
  assertEquals(tracker.update(streamOf(before)), []);
  return tracker.update(streamOf(after));
}

Deno.test("UpstreamTracker reports a switch and its cost", () => {
  const now = {
    ...LIVE,
    origin: "b:1935",
    switches: 3,
    last_error: "Lost: reset by peer",
    last_silence_ms: 64,
    lost_frames: 5,
    doubled_frames: 1,
  };
  assertEquals(eventsOf([LIVE], [now]), [{
    streamId: "s1",
    url: "/live/show",
    type: "switch",
    kind: "pull",
    from: "a:1935",
    to: "b:1935",
    switches: 1,
    silenceMs: 64,
    lostFrames: 2,
    doubledFrames: 0,
    lostBytes: 0,
    reason: "Lost: reset by peer",
  }]);
});

const OTHERS = [
  ["nothing changed", LIVE, []],
  ["only time has passed", { ...LIVE, since_ms: 5_000 }, []],
  ["it switched twice", { ...LIVE, switches: 4 }, ["switch"]],
  ["it was lost", { ...LIVE, state: "connecting", last_error: "Lost: closed" }, ["failure"]],
  ["an origin refused", { ...LIVE, last_error: "Cannot connect" }, ["failure"]],
  ["it was lost without a reason", { ...LIVE, state: "connecting" }, []],
  ["the stream ended and started again", { ...LIVE, switches: 0, last_error: "x" }, []],
] as const;

for (const [when, now, types] of OTHERS) {
  Deno.test(`UpstreamTracker reports ${types[0] ?? "nothing"} when ${when}`, () => {
    assertEquals(eventsOf([LIVE], [now]).map(({ type }) => type), [...types]);
  });
}

Deno.test("UpstreamTracker reports nothing for a new upstream", () => {
  assertEquals(eventsOf([], [{ ...LIVE, last_error: "Lost" }]), []);
  assertEquals(eventsOf([LIVE], []), []);
});

Deno.test("UpstreamTracker distinguishes pull and push", () => {
  const push = { ...LIVE, kind: "push", switches: 9 };
  assertEquals(eventsOf([LIVE], [push]), []);
});
