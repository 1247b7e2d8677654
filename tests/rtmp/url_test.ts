/**
 * The tables follow the URL tests of SRS 7.0 (tcUrl and stream → vhost, app, stream, port, params).
 */

import { WireError } from "../../lib/base/errors.ts";
import { DEFAULT_VHOST } from "../../lib/config/config.ts";
import { parseRtmpUrl, parseStreamUrl, streamKey, upstreamTarget } from "../../lib/rtmp/url.ts";
import type { StreamUrl } from "../../lib/rtmp/url.ts";

import { assert, assertEquals, assertStringIncludes, assertThrows } from "../helpers/assert.ts";

type UrlCase = [tcUrl: string, stream: string, expected: Partial<StreamUrl>];

function parse(tcUrl: string, stream: string, app = ""): StreamUrl {
  return parseStreamUrl({ tcUrl, app, stream });
}

/** Asserts the named fields only. */
function assertFields(actual: StreamUrl, expected: Partial<StreamUrl>, message: string): void {
  assertEquals({ ...actual, ...expected }, actual, message);
}

function testUrls(name: string, cases: readonly UrlCase[]): void {
  Deno.test(name, () => {
    for (const [tcUrl, stream, expected] of cases) {
      assertFields(parse(tcUrl, stream), expected, `${tcUrl} ; ${stream}`);
    }
  });
}

Deno.test("parseStreamUrl() fills every field", () => {
  assertEquals(parse("rtmp://winlin.cn/live", "show?key=abc"), {
    schema: "rtmp",
    host: "winlin.cn",
    port: 1935,
    vhost: "winlin.cn",
    app: "live",
    stream: "show",
    params: "?key=abc",
  });
});

testUrls("parseStreamUrl() takes the vhost from tcUrl or stream", [
  [
    "rtmp://127.0.0.1:19351/live?vhost=demo&token=abc",
    "show",
    { vhost: "demo", app: "live", stream: "show", port: 19351, params: "?vhost=demo&token=abc" },
  ],
  [
    "rtmp://127.0.0.1:19351/live",
    "show?vhost=demo&token=abc",
    { vhost: "demo", app: "live", stream: "show", port: 19351, params: "?vhost=demo&token=abc" },
  ],
  [
    "rtmp://winlin.cn/live",
    "show?key=abc&&vhost=demo.com",
    { vhost: "demo.com", app: "live", stream: "show", params: "?key=abc&&vhost=demo.com" },
  ],
  [
    "rtmp://winlin.cn/live",
    "show?key=abc&&domain=demo.com",
    { vhost: "demo.com", host: "winlin.cn", params: "?key=abc&&domain=demo.com" },
  ],
  ["rtmp://127.0.0.1:19351/live...vhost...demo", "show", {
    vhost: "demo",
    app: "live",
    stream: "show",
    port: 19351,
    host: "127.0.0.1",
  }],
  ["rtmp://127.0.0.1:19351/live...vhost...demo&token=abc", "show", {
    vhost: "demo",
    app: "live",
    stream: "show",
    params: "?vhost=demo&token=abc",
  }],
  ["rtmp://127.0.0.1/live", "show...vhost...demo", { vhost: "demo", app: "live", stream: "show" }],
  // Names lose their white space: with the mark left in it, an origin would see another vhost.
  ["rtmp://h/live...vh ost...demo", "show", { vhost: "demo", app: "live", stream: "show" }],
  ["rtmp://h/live", "show.. .vhost. ..demo", { vhost: "demo", app: "live", stream: "show" }],
  ["rtmp://h/live", "show?domain=one&vhost=two", { vhost: "two" }],
  ["rtmp://h/live", "show?a=1,vhost=two;b=2", { vhost: "two" }],
  ["rtmp://h/live?vhost=base", "show?vhost=own", {
    vhost: "own",
    params: "?vhost=own&vhost=base",
  }],
  ["rtmp://h/live", "show?vhost=", { vhost: "h" }],
  ["rtmp://h/live", "show?vhost=&domain=one", { vhost: "one" }],
  ["rtmp://h/live", "show?myvhost=two#vhost=three", { vhost: "h" }],
]);

testUrls("parseStreamUrl() takes the default vhost for none", [
  ["rtmp://winlin.cn/live", "show?vhost=__defaultVhost__", {
    vhost: "winlin.cn",
    app: "live",
    stream: "show",
    port: 1935,
    params: "",
  }],
  ["rtmp://ip/app", "stream?domain=__defaultVhost__", { vhost: "ip", params: "" }],
  ["rtmp://ip/app", "stream?vhost=__defaultVhost__&k=v", {
    vhost: "ip",
    params: "?vhost=__defaultVhost__&k=v",
  }],
]);

testUrls("parseStreamUrl() makes the path before the last part the app", [
  ["rtmp://winlin.cn/", "show", {
    vhost: "winlin.cn",
    app: "__defaultApp__",
    stream: "show",
    port: 1935,
  }],
  ["rtmp://winlin.cn/live", "show", { app: "live", stream: "show", params: "" }],
  ["rtmp://winlin.cn/live", "", { vhost: "winlin.cn", app: "live", stream: "", params: "" }],
  ["rtmp://ip/app/_definst_", "stream?k=v", { app: "app", stream: "stream", params: "?k=v" }],
  ["rtmp://ip/app", "_definst_/stream", { app: "app", stream: "stream" }],
  ["rtmp://ip", "stream", { app: "__defaultApp__", stream: "stream" }],
  ["rtmp://ossrs.io/app/app2", "stream?k=v&k2=v2", {
    vhost: "ossrs.io",
    app: "app/app2",
    stream: "stream",
    params: "?k=v&k2=v2",
  }],
  ["rtmp://h/live", "room/show", { app: "live/room", stream: "show" }],
  ["rtmp://h//live/", "/show/", { app: "live", stream: "show" }],
  ["rtmp://h/live", "show.flv", { app: "live", stream: "show.flv" }],
  ["rtmp://h/live", "show.2024.hd", { stream: "show.2024.hd" }],
]);

testUrls("parseStreamUrl() takes a name after the last slash of the parameters as any other", [
  ["rtmp://h/live?a=1/sh ow", "", { app: "live", stream: "show", params: "?a=1" }],
  ["rtmp://h/live?a=1/show?b=2#c", "", { app: "live", stream: "show", params: "?a=1?b=2#c" }],
]);

testUrls("parseStreamUrl() keeps parameters as the client wrote them", [
  ["rtmp://winlin.cn/live?key=abc", "show", { app: "live", stream: "show", params: "?key=abc" }],
  ["rtmp://std.ossrs.net/live#b=2", "show", {
    vhost: "std.ossrs.net",
    app: "live",
    stream: "show",
    params: "#b=2",
  }],
  ["rtmp://std.ossrs.net/live?a=1#b=2", "show", {
    app: "live",
    stream: "show",
    params: "?a=1#b=2",
  }],
  ["rtmp://std.ossrs.net/live?a=1#e=5&c=3#b=2#d=4", "show", {
    app: "live",
    stream: "show",
    params: "?a=1#e=5&c=3#b=2#d=4",
  }],
  ["rtmp://h/live?a=1#x", "show?b=2#y", { app: "live", stream: "show", params: "?b=2&a=1#y#x" }],
  ["rtmp://h/live", "show?token=a%20 b==&k=%C3%A4", { params: "?token=a%20 b==&k=%C3%A4" }],
]);

Deno.test("parseStreamUrl() keeps a slash in the stream's parameters", () => {
  assertFields(parse("rtmp://h/live", "show?token=ab/cd==&vhost=v"), {
    app: "live",
    stream: "show",
    vhost: "v",
    params: "?token=ab/cd==&vhost=v",
  }, "");
});

testUrls("parseStreamUrl() reads schema, host and port", [
  ["invalid://ip/app", "stream?k=v&domain=ossrs.io&k2=v2", {
    schema: "invalid",
    host: "ip",
    vhost: "ossrs.io",
    app: "app",
    stream: "stream",
    port: 80,
    params: "?k=v&domain=ossrs.io&k2=v2",
  }],
  ["https://ip/app", "stream?domain=ossrs.io", { schema: "https", vhost: "ossrs.io", port: 443 }],
  ["rtmp://ip/app", "stream?domain=ossrs.io", { schema: "rtmp", vhost: "ossrs.io", port: 1935 }],
  ["rtmp://ip:8888/app", "stream?domain=ossrs.io", { vhost: "ossrs.io", port: 8888 }],
  ["rtmps://h/app", "stream", { port: 443 }],
  ["RTMP://h:/app", "stream", { schema: "rtmp", port: 1935 }],
  ["rtmp://[2001:db8::1]:8888/app", "stream", {
    host: "2001:db8::1",
    vhost: "2001:db8::1",
    port: 8888,
    app: "app",
  }],
  ["rtmp://[::1]/app", "stream", { host: "::1", port: 1935 }],
]);

testUrls("parseStreamUrl() drops white space from names", [
  ["rtmp://s td.os srs.n et/li v e", "show", { host: "std.ossrs.net", app: "live" }],
  ["rtmp://s td.os srs.n et/li v e", "sh\t o\r\nw", {
    host: "std.ossrs.net",
    vhost: "std.ossrs.net",
    app: "live",
    stream: "show",
  }],
  ["rtmp://h/live", "show?vhost=/de mo/", { vhost: "demo" }],
]);

Deno.test("parseStreamUrl() finds the stream when the client names none", () => {
  const guesses: [tcUrl: string, app: string, stream: string, expected: Partial<StreamUrl>][] = [
    ["rtmp://h", "live/livestream", "", { app: "live", stream: "livestream", params: "" }],
    ["rtmp://h/live/livestream", "", "", { app: "live", stream: "livestream" }],
    ["rtmp://h", "live/livestream?secret=xxx", "", {
      app: "live",
      stream: "livestream",
      params: "?secret=xxx",
    }],
    ["rtmp://h/live/livestream?secret=xxx", "", "", {
      app: "live",
      stream: "livestream",
      params: "?secret=xxx",
    }],
    ["rtmp://h/live", "", "?secret=xxx/livestream", {
      app: "live",
      stream: "livestream",
      params: "?secret=xxx",
    }],
    ["rtmp://h/live?secret=xxx/livestream", "", "", {
      app: "live",
      stream: "livestream",
      params: "?secret=xxx",
    }],
    ["rtmp://h", "", "", { app: "__defaultApp__", stream: "" }],
  ];
  for (const [tcUrl, app, stream, expected] of guesses) {
    assertFields(parse(tcUrl, stream, app), expected, `${tcUrl} ; ${app} ; ${stream}`);
  }
});

Deno.test("parseStreamUrl() uses the connect command's app only when tcUrl has no path", () => {
  assertEquals(parse("rtmp://h", "show", "live").app, "live");
  assertEquals(parse("rtmp://h/", "show", "live/room").app, "live/room");
  assertEquals(parse("rtmp://h?vhost=v", "show", "live").app, "live");
  assertEquals(parse("rtmp://h?vhost=v", "show", "live").vhost, "v");
  assertEquals(parse("rtmp://h/live", "show", "other").app, "live");
});

Deno.test("parseStreamUrl() throws when tcUrl has no schema, host or port", () => {
  const cases: [tcUrl: string, reason: string][] = [
    ["", "does not start with a schema"],
    ["live", "does not start with a schema"],
    ["//h/live", "does not start with a schema"],
    ["://h/live", "does not start with a schema"],
    ["rtmp://", "no valid host"],
    ["rtmp:///live", "no valid host"],
    ["rtmp://:1935/live", "no valid host"],
    ["rtmp://[::1/live", "no valid host"],
    ["rtmp://h:x/live", "no valid host and port"],
    ["rtmp://user:password@/live", "no valid host and port"],
    ["rtmp://./live", "no valid host and port"],
    ["rtmp://h:0/live", "port is not between"],
    ["rtmp://h:65536/live", "port is not between"],
  ];
  for (const [tcUrl, reason] of cases) {
    const error = assertThrows(() => parse(tcUrl, "show"), WireError, reason);
    assertEquals(error.code, "command.bad_url");
  }
});

Deno.test("parseStreamUrl() throws errors without tokens and passwords", () => {
  for (
    const [url, shown] of [
      ["h/live?token=secret", '"h/live?…"'],
      ["rtmp://user:secret@h:x/live", '"rtmp://…@h:x/live"'],
      ["rtmp://user:se/secret@h/live", '"rtmp://…@h/live"'],
      ["user:secret@h/live", '"…@h/live"'],
    ] as const
  ) {
    const error = assertThrows(() => parse(url, "show"), WireError);
    assertStringIncludes(error.message, shown);
  }
});

testUrls("parseStreamUrl() drops user and password", [
  ["rtmp://user:secret@h/live", "show", { host: "h", vhost: "h", app: "live", params: "" }],
  ["rtmp://user@h:8888/live?a=1", "show", { host: "h", port: 8888, params: "?a=1" }],
  ["rtmp://user:a@b@[::1]:19350/live", "show", { host: "::1", port: 19350 }],
]);

testUrls("parseStreamUrl() reads an IPv6 address without brackets", [
  ["rtmp://::1/live", "show", { host: "::1", vhost: "::1", port: 1935, app: "live" }],
  ["rtmp://2001:DB8::192.0.2.1/live", "show", { vhost: "2001:db8::192.0.2.1", port: 1935 }],
]);

testUrls("parseStreamUrl() writes host names without case, final dot and port", [
  ["rtmp://A.Example.COM/Live", "Show", { vhost: "a.example.com", app: "Live", stream: "Show" }],
  ["rtmp://a.example.com.:1935/live", "show", { vhost: "a.example.com", host: "a.example.com" }],
  ["rtmp://h/live?vhost=A.example.com:1935", "show", { vhost: "a.example.com" }],
  ["rtmp://h/live", "show?domain=A.example.com.", { vhost: "a.example.com" }],
  ["rtmp://h/live", "show?vhost=__DEFAULTVHOST__", { vhost: "h" }],
  ["rtmp://__defaultVhost__/live", "show", { vhost: "__defaultVhost__" }],
]);

Deno.test("parseStreamUrl() takes the app in the default vhost when there is no tcUrl", () => {
  assertEquals(parse("", "show", "live"), {
    schema: "rtmp",
    host: "",
    port: 1935,
    vhost: "__defaultVhost__",
    app: "live",
    stream: "show",
    params: "",
  });
  assertEquals(parse("", "show?token=1", "live?vhost=a.example.com").vhost, "a.example.com");
});

Deno.test("parseStreamUrl() takes parameters from the app when tcUrl has none", () => {
  assertEquals(parse("rtmp://h/live", "show", "live?vhost=v&token=1"), {
    schema: "rtmp",
    host: "h",
    port: 1935,
    vhost: "v",
    app: "live",
    stream: "show",
    params: "?vhost=v&token=1",
  });
  // ffmpeg and librtmp send the same parameters in both.
  assertEquals(parse("rtmp://h/live?vhost=v", "show", "live?vhost=v").params, "?vhost=v");
});

Deno.test("upstreamTarget() writes the origin's host for a client without tcUrl", () => {
  const request = parse("", "show", "live");
  assertEquals(
    upstreamTarget({ origin: ORIGIN, request, vhostTemplate: "[vhost]" }).tcUrl,
    "rtmp://10.1.2.3/live",
  );
});

Deno.test("parseStreamUrl() takes linear time for hostile text", () => {
  const startMs = performance.now();
  for (const row of ["/", "?", "&", "vhost=", "...vhost...", " ", "_definst_/"]) {
    const text = row.repeat(200_000 / row.length);
    const request = parse(`rtmp://h/${text}x`, `x${text}x?${text}x`);
    upstreamTarget({ origin: ORIGIN, request, vhostTemplate: "[vhost]" });
  }
  // Quadratic time is minutes here, linear time milliseconds.
  assert(performance.now() - startMs < 5000);
});

Deno.test("streamKey() omits the default vhost", () => {
  assertEquals(streamKey("ossrs.net", "live", "show"), "ossrs.net/live/show");
  assertEquals(streamKey("ossrs.net", "live/room", "show"), "ossrs.net/live/room/show");
  assertEquals(streamKey("__defaultVhost__", "live", "show"), "/live/show");
});

Deno.test("parseRtmpUrl() splits a URL", () => {
  assertEquals(parseRtmpUrl("rtmp://ossrs.net/live/show/livestream?token=abc"), {
    hostname: "ossrs.net",
    port: 1935,
    tcUrl: "rtmp://ossrs.net/live/show",
    app: "live/show",
    stream: "livestream?token=abc",
  });
  assertEquals(parseRtmpUrl("rtmp://[::1]:19350/live/show?token=a/b#c"), {
    hostname: "::1",
    port: 19350,
    tcUrl: "rtmp://[::1]:19350/live",
    app: "live",
    stream: "show?token=a/b#c",
  });
  assertEquals(
    parseRtmpUrl("rtmp://127.0.0.1:1935/live...vhost...demo/show").tcUrl,
    "rtmp://127.0.0.1/live...vhost...demo",
  );
});

Deno.test("parseRtmpUrl() throws for an incomplete URL", () => {
  const cases: [url: string, reason: string][] = [
    ["127.0.0.1/live/show", "does not start with a schema"],
    ["http://127.0.0.1/live/show", "schema is not rtmp"],
    ["rtmp://127.0.0.1", "both app and stream"],
    ["rtmp://127.0.0.1/show", "both app and stream"],
    ["rtmp://127.0.0.1/live/", "both app and stream"],
    ["rtmp://127.0.0.1//show", "both app and stream"],
    ["rtmp://127.0.0.1/live/?token=abc", "both app and stream"],
    ["rtmp://./live/show", "no valid host and port"],
  ];
  for (const [url, reason] of cases) {
    const error = assertThrows(() => parseRtmpUrl(url), WireError, reason);
    assertEquals(error.code, "command.bad_url");
  }
});

const ORIGIN = { hostname: "10.1.2.3", port: 1935 };

const REQUEST: StreamUrl = {
  schema: "rtmp",
  host: "184.23.22.14",
  port: 19350,
  vhost: "ossrs.net",
  app: "live",
  stream: "stream",
  params: "",
};

function target(request: Partial<StreamUrl>, vhostTemplate = "[vhost]", origin = ORIGIN) {
  return upstreamTarget({ origin, request: { ...REQUEST, ...request }, vhostTemplate });
}

Deno.test("upstreamTarget() writes the vhost to tcUrl and keeps parameters", () => {
  assertEquals(target({ params: "?token=abc" }), {
    tcUrl: "rtmp://ossrs.net/live",
    app: "live",
    stream: "stream?token=abc",
  });
});

Deno.test("upstreamTarget() includes the origin's port when it is not 1935", () => {
  const origin = { hostname: "10.1.2.3", port: 19351 };
  assertEquals(target({}, "[vhost]", origin).tcUrl, "rtmp://ossrs.net:19351/live");
  assertEquals(
    target({ vhost: DEFAULT_VHOST }, "[vhost]", origin).tcUrl,
    "rtmp://10.1.2.3:19351/live",
  );
});

Deno.test("upstreamTarget() writes rtmps to tcUrl for an origin with TLS", () => {
  const request = parseStreamUrl({ tcUrl: "rtmp://v/live", app: "live", stream: "show" });
  for (const [port, tcUrl] of [[443, "rtmps://v/live"], [1935, "rtmps://v:1935/live"]] as const) {
    const origin = { hostname: "10.0.0.1", port, isSecure: true } as const;
    assertEquals(upstreamTarget({ origin, request, vhostTemplate: "[vhost]" }).tcUrl, tcUrl);
  }
});

Deno.test("upstreamTarget() replaces the default vhost with the client's requested vhost", () => {
  const vhost = DEFAULT_VHOST;
  assertEquals(target({ vhost, params: "?vhost=ossrs.net" }), {
    tcUrl: "rtmp://ossrs.net/live",
    app: "live",
    stream: "stream",
  });
  assertEquals(target({ vhost, host: "ossrs.net" }).tcUrl, "rtmp://ossrs.net/live");
  assertEquals(target({ vhost }).tcUrl, "rtmp://10.1.2.3/live");
  assertEquals(target({ vhost, host: "2001:db8::1" }).tcUrl, "rtmp://10.1.2.3/live");
  assertEquals(target({ vhost, params: "?vhost=__defaultVhost__" }), {
    tcUrl: "rtmp://10.1.2.3/live",
    app: "live",
    stream: "stream",
  });
  assertEquals(target({ vhost, params: "?domain=ossrs.net" }), {
    tcUrl: "rtmp://ossrs.net/live",
    app: "live",
    stream: "stream",
  });
  const ipv6 = { hostname: "2001:db8::2", port: 1936 };
  assertEquals(target({ vhost }, "[vhost]", ipv6).tcUrl, "rtmp://[2001:db8::2]:1936/live");
});

Deno.test("upstreamTarget() fills the vhost template", () => {
  assertEquals(target({}, "edge.[vhost]").tcUrl, "rtmp://edge.ossrs.net/live");
  assertEquals(target({}, "same.edu.cn").tcUrl, "rtmp://same.edu.cn/live");
  const host = "ossrs.net";
  assertEquals(
    target({ vhost: DEFAULT_VHOST, host }, "__defaultVhost__").tcUrl,
    "rtmp://10.1.2.3/live",
  );
  assertEquals(target({ vhost: "$&$'" }, "a[vhost]b").tcUrl, "rtmp://a$&$'b/live");
});

Deno.test("upstreamTarget() applies the template when the client's query contains vhost=", () => {
  assertEquals(target({ params: "?vhost=ossrs.net&token=abc" }, "cdn.[vhost]"), {
    tcUrl: "rtmp://cdn.ossrs.net/live",
    app: "live",
    stream: "stream?token=abc",
  });
});

Deno.test("upstreamTarget() removes what names a vhost from the parameters", () => {
  const cases: [params: string, expected: string][] = [
    ["?k=v&vhost=localhost", "?k=v"],
    ["?vhost=localhost&k=v", "?k=v"],
    ["?vhost=localhost", ""],
    ["?vhost=localhost#f=1", "#f=1"],
    ["?b=2&vhost=localhost&a=1", "?b=2&a=1"],
    ["?b=2&&vhost=localhost,a=1;c", "?b=2,a=1;c"],
    ["?vhost=one&vhost=two&a=1", "?a=1"],
    ["?vhost=a&domain=b&token=x/y==", "?token=x/y=="],
    ["?domain=b;token=1", "?token=1"],
    ["?myvhost=1&vhosts=2&domains=3", "?myvhost=1&vhosts=2&domains=3"],
    ["#vhost=1", "#vhost=1"],
    ["", ""],
  ];
  for (const [params, expected] of cases) {
    assertEquals(target({ params }).stream, `stream${expected}`, params);
  }
});
