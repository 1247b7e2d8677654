/** Publishers use stream keys, which no one else sees. */

import { assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { type AccessRig, testAccess } from "../helpers/access_rig.ts";
import { keyframe } from "../helpers/media.ts";

const PORT = 1935;
const EDGE = 1936;
const KEY = "k-0123456789abcdef";
const OLD_KEY = "old-0123456789abcdef";
const VIDEO = 9;

const FILE = `
# The studio
${KEY} show          # no end
${OLD_KEY} show 2020-12-31
for-other-app-1 other/show
`;

function test(name: string, run: (rig: AccessRig) => Promise<void>): void {
  testAccess(name, (rig) => {
    rig.write("keys", FILE);
    return run(rig);
  });
}

function origin(rig: AccessRig, more = ""): string {
  return `vhost a.example { play { mw_latency 20; } ${more}
    publish { keys ${rig.folder}/keys; } }`;
}

async function requireHidden(rig: AccessRig, ...secrets: string[]): Promise<void> {
  for (const [where, text] of Object.entries(await rig.visibleTexts())) {
    for (const secret of secrets) assertEquals(text.includes(secret), false, `${where}: ${secret}`);
  }
}

test("a publisher with a stream key appears under its name", async (rig) => {
  rig.start(PORT, origin(rig));
  const publisher = await rig.publish(PORT, KEY);
  assertStringIncludes(publisher.words.join(), "NetStream.Publish.Start");
  publisher.push(VIDEO, 0, keyframe(1));
  const player = await rig.play(PORT, "show");
  await rig.advance(100);
  assertEquals(player.videos.length, 1);
  await requireHidden(rig, KEY);
});

test("a key that OBS has in the server address counts, and stays hidden", async (rig) => {
  const hooks = ["on_connect", "on_publish", "on_unpublish", "on_close"]
    .map((name) => `${name} http://hooks.example/;`).join("");
  rig.start(PORT, origin(rig, `http_hooks { enabled on; ${hooks} }`));
  const publisher = await rig.publish(PORT, "", `rtmp://a.example/live/${KEY}`);
  assertStringIncludes(publisher.words.join(), "NetStream.Publish.Start");
  publisher.transport.close();
  await rig.settle();
  assertEquals(rig.hooks.actions, ["on_connect", "on_publish", "on_unpublish", "on_close"]);
  assertEquals(rig.hooks.requests[1]!.payload["stream"], "show");
  assertEquals(rig.hooks.requests[1]!.payload["tcUrl"], "rtmp://a.example/live/***");
  await requireHidden(rig, KEY);
});

test("a key in the address and as the name is no part of the app", async (rig) => {
  const server = rig.start(PORT, origin(rig));
  await rig.publish(PORT, KEY, `rtmp://a.example/live/${KEY}`);
  const { streams } = await server.view.snapshot();
  assertEquals(streams.map(({ name }) => name), ["live/show"]);
});

for (
  const [name, stream, reason] of [
    ["an unknown key", "show", "The stream key is not known"],
    ["a key that has expired", OLD_KEY, "The stream key of show has expired"],
    ["a key of another app", "for-other-app-1", "The stream key of show is for another app"],
  ] as const
) {
  test(`a publisher with ${name} is refused`, async (rig) => {
    rig.start(PORT, origin(rig));
    const publisher = await rig.publish(PORT, stream);
    assertEquals(publisher.words.includes("NetStream.Publish.Denied"), true);
    assertEquals(publisher.descriptions.at(-1), reason);
    await requireHidden(rig, OLD_KEY, "for-other-app-1");
  });
}

test("a mistyped key is in no log line", async (rig) => {
  rig.start(PORT, origin(rig));
  await rig.publish(PORT, `${KEY}x`);
  await requireHidden(rig, KEY);
  assertEquals(rig.log.urgent.map(({ message }) => message), [
    "Publisher refused: wrong stream key",
  ]);
});

test("a player that names a key is answered as for any stream without publisher", async (rig) => {
  const wait = "play { play_wait 1s; }";
  rig.start(PORT, `vhost a.example { ${wait} publish { keys ${rig.folder}/keys; } }`);
  await rig.publish(PORT, KEY);
  const players = [await rig.play(PORT, KEY), await rig.play(PORT, "nothing-at-all")];
  for (const player of players) assertEquals(player.words, []);
  await rig.advance(2_000);
  assertEquals(players.map(({ descriptions }) => descriptions.at(-1)), [
    `Stream "live/${KEY}" is not live`,
    'Stream "live/nothing-at-all" is not live',
  ]);
  await requireHidden(rig, KEY);
});

test("a viewer over HTTP that names a key leaves no trace of it", async (rig) => {
  const http = `http_server { enabled on; listen 8080; dir ${rig.folder}; }`;
  const rules = "http_remux { enabled on; } security { enabled on; deny play all; }";
  rig.start(PORT, `${http} ${origin(rig, rules)}`);
  const viewer = await rig.get(8080, `/live/${KEY}.flv`);
  assertStringIncludes(viewer.text, "403");
  await requireHidden(rig, KEY);
});

test("an address that guesses is refused without a look-up", async (rig) => {
  rig.start(PORT, origin(rig));
  for (let i = 0; i < 20; i++) await rig.publish(PORT, `guess-${i}`);
  const late = await rig.publish(PORT, KEY);
  assertStringIncludes(late.descriptions.at(-1)!, "Too many wrong stream keys");
  rig.network.clientIp = "203.0.113.9";
  const other = await rig.publish(PORT, KEY);
  assertStringIncludes(other.words.join(), "NetStream.Publish.Start");
  other.closeStream();
  rig.network.clientIp = "127.0.0.1";
  await rig.advance(4_000);
  const again = await rig.publish(PORT, KEY);
  assertStringIncludes(again.words.join(), "NetStream.Publish.Start");
  const lines = rig.log.lines.filter(({ message }) => message.includes("wrong stream key"));
  assertEquals(lines.map(({ fields }) => fields["failures"]), [1, 2, 3, 4, 5, 10, 20]);
});

test("a file of keys that changes is read again; a bad one changes nothing", async (rig) => {
  rig.start(PORT, origin(rig));
  rig.write("keys", "another-key-of-the-studio studio\nnew-key-of-the-show show\n");
  await rig.advance(2_100);
  const old = await rig.publish(PORT, KEY);
  assertEquals(old.words.includes("NetStream.Publish.Denied"), true);
  const current = await rig.publish(PORT, "another-key-of-the-studio");
  assertStringIncludes(current.words.join(), "NetStream.Publish.Start");
  rig.write("keys", `new-key-of-the-show\n${KEY} show\n`);
  await rig.advance(2_100);
  const [error] = rig.log.lines.filter(({ level }) => level === "error");
  assertStringIncludes(error!.message, "/keys:1:1: The key has no name");
  const kept = await rig.publish(PORT, "new-key-of-the-show");
  assertStringIncludes(kept.words.join(), "NetStream.Publish.Start");
  await requireHidden(rig, "new-key-of-the-show", "another-key-of-the-studio");
});

for (
  const [what, file, reason] of [
    ["is removed", "", "its stream key was removed"],
    ["has expired", `${KEY} show 2020-12-31\n`, "its stream key has expired"],
    ["is for another stream", `${KEY} other\n`, "its stream key is for another stream now"],
  ] as const
) {
  test(`a publisher whose key ${what} is closed, and told why; others stay`, async (rig) => {
    rig.write("keys", `${KEY} show\nanother-key-of-the-studio studio\n`);
    rig.start(PORT, origin(rig));
    const publishers = [
      await rig.publish(PORT, KEY),
      await rig.publish(PORT, "another-key-of-the-studio"),
    ];
    const player = await rig.play(PORT, "show");
    publishers[0]!.push(VIDEO, 0, keyframe(1));
    await rig.advance(2_100);
    assertEquals(publishers.map(({ isEnded }) => isEnded), [false, false]);
    rig.write("keys", `${file}another-key-of-the-studio studio\n`);
    await rig.advance(6_000);
    assertEquals(publishers.map(({ isEnded }) => isEnded), [true, false]);
    assertEquals(publishers[0]!.descriptions.at(-1), `Publish ended: ${reason}`);
    assertStringIncludes(player.words.join(), "NetStream.Play.UnpublishNotify");
    const line = rig.log.lines.find(({ message }) => message === "Publish ended");
    assertEquals(line?.fields["cause"], reason);
    await requireHidden(rig, KEY);
  });
}

test("a publisher with a key stays when its vhost asks for none any longer", async (rig) => {
  const server = rig.start(PORT, origin(rig));
  const publisher = await rig.publish(PORT, KEY);
  await server.apply(rig.parse(PORT, "vhost a.example { play { mw_latency 20; } }"));
  await rig.advance(5_000);
  assertEquals(publisher.isEnded, false);
});

test("a reload with a bad file of keys changes nothing", async (rig) => {
  const server = rig.start(PORT, origin(rig));
  rig.write("bad", "short name\n");
  const text = `vhost a.example { publish { keys ${rig.folder}/bad; } }`;
  const failure = await server.apply(rig.parse(PORT, text)).catch((error: Error) => error.message);
  assertStringIncludes(String(failure), "/bad:1:1: The key has fewer than 8 characters");
  const publisher = await rig.publish(PORT, KEY);
  assertStringIncludes(publisher.words.join(), "NetStream.Publish.Start");
});

test("an edge that checks keys pushes the name; the origin trusts its address", async (rig) => {
  rig.write("origin-keys", "key-at-the-origin other\n");
  const trust = `publish { keys ${rig.folder}/origin-keys; trusted 127.0.0.1; }`;
  rig.start(PORT, `vhost a.example { play { mw_latency 20; } ${trust} }`);
  rig.start(EDGE, origin(rig, `cluster { mode remote; origin 127.0.0.1:${PORT}; }`));
  const publisher = await rig.publish(EDGE, KEY);
  await rig.advance(500);
  publisher.push(VIDEO, 0, keyframe(1));
  const player = await rig.play(PORT, "show");
  await rig.advance(500);
  assertEquals(player.videos.length, 1);
  assertStringIncludes(rig.upstreamText, "show");
  await requireHidden(rig, KEY);
});

for (const tcUrl of [`a.example/live/${KEY}`, `rtmp://a.example:99999/live/${KEY}`]) {
  test(`a tcUrl that cannot be read hides the key: ${tcUrl}`, async (rig) => {
    rig.start(PORT, origin(rig));
    const publisher = await rig.connect(PORT, { tcUrl });
    assertStringIncludes(publisher.descriptions.at(-1)!, "Cannot read RTMP URL");
    await requireHidden(rig, KEY);
  });
}

test("parameters of players stay where only publishers need signatures", async (rig) => {
  const hooks = "http_hooks { enabled on; on_play http://hooks.example/; }";
  rig.start(PORT, `vhost a.example { ${hooks} publish { sign_secret 0123456789abcdef; } }`);
  await rig.play(PORT, "show?token=mine&sig=other");
  assertEquals(rig.hooks.requests[0]!.payload["param"], "?token=mine&sig=other");
});
