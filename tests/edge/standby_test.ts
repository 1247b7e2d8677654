/** `standby on`: two upstreams of a stream at once, of which each may fail at any message. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { type OriginLink, ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { onClock } from "../helpers/tiny_encode.ts";
import { audioHeader, type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";
import { type TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const FRAME_MS = 40;
const GOP = 10;
const THREE_ORIGINS = [...TWO_ORIGINS, { hostname: "c.example", port: 19_003 }];
const CLOCKS_MS = { a: 0, b: 0xFFFFFFFF - 1_000 };

/** Returns video frame `number`. No two are equal. */
function frameAt(number: number, seed = 0): TinyMessage {
  const payload = new Uint8Array(260).fill((number + seed) & 255);
  payload.set([number % GOP === 0 ? 0x17 : 0x27, 1, 0, 0, 0, number >> 8, number & 255, seed]);
  return { typeId: 9, timestampMs: number * FRAME_MS, payload };
}

/** What a play begins with when the newest frame is `newest`: from `back` frames before it on. */
function gopOf(newest: number, seed: number, back: number): TinyMessage[] {
  const oldest = Math.max(0, newest - back);
  const first = oldest - oldest % GOP;
  const frames = Array.from({ length: newest + 1 - first }, (_, at) => frameAt(first + at, seed));
  const timestampMs = first * FRAME_MS;
  return [videoHeader(timestampMs), audioHeader(timestampMs), ...frames];
}

/** An edge with one player and two origins of one encode, of which the second lags. */
class StandbyRig extends VhostRig {
  player!: TestPlayer;
  now = 0;
  lag = 0;
  seedOfB = 0;
  /** Sends what `a` sends. */
  alsoFed: ScriptedOrigin | null = null;
  /** How far back a play begins: edges ask for a second, which foreign origins do not send. */
  back = 0;
  /** What an origin does not send. */
  isHole = (_: "a" | "b", __: number) => false;
  readonly #begun = new WeakSet<OriginLink>();

  static async start(lag = 0, cluster: Partial<ClusterConfig> = {}): Promise<StandbyRig> {
    const rig = new StandbyRig({
      origins: TWO_ORIGINS,
      standby: true,
      isStallAuto: true,
      retryMaxMs: 800,
      ...cluster,
    });
    rig.lag = lag;
    rig.now = 9;
    rig.player = await rig.play();
    return rig;
  }

  /** Sends `count` frames from both origins. */
  async feed(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      this.now++;
      for (const name of ["a", "b"] as const) this.#send(name, this[name]);
      if (this.alsoFed !== null) this.#send("a", this.alsoFed);
      await this.advance(FRAME_MS);
      void this.player.messages;
    }
  }

  #send(name: "a" | "b", origin: ScriptedOrigin): void {
    const newest = name === "a" ? this.now : this.now - this.lag;
    const seed = name === "a" ? 0 : this.seedOfB;
    for (const link of origin.links) {
      if (!link.isOpen || link.streamName === "" || this.isHole(name, newest)) continue;
      if (this.#begun.has(link)) {
        link.sendMedia(...onClock([frameAt(newest, seed)], CLOCKS_MS[name]));
        continue;
      }
      this.#begun.add(link);
      link.sendMedia(...onClock(gopOf(newest, seed, this.back), CLOCKS_MS[name]));
    }
  }

  get numbers(): number[] {
    return this.player.media
      .filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1)
      .map(({ payload }) => payload[5]! << 8 | payload[6]!);
  }

  /** Checks that the player has all frames up to `newest` once, in order, at their times. */
  check(newest: number, what: string): void {
    const expected = Array.from({ length: newest - 9 }, (_, at) => at + 10);
    assertEquals(this.numbers.filter((number) => number >= 10), expected, what);
    const frames = this.player.media.filter(({ typeId, payload }) =>
      typeId === 9 && payload[1] === 1
    );
    const steps = frames.slice(1).map((frame, at) => frame.timestampMs - frames[at]!.timestampMs);
    assertEquals(steps.every((step) => step === FRAME_MS), true, `${what}: ${steps}`);
    assertEquals(this.player.statuses, [], what);
  }
}

Deno.test("with standby on, a stream has two upstreams", async () => {
  const rig = await StandbyRig.start();
  await rig.feed(20);
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 1]);
  rig.check(rig.now, "");
  assert(rig.log.lines.some(({ message }) => message === "Standby ready"));
});

for (const lag of [-1, 0, 4, GOP]) {
  for (const victim of ["a", "b"] as const) {
    for (const way of ["reset", "freeze"] as const) {
      Deno.test(`with standby on, a player notices no ${way} of ${victim} at any message when b lags by ${lag}`, async () => {
        for (let at = 70; at < 70 + GOP; at++) {
          const rig = await StandbyRig.start(lag);
          await rig.feed(at);
          if (way === "reset") rig[victim].die();
          else rig.isHole = (name) => name === victim;
          await rig.feed(2);
          const left = victim === "a" ? rig.now - Math.max(0, lag) : rig.now;
          assert(rig.numbers.at(-1)! >= left, `at ${at}: ${rig.numbers.at(-1)} of ${left}`);
          await rig.feed(12);
          rig.check(victim === "a" ? rig.now - lag : rig.now, `at ${at}`);
        }
      });
    }
  }
}

Deno.test("with standby on, a hole in either origin is filled by the other", async () => {
  for (const holed of ["a", "b"] as const) {
    for (let hole = 25; hole < 35; hole++) {
      const rig = await StandbyRig.start(1);
      rig.isHole = (name, number) => name === holed && number >= hole && number < hole + 3;
      await rig.feed(50);
      rig.check(rig.now, `${holed} at ${hole}`);
    }
  }
});

Deno.test("with standby on, frames that neither origin has are counted as lost", async () => {
  const rig = await StandbyRig.start(1);
  rig.isHole = (_, number) => number >= 30 && number < 33;
  await rig.feed(50);
  const upstreams = rig.vhost.upstreams();
  const [pull] = upstreams.of("live/show");
  const counts = [upstreams.totals.lostFrames, pull!.lostFrames, pull!.switches];
  assertEquals(counts, [3, 3, 0]);
});

for (const lag of [0, 4, GOP]) {
  Deno.test(`with standby on, two breaks in a row cost nothing when b lags by ${lag}`, async () => {
    for (let second = 6; second < 16; second++) {
      const rig = await StandbyRig.start(lag);
      rig.back = 25;
      await rig.feed(20 + lag);
      const [first] = rig.a.links;
      first!.reset();
      await rig.feed(second);
      assertEquals([rig.a.openCount, rig.b.openCount], [1, 1], "the first is back");
      rig.b.link.reset();
      await rig.feed(30);
      rig.check(rig.now, `second break after ${second}`);
      assertEquals([rig.a.openCount, rig.b.openCount], [1, 1]);
    }
  });
}

Deno.test("with standby on, an origin of another encode is a cold reserve that says so", async () => {
  const rig = await StandbyRig.start();
  rig.seedOfB = 100;
  await rig.feed(130);
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 0]);
  rig.check(rig.now, "");
  assert(rig.log.urgent.some(({ message }) => message.includes("another encode")));
});

Deno.test("with standby on, an origin that asks to be left is left, and later asked again", async () => {
  for (const name of ["a", "b"] as const) {
    const rig = await StandbyRig.start();
    await rig.feed(20);
    const { link } = rig[name];
    link.askToReconnect();
    await rig.feed(20);
    assertEquals([link.isOpen, rig.a.openCount, rig.b.openCount], [false, 1, 1], name);
    rig.check(rig.now, name);
  }
});

Deno.test("with standby on, a pull moves to the origin that is named, not to the standby", async () => {
  const rig = await StandbyRig.start(0, { origins: THREE_ORIGINS });
  const c = new ScriptedOrigin(rig.network, THREE_ORIGINS[2]!.port);
  await rig.feed(20);
  rig.alsoFed = c;
  rig.vhost.move({ type: "all" }, THREE_ORIGINS[2]!);
  await rig.feed(20);
  const [pull] = rig.vhost.of("live/show");
  assertEquals([pull!.origin, c.openCount, rig.a.openCount], ["c.example:19003", 1, 1]);
  rig.check(rig.now, "");
});

Deno.test("the second pull is reported as such, and counted", async () => {
  const rig = await StandbyRig.start();
  await rig.feed(20);
  const described = () =>
    rig.vhost.of("live/show").map(({ kind, state, origin }) => `${kind} ${state} ${origin}`);
  assertEquals(described(), ["pull live a.example:19001", "standby live b.example:19002"]);
  assertEquals([rig.vhost.count, rig.vhost.totals.attempts], [2, 2]);
  assertEquals(rig.vhost.move({ type: "all" }), 1, "the standby does not move");
  await rig.feed(20);
  assertEquals(described(), ["pull live b.example:19002", "standby live a.example:19001"]);
  rig.a.link.reset();
  await rig.feed(1);
  assertEquals(described(), ["pull live b.example:19002", "standby connecting a.example:19001"]);
  assertEquals(rig.vhost.totals.failures, 1);
  assertEquals(rig.vhost.of("live/show")[1]!.lastError !== "", true);
});

Deno.test("standby may be switched off while streams play", async () => {
  const rig = await StandbyRig.start();
  await rig.feed(20);
  rig.vhost.configure({
    ...rig.vhost.config,
    cluster: { ...rig.vhost.config.cluster, standby: false },
  });
  await rig.feed(20);
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 0]);
  rig.check(rig.now, "");
});

Deno.test("nothing is left when the players of a stream with standby leave", async () => {
  const rig = await StandbyRig.start();
  await rig.feed(20);
  rig.player.leave();
  await rig.assertNothingLeft();
});
