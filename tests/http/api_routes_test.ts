/** The API as programs written for SRS read it: fields by name, codes, lists. */

import { silentLogger } from "../../lib/base/log.ts";
import type { DrainSnapshot } from "../../lib/monitor/server_view.ts";
import { createApiRoutes } from "../../lib/http/api_routes.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { FakeView, PULLED, SNAPSHOT } from "./fake_view.ts";

const NOW_MS = 1_700_000_090_500;
const IDENTITY = { serverId: "vid-0server", serviceId: "service1", pid: 4711 };

// deno-lint-ignore no-explicit-any -- answers are looked into field by field
type Answer = any;

class Rig {
  readonly view = new FakeView();
  drain: DrainSnapshot | null = null;
  readonly app = createApiRoutes({
    view: this.view,
    identity: IDENTITY,
    now: () => NOW_MS,
    drain: () => this.drain,
    logger: silentLogger,
  });

  async get(path: string): Promise<Answer> {
    const response = await this.app.request(path);
    assertEquals(response.status, 200, path);
    return await response.json();
  }
}

/** Every documented field of SRS that this server supports, with its expected value. */
const FIELDS: readonly (readonly [path: string, field: string, value: unknown])[] = [
  ["/api", "urls.v1", "the api version 1.0"],
  ["/api/v1/versions", "data.major", 0],
  ["/api/v1/versions", "data.minor", 1],
  ["/api/v1/versions", "data.revision", 0],
  ["/api/v1/versions", "data.version", "0.1.0"],
  ["/api/v1/summaries", "data.ok", true],
  ["/api/v1/summaries", "data.now_ms", NOW_MS],
  ["/api/v1/summaries", "data.self.version", "0.1.0"],
  ["/api/v1/summaries", "data.self.pid", 4711],
  ["/api/v1/summaries", "data.self.mem_kbyte", 65_536],
  ["/api/v1/summaries", "data.self.cpu_percent", 0.25],
  ["/api/v1/summaries", "data.self.srs_uptime", 90],
  ["/api/v1/summaries", "data.read_delay_p99_ms", 40],
  ["/api/v1/summaries", "data.system.cpus", 2],
  ["/api/v1/summaries", "data.system.cpus_online", 2],
  ["/api/v1/summaries", "data.system.srs_sample_time", NOW_MS],
  ["/api/v1/summaries", "data.system.srs_recv_bytes", 7_000],
  ["/api/v1/summaries", "data.system.srs_send_bytes", 9_000],
  ["/api/v1/summaries", "data.system.conn_srs", 2],
  ["/api/v1/rusages", "data.ru_utime", 3_000],
  ["/api/v1/rusages", "data.ru_stime", 1_500],
  ["/api/v1/rusages", "data.ru_maxrss", 65_536],
  ["/api/v1/vhosts", "vhosts.0.name", "__defaultVhost__"],
  ["/api/v1/vhosts", "vhosts.0.enabled", true],
  ["/api/v1/vhosts", "vhosts.0.clients", 1],
  ["/api/v1/vhosts", "vhosts.0.streams", 1],
  ["/api/v1/vhosts", "vhosts.0.send_bytes", 200],
  ["/api/v1/vhosts", "vhosts.0.recv_bytes", 100],
  ["/api/v1/vhosts", "vhosts.0.kbps.recv_30s", 1_000],
  ["/api/v1/vhosts", "vhosts.0.kbps.send_30s", 2_000],
  ["/api/v1/vhosts", "vhosts.0.hls.enabled", true],
  ["/api/v1/vhosts", "vhosts.0.hls.fragment", 10],
  ["/api/v1/vhosts", "vhosts.1.hls.enabled", false],
  ["/api/v1/ended", "ended.0.url", "/live/past"],
  ["/api/v1/ended", "ended.0.send_bytes", 1_400],
  ["/api/v1/ended?search=nothing", "total", 0],
  ["/api/v1/streams", "streams.0.name", "show"],
  ["/api/v1/streams", "streams.0.app", "live"],
  ["/api/v1/streams", "streams.0.tcUrl", "rtmp://__defaultVhost__/live"],
  ["/api/v1/streams", "streams.0.url", "/live/show"],
  ["/api/v1/streams", "streams.0.live_ms", NOW_MS],
  ["/api/v1/streams", "streams.0.clients", 2],
  ["/api/v1/streams", "streams.0.frames", 300],
  ["/api/v1/streams", "streams.0.send_bytes", 10_000],
  ["/api/v1/streams", "streams.0.recv_bytes", 5_000],
  ["/api/v1/streams", "streams.0.kbps.recv_30s", 1_000],
  ["/api/v1/streams", "streams.0.kbps.send_30s", 2_000],
  ["/api/v1/streams", "streams.0.publish.active", true],
  ["/api/v1/streams", "streams.0.publish.cid", "c1"],
  ["/api/v1/streams", "streams.0.video.codec", "H264"],
  ["/api/v1/streams", "streams.0.video.profile", "High"],
  ["/api/v1/streams", "streams.0.video.level", "3.1"],
  ["/api/v1/streams", "streams.0.video.width", 1280],
  ["/api/v1/streams", "streams.0.video.height", 720],
  ["/api/v1/streams", "streams.0.audio.codec", "AAC"],
  ["/api/v1/streams", "streams.0.audio.sample_rate", 44_100],
  ["/api/v1/streams", "streams.0.audio.channel", 2],
  ["/api/v1/streams", "streams.0.audio.profile", "LC"],
  ["/api/v1/streams", "streams.1.name", "show"],
  ["/api/v1/streams", "streams.1.app", "live/room"],
  ["/api/v1/streams", "streams.1.url", "edge.example/live/room/show"],
  ["/api/v1/streams", "streams.1.publish.active", true],
  ["/api/v1/streams", "streams.1.publish.cid", ""],
  ["/api/v1/streams", "streams.1.video", null],
  ["/api/v1/streams", "streams.1.audio", null],
  ["/api/v1/streams", "total", 2],
  ["/api/v1/clients", "clients.0.id", "c1"],
  ["/api/v1/clients", "clients.0.ip", "203.0.113.9"],
  ["/api/v1/clients", "clients.0.pageUrl", ""],
  ["/api/v1/clients", "clients.0.swfUrl", ""],
  ["/api/v1/clients", "clients.0.tcUrl", "rtmp://edge.example/live"],
  ["/api/v1/clients", "clients.0.url", "/live/show"],
  ["/api/v1/clients", "clients.0.name", "show"],
  ["/api/v1/clients", "clients.0.type", "fmle-publish"],
  ["/api/v1/clients", "clients.0.publish", true],
  ["/api/v1/clients", "clients.0.alive", 12.345],
  ["/api/v1/clients", "clients.0.send_bytes", 3_500],
  ["/api/v1/clients", "clients.0.recv_bytes", 7_000],
  ["/api/v1/clients", "clients.0.kbps.recv_30s", 1_000],
  ["/api/v1/clients", "clients.0.kbps.send_30s", 2_000],
  ["/api/v1/clients", "clients.1.type", "rtmp-play"],
  ["/api/v1/clients", "clients.1.publish", false],
  ["/api/v1/clients", "total", 2],
  // Not shown by SRS.
  ["/api/v1/streams", "streams.0.upstreams.length", 0],
  ["/api/v1/streams", "streams.1.upstreams.0.kind", "pull"],
  ["/api/v1/streams", "streams.1.upstreams.0.origin", "10.0.0.2:1935"],
  ["/api/v1/streams", "streams.1.upstreams.0.state", "live"],
  ["/api/v1/streams", "streams.1.upstreams.0.since_ms", 60_000],
  ["/api/v1/streams", "streams.1.upstreams.0.attempts", 3],
  ["/api/v1/streams", "streams.1.upstreams.0.switches", 1],
  ["/api/v1/streams", "streams.1.upstreams.0.last_error", "Lost: reset by peer"],
  ["/api/v1/streams", "streams.1.upstreams.0.last_silence_ms", 61],
  ["/api/v1/streams", "streams.1.upstreams.0.lost_frames", 4],
  ["/api/v1/streams", "streams.1.upstreams.0.doubled_frames", 5],
  ["/api/v1/streams", "streams.1.upstreams.0.lost_bytes", 6],
  ["/api/v1/streams", "streams.1.upstreams.0.reserve.state", "missing"],
  ["/api/v1/streams", "streams.1.upstreams.0.reserve.origin", "10.0.0.3:1935"],
  ["/api/v1/streams", "streams.1.upstreams.0.reserve.age_ms", 7_000],
  ["/api/v1/clients", "clients.1.waiting", true],
  ["/api/v1/clients", "clients.1.skips", 2],
];

for (const [path, field, value] of FIELDS) {
  Deno.test(`GET ${path} has ${field}`, async () => {
    const answer = await new Rig().get(path);
    assertEquals(field.split(".").reduce((inner, name) => inner[name], answer), value);
  });
}

const PATHS = [
  "/api",
  "/api/v1",
  ...["versions", "summaries", "rusages", "vhosts", "streams", "clients"]
    .map((name) => `/api/v1/${name}`),
];

for (const path of PATHS) {
  Deno.test(`GET ${path} is in SRS's envelope, with and without a slash`, async () => {
    const rig = new Rig();
    const answer = await rig.get(path);
    assertEquals(await rig.get(`${path}/`), answer);
    const { code, server, service, pid } = answer;
    assertEquals({ code, server, service, pid }, {
      code: 0,
      server: "vid-0server",
      service: "service1",
      pid: "4711",
    });
  });
}

Deno.test("Vhosts and streams are found by the ids in the lists", async () => {
  const rig = new Rig();
  const { vhosts } = await rig.get("/api/v1/vhosts");
  const { streams } = await rig.get("/api/v1/streams");
  const { clients } = await rig.get("/api/v1/clients");
  for (const vhost of vhosts) {
    assertMatch(vhost.id, /^vid-[0-9a-z]{7}$/);
    assertEquals((await rig.get(`/api/v1/vhosts/${vhost.id}`)).vhost, vhost);
  }
  for (const stream of streams) {
    assertMatch(stream.id, /^vid-[0-9a-z]{7}$/);
    assertEquals((await rig.get(`/api/v1/streams/${stream.id}/`)).stream, stream);
  }
  for (const client of clients) {
    assertEquals((await rig.get(`/api/v1/clients/${client.id}`)).client, client);
  }
  assertEquals(streams.map((stream: Answer) => stream.vhost), [vhosts[0].id, vhosts[1].id]);
  assertEquals(clients.map((client: Answer) => client.vhost), [vhosts[0].id, vhosts[1].id]);
  assertEquals(clients.map((client: Answer) => client.stream), [streams[0].id, streams[1].id]);
  assert(streams[0].id !== streams[1].id);
});

for (const [path, code] of [["vhosts", 2014], ["streams", 2048], ["clients", 2049]] as const) {
  Deno.test(`GET /api/v1/${path}/unknown has SRS's code ${code}`, async () => {
    const answer = await new Rig().get(`/api/v1/${path}/unknown`);
    assertEquals(answer, { code, server: "vid-0server", service: "service1", pid: "4711" });
  });
}

Deno.test("DELETE /api/v1/clients/ID closes that client", async () => {
  const { app, view } = new Rig();
  const response = await app.request("/api/v1/clients/c2", { method: "DELETE" });
  assertEquals([response.status, (await response.json()).code], [200, 0]);
  assertEquals(view.kicked, ["c2"]);
});

Deno.test("DELETE /api/v1/clients/ID of an unknown client has SRS's code 2049", async () => {
  const { app } = new Rig();
  const response = await app.request("/api/v1/clients/c99", { method: "DELETE" });
  assertEquals([response.status, (await response.json()).code], [200, 2049]);
});

const PAGES = [
  ["", 0, 10],
  ["?start=0&count=3", 0, 3],
  ["?start=10&count=10", 10, 10],
  ["?start=20", 20, 5],
  ["?start=25", 25, 0],
  ["?start=999999999&count=999999999", 25, 0],
  ["?count=100", 0, 25],
  ["?count=0", 0, 0],
  ["?start=-1&count=-1", 0, 10],
  ["?start=x&count=1e3", 0, 10],
  ["?count=99999999999999999999", 0, 10],
] as const;

for (const [query, first, length] of PAGES) {
  Deno.test(`GET /api/v1/streams${query} lists ${length} of 25`, async () => {
    const rig = new Rig();
    const streams = Array.from({ length: 25 }, (_, at) => ({ ...PULLED, name: `live/${at}` }));
    const clients = streams.map((_, at) => ({ ...SNAPSHOT.clients[0]!, id: `${at}` }));
    rig.view.snapshotNow = { ...SNAPSHOT, streams, clients };
    const expected = Array.from({ length }, (_, at) => `${first + at}`);
    const listed = await rig.get(`/api/v1/streams${query}`);
    assertEquals(listed.streams.map(({ name }: Answer) => name), expected);
    assertEquals(listed.total, 25);
    const watched = await rig.get(`/api/v1/clients${query}`);
    assertEquals(watched.clients.map(({ id }: Answer) => id), expected);
    assertEquals(watched.total, 25);
  });
}

for (const path of ["/api/v2", "/api/v1/nope", "/api/v1/streams/a/b", "/api/v1/raw?rpc=reload"]) {
  Deno.test(`GET ${path} is 404 in the envelope`, async () => {
    const response = await new Rig().app.request(path);
    assertEquals([response.status, (await response.json()).code], [404, 404]);
  });
}

for (
  const [method, path, allow] of [
    ["POST", "/api/v1/streams", "GET, HEAD"],
    ["DELETE", "/api/v1/streams/vid-1", "GET, HEAD"],
    ["PUT", "/api/v1/clients/c1", "GET, HEAD, DELETE"],
    ["PATCH", "/api", "GET, HEAD"],
  ] as const
) {
  Deno.test(`${method} ${path} is 405 with Allow`, async () => {
    const { app, view } = new Rig();
    const response = await app.request(path, { method });
    assertEquals([response.status, response.headers.get("allow")], [405, allow]);
    assertEquals(view.kicked, []);
  });
}

Deno.test("HEAD is answered like GET, without the body", async () => {
  const response = await new Rig().app.request("/api/v1/streams", { method: "HEAD" });
  assertEquals([response.status, await response.text()], [200, ""]);
  assertEquals(response.headers.get("content-type"), "application/json");
});

Deno.test("GET /api/v1/clients lists fewer than asked when texts are long, and at most 1 MiB", async () => {
  const rig = new Rig();
  const pageUrl = "é".repeat(4096);
  const clients = Array.from(
    { length: 1_000 },
    (_, at) => ({ ...SNAPSHOT.clients[0]!, id: `${at}`, pageUrl }),
  );
  rig.view.snapshotNow = { ...SNAPSHOT, clients };
  const ids: string[] = [];
  while (ids.length < 1_000) {
    const listed = await rig.get(`/api/v1/clients?start=${ids.length}&count=1000`);
    const text = JSON.stringify(listed);
    assert(new TextEncoder().encode(text).length <= 1024 * 1024, `${text.length} characters`);
    const page = listed.clients as { id: string }[];
    assert(page.length > 0);
    ids.push(...page.map(({ id }) => id));
  }
  assertEquals(ids, clients.map(({ id }) => id));
});

Deno.test("POST /clients/ID/move asks the client to connect again", async () => {
  const { app, view } = new Rig();
  const response = await app.request("/api/v1/clients/c2/move?tcUrl=rtmp://b:1936", {
    method: "POST",
  });
  const { code, data } = await response.json();
  assertEquals([code, data], [0, { asked: 1, unable: 0 }]);
  assertEquals(view.moved, [[{ id: "c2" }, "rtmp://b:1936"]]);
});

Deno.test("POST /streams/ID/move asks all clients of the stream", async () => {
  const rig = new Rig();
  const { streams } = await rig.get("/api/v1/streams");
  const path = `/api/v1/streams/${streams[0].id}/move`;
  const response = await rig.app.request(path, { method: "POST" });
  assertEquals((await response.json()).code, 0);
  const { vhost, name: stream } = SNAPSHOT.streams[0]!;
  assertEquals(rig.view.moved, [[{ vhost, stream }, null]]);
  const unknown = await rig.app.request("/api/v1/streams/vid-none/move", { method: "POST" });
  assertEquals((await unknown.json()).code, 2048);
});

Deno.test("A move answers 400 to an invalid tcUrl, and to a body, which is not read", async () => {
  const { app, view } = new Rig();
  const statusOf = async (query: string, init: RequestInit = {}) => {
    const path = `/api/v1/clients/c2/move${query}`;
    return (await app.request(path, { method: "POST", ...init })).status;
  };
  assertEquals(await statusOf("?tcUrl=http://b/"), 400);
  assertEquals(
    await statusOf("", { body: "tcUrl=rtmp://b", headers: { "content-length": "14" } }),
    400,
  );
  assertEquals(view.moved, []);
});

Deno.test("GET /summaries says how far a drain is", async () => {
  const rig = new Rig();
  assertEquals((await rig.get("/api/v1/summaries")).data.drain, null);
  rig.drain = {
    phase: "waiting",
    cause: "SIGQUIT",
    elapsedMs: 2_500.4,
    remainingMs: 57_499.6,
    clients: { connections: 4, players: 2, publishers: 1, viewers: 3 },
    asked: 5,
  };
  assertEquals((await rig.get("/api/v1/summaries")).data.drain, {
    phase: "waiting",
    cause: "SIGQUIT",
    elapsed_ms: 2_500,
    remaining_ms: 57_500,
    connections: 4,
    players: 2,
    publishers: 1,
    viewers: 3,
    asked: 5,
  });
});
