/** Two origins that forward to each other: the pair for publishers that connect to one of them. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, TinyEncode } from "../helpers/tiny_encode.ts";

const A = 19_101;
const B = 19_102;
const EDGE = 19_103;
const ENCODE = new TinyEncode();
const OTHER = new TinyEncode({ seed: 50 });
const COUNT = ENCODE.frames.length;

/** Two origins and an edge of both, with a player at each. */
class PairWorld extends MemoryWorld {
  readonly servers = [this.#startOrigin(A, B), this.#startOrigin(B, A)] as const;
  readonly edge = this.start(EDGE, A, B);

  #startOrigin(port: number, twin: number) {
    return this.startWith(port, `forward { enabled on; destination 127.0.0.1:${twin}; }`);
  }
}

function framesOf(client: MemoryClient) {
  return client.media.filter(isTinyFrame);
}

/** Checks that a player got all frames once, in order and with their times. */
function assertWhole(client: MemoryClient, what: string): void {
  const check = new StreamCheck(ENCODE.frames);
  for (const frame of framesOf(client)) check.accept(frame);
  assertEquals([check.mismatch, check.count], [null, COUNT], what);
}

Deno.test("two origins that forward to each other both have what is published to one of them", async () => {
  for (const port of [A, B]) {
    const world = new PairWorld();
    const publisher = await world.publish(port);
    const players = [await world.play(A), await world.play(B), await world.play(EDGE)];
    publisher.push(...ENCODE.headers);
    for (const frame of ENCODE.frames) {
      publisher.push(frame);
      await world.advance(20);
    }
    await world.advance(200);
    players.forEach((player, index) => assertWhole(player, `player ${index} of port ${port}`));
    await world.advance(1_500);
    // The publisher and two players, one copy, and the refusal of the way back.
    const counts = [A, B].map((each) => world.dialCount(each));
    assert(counts.every((count) => count <= 5), `${counts} connections`);
    assertEquals(world.log.urgent.filter(({ layer }) => layer !== "edge"), []);
    publisher.stop();
    await world.stop();
  }
});

Deno.test("a publisher of a pair returns to the other origin, and players of both stay", async () => {
  const world = new PairWorld();
  const first = await world.publish(A);
  const players = [await world.play(A), await world.play(B), await world.play(EDGE)];
  first.push(...ENCODE.headers, ...ENCODE.frames.slice(0, 9));
  await world.advance(200);
  first.lose();
  await world.advance(2_000);
  const second = await world.publish(B);
  await world.advance(3_000);
  assertEquals([second.refusal, second.isStarted], ["", true]);
  second.push(...OTHER.headers);
  for (const frame of OTHER.frames) {
    second.push(frame);
    await world.advance(20);
  }
  await world.advance(200);
  for (const [index, player] of players.entries()) {
    const frames = framesOf(player);
    const times = frames.map(({ timestampMs }) => timestampMs);
    assertEquals(frames.length, 9 + COUNT, `player ${index}`);
    assert(times.every((time, at) => at === 0 || time >= times[at - 1]! - 40), `player ${index}`);
    assertEquals([player.isEnded, player.statuses.filter((one) => /Unpublish/.test(one))], [
      false,
      [],
    ]);
  }
  second.stop();
  await world.stop();
});

Deno.test("a name that is published at one origin of a pair is taken at the other, too", async () => {
  const world = new PairWorld();
  const first = await world.publish(A);
  first.push(...ENCODE.headers, ...ENCODE.frames);
  await world.advance(200);
  const second = await world.publish(B);
  await world.advance(2_000);
  assert(second.refusal.includes("NetStream.Publish.BadName"), second.refusal);
  assertEquals(first.isEnded, false);
  first.stop();
  await world.stop();
});
