/** Pulls that move to another origin: made before broken, at every message. */

import { UpstreamError } from "../../lib/base/errors.ts";
import type { ClusterConfig } from "../../lib/config/config.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { PORT_A, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";
import { type TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";
import type { OriginLink } from "../helpers/scripted_origin.ts";

const ENCODE = new TinyEncode();
const CLOCK_A_MS = 0xFFFFFF - 100;
const CLOCK_B_MS = 0xFFFFFFFF - 100;
const COUNT = ENCODE.frames.length;
const TWO: Partial<ClusterConfig> = { origins: TWO_ORIGINS };

/** An edge with one player, whose origins carry the same encode. */
class MoveRig extends VhostRig {
  player!: TestPlayer;

  static async start(cluster: Partial<ClusterConfig> = TWO): Promise<MoveRig> {
    const rig = new MoveRig(cluster);
    rig.player = await rig.play();
    return rig;
  }

  /** Sends headers, then frames `from` to `to`. */
  async begin(link: OriginLink, from: number, to: number, clockMs = CLOCK_A_MS): Promise<void> {
    link.sendMedia(...onClock(ENCODE.headersAt(from), clockMs));
    await this.send(link, from, to, clockMs);
  }

  async send(link: OriginLink, from: number, to: number, clockMs = CLOCK_A_MS): Promise<void> {
    link.sendMedia(...onClock(ENCODE.frames.slice(from, to), clockMs));
    await this.settle();
  }

  async moveAll(): Promise<void> {
    this.vhost.move({ type: "all" });
    await this.advance(0);
  }

  get frames() {
    return this.player.media.filter(isTinyFrame);
  }

  /** Checks that the player has all frames once, in order, and was told nothing. */
  check(what: string): void {
    const got = this.frames;
    const shiftMs = (got[0]?.timestampMs ?? 0) - ENCODE.frames[0]!.timestampMs;
    const check = new StreamCheck(onClock(ENCODE.frames, shiftMs));
    for (const frame of got) check.accept(frame);
    assertEquals(check.mismatch, null, what);
    assertEquals([got.length, this.player.statuses], [COUNT, []], what);
  }
}

for (const lead of [-3, -1, 0, 1, 3]) {
  Deno.test(`a pull moves at every message without a gap or a duplicate to an origin that leads by ${lead}`, async () => {
    for (let at = 4; at < COUNT - 6; at++) {
      const what = `moved after frame ${at}`;
      const rig = await MoveRig.start();
      const first = rig.a.link;
      await rig.begin(first, 0, at);
      await rig.moveAll();
      assertEquals([rig.a.openCount, rig.b.openCount], [1, 1], what);
      const second = rig.b.link;
      const live = at + lead;
      await rig.begin(second, ENCODE.keyframeBefore(live), live, CLOCK_B_MS);
      for (let next = at; next < COUNT; next++) {
        if (first.isOpen) await rig.send(first, next, next + 1);
        await rig.send(second, next + lead, next + lead + 1, CLOCK_B_MS);
        await rig.advance(40);
      }
      await rig.send(second, COUNT + lead, COUNT, CLOCK_B_MS);
      rig.check(what);
      assertEquals([rig.a.openCount, rig.b.openCount], [0, 1], what);
      assertEquals(first.commandNames.at(-1), "deleteStream", what);
      assertEquals([rig.vhost.totals.spliced, rig.vhost.totals.restarted], [1, 0], what);
    }
  });
}

Deno.test("a pull that moves is fed by its origin until the next one has caught up", async () => {
  const rig = await MoveRig.start();
  await rig.begin(rig.a.link, 0, 12);
  await rig.moveAll();
  await rig.begin(rig.b.link, 9, 10, CLOCK_B_MS);
  await rig.send(rig.a.link, 12, 14);
  assertEquals(rig.frames.length, 14);
  await rig.send(rig.b.link, 10, 12, CLOCK_B_MS);
  assertEquals(rig.a.link.isOpen, true);
  await rig.send(rig.b.link, 12, 14, CLOCK_B_MS);
  assertEquals(rig.a.link.isOpen, false);
  await rig.send(rig.b.link, 14, COUNT, CLOCK_B_MS);
  rig.check("");
  const line = rig.log.lines.find(({ message }) => message === "Pull switched");
  assertEquals(line?.fields, {
    from: "a.example:19001",
    to: "b.example:19002",
    cause: "asked to move",
    silence_ms: 0,
    lost_frames: 0,
    doubled_frames: 0,
    how: "spliced",
  });
  assertEquals(rig.log.urgent, []);
});

Deno.test("a pull with a single origin moves to a new connection to the same address", async () => {
  const rig = await MoveRig.start({ origins: [TWO_ORIGINS[0]!] });
  await rig.begin(rig.a.link, 0, 12);
  const [old] = rig.a.links;
  await rig.advance(1_000);
  await rig.moveAll();
  assertEquals(rig.network.dialled, [PORT_A, PORT_A]);
  await rig.begin(rig.a.link, 9, COUNT, CLOCK_B_MS);
  rig.check("");
  assertEquals([old!.isOpen, rig.a.openCount], [false, 1]);
});

Deno.test("a pull moves to the origin that is named, and to no other", async () => {
  const rig = await MoveRig.start();
  await rig.begin(rig.a.link, 0, 12);
  await rig.advance(1_000);
  rig.vhost.move({ type: "stream", name: "live/show" }, { hostname: "A.example", port: PORT_A });
  await rig.advance(0);
  assertEquals(rig.network.dialled, [PORT_A, PORT_A]);
  assertEquals(rig.vhost.move({ type: "stream", name: "live/other" }), 0);
  assertThrows(
    () => rig.vhost.move({ type: "all" }, { hostname: "evil.example", port: 1 }),
    UpstreamError,
  );
});

Deno.test("a pull that moves selects connections by their origin", async () => {
  const rig = await MoveRig.start();
  await rig.begin(rig.a.link, 0, 12);
  assertEquals(rig.vhost.move({ type: "origin", origin: TWO_ORIGINS[1]! }), 0);
  assertEquals(rig.vhost.move({ type: "origin", origin: TWO_ORIGINS[0]! }), 1);
});

Deno.test("a pull stays while the next origin refuses, and moves when it has the stream", async () => {
  const rig = await MoveRig.start();
  const first = rig.a.link;
  await rig.begin(first, 0, 6);
  await rig.advance(1_000);
  const refusal = { code: "NetStream.Play.StreamNotFound", description: "" };
  for (const origin of [rig.a, rig.b]) origin.behaviour = { kind: "refuse", refusal };
  await rig.moveAll();
  await rig.advance(50);
  await rig.send(first, 6, 12);
  assertEquals([rig.frames.length, rig.a.openCount], [12, 1]);
  rig.b.behaviour = { kind: "accept" };
  await rig.advance(1_000);
  await rig.begin(rig.b.link, 9, COUNT, CLOCK_B_MS);
  rig.check("");
  assertEquals(rig.a.openCount, 0);
});

Deno.test("a pull whose next origin dies during the move stays, then moves to another connection", async () => {
  for (let at = 6; at < 16; at++) {
    const rig = await MoveRig.start();
    const first = rig.a.link;
    await rig.begin(first, 0, at);
    await rig.advance(1_000);
    await rig.moveAll();
    const broken = rig.b.link;
    await rig.begin(broken, ENCODE.keyframeBefore(at), at - 3, CLOCK_B_MS);
    broken.reset();
    await rig.settle();
    await rig.send(first, at, at + 2);
    await rig.advance(1_000);
    const link = rig.a.links.length > 1 ? rig.a.link : rig.b.link;
    await rig.begin(link, ENCODE.keyframeBefore(at), COUNT, CLOCK_B_MS);
    rig.check(`after frame ${at}`);
    assertEquals(rig.a.openCount + rig.b.openCount, 1);
  }
});

Deno.test("a pull whose origin dies during the move loses nothing, wherever the next one stands", async () => {
  for (let at = 6; at < 16; at++) {
    for (const caughtUp of [0, 1, 2, 4]) {
      const rig = await MoveRig.start();
      await rig.begin(rig.a.link, 0, at);
      await rig.moveAll();
      const from = ENCODE.keyframeBefore(at);
      const to = Math.min(from + caughtUp, at);
      await rig.begin(rig.b.link, from, to, CLOCK_B_MS);
      rig.a.die();
      await rig.settle();
      await rig.send(rig.b.link, to, COUNT, CLOCK_B_MS);
      rig.check(`after frame ${at}, next origin at ${to}`);
    }
  }
});

Deno.test("a pull moves twice in a row without a gap or a duplicate", async () => {
  for (let at = 8; at < 14; at++) {
    const rig = await MoveRig.start();
    const first = rig.a.link;
    await rig.begin(first, 0, at);
    await rig.moveAll();
    await rig.begin(rig.b.link, ENCODE.keyframeBefore(at), at + 1, CLOCK_B_MS);
    assertEquals(first.isOpen, false);
    await rig.advance(1_000);
    await rig.moveAll();
    await rig.begin(rig.a.link, ENCODE.keyframeBefore(at), at + 2);
    assertEquals(rig.b.openCount, 0, `after ${at}`);
    await rig.send(rig.a.link, at + 2, COUNT);
    rig.check(`after ${at}`);
    assertEquals(rig.vhost.totals.spliced, 2);
  }
});

Deno.test("a pull moves to another encode at a keyframe", async () => {
  const rig = await MoveRig.start();
  const first = rig.a.link;
  await rig.begin(first, 0, 12);
  await rig.moveAll();
  const other = new TinyEncode({ seed: 100 });
  rig.b.link.sendMedia(...other.headersAt(0), ...other.frames.slice(0, 10));
  await rig.settle();
  assertEquals([first.isOpen, rig.frames.length], [true, 12]);
  await rig.advance(1_100);
  rig.b.link.sendMedia(...other.frames.slice(10, 12));
  await rig.settle();
  assertEquals([first.isOpen, rig.vhost.totals.restarted], [false, 1]);
  assert(rig.frames.length > 12, "nothing of the other encode");
});

Deno.test("a pull that was to move is pulled no longer once its players have left", async () => {
  const rig = await MoveRig.start();
  await rig.begin(rig.a.link, 0, 12);
  rig.vhost.move({ type: "all" });
  rig.player.leave();
  await rig.assertNothingLeft();
});
