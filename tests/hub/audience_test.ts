import { AudienceMeter } from "../../lib/hub/audience_meter.ts";
import { AudienceReporter } from "../../lib/hub/audience_reporter.ts";
import { createStreamStats } from "../../lib/hub/stream_stats.ts";
import type { Audience, AudienceMember, Viewer } from "../../lib/hub/viewer.ts";
import { assertEquals } from "../helpers/assert.ts";

const LOG = {
  tail: 100,
  head: 500,
  lagMs: (cursor: number) => 500 - cursor,
};

function viewer(member: Partial<AudienceMember>, cursor = -1): Viewer {
  const rest = { kind: "player", sentBytes: 0, edgeId: "", reported: null } as const;
  return { onLive() {}, cursor, member: { ...rest, ...member } };
}

function edge(edgeId: string, players: number, atMs: number): Viewer {
  const audience = { players, edges: 2, kbps: 10, lagMs: 70 };
  return viewer({ kind: "edge", edgeId, reported: { audience, atMs } });
}

function measure(nowMs: number, ...viewers: readonly Viewer[]): Audience {
  return new AudienceMeter().measure(nowMs, { viewers, log: LOG, stats: createStreamStats() });
}

Deno.test("AudienceMeter adds what edges report to the players here", () => {
  const push: Viewer = { onLive() {}, cursor: 200 };
  const sum = measure(1_000, viewer({}, 460), viewer({}), push, edge("e", 5, 900));
  assertEquals(sum, { players: 7, edges: 3, kbps: 10, lagMs: 70 });
  assertEquals(measure(0, viewer({}, 300)).lagMs, 200);
});

Deno.test("AudienceMeter counts an edge that is there twice once, by its newest report", () => {
  assertEquals(measure(1_000, edge("e", 5, 800), edge("e", 6, 900)).players, 6);
  assertEquals(measure(1_000, edge("e", 6, 900), edge("e", 5, 800)).edges, 3);
  assertEquals(measure(1_000, edge("e", 5, 800), viewer({ kind: "edge", edgeId: "e" })).players, 5);
});

Deno.test("AudienceMeter drops what was reported 6 s ago, but not what another worker says", () => {
  assertEquals(measure(6_899, edge("e", 5, 900)).players, 5);
  assertEquals(measure(6_900, edge("e", 5, 900)), { players: 0, edges: 1, kbps: 0, lagMs: 0 });
  const audience = { players: 3, edges: 1, kbps: 4, lagMs: 5 };
  const mirror = viewer({ kind: "mirror", reported: { audience, atMs: 0 } });
  assertEquals(measure(60_000, mirror, mirror), { players: 6, edges: 2, kbps: 8, lagMs: 5 });
});

Deno.test("AudienceMeter measures what players are sent, those that left included, not edges", () => {
  const meter = new AudienceMeter();
  const stats = createStreamStats();
  const rate = (nowMs: number, ...viewers: readonly Viewer[]) =>
    meter.measure(nowMs, { viewers, log: LOG, stats }).kbps;
  assertEquals(rate(0, viewer({ sentBytes: 1_000 })), 0);
  const link = viewer({ kind: "edge", edgeId: "e", sentBytes: 900_000 });
  assertEquals(rate(1_000, viewer({ sentBytes: 900_000 }), link), 0);
  // 250,000 bytes in 2 s.
  assertEquals(rate(2_000, viewer({ sentBytes: 251_000 }), link), 1_000);
  stats.sentBytes = 1_401_000;
  stats.edgeSentBytes = 900_000;
  assertEquals(rate(4_000), 1_000);
  assertEquals(rate(5_000), 1_000);
  assertEquals(rate(8_000), 0);
});

Deno.test("AudienceReporter reports every 2 s, at changes, and to a new origin at once", () => {
  const audience = { players: 1, edges: 0, kbps: 0, lagMs: 0 };
  const stream = { audienceRevision: 0, audience: () => audience };
  const reporter = new AudienceReporter(stream);
  const due = (nowMs: number, receiver: unknown = "a") => reporter.due(nowMs, receiver) !== null;
  assertEquals([due(0, null), due(0), due(100), due(1_999), due(2_000)], [
    false,
    true,
    false,
    false,
    true,
  ]);
  stream.audienceRevision++;
  assertEquals([due(2_100), due(2_250), due(2_500)], [false, true, false]);
  assertEquals([due(2_510, "b"), due(2_520, "b"), due(2_530, "a")], [true, false, true]);
});
