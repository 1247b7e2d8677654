/** An encoder that publishes through an edge and connects to another edge, asked to or not. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";

const ORIGIN = 1_000;
const [MID_A, MID_B] = [1_001, 1_002];
const [LEAF_A, LEAF_B] = [1_003, 1_004];
const FRAME_MS = 40;
/** Frames from one keyframe to the next. */
const GOP = 25;

/** A player, and what it has missed. */
interface Watch {
  readonly name: string;
  readonly player: MemoryClient;
  count: number;
  sinceMs: number;
  longestMs: number;
}

/** An encoder, whose frames are numbered, and players at all levels. */
class Scene {
  readonly world = new MemoryWorld();
  readonly watches: Watch[] = [];
  #ms = 0;

  async watch(...ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      const player = await this.world.play(port);
      this.watches.push({ name: String(port), player, count: 0, sinceMs: this.#ms, longestMs: 0 });
    }
  }

  /** The encoder sends a frame each 40 ms over these connections. */
  async send(ms: number, ...encoders: readonly MemoryClient[]): Promise<void> {
    for (const endMs = this.#ms + ms; this.#ms < endMs; this.#ms += FRAME_MS) {
      const number = this.#ms / FRAME_MS;
      for (const encoder of encoders) {
        const isKey = number % GOP === 0;
        encoder.push((isKey ? keyframe : interFrame)(this.#ms, number, 400));
      }
      await this.world.advance(FRAME_MS);
      for (const watch of this.watches) this.#look(watch);
    }
  }

  /** A connection of the encoder to another server. */
  async connect(port: number): Promise<MemoryClient> {
    const encoder = await this.world.publish(port);
    encoder.push(videoHeader(this.#ms));
    return encoder;
  }

  #look(watch: Watch): void {
    const { length } = watch.player.media;
    if (length > watch.count) watch.sinceMs = this.#ms;
    watch.count = length;
    watch.longestMs = Math.max(watch.longestMs, this.#ms - watch.sinceMs);
  }
}

/** Numbers of the frames that a player got. */
function numbersOf({ media }: MemoryClient): number[] {
  return media.filter(({ payload }) => payload[1] === 1).map(({ payload }) => payload.at(-1)!);
}

/** Checks that each player got each frame once, without a silence. */
function checkAll({ watches }: Scene): void {
  for (const { name, player, longestMs } of watches) {
    assertEquals([name, player.isEnded], [name, false]);
    assert(longestMs <= 500, `${longestMs} ms of silence at ${name}`);
    const numbers = numbersOf(player);
    const steps = numbers.slice(1).map((number, index) => number - numbers[index]!);
    assertEquals([name, [...new Set(steps)]], [name, [1]]);
  }
}

for (const levels of [2, 3]) {
  for (const order of ["after it has left", "before it leaves"]) {
    Deno.test(`an encoder that is asked to move, and connects to another edge ${order}, costs no silence; ${levels} levels`, async () => {
      const scene = new Scene();
      const { world } = scene;
      world.start(ORIGIN);
      const [a, b] = levels === 2 ? [MID_A, MID_B] : [LEAF_A, LEAF_B];
      const mids = [world.start(MID_A, ORIGIN), world.start(MID_B, ORIGIN)];
      const leaf = levels === 2 ? mids[0]! : world.start(LEAF_A, MID_A);
      if (levels === 3) world.start(LEAF_B, MID_B);
      const encoder = await scene.connect(a);
      await scene.send(400, encoder);
      await scene.watch(ORIGIN, a, b);
      await scene.send(1_600, encoder);
      void leaf.drain({ cause: "test", target: null, timeoutMs: null, isReplaced: true });
      // It connects again at a keyframe.
      await scene.send(1_000, encoder);
      assertEquals(encoder.isAskedToMove, true);
      const leave = () => {
        encoder.stop();
        encoder.close();
      };
      if (order === "after it has left") leave();
      const next = await scene.connect(b);
      if (order === "before it leaves") await scene.send(200, encoder, next);
      leave();
      await scene.send(5_000, next);
      checkAll(scene);
      await world.stop();
    });
  }
}

Deno.test("an encoder whose connection to an edge breaks begins at another edge at once", async () => {
  const scene = new Scene();
  const { world } = scene;
  world.start(ORIGIN);
  for (const port of [MID_A, MID_B]) world.start(port, ORIGIN);
  const encoder = await scene.connect(MID_A);
  await scene.send(400, encoder);
  await scene.watch(ORIGIN, MID_A, MID_B);
  await scene.send(1_600, encoder);
  encoder.close();
  await world.settle();
  const next = await scene.connect(MID_B);
  assertEquals(next.isStarted, true);
  await scene.send(3_000, next);
  checkAll(scene);
  await world.stop();
});
