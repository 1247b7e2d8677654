/** An edge whose clients and origins act at random. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { TWO_ORIGINS } from "../helpers/edge_rig.ts";
import type { Behaviour } from "../helpers/origin_behaviour.ts";
import type { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { TestPlayer, TestPublisher, VhostRig } from "../helpers/vhost_rig.ts";

const SEEDS = 25;
const STEPS = 40;

const BAD_NAME = { code: "NetStream.Publish.BadName", description: "taken" };
const NOT_FOUND = { code: "NetStream.Play.StreamNotFound", description: "none" };

const BEHAVIOURS: readonly Behaviour[] = [
  { kind: "accept" },
  { kind: "accept" },
  { kind: "hold" },
  { kind: "mute" },
  { kind: "close at once" },
  { kind: "refuse", refusal: BAD_NAME },
  { kind: "refuse connect", refusal: NOT_FOUND },
  { kind: "other msid", msid: 3 },
];

/** Returns the generator of Numerical Recipes. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** One run of random steps. */
class Chaos {
  readonly rig: VhostRig;
  readonly players: TestPlayer[] = [];
  readonly publishers: TestPublisher[] = [];
  readonly #random: (below: number) => number;
  #timestampMs = 0;

  constructor(seed: number) {
    this.#random = createRandom(seed);
    this.rig = new VhostRig({
      lingerMs: this.#pick([0, 300, 10_000]),
      ...(this.#random(2) === 0 ? {} : { origins: TWO_ORIGINS }),
    });
  }

  async step(): Promise<void> {
    this.#act();
    // Often several things happen in one turn, or before promises have settled.
    if (this.#random(2) === 0) return;
    if (this.#random(2) === 0) return await Promise.resolve();
    await this.rig.advance(this.#pick([0, 10, 250, 1_100, 6_000]));
    assert(this.rig.upstreamCount <= 2, "a pull and a push at most");
  }

  /** Feeds the stream wherever it can be fed. */
  feed(): void {
    this.#timestampMs += 40;
    const mark = this.#timestampMs / 40 % 251;
    const messages = [
      videoHeader(this.#timestampMs),
      keyframe(this.#timestampMs, mark, 300),
      interFrame(this.#timestampMs + 20, mark, 250),
    ];
    for (const publisher of this.publishers) {
      if (publisher.handle !== null) publisher.push(...messages);
    }
    for (const { links } of [this.rig.a, this.rig.b]) {
      for (const link of links) {
        if (link.isOpen && link.commandNames.includes("play")) link.sendMedia(...messages);
      }
    }
  }

  leaveAll(): void {
    for (const player of this.players.splice(0)) player.leave();
    for (const publisher of this.publishers.splice(0)) publisher.leave();
  }

  /** For every player, timestamps never decrease. */
  assertTimeForward(): void {
    for (const { media } of this.players) {
      const times = media.map(({ timestampMs }) => timestampMs);
      assertEquals(times, times.toSorted((left, right) => left - right));
    }
  }

  /** Lets all origins work again. */
  repair(): void {
    for (const origin of [this.rig.a, this.rig.b]) {
      origin.behaviour = { kind: "accept" };
      for (const link of origin.links) {
        link.thaw();
        if (link.isOpen) link.close();
      }
    }
  }

  #act(): void {
    const { vhost } = this.rig;
    switch (this.#random(9)) {
      case 0:
      case 1:
        this.players.push(new TestPlayer(vhost));
        return;
      case 2:
        return this.#takeOne(this.players)?.leave();
      case 3:
        this.publishers.push(new TestPublisher(vhost));
        return;
      case 4:
        return this.#takeOne(this.publishers)?.leave();
      case 5:
        this.#origin().behaviour = this.#pick(BEHAVIOURS);
        return;
      case 6:
        return this.#disturb();
      default:
        return this.feed();
    }
  }

  #disturb(): void {
    const link = this.#origin().links.findLast(({ isOpen }) => isOpen);
    if (link === undefined) return;
    switch (this.#random(5)) {
      case 0:
        return link.close();
      case 1:
        return link.reset();
      case 2:
        return link.freeze();
      case 3:
        return link.thaw();
      default:
        return link.sendStatus("NetStream.Play.UnpublishNotify");
    }
  }

  #origin(): ScriptedOrigin {
    return this.#random(2) === 0 ? this.rig.a : this.rig.b;
  }

  #takeOne<T>(items: T[]): T | undefined {
    return items.splice(this.#random(items.length), 1)[0];
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random(items.length)]!;
  }
}

Deno.test("RemoteVhost serves a player after any sequence of events", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chaos = new Chaos(seed);
    for (let step = 0; step < STEPS; step++) await chaos.step();
    chaos.repair();
    const player = new TestPlayer(chaos.rig.vhost);
    chaos.players.push(player);
    for (let second = 0; second < 12; second++) {
      chaos.feed();
      await chaos.rig.advance(1_000);
    }
    const before = player.media.length;
    chaos.feed();
    await chaos.rig.settle();
    assertEquals(player.media.length - before, 3, `the player gets nothing with seed ${seed}`);
    chaos.assertTimeForward();
    chaos.leaveAll();
    await chaos.rig.assertNothingLeft();
  }
});

Deno.test("RemoteVhost leaves nothing behind after any sequence of events", async () => {
  for (let seed = 1_001; seed <= 1_000 + SEEDS; seed++) {
    const chaos = new Chaos(seed);
    for (let step = 0; step < STEPS; step++) await chaos.step();
    chaos.leaveAll();
    await chaos.rig.assertNothingLeft();
  }
});

Deno.test("RemoteVhost.close() ends everything after any sequence of events", async () => {
  for (let seed = 2_001; seed <= 2_000 + SEEDS; seed++) {
    const chaos = new Chaos(seed);
    for (let step = 0; step < STEPS; step++) await chaos.step();
    chaos.rig.vhost.close();
    await chaos.rig.advance(15_000);
    assertEquals(chaos.rig.a.openCount + chaos.rig.b.openCount, 0, `with seed ${seed}`);
    assertEquals(chaos.rig.clock.pendingCount, 0, `with seed ${seed}`);
  }
});
