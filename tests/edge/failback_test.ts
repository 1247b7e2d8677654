/** Pulls that return to the origin that their stream prefers. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_A, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { onClock } from "../helpers/tiny_encode.ts";
import { interFrame, keyframe, type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";
import { type TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const GOP_FRAMES = 10;
const FRAME_MS = 100;

/** Returns video frame `number` of an encode in which no two frames are equal. */
function frameAt(number: number): TinyMessage {
  const make = number % GOP_FRAMES === 0 ? keyframe : interFrame;
  const frame = make(number * FRAME_MS, number % 256, 300);
  frame.payload.set([number >> 8, number & 255], 10);
  return frame;
}

/** Returns the header and the GOP that a play begins with just before frame `end`, on a clock. */
function gopBefore(end: number, clockMs: number): TinyMessage[] {
  const first = end - 1 - (end - 1) % GOP_FRAMES;
  const frames = Array.from({ length: end - first }, (_, index) => frameAt(first + index));
  return onClock([videoHeader(first * FRAME_MS), ...frames], clockMs);
}

const CLOCK_B_MS = 0xFFFFFFFF - 100;
const NOT_FOUND = { code: "NetStream.Play.StreamNotFound", description: "" };

/** An edge whose first origin has died; the second one feeds its player. */
class ReturnRig extends VhostRig {
  player!: TestPlayer;
  sent = 0;
  /** The first origin after its restart. */
  back: ScriptedOrigin | null = null;
  readonly #begun = new WeakSet<object>();

  static async start(cluster: Partial<ClusterConfig> = {}): Promise<ReturnRig> {
    const rig = new ReturnRig({
      origins: TWO_ORIGINS,
      failbackMs: 30_000,
      retryMaxMs: 800,
      ...cluster,
    });
    rig.player = await rig.play();
    rig.a.link.sendMedia(...gopBefore(8, 0));
    rig.sent = 8;
    await rig.advance(1_100);
    rig.a.die();
    await rig.settle();
    await rig.feed(1_000);
    return rig;
  }

  restartFirst(): ScriptedOrigin {
    return this.back = new ScriptedOrigin(this.network, PORT_A);
  }

  /** All origins that play the stream get a frame every 100 ms; one that begins, its GOP first. */
  async feed(durationMs: number): Promise<void> {
    for (let ms = 0; ms < durationMs; ms += FRAME_MS) {
      this.sent++;
      for (const origin of [this.b, this.back]) {
        const clockMs = origin === this.b ? CLOCK_B_MS : 0;
        for (const link of origin?.links ?? []) {
          if (!link.isOpen || origin!.behaviour.kind !== "accept") continue;
          if (link.streamName === "") continue;
          const gop = gopBefore(this.sent, clockMs);
          link.sendMedia(...(this.#begun.has(link) ? gop.slice(-1) : gop));
          this.#begun.add(link);
        }
      }
      await this.advance(FRAME_MS);
      // The log keeps only the newest.
      void this.player.messages;
    }
  }

  check(): void {
    const got = this.player.media.filter(({ payload }) => payload.length > 100).map((
      { payload },
    ) => payload);
    assertEquals(got.length, new Set(got.map(String)).size, "frames twice");
    assert(this.sent - got.length <= 1, `${this.sent - got.length} frames lost`);
    assertEquals(this.player.statuses, []);
  }
}

Deno.test("a pull returns to the preferred origin when that has been back for a while", async () => {
  const rig = await ReturnRig.start();
  rig.restartFirst();
  await rig.feed(25_000);
  assertEquals([rig.back!.openCount, rig.b.openCount], [0, 1], "too early");
  await rig.feed(22_000);
  assertEquals([rig.back!.openCount, rig.b.openCount], [1, 0]);
  rig.check();
  const line = rig.log.lines.findLast(({ message }) => message === "Pull switched");
  assertEquals([line?.fields?.cause, line?.fields?.how], [
    "the preferred origin is back",
    "spliced",
  ]);
});

Deno.test("a pull stays where it is while the preferred origin does not have the stream, and asks less and less", async () => {
  const rig = await ReturnRig.start();
  const back = rig.restartFirst();
  back.behaviour = { kind: "refuse", refusal: NOT_FOUND };
  await rig.feed(300_000);
  assertEquals(rig.b.openCount, 1);
  const count = back.links.length;
  assert(count >= 1 && count <= 4, `asked ${count} times in five minutes`);
  rig.check();
});

Deno.test("a pull does not ask a preferred origin that is down", async () => {
  const rig = await ReturnRig.start();
  await rig.feed(120_000);
  assertEquals(rig.b.openCount, 1);
  rig.check();
});

Deno.test("failback off leaves the pull where it is", async () => {
  const rig = await ReturnRig.start({ failbackMs: 0 });
  rig.restartFirst();
  await rig.feed(100_000);
  assertEquals([rig.back!.links.length, rig.b.openCount], [0, 1]);
});

Deno.test("a pull whose preferred origin accepts and sends nothing stays, and leaves it", async () => {
  const rig = await ReturnRig.start({ origins: TWO_ORIGINS });
  const back = rig.restartFirst();
  back.behaviour = { kind: "hold" };
  await rig.feed(60_000);
  assertEquals([back.openCount, rig.b.openCount], [0, 1]);
  assert(back.links.length >= 1);
  rig.check();
});

Deno.test("a pull that returned to an origin that fails again waits longer for the next return", async () => {
  const rig = await ReturnRig.start();
  rig.restartFirst();
  await rig.feed(46_000);
  assertEquals(rig.b.openCount, 0);
  rig.back!.die();
  await rig.settle();
  const again = rig.restartFirst();
  await rig.feed(50_000);
  assertEquals(again.links.length, 0);
  await rig.feed(45_000);
  assertEquals(again.openCount, 1);
});
