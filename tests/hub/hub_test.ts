/** The streams of a vhost: made when wanted, forgotten when unused. */

import { Hub } from "../../lib/hub/hub.ts";
import type { Viewer } from "../../lib/hub/stream.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const OPTIONS = {
  chunkSize: 60_000,
  isAbsoluteTime: false,
  maxLagMs: 30_000,
  maxBytes: 1_000_000,
  maxMessages: 2_500,
  keepBackMs: 0,
};

function createViewer(): Viewer {
  return { cursor: -1, onLive() {} };
}

function namesIn(hub: Hub): string[] {
  return [...hub.streams()].map(({ name }) => name);
}

Deno.test("Hub.open() makes a stream once", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  assert(hub.open("live/a") === stream);
  assert(hub.open("live/b") !== stream);
  assertEquals(namesIn(hub), ["live/a", "live/b"]);
});

Deno.test("Hub forgets a stream when its last viewer leaves and nobody feeds it", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  const [first, second] = [createViewer(), createViewer()];
  stream.join(first);
  stream.join(second);
  stream.leave(first);
  assertEquals(namesIn(hub), ["live/a"]);
  stream.leave(second);
  assertEquals(namesIn(hub), []);
});

Deno.test("Hub keeps a stream that is fed though nobody watches", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  const viewer = createViewer();
  const handle = stream.publish()!;
  stream.join(viewer);
  stream.leave(viewer);
  assert(hub.open("live/a") === stream);
  handle.end("unpublished");
  assertEquals(namesIn(hub), []);
});

Deno.test("Hub keeps a stream that is watched though its source is gone", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  const viewer = createViewer();
  stream.join(viewer);
  for (const reason of ["lost", "unpublished"] as const) {
    stream.publish()!.end(reason);
    assertEquals(namesIn(hub), ["live/a"]);
  }
  stream.leave(viewer);
  assertEquals(namesIn(hub), []);
});

Deno.test("Hub forgets a stream whose source is lost and that nobody watches", () => {
  const hub = new Hub(OPTIONS);
  hub.open("live/a").publish()!.end("lost");
  assertEquals(namesIn(hub), []);
});

Deno.test("Hub keeps a stream when another of its name, which it forgot before, ends", () => {
  const hub = new Hub(OPTIONS);
  const forgotten = hub.open("live/a");
  forgotten.publish()!.end("lost");
  const stream = hub.open("live/a");
  const handle = stream.publish();
  forgotten.publish()!.end("lost");
  assert(hub.open("live/a") === stream);
  assert(handle !== null);
});

Deno.test("Hub tells of every source that begins, before the stream's viewers are told", () => {
  const told: string[] = [];
  const hub = new Hub(OPTIONS, ({ name }) => told.push(name));
  const stream = hub.open("live/a");
  stream.join({ cursor: -1, onLive: () => told.push("viewer") });
  assertEquals(told, []);
  stream.publish()!.end("away");
  stream.publish()!.end("lost");
  stream.resume({ sourceMs: 0, streamMs: 0 });
  hub.open("live/b").publish();
  assertEquals(told, ["live/a", "viewer", "live/a", "viewer", "live/b"]);
});

Deno.test("Hub lets a viewer that joins when told of a source see its first message", () => {
  const viewer = { cursor: -1, onLive: () => joined.push("told") };
  const joined: string[] = [];
  const hub = new Hub(OPTIONS, (stream) => stream.join(viewer));
  const stream = hub.open("live/a");
  stream.publish();
  assertEquals([joined, stream.joinPoint?.offset], [["told"], stream.log.head]);
});
