/** A stream that not all origins have: the next one is asked at once, or beside a silent one. */

import { assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const NOT_FOUND = { code: "NetStream.Play.StreamNotFound", description: "" };
const MISSING = { kind: "refuse", refusal: NOT_FOUND } as const;
const MEDIA = [videoHeader(), keyframe(0, 1, 300), interFrame(40, 2, 250)];

/** Returns an edge with one player, which waits for its origins. */
async function wait(prepare = (_: VhostRig) => {}) {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  prepare(rig);
  return { rig, player: await rig.play() };
}

Deno.test("an edge with several origins asks each for an answer at once", async () => {
  const { rig } = await wait();
  assertEquals(rig.a.link.connect!.app, "live");
  const info = rig.a.link.commands.find(({ name }) => name === "connect")!.values[0];
  assertEquals((info as { get(key: string): unknown }).get("edgeAnswerNow"), true);
});

Deno.test("an edge with one origin lets a player wait there", async () => {
  const rig = new VhostRig();
  await rig.play();
  const info = rig.a.link.commands.find(({ name }) => name === "connect")!.values[0];
  assertEquals((info as { get(key: string): unknown }).get("edgeAnswerNow"), undefined);
});

Deno.test("an origin that is silent is overtaken after 250 ms, and left when the next one has the stream", async () => {
  const { rig, player } = await wait();
  await rig.advance(240);
  assertEquals(rig.network.dialled, [PORT_A]);
  await rig.advance(10);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  assertEquals(player.media.length, 3);
  assertEquals([rig.a.openCount, rig.b.openCount], [0, 1]);
  assertEquals(rig.a.link.commandNames.at(-1), "deleteStream");
});

Deno.test("an origin that was overtaken feeds the stream if it is first, and the other is left", async () => {
  const { rig, player } = await wait();
  await rig.advance(250);
  rig.a.link.sendMedia(...MEDIA);
  await rig.settle();
  assertEquals(player.media.length, 3);
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 0]);
  await rig.advance(1_100);
  rig.a.link.close();
  await rig.settle();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_B]);
});

Deno.test("an origin that was overtaken has the stream in the pause after the next one refused", async () => {
  const { rig, player } = await wait(({ b }) => b.behaviour = MISSING);
  await rig.advance(260);
  rig.a.link.sendMedia(...MEDIA);
  await rig.advance(1_000);
  rig.a.link.sendMedia(interFrame(1_080, 3, 250));
  await rig.settle();
  assertEquals(player.media.length, 4);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B], "the stream is sought no longer");
});

Deno.test("the next pull begins where the stream was found", async () => {
  const { rig, player } = await wait(({ a }) => a.behaviour = MISSING);
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  player.leave();
  await rig.advance(11_000);
  assertEquals(rig.b.openCount, 0);
  await rig.play();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_B]);
});

Deno.test("an origin that lacked the stream is first again after a while", async () => {
  const { rig, player } = await wait(({ a }) => a.behaviour = MISSING);
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  player.leave();
  await rig.advance(31_000);
  await rig.play();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_A, PORT_B]);
});

Deno.test("viewers hear at once, and newcomers too, that no origin has a stream", async () => {
  const { rig, player } = await wait(({ a, b }) => a.behaviour = b.behaviour = MISSING);
  assertEquals(player.missing, [true]);
  const second = await rig.play();
  assertEquals(second.missing, [true]);
});

Deno.test("newcomers hear at once that a stream has ended, until it returns", async () => {
  for (const origins of [undefined, TWO_ORIGINS]) {
    const rig = new VhostRig(origins && { origins });
    rig.b.behaviour = MISSING;
    await rig.play();
    rig.a.link.sendMedia(...MEDIA);
    await rig.settle();
    rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
    await rig.advance(5_000);
    assertEquals((await rig.play()).missing, [true]);
    rig.a.link.sendStatus("NetStream.Play.PublishNotify");
    rig.a.link.sendMedia(...MEDIA);
    await rig.settle();
    assertEquals((await rig.play()).missing, []);
  }
});

Deno.test("viewers hear that a stream is not found, but not for certain, while an origin is down", async () => {
  const { player } = await wait(({ a, b }) => {
    a.behaviour = { kind: "close at once" };
    b.behaviour = MISSING;
  });
  assertEquals(player.missing, [false]);
});

Deno.test("a stream that is published meanwhile is found within a second", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS, retryMaxMs: 800 });
  rig.a.behaviour = rig.b.behaviour = MISSING;
  const player = await rig.play();
  await rig.advance(20_000);
  const before = rig.network.dialled.length;
  rig.b.behaviour = { kind: "accept" };
  await rig.advance(1_100);
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  assertEquals(player.media.length, 3);
  assertEquals(before <= 2 * 22, true, `dialled ${before} times in 20 s`);
});

Deno.test("a failover asks the third origin beside a silent second one", async () => {
  const origins = [{ hostname: "c.example", port: PORT_A + 5 }, ...TWO_ORIGINS];
  const rig = new VhostRig({ origins });
  const player = await rig.play();
  rig.a.link.sendMedia(...MEDIA);
  await rig.advance(2_000);
  rig.a.die();
  await rig.advance(250);
  const waiting = rig.b.link;
  waiting.sendMedia(
    videoHeader(),
    keyframe(0, 1, 300),
    interFrame(40, 2, 250),
    interFrame(80, 3, 250),
  );
  await rig.settle();
  assertEquals(player.media.length, 4);
});

Deno.test("an origin that was overtaken in its handshake is left soon after", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  rig.a.behaviour = { kind: "mute" };
  await rig.play();
  await rig.advance(250);
  rig.b.link.sendMedia(...MEDIA);
  for (let seconds = 0; seconds < 3; seconds++) {
    await rig.advance(1_000);
    rig.b.link.sendMedia(interFrame(1_000 * seconds, 3, 250));
  }
  assertEquals(rig.a.openCount, 0);
});
