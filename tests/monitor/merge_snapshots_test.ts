/** Snapshots of several workers, merged into one. */

import { mergeSnapshots } from "../../lib/monitor/merge_snapshots.ts";
import type { ServerSnapshot, StreamSnapshot } from "../../lib/monitor/server_view.ts";
import { assertEquals } from "../helpers/assert.ts";
import { PULLED, SNAPSHOT } from "../http/fake_view.ts";

function streamOf(changes: Partial<StreamSnapshot>): StreamSnapshot {
  return { ...PULLED, ...changes };
}

function workerOf(changes: Partial<ServerSnapshot>): ServerSnapshot {
  return { ...SNAPSHOT, ...changes };
}

Deno.test("mergeSnapshots() returns the snapshot of a single worker unchanged", () => {
  assertEquals(mergeSnapshots([SNAPSHOT]), SNAPSHOT);
});

Deno.test("mergeSnapshots() reports a stream once: as its owner does, with the players of all workers", () => {
  const owner = streamOf({
    players: 3,
    sentBytes: 300,
    publisherId: "",
    reserveId: "",
    rate: { recvKbps: 1_000, sendKbps: 3_000 },
  });
  const mirror = streamOf({
    isOwner: false,
    players: 2,
    sentBytes: 200,
    publisherId: "w1c7",
    reserveId: "",
    receivedBytes: 999,
    messages: 1,
    rate: { recvKbps: 1_000, sendKbps: 2_000 },
    upstreams: [],
  });
  for (const order of [[owner, mirror], [mirror, owner]]) {
    const { streams } = mergeSnapshots(order.map((stream) => workerOf({ streams: [stream] })));
    assertEquals(streams, [{
      ...owner,
      players: 5,
      sentBytes: 500,
      publisherId: "w1c7",
      reserveId: "",
      rate: { recvKbps: 1_000, sendKbps: 5_000 },
    }]);
  }
});

Deno.test("mergeSnapshots() counts what ended copies of a live stream have sent, and lists ended streams once", () => {
  const owner = streamOf({ sentBytes: 300 });
  const { vhost, name } = owner;
  const copy = { ...SNAPSHOT.ended[0]!, vhost, name, isOwner: false, sentBytes: 7 };
  const past = { ...copy, name: "live/past", sentBytes: 5 };
  const { streams, ended } = mergeSnapshots([
    workerOf({ streams: [owner], ended: [{ ...past, isOwner: true, receivedBytes: 40 }] }),
    workerOf({ streams: [], ended: [copy, past] }),
  ]);
  assertEquals(streams.map(({ sentBytes }) => sentBytes), [307]);
  assertEquals(ended, [{ ...past, isOwner: true, receivedBytes: 40, sentBytes: 10 }]);
});

Deno.test("mergeSnapshots() keeps streams of other names and of other vhosts apart", () => {
  const names = [
    { vhost: "a", name: "live/x" },
    { vhost: "a/live", name: "x" },
    { vhost: "a", name: "live/y" },
  ];
  const workers = names.map((each) => workerOf({ streams: [streamOf(each)] }));
  assertEquals(
    mergeSnapshots(workers).streams.map(({ vhost, name }) => ({ vhost, name })),
    names,
  );
});

Deno.test("mergeSnapshots() adds up what each worker counts, but not what all see of the process", () => {
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

Deno.test("mergeSnapshots() merges vhosts by name, also while not all workers have them", () => {
  const [vhost] = SNAPSHOT.vhosts;
  const added = { ...vhost!, name: "added.example.com" };
  const { vhosts } = mergeSnapshots([
    workerOf({ vhosts: [vhost!] }),
    workerOf({ vhosts: [added, vhost!] }),
  ]);
  assertEquals(
    vhosts.map(({ name, messages }) => [name, messages]),
    [[vhost!.name, 2 * vhost!.messages], [added.name, vhost!.messages]],
  );
});
