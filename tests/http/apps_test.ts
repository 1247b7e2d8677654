/** Who may use which part of the API, and from which pages. */

import type { HttpAuthConfig } from "../../lib/config/config.ts";
import { createApiApp, createFilesApp } from "../../lib/http/apps.ts";
import { createApp } from "../../lib/http/routes.ts";
import { StaticFiles } from "../../lib/http/static_files.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { FakeControl } from "./fake_control.ts";
import { FakeView } from "./fake_view.ts";

const NO_AUTH: HttpAuthConfig = {
  enabled: false,
  type: "basic",
  username: "",
  password: "",
  token: "",
};
const AUTH: HttpAuthConfig = {
  ...NO_AUTH,
  enabled: true,
  username: "admin",
  password: "pä:ss wörd",
};
const BEARER: HttpAuthConfig = { ...NO_AUTH, enabled: true, type: "bearer", token: "abc123" };

function createRig({ auth = NO_AUTH, crossdomain = true, isReady = true } = {}) {
  const view = new FakeView();
  const control = new FakeControl();
  const rawApi = { enabled: true, allowReload: true };
  const log = new CollectedLog();
  const app = createApiApp({
    config: { listen: [], crossdomain, jsonp: false, auth, rawApi },
    view,
    control,
    identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
    now: () => 0,
    isReady: () => isReady,
    drain: () => null,
    streams: null,
    clock: new FakeClock(),
    logger: log.logger,
  });
  const bindings = { remote: "203.0.113.9:52114" };
  return {
    app: { request: (path: string, init?: RequestInit) => app.request(path, init, bindings) },
    view,
    control,
    log,
  };
}

function basic(text: string): { authorization: string } {
  const bytes = new TextEncoder().encode(text);
  return { authorization: `Basic ${bytes.toBase64()}` };
}

for (const path of ["/api/v1/clients", "/api/v1/nope", "/api", "/metrics"]) {
  Deno.test(`GET ${path} needs the password when auth is on`, async () => {
    const { app } = createRig({ auth: AUTH });
    const statusWith = async (headers: Record<string, string>) =>
      (await app.request(path, { headers })).status;
    const right = path.endsWith("nope") ? 404 : 200;
    assertEquals(await statusWith(basic("admin:pä:ss wörd")), right);
    for (
      const text of ["", ":", "admin", "admin:", "admin:pä", "Admin:pä:ss wörd", ":pä:ss wörd"]
    ) {
      assertEquals(await statusWith(basic(text)), 401, text);
    }
    assertEquals(await statusWith({}), 401);
    assertEquals(await statusWith({ authorization: "Basic !!!" }), 401);
    assertEquals(await statusWith({ authorization: "Bearer abc" }), 401);
  });
}

Deno.test("The API needs the token when auth is of type bearer", async () => {
  const { app, log } = createRig({ auth: BEARER });
  const statusWith = async (headers: Record<string, string>) =>
    (await app.request("/api/v1/clients", { headers })).status;
  assertEquals(await statusWith({ authorization: "Bearer abc123" }), 200);
  assertEquals(await statusWith({ authorization: "Bearer abc124" }), 401);
  assertEquals(await statusWith({ authorization: "Bearer" }), 401);
  assertEquals(await statusWith(basic("abc123:abc123")), 401);
  assertEquals(await statusWith({}), 401);
  for (const headers of [{}, basic("abc123:abc123"), { authorization: "Bearer abc124" }]) {
    const response = await app.request("/api/v1/clients", { headers });
    assertEquals([response.status, response.headers.get("www-authenticate")], [401, "Bearer"]);
  }
  const odd = createRig({ auth: { ...BEARER, token: "a b:c!" } });
  const authorization = "Bearer a b:c!";
  assertEquals((await odd.app.request("/api", { headers: { authorization } })).status, 200);
  assert(!JSON.stringify(log.lines).includes("abc12"), "no token in the log");
});

Deno.test("The answer without the password asks for it and reveals nothing", async () => {
  const response = await createRig({ auth: AUTH }).app.request("/api/v1/clients");
  assertMatch(response.headers.get("www-authenticate")!, /^Basic realm="edge"/);
  assertEquals((await response.text()).trim(), "Wrong password");
});

const PAGES: readonly (readonly [origin: string | null, host: string, status: number])[] = [
  [null, "127.0.0.1:1985", 200],
  [null, "edge.example:1985", 200],
  ["http://127.0.0.1:1985", "127.0.0.1:1985", 200],
  ["http://[::1]:1985", "[::1]:1985", 200],
  ["http://localhost:1985", "localhost:1985", 200],
  ["http://rebound.example:1985", "rebound.example:1985", 403],
  ["http://localhost.rebound.example", "localhost.rebound.example", 403],
  ["http://203.0.113.66", "127.0.0.1:1985", 403],
  ["http://127.0.0.1:8080", "127.0.0.1:1985", 403],
  ["null", "127.0.0.1:1985", 403],
];

for (const [origin, host, status] of PAGES) {
  Deno.test(`DELETE on ${host} without auth answers ${status} to ${origin ?? "a program"}`, async () => {
    const { app, view } = createRig({ crossdomain: false });
    const { id } = view.snapshotNow.clients[0]!;
    const response = await app.request(`http://${host}/api/v1/clients/${id}`, {
      method: "DELETE",
      headers: origin === null ? {} : { origin },
    });
    assertEquals([response.status, view.kicked.length], [status, status === 200 ? 1 : 0]);
  });
}

for (
  const { page, headers, crossdomain, status } of [
    { page: "a foreign page", headers: { origin: "http://evil.example" }, status: 403 },
    {
      page: "a foreign page that crossdomain lets in",
      headers: { origin: "http://console.example" },
      crossdomain: true,
      status: 200,
    },
    { page: "its own page", headers: { origin: "https://edge.example" }, status: 200 },
    {
      page: "its own page behind a proxy with another name",
      headers: { origin: "https://proxy.example", "sec-fetch-site": "same-origin" },
      status: 200,
    },
  ]
) {
  Deno.test(`DELETE with the password answers ${status} to ${page}`, async () => {
    const { app, view } = createRig({ auth: AUTH, crossdomain: crossdomain ?? false });
    const { id } = view.snapshotNow.clients[0]!;
    const response = await app.request(`http://edge.example/api/v1/clients/${id}`, {
      method: "DELETE",
      headers: { ...headers, ...basic("admin:pä:ss wörd") },
    });
    assertEquals([response.status, view.kicked.length], [status, status === 200 ? 1 : 0]);
  });
}

Deno.test("POST of another server's page moves no client, not even with the password", async () => {
  for (const auth of [NO_AUTH, AUTH]) {
    const { app, view } = createRig({ auth });
    const headers = { ...basic("admin:pä:ss wörd"), host: "edge:1985", origin: "http://evil" };
    const path = "http://edge:1985/api/v1/clients/c2/move";
    assertEquals((await app.request(path, { method: "POST", headers })).status, 403);
    assertEquals(view.moved, []);
  }
});

Deno.test("A failed login is a warning with the address, without what was tried", async () => {
  const { app, log } = createRig({ auth: AUTH });
  await app.request("/api/v1/clients");
  await app.request("/metrics", { headers: basic("admin:guess1word") });
  await app.request("/api/v1/clients", { headers: basic("admin:pä:ss wörd") });
  const [line, ...others] = log.lines;
  assertEquals([line?.level, line?.fields.peer, others], ["warning", "203.0.113.9", []]);
  assert(!JSON.stringify(line).includes("guess1word"));
});

Deno.test("DELETE without the password closes no client", async () => {
  const { app, view } = createRig({ auth: AUTH });
  const response = await app.request("/api/v1/clients/c1", { method: "DELETE" });
  assertEquals([response.status, view.kicked], [401, []]);
});

Deno.test("/healthz and /readyz need no password", async () => {
  const { app } = createRig({ auth: AUTH });
  assertEquals((await app.request("/healthz")).status, 200);
  assertEquals((await app.request("/readyz")).status, 200);
});

Deno.test("/readyz is 503 while the server stops; /healthz is not", async () => {
  const { app } = createRig({ isReady: false });
  assertEquals((await app.request("/readyz")).status, 503);
  assertEquals((await app.request("/healthz")).status, 200);
});

Deno.test("Pages of other hosts may read the API when crossdomain is on", async () => {
  const headers = { origin: "https://example.com" };
  const on = await createRig().app.request("/api/v1/streams", { headers });
  assertEquals(on.headers.get("access-control-allow-origin"), "*");
  const off = await createRig({ crossdomain: false }).app.request("/api/v1/streams", { headers });
  assertEquals(off.headers.get("access-control-allow-origin"), null);
});

for (
  const { auth, methods } of [
    { auth: NO_AUTH, methods: "GET,HEAD,OPTIONS" },
    { auth: AUTH, methods: "GET,DELETE,HEAD,OPTIONS" },
  ]
) {
  Deno.test(`A page may use ${methods} when auth.enabled is ${auth.enabled}`, async () => {
    const { app, view } = createRig({ auth });
    const response = await app.request("/api/v1/clients/c1", {
      method: "OPTIONS",
      headers: { origin: "https://example.com", "access-control-request-method": "DELETE" },
    });
    assertEquals(response.status, 204);
    assertEquals(response.headers.get("access-control-allow-methods"), methods);
    assertEquals(view.kicked, []);
  });
}

Deno.test("Answers of the API are not cached", async () => {
  const response = await createRig().app.request("/api/v1/streams");
  assertEquals(response.headers.get("cache-control"), "no-store");
});

Deno.test("An error in a route reaches the caller, which logs it", async () => {
  const { app, view } = createRig();
  view.snapshot = () => Promise.reject(new Error("no snapshot"));
  const error = await Promise.resolve(app.request("/api/v1/streams")).catch((error) => error);
  assertEquals(String(error), "Error: no snapshot");
});

Deno.test("createFilesApp() asks the mounted apps before the files", async () => {
  const mounted = createApp();
  mounted.get("/live/show.flv", (c) => c.text("stream"));
  const files = new StaticFiles({ dir: "/nowhere", logger: new CollectedLog().logger });
  const config = { crossdomain: true };
  const hls = {
    objectionTo: () => Promise.resolve(null),
    rewriteOf: () => Promise.resolve(null),
    untilWritten: () => Promise.resolve(null),
    sent: () => Promise.resolve(),
  };
  const app = createFilesApp({ config, files, hls, apps: [mounted] });
  const response = await app.request("/live/show.flv");
  assertEquals(await response.text(), "stream");
  assertEquals(response.headers.get("access-control-allow-origin"), "*");
});

Deno.test("A reload needs the password, and is not let in from pages of other servers", async () => {
  const { app, control } = createRig({ auth: AUTH });
  const post = async (headers: Record<string, string>) =>
    (await app.request("/api/v1/reload", { method: "POST", headers })).status;
  assertEquals(await post({}), 401);
  const password = basic("admin:pä:ss wörd");
  assertEquals(await post({ ...password, origin: "http://evil.example" }), 403);
  assertEquals(control.reloads.length, 0);
  assertEquals(await post(password), 200);
  assertEquals(control.reloads.length, 1);
});

const FORGED: readonly { from: string; headers: Record<string, string>; status: number }[] = [
  { from: "curl", headers: { "user-agent": "curl/8.5.0" }, status: 200 },
  { from: "a program", headers: {}, status: 200 },
  { from: "the address bar", headers: { "sec-fetch-site": "none" }, status: 200 },
  { from: "a page of this server", headers: { "sec-fetch-site": "same-origin" }, status: 200 },
  { from: "another page", headers: { "sec-fetch-site": "cross-site" }, status: 403 },
  { from: "a page of another port", headers: { "sec-fetch-site": "same-site" }, status: 403 },
  { from: "a browser that says nothing", headers: { "user-agent": "Mozilla/5.0" }, status: 403 },
];

for (const { from, headers, status } of FORGED) {
  Deno.test(`GET /api/v1/raw?rpc=reload from ${from} gets ${status}`, async () => {
    const { app, control } = createRig();
    const url = "http://127.0.0.1:1985/api/v1/raw?rpc=reload";
    assertEquals((await app.request(url, { headers })).status, status);
    assertEquals(control.reloads.length, status === 200 ? 1 : 0);
  });
}

Deno.test("GET /api/v1/raw?rpc=reload from a page under a foreign name gets 403", async () => {
  const { app } = createRig();
  const url = "http://rebound.example:1985/api/v1/raw?rpc=reload";
  const headers = { "sec-fetch-site": "same-origin" };
  assertEquals((await app.request(url, { headers })).status, 403);
});

const JSON_TYPE = { "content-type": "application/json" };

Deno.test("The API takes parameters from a JSON object; those of the query go first", async () => {
  const { app, control } = createRig();
  const drain = (query: string, body: string) =>
    app.request(`/api/v1/drain${query}`, { method: "POST", headers: JSON_TYPE, body });
  assertEquals((await drain("", '{"timeout": 90, "tcUrl": "rtmp://b"}')).status, 200);
  assertEquals((await drain("?timeout=5m", '{"timeout": "90"}')).status, 200);
  assertEquals((await drain("", "")).status, 200);
  const orders = control.drains.map(({ timeoutMs, target }) => [timeoutMs, target]);
  assertEquals(orders, [[90_000, "rtmp://b"], [300_000, null], [null, null]]);
});

for (const body of ["{", "[]", "7", "null", '"a"', '{"tcUrl": {}}', '{"tcUrl": null}']) {
  Deno.test(`The API answers 400 to the body ${body}, and does nothing`, async () => {
    const { app, control } = createRig();
    const init = { method: "POST", headers: JSON_TYPE, body };
    assertEquals((await app.request("/api/v1/drain", init)).status, 400);
    assertEquals(control.drains, []);
  });
}
