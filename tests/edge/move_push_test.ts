/** Pushes that move to another origin: made before broken, at every message. */

import { amfObject } from "../../lib/amf/amf_value.ts";
import type { ClusterConfig } from "../../lib/config/config.ts";
import { encodeAcknowledgement } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import type { OriginLink } from "../helpers/scripted_origin.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";
import { type TestPublisher, VhostRig } from "../helpers/vhost_rig.ts";

const ENCODE = new TinyEncode();
const COUNT = ENCODE.frames.length;
const TWO: Partial<ClusterConfig> = { origins: TWO_ORIGINS };
const ENDS = ["FCUnpublish", "deleteStream"];
/** Longer than two turns of the wheel that writes to origins. */
const TURN_MS = 60;
/** Longer than both connections carry a stream that moves. */
const OVERLAP_MS = 1_100;
/** The data message `onEdgeMoved`. */
const MOVED = "02000b6f6e456467654d6f766564";

/** Places of the data message {@linkcode MOVED} in what an origin got. */
function movedAt({ media }: OriginLink): number[] {
  return media.flatMap(({ typeId, payload }, index) =>
    typeId === 18 && payload.toHex() === MOVED ? [index] : []
  );
}

/** An edge with one publisher. */
class MoveRig extends VhostRig {
  publisher!: TestPublisher;

  /** @param isOurs Whether the first origin says that it is one of our servers. */
  static async start(cluster: Partial<ClusterConfig> = TWO, isOurs = false): Promise<MoveRig> {
    const rig = new MoveRig(cluster);
    if (isOurs) rig.a.behaviour = { kind: "accept", isOurs };
    rig.publisher = await rig.publish();
    rig.publisher.push(...ENCODE.headers);
    await rig.advance(TURN_MS);
    return rig;
  }

  async send(from: number, to: number): Promise<void> {
    this.publisher.push(...ENCODE.frames.slice(from, to));
    await this.advance(TURN_MS);
  }

  async moveAll(): Promise<void> {
    this.vhost.move({ type: "all" });
    await this.advance(20);
  }

  /** Checks that `link` got headers and all frames from a keyframe on. @returns the first frame */
  check(link: OriginLink, what: string, to = COUNT): number {
    const frames = link.media.filter(isTinyFrame);
    const first = to - frames.length;
    assert(ENCODE.keyframes.includes(first), `${what}: begins at ${first}`);
    assertEquals(link.media.slice(1, 3).map(({ payload }) => payload.length > 0), [true, true]);
    const shiftMs = frames[0]!.timestampMs - ENCODE.frames[first]!.timestampMs;
    const check = new StreamCheck(onClock(ENCODE.frames.slice(first), shiftMs));
    for (const frame of frames) check.accept(frame);
    assertEquals(check.mismatch, null, what);
    assertEquals([this.publisher.handle!.isClosed, this.publisher.refusals.length], [false, 0]);
    return first;
  }
}

for (const isAcknowledged of [false, true]) {
  Deno.test(`a push moves at every message, what was ${isAcknowledged ? "" : "not "}acknowledged`, async () => {
    for (let at = 1; at < COUNT - 1; at++) {
      const what = `moved after frame ${at}`;
      const rig = await MoveRig.start();
      const first = rig.a.link;
      await rig.send(0, at);
      if (isAcknowledged) first.send(encodeAcknowledgement(1_000_000));
      await rig.settle();
      await rig.moveAll();
      await rig.send(at, at + 1);
      await rig.send(at + 1, COUNT);
      await rig.advance(OVERLAP_MS);
      const second = rig.b.link;
      const begin = rig.check(second, what);
      assert(begin <= at, what);
      assert(!isAcknowledged || begin === ENCODE.keyframeBefore(at), `${what}: begins at ${begin}`);
      // Everything that the second one lacks.
      assert(first.media.filter(isTinyFrame).length >= begin, what);
      assertEquals([rig.a.openCount, rig.b.openCount], [0, 1], what);
      assertEquals(first.commandNames.filter((name) => ENDS.includes(name)), [], what);
      const { resumed, lostBytes } = rig.vhost.totals;
      // Headers in the log that nothing acknowledged count as lost, though they are sent again.
      assertEquals([resumed, isAcknowledged ? lostBytes : 0], [1, 0], what);
    }
  });
}

Deno.test("a push that moves sends to its origin until the next one has caught up", async () => {
  const rig = await MoveRig.start();
  const first = rig.a.link;
  await rig.send(0, 9);
  rig.b.behaviour = { kind: "hold" };
  await rig.moveAll();
  await rig.send(9, 12);
  assertEquals(first.media.filter(isTinyFrame).length, 12);
  rig.b.link.accept();
  await rig.send(12, 15);
  assertEquals(first.media.filter(isTinyFrame).length, 15, "both carry it for a while");
  await rig.advance(OVERLAP_MS);
  assertEquals([rig.a.openCount, rig.b.openCount], [0, 1]);
  await rig.send(15, COUNT);
  rig.check(rig.b.link, "");
  const line = rig.log.lines.find(({ message }) => message === "Push switched");
  const { silence_ms: silenceMs, cause, how } = line!.fields!;
  assertEquals([silenceMs, cause, how], [0, "asked to move", "resumed"]);
  assertEquals(rig.log.urgent, []);
});

Deno.test("a push with a single origin moves to a new connection to the same address", async () => {
  const rig = await MoveRig.start({ origins: [TWO_ORIGINS[0]!] });
  await rig.send(0, 9);
  const old = rig.a.link;
  await rig.advance(1_000);
  await rig.moveAll();
  await rig.send(9, COUNT);
  await rig.advance(OVERLAP_MS);
  assertEquals([rig.network.dialled, old.isOpen], [[PORT_A, PORT_A], false]);
  rig.check(rig.a.link, "");
});

Deno.test("a push names itself alike at every origin, and another push otherwise", async () => {
  const rig = await MoveRig.start();
  await rig.send(0, 9);
  await rig.moveAll();
  await rig.send(9, COUNT);
  const other = new MoveRig(TWO);
  await other.publish();
  const [one, two, three] = [rig.a.link, rig.b.link, other.a.link].map((link) => idOf(link));
  assertEquals([typeof one, one === two, one === three], ["string", true, false]);
});

function idOf(link: OriginLink): unknown {
  const [info] = link.commands[0]!.values;
  return (info as ReturnType<typeof amfObject>).get("edgeBroadcast");
}

Deno.test("a push stays while the next origin refuses, and is not taken for displaced", async () => {
  const rig = await MoveRig.start();
  const first = rig.a.link;
  await rig.send(0, 6);
  await rig.advance(1_000);
  const refusal = { code: "NetStream.Publish.BadName", description: "" };
  for (const origin of [rig.a, rig.b]) origin.behaviour = { kind: "refuse", refusal };
  await rig.moveAll();
  await rig.send(6, 12);
  assertEquals([first.isOpen, first.media.filter(isTinyFrame).length], [true, 12]);
  rig.b.behaviour = { kind: "accept" };
  await rig.advance(1_000);
  await rig.send(12, COUNT);
  await rig.advance(OVERLAP_MS);
  rig.check(rig.b.link, "");
  assertEquals(first.isOpen, false);
});

Deno.test("a push whose next origin dies during the move keeps its origin", async () => {
  const rig = await MoveRig.start();
  const first = rig.a.link;
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.b.behaviour = { kind: "hold" };
  await rig.moveAll();
  await rig.send(6, 9);
  rig.b.die();
  rig.a.stopListening();
  await rig.send(9, 12);
  await rig.advance(2_000);
  await rig.send(12, COUNT);
  assertEquals(first.isOpen, true);
  assertEquals(rig.check(first, ""), 0);
});

Deno.test("a push whose origin dies during the move is resumed at the next one", async () => {
  for (let at = 3; at < COUNT - 3; at++) {
    for (const isAccepted of [false, true]) {
      const what = `after frame ${at}, ${isAccepted ? "" : "not "}accepted`;
      const rig = await MoveRig.start();
      const first = rig.a.link;
      await rig.send(0, at);
      first.send(encodeAcknowledgement(1_000_000));
      await rig.settle();
      rig.b.behaviour = { kind: "hold" };
      await rig.moveAll();
      const second = rig.b.link;
      if (isAccepted) second.accept();
      await rig.settle();
      rig.a.die();
      await rig.settle();
      if (!isAccepted) second.accept();
      await rig.send(at, at + 3);
      await rig.send(at + 3, COUNT);
      rig.check(second, what);
      assertEquals([rig.a.openCount, rig.b.openCount], [0, 1], what);
    }
  }
});

Deno.test("a push moves twice in a row", async () => {
  const rig = await MoveRig.start();
  await rig.send(0, 6);
  await rig.moveAll();
  await rig.send(6, 9);
  await rig.send(9, 10);
  await rig.advance(OVERLAP_MS);
  await rig.moveAll();
  await rig.send(10, 13);
  await rig.send(13, COUNT);
  await rig.advance(OVERLAP_MS);
  assertEquals([rig.network.dialled, rig.b.openCount], [[PORT_A, PORT_B, PORT_A], 0]);
  rig.check(rig.a.link, "");
  assertEquals(rig.vhost.totals.resumed, 2);
});

Deno.test("a push that ends while it moves ends the stream at the origin that has it", async () => {
  const rig = await MoveRig.start();
  const first = rig.a.link;
  await rig.send(0, 6);
  rig.b.behaviour = { kind: "hold" };
  await rig.moveAll();
  rig.publisher.leave();
  await rig.settle();
  assertEquals(first.commandNames.slice(-2), ENDS);
  assertEquals(rig.b.link.commandNames.filter((name) => ENDS.includes(name)), []);
  await rig.assertNothingLeft();
});

Deno.test("a push obeys an origin that asks to be left, once a second at most", async () => {
  const rig = await MoveRig.start({ origins: [TWO_ORIGINS[0]!] });
  await rig.advance(1_000);
  await rig.send(0, 1);
  for (let i = 0; i < 100; i++) {
    for (let count = 0; count < 10; count++) rig.a.link.askToReconnect();
    await rig.advance(50);
  }
  const moves = rig.network.dialled.length - 1;
  assertEquals([moves >= 3, moves <= 6], [true, true], `${moves} moves in 5 s`);
  assertEquals(rig.publisher.handle!.isClosed, false);
});

for (const asks of [true, false]) {
  const what = asks ? "asked to be left" : "is left for another reason";
  Deno.test(`an origin that ${what} gets the stream until it closes the connection`, async () => {
    const rig = await MoveRig.start(TWO, true);
    await rig.send(0, 6);
    await rig.advance(1_000);
    const first = rig.a.link;
    if (asks) first.askToReconnect();
    else await rig.moveAll();
    await rig.send(6, 9);
    assertEquals(movedAt(first), [], "the next origin has not caught up");
    await rig.send(9, 12);
    await rig.advance(OVERLAP_MS);
    await rig.send(12, 15);
    assertEquals(movedAt(first).length, 1);
    assertEquals(first.media.filter(isTinyFrame).length, 15, "both have all of it");
    first.askToReconnect();
    await rig.advance(2_000);
    assertEquals([rig.a.openCount, rig.b.openCount, rig.a.links.length], [1, 1, 1]);
    first.close();
    await rig.send(15, COUNT);
    rig.check(rig.b.link, "");
    assertEquals([rig.a.openCount, rig.b.openCount, rig.a.links.length], [0, 1, 1]);
    assertEquals(rig.log.urgent, []);
  });
}

Deno.test("the end of a stream reaches an origin that asked to be left, too", async () => {
  const rig = await MoveRig.start(TWO, true);
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.a.link.askToReconnect();
  await rig.send(6, 12);
  await rig.advance(OVERLAP_MS);
  await rig.send(12, COUNT);
  rig.publisher.leave();
  await rig.settle();
  for (const { link } of [rig.a, rig.b]) assertEquals(link.commandNames.slice(-2), ENDS);
  await rig.assertNothingLeft();
});

Deno.test("a push closes its connection to another server's origin once it has moved", async () => {
  const rig = await MoveRig.start();
  await rig.send(0, 6);
  await rig.advance(1_000);
  rig.a.link.askToReconnect();
  await rig.send(6, 12);
  await rig.advance(OVERLAP_MS);
  await rig.send(12, COUNT);
  assertEquals([rig.a.openCount, rig.b.openCount, movedAt(rig.a.link)], [0, 1, []]);
  rig.check(rig.b.link, "");
});
