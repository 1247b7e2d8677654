import { type DemandEvent, type DemandState, OnDemand } from "../../lib/edge/on_demand.ts";
import { assertEquals } from "../helpers/assert.ts";

const LINGER_MS = 10_000;

/** Events that lead to each state, all at time 0. */
const WAY_TO: Readonly<Record<DemandState, readonly DemandEvent[]>> = {
  idle: [],
  starting: ["wanted"],
  live: ["wanted", "media"],
  lingering: ["wanted", "media", "unwanted"],
};

function inState(state: DemandState): OnDemand {
  const demand = new OnDemand(() => LINGER_MS);
  for (const event of WAY_TO[state]) demand.step(event, 0);
  assertEquals(demand.state, state);
  return demand;
}

/** [state, event, time, action, next state]: every state with every event. */
const TRANSITIONS: readonly (readonly [DemandState, DemandEvent, number, string, DemandState])[] = [
  ["idle", "wanted", 0, "start", "starting"],
  ["idle", "unwanted", 0, "none", "idle"],
  ["idle", "media", 0, "none", "idle"],
  ["idle", "lost", 0, "none", "idle"],
  ["idle", "replaced", 0, "none", "idle"],
  ["idle", "tick", 99_999, "none", "idle"],
  ["starting", "wanted", 0, "none", "starting"],
  ["starting", "unwanted", 0, "stop", "idle"],
  ["starting", "media", 0, "none", "live"],
  ["starting", "lost", 0, "none", "starting"],
  ["starting", "replaced", 0, "stop", "idle"],
  ["starting", "tick", 99_999, "none", "starting"],
  ["live", "wanted", 0, "none", "live"],
  ["live", "unwanted", 0, "none", "lingering"],
  ["live", "media", 0, "none", "live"],
  ["live", "lost", 0, "none", "starting"],
  ["live", "replaced", 0, "stop", "idle"],
  ["live", "tick", 99_999, "none", "live"],
  ["lingering", "wanted", 0, "none", "live"],
  ["lingering", "unwanted", 0, "none", "lingering"],
  ["lingering", "media", 0, "none", "lingering"],
  ["lingering", "lost", 0, "stop", "idle"],
  ["lingering", "replaced", 0, "stop", "idle"],
  ["lingering", "tick", LINGER_MS - 1, "none", "lingering"],
  ["lingering", "tick", LINGER_MS, "stop", "idle"],
];

for (const [state, event, nowMs, action, next] of TRANSITIONS) {
  Deno.test(`OnDemand.step() goes from ${state} to ${next} on ${event} at ${nowMs} ms`, () => {
    const demand = inState(state);
    assertEquals(demand.step(event, nowMs), action);
    assertEquals(demand.state, next);
  });
}

Deno.test("OnDemand.deadlineMs is the end of the linger time, and null otherwise", () => {
  const demand = inState("live");
  assertEquals(demand.deadlineMs, null);
  demand.step("unwanted", 500);
  assertEquals(demand.deadlineMs, 500 + LINGER_MS);
  demand.step("wanted", 600);
  assertEquals(demand.deadlineMs, null);
});

Deno.test("OnDemand lingers again after every player that left", () => {
  const demand = inState("lingering");
  demand.step("wanted", 9_000);
  demand.step("unwanted", 9_500);
  assertEquals(demand.step("tick", LINGER_MS), "none");
  assertEquals(demand.step("tick", 9_500 + LINGER_MS), "stop");
});

Deno.test("OnDemand keeps nothing for players who may come to a stream that was lost", () => {
  const demand = inState("live");
  demand.step("lost", 0);
  assertEquals(demand.step("unwanted", 0), "stop");
  assertEquals(demand.deadlineMs, null);
});

Deno.test("OnDemand forgets the media of before when it was stopped", () => {
  const demand = inState("lingering");
  demand.step("tick", LINGER_MS);
  assertEquals(demand.step("wanted", LINGER_MS), "start");
  assertEquals(demand.state, "starting");
});

Deno.test("OnDemand stops at once without a linger time", () => {
  const demand = new OnDemand(() => 0);
  demand.step("wanted", 7);
  demand.step("media", 7);
  demand.step("unwanted", 7);
  assertEquals(demand.deadlineMs, 7);
  assertEquals(demand.step("tick", 7), "stop");
});
