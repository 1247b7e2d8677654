/** The files of the console page are complete, and their headers keep foreign content out. */

import { silentLogger } from "../../lib/base/log.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { createApiApp } from "../../lib/http/apps.ts";
import { CONSOLE_ASSETS } from "../../lib/http/console_assets.ts";
import {
  type ConsoleStreams,
  createConsoleRedirect,
  createConsoleRoutes,
  describeConsoleStreams,
} from "../../lib/http/console_routes.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { FakeView } from "./fake_view.ts";

const STREAMS: ConsoleStreams = { port: 8080, mounts: { a: "/[app]/[stream].flv" } };

const app = createConsoleRoutes(STREAMS);

for (const [name, { contentType, text }] of CONSOLE_ASSETS) {
  Deno.test(`GET /console/${name} is ${contentType}, revalidated each time`, async () => {
    const response = await app.request(`/console/${name}`);
    assertEquals(await response.text(), text);
    assertEquals(
      ["content-type", "cache-control", "x-content-type-options"].map((header) =>
        response.headers.get(header)
      ),
      [contentType, "no-cache", "nosniff"],
    );
  });
}

Deno.test("A file that the browser has is answered with 304", async () => {
  const first = await app.request("/console/main.js");
  await first.body?.cancel();
  const headers = { "if-none-match": first.headers.get("etag")! };
  const again = await app.request("/console/main.js", { headers });
  assertEquals([again.status, await again.text()], [304, ""]);
  const other = await app.request("/console/dom.js", { headers });
  assertEquals(other.status, 200);
  await other.body?.cancel();
});

Deno.test("/console redirects to /console/, also below the path prefix of a proxy", async () => {
  const response = await app.request("/console");
  assertEquals([response.status, response.headers.get("location")], [302, "console/"]);
});

for (
  const path of ["/console/nope.js", "/console/console/main.js", "/console/..%2fapi", "/conso"]
) {
  Deno.test(`GET ${path} is 404`, async () => {
    assertEquals((await app.request(path)).status, 404);
  });
}

Deno.test("POST is 405 with Allow", async () => {
  const response = await app.request("/console/", { method: "POST" });
  assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
});

/** The `connect-src` of the content policy of a page requested as `url`. */
async function connectSources(url: string, streams: ConsoleStreams | null): Promise<string> {
  const response = await createConsoleRoutes(streams).request(url);
  await response.body?.cancel();
  const policy = response.headers.get("content-security-policy")!;
  return policy.split("; ").find((part) => part.startsWith("connect-src"))!;
}

Deno.test("The page may run nothing inline and load nothing from other hosts", async () => {
  const response = await app.request("http://127.0.0.1:1985/console/");
  await response.body?.cancel();
  assertEquals(
    response.headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
      "connect-src 'self' http://127.0.0.1:8080; media-src blob:; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'none'",
  );
});

const SOURCES = [
  ["http://127.0.0.1:1985/console/", { ...STREAMS, port: null }, "connect-src 'self'"],
  ["http://127.0.0.1:1985/console/", null, "connect-src 'self'"],
  ["http://[::1]:1985/console/", STREAMS, "connect-src 'self' http://[::1]:8080"],
  ["http://edge.example/console/", STREAMS, "connect-src 'self' http://edge.example:8080"],
  ["http://evil;script-src'unsafe-inline'/console/", STREAMS, "connect-src 'self'"],
  ["http://*/console/", STREAMS, "connect-src 'self'"],
] as const;

for (const [url, streams, expected] of SOURCES) {
  Deno.test(`The page at ${url} with streams at ${streams?.port} has ${expected}`, async () => {
    assertEquals(await connectSources(url, streams), expected);
  });
}

Deno.test("http_server redirects to the page at the API, under the requested host", async () => {
  const redirect = createConsoleRedirect(1985);
  for (
    const [url, location] of [
      ["http://10.0.0.1:8080/console/", "http://10.0.0.1:1985/console/"],
      ["http://[::1]:8080/console", "http://[::1]:1985/console/"],
      ["http://a;b/console/", "http://127.0.0.1:1985/console/"],
      ["https://edge.example:8088/console/", "https://edge.example:1985/console/"],
    ]
  ) {
    const response = await redirect.request(url!);
    assertEquals([response.status, response.headers.get("location")], [302, location!]);
  }
});

const VHOSTS = `
  vhost __defaultVhost__ { http_remux { enabled on; } }
  vhost own { http_remux { enabled on; mount /flv/[app]/[stream].flv; } }
  vhost without { }
  vhost away { enabled off; http_remux { enabled on; } }
`;
const MOUNTS = { __defaultVhost__: "/[app]/[stream].flv", own: "/flv/[app]/[stream].flv" };

const CONFIGS = [
  { http: "http_api { enabled on; }", streams: null },
  {
    http: "http_api { enabled on; } http_server { enabled on; listen 8080; }",
    streams: { port: 8080, mounts: MOUNTS },
  },
  {
    http:
      "http_api { enabled on; listen 127.0.0.1:80; } http_server { enabled on; listen 127.0.0.1:80; }",
    streams: { port: null, mounts: MOUNTS },
  },
] as const;

for (const { http, streams } of CONFIGS) {
  Deno.test(`describeConsoleStreams() of ${http}`, () => {
    const { config } = parseConfig(`listen 1935; ${http} ${VHOSTS}`, "test.conf", {
      readFile: () => undefined,
    });
    const { httpApi, httpServer } = config;
    const files = httpServer.enabled ? httpServer.listen : [];
    assertEquals(describeConsoleStreams(config, httpApi.listen, files), streams);
  });
}

Deno.test("GET /console/config.json says where streams are served", async () => {
  const response = await app.request("/console/config.json");
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(await response.json(), { streams: STREAMS });
});

Deno.test("The console requires the API's password", async () => {
  const api = createApiApp({
    config: {
      crossdomain: true,
      jsonp: false,
      auth: { enabled: true, type: "basic", username: "admin", password: "secret", token: "" },
      rawApi: { enabled: false, allowReload: false },
      listen: [],
    },
    view: new FakeView(),
    control: null,
    identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
    now: () => 0,
    isReady: () => true,
    drain: () => null,
    streams: STREAMS,
    clock: new FakeClock(),
    logger: silentLogger,
  });
  const headers = { authorization: `Basic ${btoa("admin:secret")}` };
  for (const path of ["/console", "/console/", "/console/main.js", "/console/config.json"]) {
    const anonymous = await api.request(path);
    await anonymous.body?.cancel();
    assertEquals(anonymous.status, 401, path);
    const authenticated = await api.request(path, { headers });
    await authenticated.body?.cancel();
    assert(authenticated.status < 400, path);
  }
});

/** Names of the files that a file of the page loads. */
function referencesOf(text: string): string[] {
  const patterns = /\b(?:href|src)="([^"]+)"|\bfrom "([^"]+)"|\.src = "([^"]+)"/g;
  return [...text.matchAll(patterns)].map(([, link, module, script]) =>
    (link ?? module ?? script)!.replace(/^\.\//, "")
  );
}

Deno.test("The page loads exactly the files there are", () => {
  const own = [...CONSOLE_ASSETS].filter(([name]) => !/^(mpegts|uplot|licences)/.test(name));
  const loaded = new Set(own.flatMap(([, { text }]) => referencesOf(text)));
  const others = ["../api/v1", "../metrics"];
  const files = [...loaded].filter((name) => !name.startsWith("#"));
  assertEquals([...files, ""].sort(), [...CONSOLE_ASSETS.keys(), ...others].sort());
});

Deno.test("The page names no other host and sets no HTML", () => {
  for (const [name, { text }] of CONSOLE_ASSETS) {
    if (/^(mpegts|uplot|licences)/.test(name)) continue;
    const urls = text.match(/\b(?:https?|wss?):\/\/[^"`$\s]+|"\/\/[^"]*/g) ?? [];
    // An XML namespace, never requested.
    assertEquals(urls.filter((url) => url !== "http://www.w3.org/2000/svg"), [], name);
    const dangerous =
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|style="|\bon\w+="/;
    assert(!dangerous.test(text), name);
  }
});
