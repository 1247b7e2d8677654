/** Pushes of one stream to several origins at the same time. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { connectProperty, type OriginLink, ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { isTinyFrame, TinyEncode } from "../helpers/tiny_encode.ts";
import { type TestPublisher, VhostRig } from "../helpers/vhost_rig.ts";

const ENCODE = new TinyEncode();
const COUNT = ENCODE.frames.length;
const PORT_C = 19_003;
const ORIGIN_C = { hostname: "c.example", port: PORT_C };
const THREE = [...TWO_ORIGINS, ORIGIN_C];
const ALL: Partial<ClusterConfig> = { origins: TWO_ORIGINS, push: "all" };
const BAD_NAME: Refusal = { code: "NetStream.Publish.BadName", description: "taken" };
/** Longer than two turns of the wheel that writes to origins. */
const TURN_MS = 60;
/** Longer than both connections carry a push that moves. */
const OVERLAP_MS = 1_100;

/** A frame as an origin gets it: type, timestamp, bytes. */
type Frame = readonly [typeId: number, timestampMs: number, payload: Uint8Array];

class GroupRig extends VhostRig {
  readonly c = new ScriptedOrigin(this.network, PORT_C);
  publisher!: TestPublisher;

  /** An edge whose origins have accepted, and got the headers. */
  static async start(cluster: Partial<ClusterConfig> = ALL): Promise<GroupRig> {
    const rig = new GroupRig(cluster);
    rig.publisher = await rig.publish();
    rig.publisher.push(...ENCODE.headers);
    await rig.advance(TURN_MS);
    return rig;
  }

  /** Open connections at `a`, `b` and `c`. */
  get open(): readonly number[] {
    return [this.a, this.b, this.c].map(({ openCount }) => openCount);
  }

  async send(from: number, to: number): Promise<void> {
    this.publisher.push(...ENCODE.frames.slice(from, to));
    await this.advance(TURN_MS);
  }

  configure(cluster: Partial<ClusterConfig>): void {
    const { config } = this.vhost;
    this.vhost.configure({ ...config, cluster: { ...config.cluster, ...cluster } });
  }

  async end(): Promise<void> {
    this.publisher.leave();
    await this.assertNothingLeft();
    assertEquals(this.c.openCount, 0);
  }
}

function framesAt(link: OriginLink): Frame[] {
  return link.media.filter(isTinyFrame)
    .map(({ typeId, timestampMs, payload }) => [typeId, timestampMs, payload]);
}

Deno.test("a stream that is pushed to all origins arrives there with equal frames and times", async () => {
  const rig = await GroupRig.start();
  await rig.send(0, 9);
  await rig.send(9, COUNT);
  const sent: Frame[] = ENCODE.frames.map((frame) => [
    frame.typeId,
    frame.timestampMs,
    frame.payload,
  ]);
  assertEquals(framesAt(rig.a.link), sent);
  assertEquals(framesAt(rig.b.link), sent);
  const states = rig.vhost.of("live/show").map(({ kind, state, origin }) => [kind, state, origin]);
  assertEquals(states, [
    ["push", "live", `a.example:${PORT_A}`],
    ["push", "live", `b.example:${PORT_B}`],
  ]);
  await rig.end();
});

Deno.test("a publisher begins as soon as one of its origins accepts", async () => {
  const rig = new GroupRig(ALL);
  rig.a.behaviour = { kind: "hold" };
  rig.b.behaviour = { kind: "hold" };
  rig.publisher = await rig.publish();
  assertEquals(rig.publisher.handle, null);
  rig.b.link.accept();
  await rig.settle();
  rig.publisher.push(...ENCODE.headers);
  await rig.send(0, 12);
  rig.a.link.accept();
  await rig.settle();
  await rig.send(12, COUNT);
  const late = framesAt(rig.a.link);
  assertEquals(framesAt(rig.b.link).length, COUNT);
  assertEquals(late, framesAt(rig.b.link).slice(-late.length));
  assertEquals(COUNT - late.length, ENCODE.keyframeBefore(12), "from the newest keyframe on");
  await rig.end();
});

Deno.test("an origin that is lost at any message costs the others nothing, and resumes at a keyframe", async () => {
  for (let at = 1; at < COUNT - 1; at++) {
    for (const isFirst of [true, false]) {
      const rig = await GroupRig.start();
      const [lost, other] = isFirst ? [rig.a, rig.b] : [rig.b, rig.a];
      await rig.send(0, at);
      lost.link.reset();
      await rig.advance(500);
      await rig.send(at, COUNT);
      const what = `lost ${isFirst ? "the first" : "the second"} after frame ${at}`;
      assertEquals([lost.links.length, other.links.length], [2, 1], what);
      const whole = framesAt(other.link);
      assertEquals(whole.length, COUNT, what);
      const [before, after] = lost.links.map(framesAt);
      assertEquals(before, whole.slice(0, before!.length), what);
      assertEquals(after, whole.slice(-after!.length), what);
      const begin = COUNT - after!.length;
      assert(ENCODE.keyframes.includes(begin) && begin <= at, `${what}: resumed at ${begin}`);
      assertEquals([rig.publisher.handle!.isClosed, rig.publisher.refusals.length], [false, 0]);
      await rig.end();
    }
  }
});

Deno.test("a publisher is refused only when all of its origins refuse", async () => {
  const rig = new GroupRig(ALL);
  rig.a.behaviour = { kind: "refuse", refusal: BAD_NAME };
  rig.publisher = await rig.publish();
  rig.publisher.push(...ENCODE.headers);
  await rig.send(0, COUNT);
  assertEquals([rig.publisher.refusals.length, framesAt(rig.b.link).length], [0, COUNT]);
  rig.a.behaviour = { kind: "accept" };
  await rig.advance(5_000);
  assert(framesAt(rig.a.link).length > 0, "the one that refused is asked again");
  rig.publisher.leave();
  await rig.advance(1_000);

  rig.a.behaviour = { kind: "refuse", refusal: BAD_NAME };
  rig.b.stopListening();
  const refused = await rig.publish();
  assertEquals(refused.refusals.map(({ code }) => code), [BAD_NAME.code]);
  await rig.assertNothingLeft();
});

Deno.test("two pushes of three origins keep apart when one is lost, and when all move", async () => {
  const rig = await GroupRig.start({ origins: THREE, push: 2 });
  await rig.send(0, 6);
  assertEquals(rig.open, [1, 1, 0]);
  rig.a.die();
  await rig.send(6, 9);
  assertEquals(rig.open, [0, 1, 1]);
  await rig.advance(1_500);
  rig.vhost.move({ type: "all" });
  await rig.send(9, 12);
  await rig.send(12, COUNT);
  await rig.advance(OVERLAP_MS);
  assertEquals(rig.open, [0, 1, 1], "the third one is dead: each stays, or returns to its own");
  assertEquals(rig.publisher.handle!.isClosed, false);
  await rig.end();
});

Deno.test("a push moves to no origin that another push of the stream uses", async () => {
  const rig = await GroupRig.start();
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.vhost.move({ type: "origin", origin: TWO_ORIGINS[0]! }, TWO_ORIGINS[1]!);
  await rig.send(6, 9);
  assertEquals([rig.a.links.length, rig.b.links.length], [1, 1], "asked for by the API");
  rig.a.link.askToReconnect(`rtmp://b.example:${PORT_B}/live`);
  await rig.send(9, 12);
  await rig.send(12, COUNT);
  await rig.advance(OVERLAP_MS);
  assertEquals([rig.a.links.length, rig.b.links.length, rig.open], [2, 1, [1, 1, 0]]);
  assertEquals(framesAt(rig.b.link).length, COUNT);
  await rig.end();
});

Deno.test("a push that moves takes a free origin, the others stay", async () => {
  const rig = await GroupRig.start({ origins: THREE, push: 2 });
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.vhost.move({ type: "origin", origin: TWO_ORIGINS[1]! });
  await rig.send(6, 12);
  await rig.send(12, COUNT);
  await rig.advance(OVERLAP_MS);
  assertEquals([rig.open, rig.a.links.length], [[1, 0, 1], 1]);
  assertEquals(rig.b.link.commandNames.includes("FCUnpublish"), false);
  await rig.end();
});

Deno.test("a running publish follows when the number of pushes and the origins change", async () => {
  const rig = await GroupRig.start({ origins: TWO_ORIGINS, push: 1 });
  await rig.send(0, 6);
  assertEquals(rig.open, [1, 0, 0]);
  rig.configure({ push: "all" });
  await rig.send(6, 9);
  assertEquals(rig.open, [1, 1, 0]);
  rig.configure({ origins: THREE });
  await rig.send(9, 12);
  assertEquals(rig.open, [1, 1, 1]);
  await rig.advance(1_000);
  rig.configure({ origins: [TWO_ORIGINS[1]!, ORIGIN_C] });
  await rig.send(12, 15);
  assertEquals(rig.open, [0, 1, 1], "the one that was removed is left");
  assertEquals(rig.a.link.commandNames.includes("FCUnpublish"), false, "its players may stay");
  rig.configure({ push: 1 });
  await rig.send(15, COUNT);
  assertEquals(rig.open, [0, 1, 0]);
  assertEquals(framesAt(rig.b.link).length, COUNT);
  assertEquals(rig.publisher.handle!.isClosed, false);
  await rig.end();
});

Deno.test("a replaced origin is left for the new one when streams are pushed to all", async () => {
  const rig = await GroupRig.start();
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.configure({ origins: [TWO_ORIGINS[1]!, ORIGIN_C] });
  await rig.send(6, 12);
  await rig.send(12, COUNT);
  await rig.advance(OVERLAP_MS);
  assertEquals(rig.open, [0, 1, 1]);
  await rig.end();
});

Deno.test("pushes at the same time are different broadcasts, and each keeps its id", async () => {
  const rig = await GroupRig.start();
  await rig.send(0, 6);
  rig.b.link.reset();
  await rig.advance(500);
  const idOf = (link: OriginLink) => connectProperty(link, "edgeBroadcast");
  const [a, b1, b2] = [rig.a.link, ...rig.b.links].map(idOf);
  assertEquals([typeof a, a === b1, b1 === b2], ["string", false, true]);
  await rig.end();
});

Deno.test("players of a publisher that is away get its stream from no origin that it is pushed to", async () => {
  const rig = await GroupRig.start();
  const player = await rig.play();
  await rig.send(0, 6);
  rig.publisher.leave("lost");
  await rig.advance(2_000);
  assertEquals([rig.a.links.length, rig.b.links.length], [1, 1]);
  rig.publisher = await rig.publish();
  rig.publisher.push(...ENCODE.headers);
  await rig.send(0, 6);
  assertEquals([rig.a.links.length, rig.b.links.length, rig.publisher.refusals], [1, 1, []]);
  player.leave();
  await rig.end();
});

Deno.test("the end of a publish ends the stream at all of its origins", async () => {
  const rig = await GroupRig.start();
  await rig.send(0, COUNT);
  rig.publisher.leave();
  await rig.settle();
  for (const { link } of [rig.a, rig.b]) {
    assertEquals(link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
    assertEquals(framesAt(link).length, COUNT);
  }
  await rig.assertNothingLeft();
});

Deno.test("an origin that asks to be left is told at once that another one has the stream", async () => {
  const rig = new GroupRig(ALL);
  rig.a.behaviour = { kind: "accept", isOurs: true };
  rig.publisher = await rig.publish();
  rig.publisher.push(...ENCODE.headers);
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.a.stopListening();
  rig.a.link.askToReconnect();
  await rig.send(6, 9);
  const told = rig.a.link.media.map(({ payload }) => payload.toHex()).filter((payload) =>
    payload === "02000b6f6e456467654d6f766564" // onEdgeMoved
  );
  assertEquals(told.length, 1);
  await rig.send(9, 12);
  assertEquals(framesAt(rig.a.link).length, 12, "it is served until it closes the connection");
  rig.a.link.close();
  await rig.send(12, COUNT);
  assertEquals([rig.open, framesAt(rig.b.link).length], [[0, 1, 0], COUNT]);
  assertEquals(rig.publisher.handle!.isClosed, false);
  await rig.end();
});

Deno.test("another server's origin that asks to be left is left at once for one that has the stream", async () => {
  const rig = await GroupRig.start();
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.a.stopListening();
  rig.a.link.askToReconnect();
  await rig.send(6, 9);
  assertEquals(rig.open, [0, 1, 0]);
  assertEquals(rig.a.link.commandNames.includes("FCUnpublish"), false);
  await rig.send(9, COUNT);
  assertEquals(framesAt(rig.b.link).length, COUNT);
  await rig.end();
});
