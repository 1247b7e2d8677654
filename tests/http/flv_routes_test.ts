/** HTTP-FLV viewers: who gets what, when it starts and when it ends. */

import { parseConfig } from "../../lib/config/parse_config.ts";
import { RemoteVhost } from "../../lib/edge/remote_vhost.ts";
import type { HookFetch } from "../../lib/server/hook_client.ts";
import { assertEquals } from "../helpers/assert.ts";
import { createHub, EdgeRig } from "../helpers/edge_rig.ts";
import { FlvRig } from "../helpers/flv_rig.ts";
import { hex } from "../helpers/hex.ts";
import { audioFrame, AVC_HEADER, idOf, interFrame, keyframe, METADATA } from "../helpers/media.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;

const vhost = (content: string, remux = "") =>
  `vhost __defaultVhost__ { ${content} http_remux { enabled on; ${remux} } }`;
const PROMPT = "play { mw_latency 0; }";

Deno.test("GET returns the stream from its newest keyframe on", async () => {
  const rig = new FlvRig();
  const publisher = rig.publish();
  publisher.push(DATA, 0, METADATA).push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  publisher.push(VIDEO, 40, hex("1701 000000 65"));
  const response = await rig.fetch();
  assertEquals(
    ["content-type", "cache-control"].map((name) => response.headers.get(name)),
    ["video/x-flv", "no-cache"],
  );
  await rig.readerOf(response).cancel();
  const viewer = await rig.watch();
  publisher.push(VIDEO, 80, hex("2701 000000 41"));
  await rig.clock.advance(20);
  assertEquals(
    viewer.bytes,
    hex(`
      464c56 01 01 00000009 00000000
      12 000015 000000 00 000000 02 000a 6f6e4d65746144617461 08 00000000 000009 00000020
      09 000009 000028 00 000000 17 00 000000 01640020 00000014
      09 000006 000028 00 000000 17 01 000000 65 00000011
      09 000006 000050 00 000000 27 01 000000 41 00000011
    `),
  );
});

Deno.test("GET is held until the stream is published", async () => {
  const rig = new FlvRig();
  const answer = rig.fetch();
  await rig.clock.advance(900);
  assertEquals(rig.service.clientReports(900).map(({ isHeld }) => isHeld), [true]);
  rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  assertEquals((await answer).status, 200);
});

Deno.test("GET announces only the tracks that a new stream has", async () => {
  const rig = new FlvRig();
  const answer = rig.fetch();
  await rig.clock.settle();
  const publisher = rig.publish();
  const viewer = rig.readerOf(await answer);
  await rig.clock.advance(100);
  publisher.push(DATA, 0, METADATA);
  await rig.clock.advance(100);
  publisher.push(VIDEO, 0, AVC_HEADER);
  await rig.clock.advance(100);
  assertEquals(viewer.bytes[4], 1);
});

Deno.test("GET that was held gets messages before the first keyframe as well", async () => {
  const rig = new FlvRig({ vhosts: vhost("play { mw_latency 350; }") });
  const answer = rig.fetch();
  await rig.clock.settle();
  const publisher = rig.publish();
  const viewer = rig.readerOf(await answer);
  await rig.clock.settle();
  publisher.push(AUDIO, 0, audioFrame(1)).push(VIDEO, 0, keyframe(2)).push(VIDEO, 9, keyframe(3));
  await rig.clock.advance(350);
  assertEquals(viewer.tags.map(({ payload }) => idOf(payload)), [1, 2, 3]);
  assertEquals(viewer.bytes[4], 5);
});

for (const [wait, answeredMs] of [["30s", 1_000], ["400ms", 400]] as const) {
  Deno.test(`GET is answered with 404 within ${answeredMs} ms on an origin without the stream; play_wait ${wait}`, async () => {
    const rig = new FlvRig({ vhosts: vhost(`play { play_wait ${wait}; }`) });
    const answer = rig.fetch();
    await rig.clock.advance(answeredMs - 1);
    assertEquals(rig.service.viewerCount, 1);
    await rig.clock.advance(1);
    const response = await answer;
    assertEquals(
      [response.status, response.headers.get("content-type"), await response.text()],
      [404, "text/plain; charset=UTF-8", 'Stream "live/show" is not live\n'],
    );
    assertEquals([rig.service.viewerCount, rig.clock.pendingCount], [0, 0]);
  });
}

Deno.test("GET stops waiting when its client disconnects", async () => {
  const rig = new FlvRig();
  const abort = new AbortController();
  void rig.fetch(undefined, { signal: abort.signal });
  await rig.clock.settle();
  abort.abort();
  await rig.clock.settle();
  assertEquals([rig.service.viewerCount, rig.clock.pendingCount], [0, 0]);
});

for (
  const { what, content, headers = {}, reason } of [
    {
      what: "a disabled vhost",
      content: "enabled off;",
      reason: "Vhost __defaultVhost__ is disabled",
    },
    {
      what: "an address without permission",
      content: "security { enabled on; deny play 203.0.113.9; }",
      reason: "Address 203.0.113.9 may not play here",
    },
    {
      what: "a page without permission",
      content: "refer { enabled on; play good.example; }",
      headers: { referer: "https://bad.example/page" },
      reason: "This page may not play here",
    },
    {
      what: "a page of a WebSocket without permission",
      content: "refer { enabled on; play good.example; }",
      headers: { origin: "https://bad.example" },
      reason: "This page may not play here",
    },
  ] as const
) {
  Deno.test(`GET is answered with 403 for ${what}`, async () => {
    const rig = new FlvRig({ vhosts: vhost(content) });
    for (const method of ["GET", "HEAD"]) {
      const response = await rig.fetch(undefined, { headers, method });
      assertEquals(response.status, 403);
      if (method === "GET") assertEquals(await response.text(), `${reason}\n`);
    }
  });
}

Deno.test("GET is admitted with the Referer of a permitted page", async () => {
  const rig = new FlvRig({ vhosts: vhost(`${PROMPT} refer { enabled on; play good.example; }`) });
  rig.publish().push(VIDEO, 0, keyframe(1));
  const headers = { referer: "https://good.example/page", origin: "https://bad.example" };
  assertEquals((await rig.fetch(undefined, { headers })).status, 200);
});

for (
  const { path, host = "127.0.0.1:8080", vhost } of [
    { path: "/live/show.flv?vhost=a", vhost: "a" },
    { path: "/live/show.flv", host: "a", vhost: "a" },
    { path: "/live/show.flv", host: "b:8080", vhost: "b" },
    { path: "/live/show.flv?vhost=b", host: "a", vhost: "b" },
    { path: "/live/show.flv", host: "B.:8080", vhost: "b" },
    { path: "/live/show.flv?vhost=A:8080", vhost: "a" },
    { path: "/live/show.flv", host: "c", vhost: "__defaultVhost__" },
    { path: "/live/show.flv?vhost=__defaultVhost__", vhost: "__defaultVhost__" },
  ]
) {
  Deno.test(`GET ${path} from ${host} goes to vhost ${vhost}`, async () => {
    const remux = `${PROMPT} http_remux { enabled on; }`;
    const rig = new FlvRig({
      vhosts: `vhost a { ${remux} } vhost b { ${remux} } vhost __defaultVhost__ { ${remux} }`,
    });
    void rig.fetch(path, { headers: { host } });
    await rig.clock.settle();
    assertEquals(rig.service.clientReports(0).map((report) => report.vhost), [vhost]);
  });
}

for (
  const { what, path = "/live/show.flv", host = "h", vhosts } of [
    { what: "a path of another form", path: "/live/show.m3u8" },
    { what: "no stream", path: "/live/.flv" },
    { what: "a vhost without http_remux", vhosts: "vhost __defaultVhost__ { }" },
    { what: "an unknown vhost", vhosts: "vhost a { http_remux { enabled on; } }" },
    { what: "an invalid host", host: "a[b" },
  ]
) {
  Deno.test(`GET passes other requests on: ${what}`, async () => {
    const rig = new FlvRig(vhosts === undefined ? {} : { vhosts });
    const response = await rig.fetch(path, { headers: { host } });
    assertEquals([response.status, await response.text()], [404, "Not for HTTP-FLV\n"]);
  });
}

Deno.test("HEAD is answered without a viewer", async () => {
  const rig = new FlvRig();
  rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  const response = await rig.fetch(undefined, { method: "HEAD" });
  assertEquals([response.status, response.headers.get("content-type")], [200, "video/x-flv"]);
  assertEquals([rig.service.viewerCount, rig.service.clientTotals.connections], [0, 0]);
});

Deno.test("HEAD is answered with 404 at once when the stream is not live", async () => {
  const rig = new FlvRig();
  const response = await rig.fetch(undefined, { method: "HEAD" });
  assertEquals(response.status, 404);
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
});

Deno.test("OPTIONS lists the methods; others are refused", async () => {
  const rig = new FlvRig();
  const options = await rig.fetch(undefined, { method: "OPTIONS" });
  assertEquals([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS"]);
  const post = await rig.fetch(undefined, { method: "POST", body: "x" });
  assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
});

Deno.test("GET with an invalid upgrade is answered with 400", async () => {
  const rig = new FlvRig();
  const response = await rig.fetch(undefined, { headers: { upgrade: "websocket" } });
  assertEquals([response.status, rig.service.viewerCount], [400, 0]);
});

Deno.test("The body ends after the last tag when the stream is unpublished", async () => {
  const rig = new FlvRig();
  const publisher = rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  publisher.push(VIDEO, 40, interFrame(2)).leave("stopped");
  await rig.clock.advance(20);
  assertEquals([viewer.isEnded, viewer.isWhole], [true, true]);
  assertEquals(viewer.tags.slice(1).map(({ payload }) => idOf(payload)), [1, 2]);
  assertEquals([rig.service.viewerCount, rig.service.streamCount, rig.clock.pendingCount], [
    0,
    0,
    0,
  ]);
});

Deno.test("The body of a slow viewer ends after the last tag, not with the next publish", async () => {
  const rig = new FlvRig();
  const publisher = rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  viewer.pause();
  for (let i = 2; i < 5; i++) {
    publisher.push(VIDEO, i * 40, interFrame(i));
    await rig.clock.advance(20);
  }
  publisher.leave("stopped");
  rig.publish().push(VIDEO, 0, keyframe(9));
  await rig.clock.advance(100);
  assertEquals(viewer.isEnded, false);
  viewer.resume();
  await rig.clock.advance(100);
  assertEquals(viewer.isEnded, true);
  assertEquals(viewer.tags.slice(1).map(({ payload }) => idOf(payload)), [1, 2, 3, 4]);
});

Deno.test("The body continues when a lost publisher returns within the grace", async () => {
  const rig = new FlvRig();
  const publisher = rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  publisher.leave("lost");
  await rig.clock.advance(9_000);
  rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(2));
  await rig.clock.advance(20);
  assertEquals(viewer.isEnded, false);
  assertEquals(viewer.tags.map(({ timestampMs }) => timestampMs), [0, 0, 0, 40]);
});

Deno.test("The body ends when a lost publisher does not return within the grace", async () => {
  const rig = new FlvRig();
  const publisher = rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  publisher.leave("lost");
  await rig.clock.advance(10_100);
  assertEquals(viewer.isEnded, true);
});

Deno.test("A viewer that reads nothing skips to the newest keyframe, at no cost to others", async () => {
  const rig = new FlvRig({ vhosts: vhost("play { mw_latency 0; queue_length 2; }") });
  const publisher = rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(0));
  const [fast, slow] = [await rig.watch(), await rig.watch()];
  slow.pause();
  for (let i = 1; i <= 100; i++) {
    publisher.push(VIDEO, i * 100, i % 10 === 0 ? keyframe(i, 20_000) : interFrame(i));
    await rig.clock.advance(100);
  }
  slow.resume();
  await rig.clock.advance(100);
  const ids = (tags: typeof fast.tags) => tags.slice(1).map(({ payload }) => idOf(payload));
  assertEquals(ids(fast.tags), Array.from({ length: 101 }, (_, i) => i));
  // One write was in flight when it stopped reading.
  assertEquals(ids(slow.tags), [0, 1, 100]);
  assertEquals(rig.service.clientTotals.skips, 1);
  publisher.push(VIDEO, 10_100, interFrame(101));
  await rig.clock.advance(100);
  assertEquals(ids(slow.tags).at(-1), 101);
});

Deno.test("A viewer that reads nothing for write_stall is closed", async () => {
  const rig = new FlvRig({ vhosts: vhost("play { mw_latency 0; write_stall 3s; }") });
  const publisher = rig.publish().push(VIDEO, 0, keyframe(0));
  const viewer = await rig.watch();
  viewer.pause();
  for (let i = 1; i <= 35; i++) {
    publisher.push(VIDEO, i * 100, interFrame(i));
    await rig.clock.advance(100);
  }
  assertEquals([rig.service.viewerCount, rig.service.streamCount], [0, 0]);
  viewer.resume();
  await rig.clock.settle();
  assertEquals([viewer.isEnded, viewer.isWhole], [true, false]);
});

Deno.test("Viewers get what arrived in between in one write each", async () => {
  const rig = new FlvRig({ vhosts: vhost("play { mw_latency 350; }") });
  const publisher = rig.publish().push(VIDEO, 0, keyframe(0));
  const viewers = [await rig.watch(), await rig.watch(), await rig.watch()];
  await rig.clock.advance(350);
  const before = viewers.map(({ chunkCount }) => chunkCount);
  for (let i = 1; i <= 10; i++) publisher.push(VIDEO, i * 10, interFrame(i));
  await rig.clock.advance(350);
  assertEquals(viewers.map(({ chunkCount }) => chunkCount), before.map((count) => count + 1));
  assertEquals(viewers.map(({ tags }) => tags.length), [11, 11, 11]);
});

Deno.test("Viewers get everything that arrived between two flushes, even if only they need it from the hub", async () => {
  const rig = new FlvRig({ vhosts: vhost("play { mw_latency 350; gop_cache_max_frames 2; }") });
  const publisher = rig.publish().push(VIDEO, 0, keyframe(0));
  const viewer = await rig.watch();
  await rig.clock.advance(350);
  for (let i = 1; i <= 10; i++) publisher.push(VIDEO, i * 10, interFrame(i, 1_000_000));
  await rig.clock.advance(700);
  assertEquals(
    viewer.tags.map(({ payload }) => idOf(payload)),
    Array.from({ length: 11 }, (_, i) => i),
  );
});

Deno.test("A viewer without GOP cache starts at the next keyframe", async () => {
  const rig = new FlvRig({ vhosts: vhost("play { mw_latency 0; gop_cache off; }") });
  const publisher = rig.publish().push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  publisher.push(VIDEO, 40, interFrame(2)).push(VIDEO, 80, keyframe(3));
  await rig.clock.advance(20);
  assertEquals(viewer.tags.slice(1).map(({ payload }) => idOf(payload)), [3]);
});

Deno.test("A viewer that disconnects leaves at once, and the last one frees the FLV framing", async () => {
  const rig = new FlvRig();
  rig.publish().push(VIDEO, 0, keyframe(1));
  const [one, two] = [await rig.watch(), await rig.watch()];
  await one.cancel();
  assertEquals([rig.service.viewerCount, rig.service.streamCount], [1, 1]);
  await two.cancel();
  assertEquals([rig.service.viewerCount, rig.service.streamCount], [0, 0]);
});

Deno.test("FlvService.kick() closes a viewer, live or held", async () => {
  const rig = new FlvRig();
  const held = rig.fetch("/live/other.flv");
  rig.publish().push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  const ids = rig.service.clientReports(0).map(({ id }) => id);
  assertEquals(ids, ["h1", "h2"]);
  assertEquals(["h1", "h2", "h3"].map((id) => rig.service.kick(id, "kicked")), [
    true,
    true,
    false,
  ]);
  assertEquals((await held).status, 503);
  await rig.clock.settle();
  assertEquals([viewer.isEnded, rig.service.viewerCount], [true, 0]);
});

Deno.test("FlvService.closeClients() closes the viewers of one vhost, live or held", async () => {
  const config = `${PROMPT} http_remux { enabled on; }`;
  const rig = new FlvRig({ vhosts: `vhost a { ${config} } vhost b { ${config} }` });
  rig.publish("a").push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch("/live/show.flv?vhost=a");
  const held = rig.fetch("/live/other.flv?vhost=a");
  void rig.fetch("/live/show.flv?vhost=b");
  await rig.clock.settle();
  rig.service.closeClients("a", "vhost removed");
  await rig.clock.settle();
  assertEquals([viewer.isEnded, (await held).status], [true, 503]);
  assertEquals(rig.service.clientReports(0).map(({ vhost }) => vhost), ["b"]);
});

Deno.test("FlvService.stop() closes all viewers", async () => {
  const rig = new FlvRig();
  rig.publish().push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch();
  rig.service.stop();
  await rig.clock.settle();
  assertEquals([viewer.isEnded, rig.clock.pendingCount], [true, 0]);
});

Deno.test("FlvService.clientReports() lists viewers, without URL parameters", async () => {
  const rig = new FlvRig();
  rig.publish().push(VIDEO, 0, keyframe(1)).push(AUDIO, 0, audioFrame(2));
  const headers = { referer: "https://a.example/page?secret" };
  const viewer = await rig.watch("/live/show.flv?token=secret", { headers });
  const [report] = rig.service.clientReports(rig.clock.now() + 1_000);
  assertEquals(report, {
    id: "h1",
    type: "flv-play",
    vhost: "__defaultVhost__",
    stream: "live/show",
    ip: "203.0.113.9",
    tcUrl: "rtmp://127.0.0.1/live",
    pageUrl: "https://a.example/page",
    swfUrl: "",
    edge: null,
    isHeld: false,
    isReserve: false,
    ageMs: 1_020,
    receivedBytes: 0,
    sentBytes: viewer.byteCount,
    skips: 0,
  });
  const { sentBytes } = rig.service.clientTotals;
  assertEquals(sentBytes, viewer.byteCount);
  await viewer.cancel();
  assertEquals(rig.service.clientTotals.sentBytes, sentBytes);
});

Deno.test("on_play is asked about an HTTP viewer, and on_stop reports its end", async () => {
  const calls: string[] = [];
  const hookFetch: HookFetch = (url, init) => {
    const { action, param, stream } = JSON.parse(String(init.body));
    calls.push([action, stream, param].join(" "));
    return Promise.resolve(new Response(url.endsWith("deny") ? "1" : "0"));
  };
  const hooks = (answer: string) =>
    vhost(`${PROMPT} http_hooks { enabled on; on_play http://h/${answer}; on_stop http://h/; }`);
  const rig = new FlvRig({ vhosts: hooks("allow"), hookFetch });
  rig.publish().push(VIDEO, 0, keyframe(1));
  const viewer = await rig.watch("/live/show.flv?token=1");
  assertEquals(viewer.tags.length, 1);
  await viewer.cancel();
  await rig.clock.settle();
  assertEquals(calls, ["on_play show ?token=1", "on_stop show ?token=1"]);
  const strict = new FlvRig({ vhosts: hooks("deny"), hookFetch });
  assertEquals((await strict.fetch()).status, 403);
});

const EDGE_CONFIG = parseConfig(
  `listen 1935; vhost __defaultVhost__ {
    cluster { mode remote; origin origin.example; }
    play { mw_latency 0; }
    http_remux { enabled on; }
  }`,
  "test.conf",
  { readFile: () => undefined },
).config.vhosts.get("__defaultVhost__")!;

/** An edge with one origin, over HTTP. */
function createEdge(config = EDGE_CONFIG) {
  const edge = new EdgeRig({ tokenTraverse: config.cluster.tokenTraverse });
  const { deps, wheels, clock } = edge;
  const hub = createHub();
  const service = new RemoteVhost({
    config: { ...config, cluster: edge.config.cluster },
    hub,
    deps,
    wheels,
    logger: edge.log.logger,
  });
  return { edge, rig: new FlvRig({ service, clock }) };
}

Deno.test("An HTTP viewer makes an edge pull the stream, with its parameters", async () => {
  const { edge, rig } = createEdge();
  const answer = rig.fetch("/live/show.flv?token=1");
  await edge.settle();
  assertEquals([edge.a.openCount, edge.a.link.streamName], [1, "show?token=1"]);
  edge.a.link.sendMedia(
    { typeId: VIDEO, timestampMs: 0, payload: AVC_HEADER },
    { typeId: VIDEO, timestampMs: 0, payload: keyframe(1) },
  );
  await edge.settle();
  const viewer = rig.readerOf(await answer);
  await edge.advance(100);
  assertEquals(viewer.tags.slice(1).map(({ payload }) => idOf(payload)), [1]);
  await viewer.cancel();
  await edge.advance(12_000);
  assertEquals([edge.a.openCount, rig.clock.pendingCount], [0, 0]);
});

Deno.test("An HTTP viewer is answered with 404 if the edge cannot pull the stream", async () => {
  const { edge, rig } = createEdge();
  edge.a.behaviour = {
    kind: "refuse",
    refusal: { code: "NetStream.Play.StreamNotFound", description: "" },
  };
  const answer = rig.fetch();
  await edge.advance(30_000);
  assertEquals((await answer).status, 404);
  await edge.advance(30_000);
  assertEquals(edge.a.openCount, 0);
});

Deno.test("With token_traverse, an origin is asked about an HTTP viewer", async () => {
  const { edge, rig } = createEdge({
    ...EDGE_CONFIG,
    cluster: { ...EDGE_CONFIG.cluster, tokenTraverse: true },
  });
  const refusal = { code: "NetConnection.Connect.Rejected", description: "No token" };
  edge.a.behaviour = { kind: "refuse connect", refusal };
  const answer = rig.fetch("/live/show.flv?token=1");
  await edge.settle();
  assertEquals((await answer).status, 403);
  assertEquals(rig.service.viewerCount, 0);
});
