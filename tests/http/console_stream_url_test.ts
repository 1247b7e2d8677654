import { findStreamUrl } from "../../lib/http/console/stream_url.js";
import { matchMount } from "../../lib/http/flv_mount.ts";
import { assertEquals } from "../helpers/assert.ts";

const DEFAULT = "__defaultVhost__";
const MOUNT = "/[app]/[stream].flv";
const PAGE = {
  protocol: "http:",
  hostname: "edge.example",
  href: "http://edge.example:1985/console/?x#y",
};

const CASES = [
  ["live", "show", DEFAULT, 8080, "http://edge.example:8080/live/show.flv"],
  ["live", "show", DEFAULT, null, "http://edge.example:1985/live/show.flv"],
  ["live/room", "show", DEFAULT, 8080, "http://edge.example:8080/live/room/show.flv"],
  [
    "live",
    "show",
    "other.example",
    8080,
    "http://edge.example:8080/live/show.flv?vhost=other.example",
  ],
  ["live", "a?b&c#d", DEFAULT, 8080, "http://edge.example:8080/live/a%3Fb%26c%23d.flv"],
  ["live", "$&", DEFAULT, 8080, "http://edge.example:8080/live/%24%26.flv"],
] as const;

for (const [app, name, vhost, port, url] of CASES) {
  Deno.test(`findStreamUrl() of ${app}/${name} in ${vhost} at port ${port} is ${url}`, () => {
    const config = { port, mounts: { [vhost]: MOUNT } };
    assertEquals(findStreamUrl({ app, name }, vhost, config, PAGE), url);
  });
}

for (
  const [app, name] of [["live", "show"], ["a/b", "Ünï-100%"], ["live", "$'"], [
    "x",
    "a.flv",
  ]] as const
) {
  Deno.test(`findStreamUrl() gives a URL that the server parses as ${app}/${name}`, () => {
    const config = { port: null, mounts: { [DEFAULT]: "/flv/[app]/[stream].flv" } };
    const url = findStreamUrl({ app, name }, DEFAULT, config, PAGE)!;
    assertEquals(matchMount("/flv/[app]/[stream].flv", new URL(url).pathname), {
      app,
      stream: name,
    });
  });
}

Deno.test("findStreamUrl() keeps the path prefix of a proxy", () => {
  const page = { ...PAGE, href: "https://proxy.example/edge-1/console/" };
  const config = { port: null, mounts: { [DEFAULT]: MOUNT } };
  assertEquals(
    findStreamUrl({ app: "live", name: "show" }, DEFAULT, config, page),
    "https://proxy.example/edge-1/live/show.flv",
  );
});

Deno.test("findStreamUrl() is null without HTTP-FLV", () => {
  const stream = { app: "live", name: "show" };
  assertEquals(findStreamUrl(stream, DEFAULT, null, PAGE), null);
  assertEquals(findStreamUrl(stream, DEFAULT, { port: 80, mounts: {} }, PAGE), null);
  // A vhost may be named like a method of Object.prototype.
  assertEquals(findStreamUrl(stream, "toString", { port: 80, mounts: {} }, PAGE), null);
});
