import { Hub, type HubObserver } from "../../lib/hub/hub.ts";
import type { Viewer } from "../../lib/hub/viewer.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
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

Deno.test("Hub forgets a stream when its last viewer leaves and no source feeds it", () => {
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

Deno.test("Hub keeps a stream that is fed but not viewed", () => {
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

Deno.test("Hub keeps a stream that is viewed but not fed", () => {
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

Deno.test("Hub forgets a stream without viewers when its source is lost", () => {
  const hub = new Hub(OPTIONS);
  hub.open("live/a").publish()!.end("lost");
  assertEquals(namesIn(hub), []);
});

Deno.test("Hub keeps a stream when a forgotten one of the same name ends", () => {
  const hub = new Hub(OPTIONS);
  const forgotten = hub.open("live/a");
  forgotten.publish()!.end("lost");
  const stream = hub.open("live/a");
  const handle = stream.publish();
  forgotten.publish()!.end("lost");
  assert(hub.open("live/a") === stream);
  assert(handle !== null);
});

/** Keeps the names of streams whose source begins. */
function beginsOf(told: string[]): HubObserver {
  return {
    onSourceChange({ name }, { type }) {
      if (type === "began") told.push(name);
    },
  };
}

Deno.test("Hub tells of every source that begins, before the stream's viewers are told", () => {
  const told: string[] = [];
  const hub = new Hub(OPTIONS);
  hub.observe(beginsOf(told));
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
  const hub = new Hub(OPTIONS);
  hub.observe({ onSourceChange: (stream) => stream.join(viewer) });
  const stream = hub.open("live/a");
  stream.publish();
  assertEquals([joined, stream.joinPoint?.offset], [["told"], stream.log.head]);
});

Deno.test("Hub tells all its observers of every change, in order, until they leave", () => {
  const hub = new Hub(OPTIONS);
  const told: string[] = [];
  const stream = hub.open("live/a");
  stream.join(createViewer());
  const unobserve = hub.observe({ onSourceChange: (_, { type }) => told.push(`1 ${type}`) });
  hub.observe({ onSourceChange: (_, { type }) => told.push(`2 ${type}`) });
  stream.publish()!.end("lost");
  assertEquals(told, ["1 began", "2 began", "1 ended", "2 ended"]);
  unobserve();
  stream.resume({ sourceMs: 0, streamMs: 0 })!.end("away");
  stream.unpublish();
  assertEquals(told.slice(4), ["2 resumed", "2 ended", "2 unpublished"]);
});

Deno.test("Hub observers learn from a stream who publishes it", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  const requests: (StreamRequest | null)[] = [];
  hub.observe({ onSourceChange: ({ sourceRequest }) => requests.push(sourceRequest) });
  const url = parseStreamUrl({ tcUrl: "rtmp://v/live", app: "live", stream: "a?token=1" });
  const request = { url, name: "live/a", edgePath: ["edge0001"], backlogMs: 0 };
  stream.publish(request)!.end("lost");
  const source = stream.resume({ sourceMs: 0, streamMs: 0 }, request)!;
  assertEquals(stream.sourceRequest, request);
  source.end("unpublished");
  stream.publish();
  assertEquals(requests, [request, null, request, null, null]);
});

Deno.test("Hub.configure() applies limits to streams that exist, from the next message on", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  const handle = stream.publish()!;
  handle.push(9, 0, new Uint8Array([0x17, 1, 0, 0, 0]), 0);
  handle.push(9, 40, new Uint8Array([0x27, 1, 0, 0, 0]), 40);
  assert(stream.joinPoint !== null);
  hub.configure({ ...OPTIONS, maxMessages: 2 });
  assert(stream.joinPoint !== null, "nothing is dropped yet");
  handle.push(9, 80, new Uint8Array([0x27, 1, 0, 0, 0]), 80);
  assertEquals(stream.joinPoint, null);
});

Deno.test("Hub.configure() leaves the clock of a source alone and changes that of the next one", () => {
  const hub = new Hub(OPTIONS);
  const stream = hub.open("live/a");
  const frame = new Uint8Array([0x17, 1, 0, 0, 0]);
  const first = stream.publish()!;
  assertEquals(first.push(9, 100_000, frame, 100_000), 3_000);
  hub.configure({ ...OPTIONS, isAbsoluteTime: true });
  assertEquals(first.push(9, 100_040, frame, 100_040), 3_040);
  stream.join(createViewer());
  first.end("unpublished");
  assertEquals(stream.publish()!.push(9, 200_000, frame, 200_000), 200_000);
});

Deno.test("counters of a stream continue when it returns, and totals never shrink", () => {
  const hub = new Hub(OPTIONS);
  function publishOnce(name: string): void {
    const handle = hub.open(name).publish()!;
    handle.push(9, 0, new Uint8Array([0x17, 1, 0, 0, 0]), 0);
    handle.end("unpublished");
  }
  publishOnce("live/a");
  assertEquals([...hub.ended.keys()], ["live/a"]);
  hub.open("live/asked").join(createViewer());
  const stream = hub.open("live/a");
  assertEquals([stream.stats.videoMessages, hub.ended.size], [1, 0]);
  publishOnce("live/a");
  assertEquals([hub.ended.get("live/a")?.videoMessages, hub.totals.videoMessages], [2, 2]);
  for (let i = 0; i < 1_000; i++) publishOnce(`live/${i}`);
  assertEquals([hub.ended.size, hub.ended.has("live/a")], [1_000, false]);
  assertEquals(hub.totals.videoMessages, 1_002);
});
