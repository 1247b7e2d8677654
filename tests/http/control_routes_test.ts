// deno-lint-ignore-file camelcase -- the names are those of answers
import { vhostId } from "../../lib/http/api_answers.ts";
import { createControlRoutes } from "../../lib/http/control_routes.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeControl } from "./fake_control.ts";

const ENVELOPE = { server: "vid-1", service: "s", pid: "1" };
const CHANGES = {
  applied: [{ directive: "max_connections", from: "1000", to: "7", note: "" }],
  needs_restart: [{ directive: "workers", from: "1", to: "2", note: "is fixed" }],
  warnings: ["a.conf:1:1: warning: odd: correct it"],
  failures: [],
};

function createRig(rawApi = { enabled: true, allowReload: true }) {
  const control = new FakeControl();
  const identity = { serverId: "vid-1", serviceId: "s", pid: 1 };
  const listen = [{ hostname: "0.0.0.0", port: 1985 }, { hostname: "::1", port: 1986 }];
  const config = { listen, crossdomain: true, rawApi };
  const app = createControlRoutes({ control, identity, config });
  const request = async (method: string, path: string) => {
    const response = await app.request(path, { method }, { remote: "203.0.113.9:52114" });
    return response.status === 200 ? await response.json() : response.status;
  };
  return { control, request };
}

Deno.test("POST /api/v1/reload answers what was applied and what waits for a restart", async () => {
  const { control, request } = createRig();
  const answer = await request("POST", "/api/v1/reload");
  assertEquals(answer, { code: 0, ...ENVELOPE, data: CHANGES });
  assertEquals(control.reloads, ["POST /api/v1/reload from 203.0.113.9"]);
  assertEquals(await request("GET", "/api/v1/reload"), 405);
});

Deno.test("POST /api/v1/reload answers why nothing was applied", async () => {
  const { control, request } = createRig();
  control.report = { type: "refused", problems: ["a.conf:1:1: bad: correct it"] };
  const data = { problems: ["a.conf:1:1: bad: correct it"] };
  assertEquals(await request("POST", "/api/v1/reload"), { code: 1023, ...ENVELOPE, data });
});

Deno.test("POST /api/v1/reload fails when a thread did not apply it", async () => {
  const { control, request } = createRig();
  const failures = ["Worker thread 1: no answer; restart"];
  control.report = { ...control.report, failures } as typeof control.report;
  assertEquals((await request("POST", "/api/v1/reload")).code, 1023);
});

Deno.test("GET /api/v1/raw reloads and reports as SRS does", async () => {
  const { control, request } = createRig();
  const fetchLast = async () => (await request("GET", "/api/v1/raw?rpc=reload-fetch")).data;
  assertEquals(await fetchLast(), { err: 0, msg: "Success", state: 0, rid: "" });
  assertEquals((await request("GET", "/api/v1/raw?rpc=reload")).code, 0);
  assertEquals(await fetchLast(), { err: 0, msg: "Success", state: 90, rid: "r1" });
  control.lastReload = { id: "r2", report: null };
  assertEquals(await fetchLast(), { err: 0, msg: "Success", state: 30, rid: "r2" });
  control.report = { type: "refused", problems: ["bad", "worse"] };
  assertEquals((await request("GET", "/api/v1/raw?rpc=reload")).code, 1023);
  assertEquals(await fetchLast(), { err: 1023, msg: "bad; worse", state: 90, rid: "r1" });
  const { http_api } = await request("GET", "/api/v1/raw?rpc=raw");
  const off = { allow_query: false, allow_update: false };
  assertEquals(http_api, {
    enabled: true,
    listen: "0.0.0.0:1985 [::1]:1986",
    crossdomain: true,
    raw_api: { enabled: true, allow_reload: true, ...off },
  });
  assertEquals((await request("GET", "/api/v1/raw?rpc=update")).code, 1060);
  assertEquals((await request("GET", "/api/v1/raw")).code, 1060);
});

Deno.test("GET /api/v1/raw reloads only if raw_api and allow_reload are on", async () => {
  for (
    const allowed of [{ enabled: false, allowReload: true }, { enabled: true, allowReload: false }]
  ) {
    const { control, request } = createRig(allowed);
    assertEquals((await request("GET", "/api/v1/raw?rpc=reload")).code, 1061);
    assertEquals(control.reloads, []);
  }
});

Deno.test("POST /api/v1/drain begins a drain, with tcUrl and timeout of the query", async () => {
  const { control, request } = createRig();
  assertEquals(await request("POST", "/api/v1/drain"), { code: 0, ...ENVELOPE });
  assertEquals(await request("POST", "/api/v1/drain?tcUrl=rtmp://b&timeout=90"), {
    ...{ code: 0, ...ENVELOPE },
  });
  await request("POST", "/api/v1/drain?timeout=500ms");
  await request("POST", "/api/v1/drain?timeout=5m");
  const cause = "POST /api/v1/drain from 203.0.113.9";
  assertEquals(control.drains, [
    { cause, target: null, timeoutMs: null },
    { cause, target: "rtmp://b", timeoutMs: 90_000 },
    { cause, target: null, timeoutMs: 500 },
    { cause, target: null, timeoutMs: 300_000 },
  ]);
  assertEquals(await request("GET", "/api/v1/drain"), 405);
});

Deno.test("POST /api/v1/drain answers 400 to invalid values, and drains nothing", async () => {
  const { control, request } = createRig();
  for (const query of ["tcUrl=http://b", "timeout=-1", "timeout=1h", "timeout=99999999"]) {
    assertEquals(await request("POST", `/api/v1/drain?${query}`), 400, query);
  }
  assertEquals(control.drains, []);
});

Deno.test("destinations of forward are listed, added and removed, and their keys are never shown", async () => {
  const { control, request } = createRig();
  const path = `/api/v1/vhosts/${vhostId("__defaultVhost__")}/forwards`;
  const url = encodeURIComponent("live/show=rtmps://twitch.example/app/secret-key");
  const data = {
    id: "f1",
    origin: "twitch.example:443",
    secure: true,
    stream: "live/show",
    configured: false,
  };
  const answer = await request("POST", `${path}?destination=${url}`);
  assertEquals(answer, { code: 0, ...ENVELOPE, data });
  assertEquals(control.forwards.all.map(({ destination }) => destination.stream), ["secret-key"]);
  assertEquals(await request("GET", path), { code: 0, ...ENVELOPE, forwards: [data] });
  assertEquals(control.reloads, ["POST forwards of __defaultVhost__ from 203.0.113.9"]);
  assertEquals((await request("POST", `${path}?destination=${url}`)).data.id, "f1", "once");
  assertEquals(await request("POST", `${path}?destination=rtmp%3A%2F%2Fuser%40host%2Fa`), 400);
  assertEquals(await request("POST", path), 400);
  assertEquals((await request("DELETE", `${path}/f1`)).code, 0);
  assertEquals((await request("DELETE", `${path}/f1`)).code, 2050);
  assertEquals((await request("GET", path)).forwards, []);
});

Deno.test("destinations of the configuration are listed, and a DELETE says where to remove them", async () => {
  const { control, request } = createRig();
  const path = `/api/v1/vhosts/${vhostId("__defaultVhost__")}/forwards`;
  const text = "live/show=rtmps://twitch.example/app/secret-key";
  const added = control.forwards.add("__defaultVhost__", text);
  if (typeof added === "string") throw new Error(added);
  control.destinations = [added.destination];
  assertEquals((await request("GET", path)).forwards.map(({ id }: { id: string }) => id), ["f1"]);
  control.forwards.remove("__defaultVhost__", "f1");
  const written = { id: "c1", origin: "twitch.example:443", secure: true, stream: "live/show" };
  assertEquals((await request("GET", path)).forwards, [{ ...written, configured: true }]);
  assertEquals(await request("DELETE", `${path}/c1`), 400);
  assertEquals(control.reloads, []);
});

Deno.test("a destination that cannot be applied is not kept, and edges have none", async () => {
  const { control, request } = createRig();
  control.report = { type: "refused", problems: ["a.conf:1:1: bad: correct it"] };
  const path = `/api/v1/vhosts/${vhostId("__defaultVhost__")}/forwards`;
  assertEquals((await request("POST", `${path}?destination=10.0.0.9`)).code, 1023);
  assertEquals(control.forwards.all, []);
  assertEquals((await request("GET", `/api/v1/vhosts/${vhostId("edge")}/forwards`)).code, 2014);
});
