/** Several event loops, told as one server. */

import { mergeSnapshots } from "../../lib/monitor/merge_snapshots.ts";
import type { ServerSnapshot, StreamSnapshot } from "../../lib/monitor/server_view.ts";
import { assertEquals } from "../helpers/assert.ts";
import { PULLED, SNAPSHOT } from "../http/fake_view.ts";

function streamOf(changes: Partial<StreamSnapshot>): StreamSnapshot {
  return { ...PULLED, ...changes };
}

function loopOf(changes: Partial<ServerSnapshot>): ServerSnapshot {
  return { ...SNAPSHOT, ...changes };
}

Deno.test("mergeSnapshots() gives a single loop's snapshot back", () => {
  assertEquals(mergeSnapshots([SNAPSHOT]), SNAPSHOT);
});

Deno.test("mergeSnapshots() tells a stream once: its home's word, and the players of all loops", () => {
  const home = streamOf({
    players: 3,
    sentBytes: 300,
    publisherId: "",
    rate: { recvKbps: 1_000, sendKbps: 3_000 },
  });
  const copy = streamOf({
    isHome: false,
    players: 2,
    sentBytes: 200,
    publisherId: "w1c7",
    receivedBytes: 999,
    messages: 1,
    rate: { recvKbps: 1_000, sendKbps: 2_000 },
    upstreams: [],
  });
  for (const order of [[home, copy], [copy, home]]) {
    const { streams } = mergeSnapshots(order.map((stream) => loopOf({ streams: [stream] })));
    assertEquals(streams, [{
      ...home,
      players: 5,
      sentBytes: 500,
      publisherId: "w1c7",
      rate: { recvKbps: 1_000, sendKbps: 5_000 },
    }]);
  }
});

Deno.test("mergeSnapshots() keeps streams of other names and of other vhosts apart", () => {
  const names = [
    { vhost: "a", name: "live/x" },
    { vhost: "a/live", name: "x" },
    { vhost: "a", name: "live/y" },
  ];
  const loops = names.map((each) => loopOf({ streams: [streamOf(each)] }));
  assertEquals(
    mergeSnapshots(loops).streams.map(({ vhost, name }) => ({ vhost, name })),
    names,
  );
});

Deno.test("mergeSnapshots() adds up what each loop counts, and not what all see of the process", () => {
  const { process, totals, vhosts, loopDelay, flushes, clients } = mergeSnapshots([
    SNAPSHOT,
    SNAPSHOT,
  ]);
  assertEquals(process, { ...SNAPSHOT.process, heapBytes: 2 * SNAPSHOT.process.heapBytes });
  assertEquals(totals.connections, 2 * SNAPSHOT.totals.connections);
  assertEquals(totals.sentBytes, 2 * SNAPSHOT.totals.sentBytes);
  assertEquals(vhosts.length, SNAPSHOT.vhosts.length);
  for (const [index, vhost] of vhosts.entries()) {
    const one = SNAPSHOT.vhosts[index]!;
    assertEquals([vhost.name, vhost.sentBytes], [one.name, 2 * one.sentBytes]);
    assertEquals(
      vhost.upstreams?.spliced,
      one.upstreams === null ? undefined : 2 * one.upstreams.spliced,
    );
  }
  assertEquals(flushes, { count: 8_000, busyMs: 3_000 });
  assertEquals(loopDelay.counts, SNAPSHOT.loopDelay.counts.map((count) => 2 * count));
  assertEquals(loopDelay.boundsSeconds, SNAPSHOT.loopDelay.boundsSeconds);
  assertEquals(clients.length, 2 * SNAPSHOT.clients.length);
});
