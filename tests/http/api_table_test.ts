import { openApi, OPERATIONS } from "../../lib/http/api_table.ts";
import { createApiRoutes } from "../../lib/http/api_routes.ts";
import { assertEquals } from "../helpers/assert.ts";
import { silentLogger } from "../../lib/base/log.ts";
import { EventLog } from "../../lib/monitor/event_log.ts";
import { FakeView, PULLED, SNAPSHOT } from "./fake_view.ts";

// deno-lint-ignore no-explicit-any -- answers are looked into field by field
type Answer = any;

function createRequest(view: FakeView, events: EventLog | null = null) {
  const identity = { serverId: "vid-1", serviceId: "s", pid: 1 };
  const app = createApiRoutes({
    view,
    identity,
    now: () => 0,
    drain: () => null,
    events,
    logger: silentLogger,
  });
  return (path: string, init?: RequestInit) =>
    app.request(path, init, { remote: "198.51.100.7:52114" });
}

function createAnswer(view: FakeView, events: EventLog | null = null) {
  const request = createRequest(view, events);
  return async (path: string): Promise<Answer> => await (await request(path)).json();
}

const get = createAnswer(new FakeView());

Deno.test("the OpenAPI description has every route, with its parameters", async () => {
  const { openapi, paths } = await get("/api/v1/openapi.json");
  assertEquals(openapi, "3.1.0");
  assertEquals(Object.keys(paths["/api/v1/clients/{id}"]), ["get", "delete"]);
  const names = paths["/api/v1/streams"].get.parameters.map((one: Answer) => one.name);
  assertEquals(names, ["start", "count", "search", "sort"]);
  const ids = Object.values(paths).flatMap((path: Answer) =>
    Object.values(path).map((one: Answer) => one.operationId)
  );
  assertEquals(ids.filter((id) => id in OPERATIONS).length, Object.keys(OPERATIONS).length);
  assertEquals(openApi("1").info, { ...(openApi("1").info as Answer) });
});

Deno.test("streams and clients are searched and sorted by the server", async () => {
  const names = async (query: string) =>
    (await get(`/api/v1/streams?${query}`)).streams.map((one: Answer) => one.url);
  assertEquals(await names("search=ROOM"), ["edge.example/live/room/show"]);
  assertEquals(await names("search=nothing"), []);
  assertEquals(await names("sort=-name"), ["edge.example/live/room/show", "/live/show"]);
  assertEquals((await names("sort=constructor")).length, 2);
  const clients = await get("/api/v1/clients?search=rtmp-play");
  assertEquals([clients.total, clients.clients[0].type], [1, "rtmp-play"]);
  const ofStream = await get(`/api/v1/clients?stream=${clients.clients[0].url}&type=fmle-publish`);
  assertEquals(ofStream.clients.every((one: Answer) => one.type === "fmle-publish"), true);
});

Deno.test("upstreams are summed over the streams that use the same server", async () => {
  const view = new FakeView();
  const [leg] = PULLED.upstreams;
  const failing = { ...leg!, state: "connecting", sinceMs: 5, lastError: "timed out" } as const;
  const push = { ...leg!, kind: "push", lastError: "" } as const;
  view.snapshotNow = {
    ...SNAPSHOT,
    streams: [PULLED, { ...PULLED, name: "live/2", upstreams: [failing, push] }],
  };
  const answer = await createAnswer(view)("/api/v1/upstreams?count=10");
  assertEquals(answer.total, 2);
  assertEquals(answer.upstreams[0], {
    ...{ kind: "pull", origin: "10.0.0.2:1935", vhost: "edge.example" },
    ...{ streams: 2, live: 1, connecting: 1, attempts: 6, switches: 2 },
    ...{ lost_frames: 8, doubled_frames: 10, lost_bytes: 12, last_silence_ms: 61 },
    last_error: "timed out",
  });
  assertEquals((await createAnswer(view)("/api/v1/upstreams?search=push")).total, 1);
});

Deno.test("the summary has the audience of all streams", async () => {
  const { data } = await get("/api/v1/summaries");
  assertEquals(data.audience, { players: 41, edges: 3, kbps: 20_000, lag_ms: 120 });
});

Deno.test("DELETE of clients closes those that are selected, and never all by mistake", async () => {
  const view = new FakeView();
  const request = createRequest(view);
  for (const query of ["", "?search=", "?search=%20&ban=5", "?ban=60"]) {
    const refused = await request(`/api/v1/clients${query}`, { method: "DELETE" });
    assertEquals([refused.status, view.kicked], [400, []], query);
    await refused.body?.cancel();
  }
  const kicked = await request("/api/v1/clients?type=rtmp-play", { method: "DELETE" });
  assertEquals([(await kicked.json()).data, view.kicked], [{ kicked: 1 }, ["c2"]]);
});

Deno.test("DELETE of clients bans the address of each", async () => {
  const view = new FakeView();
  const player = SNAPSHOT.clients[1]!;
  const clients = Array.from({ length: 120 }, (_, at) => ({
    ...player,
    ...{ id: `c${at}`, ip: `10.0.0.${at}` },
  }));
  view.snapshotNow = { ...SNAPSHOT, clients };
  const path = "/api/v1/clients?stream=edge.example/live/room/show&ban=60";
  const answer = await createRequest(view)(path, { method: "DELETE" });
  assertEquals((await answer.json()).data, { kicked: 120 });
  assertEquals(view.banned.length, 120);
  const stream = "edge.example/live/room/show";
  assertEquals(view.banned[7], { ip: "10.0.0.7", ms: 60_000, client: "c7", stream });
});

Deno.test("bans are listed with what is left of them, searched, and lifted", async () => {
  const view = new FakeView();
  const request = createRequest(view);
  const kick = (query: string) => request(`/api/v1/clients/c2${query}`, { method: "DELETE" });
  assertEquals([(await kick("?ban=5m")).status, view.kicked], [400, []]);
  assertEquals((await (await kick("?ban=0")).json()).code, 0);
  assertEquals(view.banned, []);
  await (await kick("?ban=90")).body?.cancel();
  const list = async (query: string) => await (await request(`/api/v1/bans${query}`)).json();
  const { bans, total } = await list("?search=2001:DB8");
  const url = "edge.example/live/room/show";
  assertEquals([bans, total], [[{ ip: "2001:db8::1", seconds: 90, client: "c2", url }], 1]);
  assertEquals((await list("?search=10.0.0.1")).total, 0);
  const path = `/api/v1/bans/${encodeURIComponent("2001:db8::1")}`;
  const codes: number[] = [];
  for (let i = 0; i < 2; i++) {
    codes.push((await (await request(path, { method: "DELETE" })).json()).code);
  }
  assertEquals([codes, view.banned], [[0, 2051], []]);
});

Deno.test("an address that no client has can be banned", async () => {
  const view = new FakeView();
  const request = createRequest(view);
  const add = (query: string) => request(`/api/v1/bans${query}`, { method: "POST" });
  const answer = await add("?ip=198.51.100.7&seconds=600");
  assertEquals((await answer.json()).data, { kicked: 0 });
  assertEquals(view.banned, [{ ip: "198.51.100.7", ms: 600_000, client: "", stream: "" }]);
  const { bans } = await (await request("/api/v1/bans")).json();
  assertEquals(bans, [{ ip: "198.51.100.7", seconds: 600, client: "", url: "" }]);
  for (
    const wrong of [
      "",
      "?ip=198.51.100.7",
      "?seconds=60",
      "?ip=198.51.100.7&seconds=0",
      "?ip=198.51.100.7&seconds=-5",
      "?ip=198.51.100.7&seconds=5m",
      "?ip=10.0.0.0/8&seconds=60",
      "?ip=example.com&seconds=60",
    ]
  ) {
    const refused = await add(wrong);
    assertEquals([refused.status, view.banned.length], [400, 1], wrong);
    await refused.body?.cancel();
  }
});

Deno.test("a ban closes the clients of the address, however it is written", async () => {
  const view = new FakeView();
  const request = createRequest(view);
  // Client c2 has 2001:db8::1.
  const query = `ip=${encodeURIComponent("2001:DB8:0::0:1")}&seconds=60`;
  const answer = await request(`/api/v1/bans?${query}`, { method: "POST" });
  assertEquals([(await answer.json()).data, view.kicked], [{ kicked: 1 }, ["c2"]]);
  const path = `/api/v1/bans/${encodeURIComponent("2001:0db8::1")}`;
  assertEquals((await (await request(path, { method: "DELETE" })).json()).code, 0);
  await (await request("/api/v1/bans?ip=::ffff:198.51.100.7&seconds=60", { method: "POST" }))
    .text();
  assertEquals(view.banned.map(({ ip }) => ip), ["198.51.100.7"]);
});

Deno.test("events are filtered by level, layer and text", async () => {
  const events = new EventLog(silentLogger, () => 5);
  events.logger.for("edge", "live/a").warning("Pull failed", { origin: "10.0.0.1:1935" });
  events.logger.for("conn", "c1").info("Play started", { stream: "live/a" });
  const answer = createAnswer(new FakeView(), events);
  const ids = async (query: string) =>
    (await answer(`/api/v1/events?${query}`)).events.map(({ id }: Answer) => id);
  assertEquals(await ids(""), [2, 1]);
  assertEquals(await ids("count=1"), [2]);
  assertEquals(await ids("level=warning"), [1]);
  assertEquals(await ids("level=nonsense"), [2, 1]);
  assertEquals(await ids("layer=conn,flv"), [2]);
  assertEquals(await ids("search=10.0.0.1"), [1]);
  assertEquals((await answer("/api/v1/events")).total, 2);
  assertEquals(await get("/api/v1/events").then(({ total }) => total), 0);
});
