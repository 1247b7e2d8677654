import { PLAYER_ASSETS } from "../../lib/http/player_assets.ts";
import { signUrl } from "../../lib/server/signature.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";

const SECRET = "0123456789abcdef";

const VHOSTS = `
  vhost __defaultVhost__ {
    http_remux { enabled on; } hls { enabled on; hls_path ./html/tv; }
  }
  vhost signed.example { http_remux { enabled on; } play { sign_secret ${SECRET}; } }
  vhost hooked.example {
    http_remux { enabled on; } http_hooks { enabled on; on_play http://127.0.0.1:1/; }
  }
  vhost closed.example { http_remux { enabled on; } security { enabled on; deny play all; } }
  vhost bare.example { }
  vhost edge.example { mode remote; origin 127.0.0.1:1; http_remux { enabled on; } }
`;

function start() {
  return startLocalServer(`http_server { enabled on; players on; dir ./html; } ${VHOSTS}`);
}

async function json(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url);
  assertEquals(response.headers.get("cache-control"), "no-store");
  return await response.json();
}

netTest("The pages have a strict content policy, and links that work below any path", async () => {
  await using server = start();
  const base = `http://127.0.0.1:${server.httpPort}`;
  for (const [path, root] of [["/", "./"], ["/play/a/b", "../../"], ["/play/a/b/c", "../../../"]]) {
    const response = await fetch(`${base}${path}`);
    const html = await response.text();
    assertEquals(response.status, 200);
    assertMatch(html, new RegExp(`src="${root!.replaceAll(".", "\\.")}players/\\w+\\.js"`));
    assert(!/<script>|\son\w+=|\sstyle=/.test(html), "inline code");
    const policy = response.headers.get("content-security-policy") ?? "";
    assertMatch(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assertMatch(policy, path === "/" ? /frame-ancestors 'self'$/ : /frame-ancestors \*$/);
    assertEquals(response.headers.get("referrer-policy"), "same-origin");
  }
  for (const [name, { contentType }] of PLAYER_ASSETS) {
    const response = await fetch(`${base}/players/${name}`);
    await response.body?.cancel();
    assertEquals([name, response.headers.get("content-type")], [name, contentType]);
  }
});

netTest("An address of a player without a stream leads to the list", async () => {
  await using server = start();
  const base = `http://127.0.0.1:${server.httpPort}`;
  for (const path of ["/play?vhost=x", "/play/?vhost=x"]) {
    const response = await fetch(base + path);
    assertMatch(await response.text(), /list\.js/);
    assertEquals([path, response.url], [path, `${base}/?vhost=x`]);
  }
});

netTest("Paths of HLS files and FLV streams below /play/ are no pages", async () => {
  await using server = start();
  const base = `http://127.0.0.1:${server.httpPort}`;
  for (const path of ["/play/a/b.m3u8", "/play/a/b-1.ts", "/play/show", "/play/live/"]) {
    const response = await fetch(base + path);
    await response.body?.cancel();
    assertEquals([path, response.status], [path, 404]);
  }
  // A missing file may be cached for a second, a missing stream may not.
  const head = await fetch(`${base}/play/show.flv`, { method: "HEAD" });
  assertEquals([head.status, head.headers.get("cache-control")], [404, null]);
});

netTest("The list has the live streams of the requested vhost only", async () => {
  await using server = start();
  const list = (vhost: string) =>
    json(`http://127.0.0.1:${server.httpPort}/players/streams.json${vhost && `?vhost=${vhost}`}`);
  await using client = await RtmpClient.publish(server.port, "a b&c");
  await client.barrier();
  const { access, total, streams } = await list("");
  assertEquals([access, total], ["open", 1]);
  assertEquals(streams, [{
    ...{ app: "live", stream: "ab&c", params: "", video: null, audio: null },
    ...{ flv: "live/ab%26c.flv", hls: "tv/live/ab%26c.m3u8" },
  }]);
  assertEquals((await list("bare.example"))["streams"], []);
});

netTest("Vhosts whose players need more than a name list nothing", async () => {
  await using server = start();
  const base = `http://127.0.0.1:${server.httpPort}/players/streams.json?vhost=`;
  for (const vhost of ["signed.example", "hooked.example", "closed.example"]) {
    assertEquals([vhost, (await json(base + vhost))["access"]], [vhost, "private"]);
  }
});

netTest("A player is told whether the stream is live, and where", async () => {
  await using server = start();
  const state = (path: string) => json(`http://127.0.0.1:${server.httpPort}/players/state/${path}`);
  const places = { flv: "live/show.flv", hls: "tv/live/show.m3u8" };
  const unknown = { video: null, audio: null };
  assertEquals(await state("live/show"), { state: "offline", ...unknown, ...places });
  await using client = await RtmpClient.publish(server.port, "show");
  await client.barrier();
  assertEquals((await state("live/show"))["state"], "live");
  assertEquals((await state("live/show?vhost=bare.example"))["state"], "unserved");
  assertEquals((await state("live/show?vhost=edge.example"))["state"], "unknown");
  for (const path of ["show", "live/a%2Fb", "live//b", "live/%ff"]) {
    assertEquals([path, (await state(path))["state"]], [path, "unnamed"]);
  }
});

netTest("A signed link works, and no other", async () => {
  await using server = start();
  const state = async (params: string) =>
    (await json(
      `http://127.0.0.1:${server.httpPort}/players/state/live/show?vhost=signed.example${params}`,
    ))["state"];
  const stream = { action: "play", vhost: "signed.example", app: "live", stream: "show" } as const;
  const expires = Math.floor(Date.now() / 1000) + 60;
  const signed = signUrl("", SECRET, stream, { expires, ip: "" }).replace(/^\?/, "&");
  assertEquals(await state(signed), "offline");
  assertEquals(await state(""), "refused");
  assertEquals(await state(signed.replace("sig=", "sig=A")), "refused");
});
