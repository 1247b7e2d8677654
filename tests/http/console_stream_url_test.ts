/** The addresses that the console page plays, as the server reads them. */

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
    const served = { port, mounts: { [vhost]: MOUNT } };
    assertEquals(findStreamUrl({ app, name }, vhost, served, PAGE), url);
  });
}

for (
  const [app, name] of [["live", "show"], ["a/b", "Ünï-100%"], ["live", "$'"], [
    "x",
    "a.flv",
  ]] as const
) {
  Deno.test(`findStreamUrl() leads the server to ${app}/${name}`, () => {
    const served = { port: null, mounts: { [DEFAULT]: "/flv/[app]/[stream].flv" } };
    const url = findStreamUrl({ app, name }, DEFAULT, served, PAGE)!;
    assertEquals(matchMount("/flv/[app]/[stream].flv", new URL(url).pathname), {
      app,
      stream: name,
    });
  });
}

Deno.test("findStreamUrl() stays below the path of a proxy", () => {
  const page = { ...PAGE, href: "https://proxy.example/edge-1/console/" };
  const served = { port: null, mounts: { [DEFAULT]: MOUNT } };
  assertEquals(
    findStreamUrl({ app: "live", name: "show" }, DEFAULT, served, page),
    "https://proxy.example/edge-1/live/show.flv",
  );
});

Deno.test("findStreamUrl() is null where there is no HTTP-FLV", () => {
  const stream = { app: "live", name: "show" };
  assertEquals(findStreamUrl(stream, DEFAULT, null, PAGE), null);
  assertEquals(findStreamUrl(stream, DEFAULT, { port: 80, mounts: {} }, PAGE), null);
  // A vhost's name may be that of a method of every object.
  assertEquals(findStreamUrl(stream, "toString", { port: 80, mounts: {} }, PAGE), null);
});
