/** Signed URLs over all protocols and levels. */

import { signUrl } from "../../lib/server/signature.ts";
import { type AccessRig, testAccess as test } from "../helpers/access_rig.ts";
import { assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { keyframe } from "../helpers/media.ts";
import { until } from "../helpers/until.ts";

const PORT = 1935;
const MID = 1936;
const LEAF = 1937;
const HTTP = 8080;
const SECRET = "secret-of-the-servers";
const VIDEO = 9;

/** `show` with a signature, which ends `seconds` from now. */
function signed(action: "play" | "publish", seconds = 60, name = "show"): string {
  const stream = { action, vhost: "a.example", app: "live", stream: "show" };
  const expires = Math.floor(Date.now() / 1000) + seconds;
  return signUrl(name, SECRET, stream, { expires, ip: "" });
}

function vhost(more = ""): string {
  return `vhost a.example { ${more} http_remux { enabled on; }
    play { sign_secret ${SECRET}; mw_latency 20; } publish { sign_secret ${SECRET}; } }`;
}

function edgeOf(port: number): string {
  return vhost(`cluster { mode remote; origin 127.0.0.1:${port}; }`);
}

async function requireHidden(rig: AccessRig, ...secrets: string[]): Promise<void> {
  for (const [where, text] of Object.entries(await rig.visibleTexts())) {
    for (const secret of secrets) assertEquals(text.includes(secret), false, `${where}: ${secret}`);
  }
}

function sigOf(url: string): string {
  return /sig=([\w-]+)/.exec(url)![1]!;
}

test("a signed publish at an edge of an edge reaches the origin, signed by each edge", async (rig) => {
  rig.start(PORT, vhost());
  rig.start(MID, edgeOf(PORT));
  rig.start(LEAF, `http_server { enabled on; listen ${HTTP}; } ${edgeOf(MID)}`);
  const publish = signed("publish");
  const publisher = await rig.publish(LEAF, publish);
  await rig.advance(1_000);
  assertStringIncludes(publisher.words.join(), "NetStream.Publish.Start");
  publisher.push(VIDEO, 0, keyframe(1));
  const urls = [1, 2, 3].map((minutes) => signed("play", minutes * 60));
  const players = [
    await rig.play(PORT, urls[0]!),
    await rig.play(MID, urls[1]!, "rtmp://a.example/live"),
    await rig.play(LEAF, "show", `rtmp://a.example/live${urls[2]!.slice("show".length)}`),
  ];
  const viewer = await rig.get(HTTP, signed("play", 60, "/live/show.flv"));
  await rig.advance(1_000);
  assertEquals(players.map(({ videos }) => videos.length), [1, 1, 1]);
  assertStringIncludes(viewer.text, "200 OK");
  await requireHidden(rig, SECRET, ...[publish, ...urls].map(sigOf));
});

test("an edge pulls with its own signature, long after that of its player has ended", async (rig) => {
  rig.start(PORT, vhost());
  rig.start(MID, edgeOf(PORT));
  const publisher = await rig.publish(PORT, signed("publish"));
  publisher.push(VIDEO, 0, keyframe(1));
  const url = signed("play", 5);
  const player = await rig.play(MID, url);
  await rig.advance(500);
  assertEquals(player.videos.length, 1);
  await requireHidden(rig, sigOf(url));
  assertStringIncludes(rig.upstreamText, "&sig=");
});

for (
  const [name, url, reason] of [
    ["no signature", "show", "The URL is not signed: exp and sig are missing"],
    ["an expired one", signed("play", -5), "The URL has expired"],
    ["one for publishers", signed("publish"), "The signature of the URL is wrong"],
    [
      "another stream",
      signed("play").replace("show", "other"),
      "The signature of the URL is wrong",
    ],
  ] as const
) {
  test(`a player with ${name} is refused over RTMP, FLV and WebSocket`, async (rig) => {
    rig.start(PORT, `http_server { enabled on; listen ${HTTP}; } ${vhost()}`);
    const player = await rig.play(PORT, url);
    assertEquals(player.descriptions.at(-1), reason);
    assertEquals(player.words.includes("NetStream.Play.Failed"), true);
    const flv = `/live/${url.replace(/^\w+/, "$&.flv")}`;
    const upgrade = {
      ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    for (const headers of [{}, upgrade]) {
      const viewer = await rig.get(HTTP, flv, headers);
      assertStringIncludes(viewer.text, "403");
      assertStringIncludes(viewer.text, reason);
    }
  });
}

test("an HLS playlist needs a signature, and gives the same one to each viewer's segments", async (rig) => {
  const hls = `hls { enabled on; hls_path ${rig.folder}; }`;
  rig.write("live/show-7.ts", "segment");
  rig.write("live/show-7-init.mp4", "init");
  rig.write(
    "live/show.m3u8",
    '#EXTM3U\n#EXT-X-MAP:URI="show-7-init.mp4"\n#EXTINF:2.000,\nshow-7.ts\n',
  );
  const http = `http_server { enabled on; listen ${HTTP}; dir ${rig.folder}; }`;
  rig.start(PORT, `${http} ${vhost(hls)}`);
  const get = async (path: string) => {
    const peer = await rig.get(HTTP, path);
    return await until("an answer", async () => {
      await rig.settle();
      return peer.text !== "" && peer.text;
    }, { timeoutMs: 5_000, everyMs: 1 });
  };
  assertStringIncludes(await get("/live/show.m3u8"), "403");
  assertStringIncludes(await get("/live/show-7.ts"), "403");
  const one = await get(signed("play", 60, "/live/show.m3u8"));
  const other = await get(signed("play", 90, "/live/show.m3u8"));
  const [, playlist] = one.split("\r\n\r\n");
  assertEquals(other.split("\r\n\r\n")[1], playlist);
  const lines = playlist!.split("\n");
  assertEquals(lines.length, 5);
  const segment = lines[3]!;
  assertEquals(/^show-7\.ts\?sig=[\w-]{43}$/.test(segment), true, segment);
  assertEquals(/^#EXT-X-MAP:URI="show-7-init\.mp4\?sig=[\w-]{43}"$/.test(lines[1]!), true);
  const bytes = await get(`/live/${segment}`);
  assertStringIncludes(bytes, "200 OK");
  assertStringIncludes(bytes, "cache-control: public, max-age=3600, immutable");
  assertStringIncludes(await get(`/live/show-7-init.mp4?${segment.split("?")[1]}`), "403");
  assertStringIncludes(await get("/live/show.m3u8?exp=99999999999&sig=x"), "403");
});

test("a secret that leaves the file is refused after the change, and the second one counts", async (rig) => {
  const file = rig.write("secrets", `${SECRET}\n`);
  rig.start(PORT, `vhost a.example { play { sign_secret_file ${file}; play_wait 1s; } }`);
  const held = await rig.play(PORT, signed("play"));
  assertEquals(held.words, []);
  rig.write("secrets", `# new\na-new-secret-of-ours\n${SECRET}\n`);
  await rig.advance(2_100);
  assertEquals((await rig.play(PORT, signed("play"))).words, []);
  rig.write("secrets", "a-new-secret-of-ours\n");
  await rig.advance(2_100);
  const late = await rig.play(PORT, signed("play"));
  assertEquals(late.descriptions.at(-1), "The signature of the URL is wrong");
  await requireHidden(rig, SECRET, "a-new-secret-of-ours");
});

test("trusted addresses need no signature, and neither rule shows a secret", async (rig) => {
  const server = rig.start(PORT, vhost());
  const trust = vhost().replace("play {", "play { trusted 127.0.0.0/8;")
    .replace(`publish { sign_secret ${SECRET}`, "publish { sign_secret another-secret-of-ours");
  const report = await server.apply(rig.parse(PORT, trust));
  assertEquals(report.applied.map(({ path, from, to }) => [path, from, to]), [
    ["vhost a.example play.trusted", "(none)", "127.0.0.0/8"],
    ["vhost a.example publish.sign_secret", "(hidden)", "(hidden)"],
  ]);
  assertEquals((await rig.play(PORT, "show")).words, []);
});
