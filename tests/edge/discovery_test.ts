import type { ServiceRecord } from "../../lib/io/name_resolver.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";

const ROOT = 1935;
const LEAF = 1936;
const MIDS = [2001, 2002, 2003];
const STREAMS = 30;
const NAME = "mids.example";
const FRAME_MS = 40;

/** A root with publishers, three mids, and a leaf with players that finds the mids by DNS. */
class Tree {
  readonly world = new MemoryWorld();
  readonly publishers: MemoryClient[] = [];
  readonly players: MemoryClient[] = [];
  leaf!: RunningServer;
  #frame = 0;

  async start(...ports: number[]): Promise<void> {
    const { world } = this;
    this.resolve(...ports);
    world.start(ROOT);
    for (const mid of MIDS) world.start(mid, ROOT);
    this.leaf = world.startWith(LEAF, `cluster { mode remote; origin srv:${NAME}; }`);
    for (let stream = 0; stream < STREAMS; stream++) {
      this.publishers.push(await world.publish(ROOT, `show${stream}`));
      await world.clock.advance(20);
    }
    await this.run(40);
    for (let stream = 0; stream < STREAMS; stream++) {
      this.players.push(await world.play(LEAF, `show${stream}`));
    }
    await this.run(1_000);
  }

  resolve(...ports: number[]): void {
    const { names } = this.world.network;
    const record = { target: NAME, priority: 0, weight: 1 };
    names.a.set(NAME, ["127.0.0.1"]);
    names.srv.set(NAME, ports.map((port): ServiceRecord => ({ ...record, port })));
  }

  /** Publishes for some time. */
  async run(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += FRAME_MS) {
      const timestampMs = this.#frame * FRAME_MS;
      const isKey = this.#frame % 25 === 0;
      for (const publisher of this.publishers) {
        if (this.#frame === 0) publisher.push(videoHeader(1));
        const frame = isKey ? keyframe : interFrame;
        publisher.push(frame(timestampMs, this.#frame % 251, 300));
      }
      this.#frame++;
      await this.world.clock.advance(FRAME_MS);
    }
  }

  async stop(): Promise<void> {
    for (const client of [...this.players, ...this.publishers]) client.close();
    await this.world.advance(20_000);
    await this.world.stop();
  }

  /** Returns the number of streams that the leaf pulls from each address. */
  async loads(): Promise<Record<string, number>> {
    const { streams } = await this.leaf.view.snapshot();
    const counts: Record<string, number> = {};
    for (const { upstreams } of streams) {
      for (const { origin } of upstreams) counts[origin] = (counts[origin] ?? 0) + 1;
    }
    return counts;
  }

  /** Checks that every player has every frame since it began, once. */
  assertWhole(): void {
    for (const player of this.players) {
      assert(!player.isEnded, "a player was disconnected");
      const times = player.media.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1)
        .map(({ timestampMs }) => timestampMs);
      assert(times.length > 25, `${times.length} frames`);
      assertEquals(times, times.map((_, index) => times[0]! + index * FRAME_MS));
    }
  }
}

Deno.test("streams of a name move with its addresses, and players lose nothing", async () => {
  const tree = new Tree();
  await tree.start(2001);
  assertEquals(await tree.loads(), { "127.0.0.1:2001": STREAMS });

  tree.resolve(2001, 2002, 2003);
  await tree.run(8_000);
  const three = await tree.loads();
  assertEquals(Object.values(three).reduce((sum, load) => sum + load), STREAMS);
  assertEquals(Object.keys(three).length, 3);
  for (const load of Object.values(three)) assert(load <= 16, `${load} of ${STREAMS}`);
  const dials = (port: number) => tree.world.dialCount(port);
  assertEquals(MIDS.slice(1).map(dials), [three["127.0.0.1:2002"], three["127.0.0.1:2003"]]);

  tree.resolve(2001, 2003);
  await tree.run(8_000);
  const two = await tree.loads();
  assertEquals(two["127.0.0.1:2001"]! + two["127.0.0.1:2003"]!, STREAMS);
  const movedDials = dials(2001) + dials(2003) - STREAMS - three["127.0.0.1:2003"]!;
  assertEquals(movedDials, three["127.0.0.1:2002"]);
  tree.assertWhole();
  await tree.stop();
  assertEquals(tree.world.clock.pendingCount, 0, "timers are left");
});

Deno.test("players of a name that is not resolved yet wait for its first answer", async () => {
  const tree = new Tree();
  const { world } = tree;
  world.start(ROOT);
  world.startWith(LEAF, `cluster { mode remote; origin srv:${NAME}; }`);
  tree.publishers.push(await world.publish(ROOT, "show0"));
  tree.players.push(await world.play(LEAF, "show0"));
  await tree.run(2_000);
  assertEquals(tree.players[0]!.media, []);
  tree.resolve(ROOT);
  await tree.run(3_000);
  tree.assertWhole();
  await world.stop();
});
