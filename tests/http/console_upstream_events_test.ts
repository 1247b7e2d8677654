// deno-lint-ignore-file camelcase -- names of the API
/** What the console page makes of two looks at the upstreams. */

import { UpstreamWatch } from "../../lib/http/console/upstream_events.js";
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

/** Events at the second of two looks. */
function eventsOf(before: readonly object[], after: readonly object[]) {
  const watch = new UpstreamWatch();
  const streamOf = (upstreams: readonly object[]) =>
    [{ id: "s1", url: "/live/show", upstreams }] as Parameters<UpstreamWatch["look"]>[0];
  assertEquals(watch.look(streamOf(before)), []);
  return watch.look(streamOf(after));
}

Deno.test("UpstreamWatch tells a switch with what it cost", () => {
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
  ["only time passed", { ...LIVE, since_ms: 5_000 }, []],
  ["it switched twice", { ...LIVE, switches: 4 }, ["switch"]],
  ["it was lost", { ...LIVE, state: "connecting", last_error: "Lost: closed" }, ["failure"]],
  ["an origin refused", { ...LIVE, last_error: "Cannot connect" }, ["failure"]],
  ["it is told no reason", { ...LIVE, state: "connecting" }, []],
  ["it is another stream's of the same name", { ...LIVE, switches: 0, last_error: "x" }, []],
] as const;

for (const [when, now, types] of OTHERS) {
  Deno.test(`UpstreamWatch tells ${types[0] ?? "nothing"} when ${when}`, () => {
    assertEquals(eventsOf([LIVE], [now]).map(({ type }) => type), [...types]);
  });
}

Deno.test("UpstreamWatch tells nothing of an upstream that it sees for the first time", () => {
  assertEquals(eventsOf([], [{ ...LIVE, last_error: "Lost" }]), []);
  assertEquals(eventsOf([LIVE], []), []);
});

Deno.test("UpstreamWatch keeps pull and push apart", () => {
  const push = { ...LIVE, kind: "push", switches: 9 };
  assertEquals(eventsOf([LIVE], [push]), []);
});
