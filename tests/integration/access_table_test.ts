/** Good and bad credentials, over every protocol, at an origin, an edge, and an edge of an edge. */

import { signUrl } from "../../lib/server/signature.ts";
import { AccessRig } from "../helpers/access_rig.ts";
import { assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { keyframe } from "../helpers/media.ts";
import { needs } from "../helpers/permissions.ts";
import { EDDSA, HS256, makeToken, RS256, type TestKey } from "../helpers/tokens.ts";
import { until } from "../helpers/until.ts";

const ORIGIN = 1935;
const MID = 1936;
const LEAF = 1937;
const HTTP = 8080;
const SECRET = "secret-of-the-servers";
const KEY = "k-0123456789abcdef";
const VIDEO = 9;
const NOW = Math.floor(Date.now() / 1000);

const files = await needs("read", "write");

/** What a client sends besides the name of the stream. */
interface Credential {
  readonly name: string;
  /** Parameters of the URL, with the question mark. */
  readonly params: string;
  /** Token of the header, which RTMP does not have. */
  readonly bearer?: string;
  /** Why it is refused; null when it is admitted. */
  readonly reason: string | null;
}

function signature(seconds: number, stream = "show", action: "play" | "publish" = "play"): string {
  const signed = { action, vhost: "a.example", app: "live", stream };
  return signUrl("", SECRET, signed, { expires: NOW + seconds, ip: "" });
}

function token(key: TestKey, claims: Readonly<Record<string, unknown>> = {}): string {
  const all = { action: "play", stream: "show", exp: NOW + 600, ...claims };
  return makeToken({ alg: key.alg }, all, key.sign);
}

const PLAYERS: readonly Credential[] = [
  { name: "nothing", params: "", reason: "The URL is not signed: exp and sig are missing" },
  { name: "a signature", params: signature(600), reason: null },
  { name: "an old signature", params: signature(-1), reason: "The URL has expired" },
  {
    name: "a signature for another stream",
    params: signature(600, "other"),
    reason: "The signature of the URL is wrong",
  },
  {
    name: "a signature for publishers",
    params: signature(600, "show", "publish"),
    reason: "The signature of the URL is wrong",
  },
  { name: "a token of HS256", params: `?token=${token(HS256)}`, reason: null },
  { name: "a token of RS256", params: `?jwt=${token(RS256)}`, reason: null },
  {
    name: "a token of EdDSA",
    params: `?a=b&token=${token(EDDSA, { stream: "s*" })}`,
    reason: null,
  },
  { name: "a token in the header", params: "", bearer: token(EDDSA), reason: null },
  {
    name: "an old token",
    params: `?token=${token(RS256, { exp: NOW - 1 })}`,
    reason: "The token has expired",
  },
  {
    name: "a token for publishers",
    params: `?token=${token(EDDSA, { action: "publish" })}`,
    reason: "The token does not permit to play",
  },
  {
    name: "a token for another app",
    params: `?token=${token(HS256, { app: "vod" })}`,
    reason: "The token is for another stream",
  },
  { name: "a torn token", params: "?token=a.b.c", reason: "The token cannot be read" },
];

/** Every secret that a test of this file uses. */
const SECRETS = [
  ...[KEY, SECRET, HS256.jwk["k"] as string],
  ...PLAYERS.flatMap(({ params, bearer }) => [
    ...(/(?:sig|token|jwt)=([\w.-]{20,})/.exec(params)?.slice(1) ?? []),
    ...(bearer === undefined ? [] : [bearer]),
  ]),
];

function vhost(rig: AccessRig, more = ""): string {
  const hooks = ["on_connect", "on_play", "on_stop", "on_close", "on_publish", "on_unpublish"]
    .map((name) => `${name} http://hooks.example/;`).join(" ");
  return `http_server { enabled on; listen ${HTTP}; dir ${rig.folder}; }
    vhost a.example { ${more} http_remux { enabled on; } http_hooks { enabled on; ${hooks} }
      play { sign_secret ${SECRET}; jwt_keys ${rig.folder}/jwks; mw_latency 20; play_wait 1s; }
      publish { keys ${rig.folder}/keys; sign_secret ${SECRET}; } }`;
}

/** An origin, or the last of three levels; `show` is published with a key where players ask. */
async function startLevels(rig: AccessRig, levels: number): Promise<number> {
  rig.write("jwks", JSON.stringify({ keys: [HS256.jwk, RS256.jwk, EDDSA.jwk] }));
  rig.write("keys", `${KEY} show\n`);
  rig.write("live/show.m3u8", "#EXTM3U\n#EXTINF:2.000,\nshow-7.ts\n");
  const ports = [ORIGIN, MID, LEAF].slice(0, levels);
  for (const [index, port] of ports.entries()) {
    const isEdge = index > 0;
    const cluster = isEdge ? `cluster { mode remote; origin 127.0.0.1:${ports[index - 1]}; }` : "";
    const hls = isEdge ? "" : `hls { enabled on; hls_path ${rig.folder}; }`;
    const text = vhost(rig, cluster + hls);
    const isLast = index === ports.length - 1;
    rig.start(port, isLast ? text : text.slice(text.indexOf("vhost ")));
  }
  const last = ports.at(-1)!;
  const publisher = await rig.publish(last, KEY, `rtmp://a.example/live`);
  await rig.advance(1_000);
  assertStringIncludes(publisher.words.join(), "NetStream.Publish.Start");
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.advance(500);
  return last;
}

async function requireHidden(rig: AccessRig): Promise<void> {
  for (const [where, text] of Object.entries(await rig.visibleTexts())) {
    for (const secret of SECRETS) assertEquals(text.includes(secret), false, `${where}: ${secret}`);
  }
}

async function overRtmp(
  rig: AccessRig,
  port: number,
  { params, reason }: Credential,
): Promise<void> {
  for (const inTcUrl of [false, true]) {
    const tcUrl = `rtmp://a.example/live${inTcUrl ? params : ""}`;
    const player = await rig.play(port, `show${inTcUrl ? "" : params}`, tcUrl);
    await until("an answer", async () => {
      await rig.advance(20);
      return player.words.length > 0;
    }, { timeoutMs: 5_000, everyMs: 1 });
    const expected = reason === null ? "NetStream.Play.Start" : "NetStream.Play.Failed";
    assertEquals(player.words.includes(expected), true, player.words.join());
    if (reason !== null) assertEquals(player.descriptions.at(-1), reason);
    player.transport.close();
  }
}

const UPGRADE = {
  ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

async function overHttp(
  rig: AccessRig,
  ending: string,
  { params, bearer, reason }: Credential,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const authorization: Record<string, string> = bearer === undefined
    ? {}
    : { authorization: `Bearer ${bearer}` };
  const peer = await rig.get(HTTP, `/live/show${ending}${params}`, {
    ...headers,
    ...authorization,
  });
  const text = await until("an answer", async () => {
    await rig.settle();
    return peer.text !== "" && peer.text;
  }, { timeoutMs: 5_000, everyMs: 1 });
  assertEquals(/^HTTP\/1.1 (200|101|403)/.exec(text)?.[1] === "403", reason !== null, text);
  if (reason !== null) assertStringIncludes(text, reason);
  peer.transport.close();
}

for (
  const [levels, name] of [[1, "an origin"], [2, "an edge"], [3, "an edge of an edge"]] as const
) {
  Deno.test({
    ...files,
    name: `${name} admits and refuses by credentials over all protocols, and shows none`,
    async fn() {
      await using rig = new AccessRig();
      const port = await startLevels(rig, levels);
      for (const credential of PLAYERS) {
        if (credential.bearer === undefined) await overRtmp(rig, port, credential);
        await overHttp(rig, ".flv", credential);
        await overHttp(rig, ".flv", credential, UPGRADE);
        if (levels === 1) await overHttp(rig, ".m3u8", credential);
      }
      for (const name of ["show", `${KEY}x`, `show${signature(600)}`]) {
        const publisher = await rig.publish(port, name);
        assertEquals(publisher.words.includes("NetStream.Publish.Denied"), true, name);
      }
      const second = await rig.publish(port, `other${signature(600, "other", "publish")}`);
      await rig.advance(1_000);
      assertStringIncludes(second.words.join(), "NetStream.Publish.Start");
      await rig.advance(500);
      await requireHidden(rig);
    },
  });
}
