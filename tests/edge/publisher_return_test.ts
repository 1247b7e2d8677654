/** Publishers of an edge that are lost and return, or are replaced: the push continues. */

import { assertEquals } from "../helpers/assert.ts";
import { PORT_A, requestFor } from "../helpers/edge_rig.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { interFrame, keyframe } from "../helpers/tiny_media.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const ORIGIN = 1935;
const EDGE = 1936;
const OTHER_EDGE = 1937;
const OTHER_ORIGIN = 1938;
const FAR_EDGE = 1939;

/** Returns the marks of video frames, by which tests tell them apart. */
function marksOf({ media }: MemoryClient): (number | undefined)[] {
  return media.filter(({ typeId }) => typeId === 9).map(({ payload }) => payload.at(-1));
}

function timesOf({ media }: MemoryClient): number[] {
  return media.filter(({ typeId }) => typeId === 9).map(({ timestampMs }) => timestampMs);
}

/** Players at an origin and at its edge, and a publisher at the edge that has sent two frames. */
async function start() {
  const world = new MemoryWorld();
  world.start(ORIGIN);
  world.start(EDGE, ORIGIN);
  const publisher = await world.publish(EDGE);
  await world.advance(100);
  const players = [await world.play(ORIGIN), await world.play(EDGE)];
  publisher.push(keyframe(0, 1), interFrame(40, 2));
  await world.advance(100);
  for (const player of players) assertEquals(marksOf(player), [1, 2]);
  return { world, publisher, players };
}

const LOSSES = [
  { name: "is closed", lose: (publisher: MemoryClient) => publisher.close() },
  { name: "falls silent without a FIN", lose: (publisher: MemoryClient) => publisher.lose() },
] as const;

for (const { name, lose } of LOSSES) {
  // The second is longer than origins wait for a publisher's next message.
  for (const awayMs of [2_000, 9_000]) {
    Deno.test(`a publisher returns to its edge ${awayMs} ms after its connection ${name}: players stay, timestamps continue`, async () => {
      const { world, publisher, players } = await start();
      lose(publisher);
      await world.advance(awayMs);
      const second = await world.publish(EDGE);
      await world.advance(1_600);
      assertEquals([second.isStarted, second.refusal], [true, ""]);
      second.push(keyframe(0, 3), interFrame(40, 4));
      await world.advance(100);
      for (const player of players) {
        const marks = marksOf(player);
        assertEquals([marks.slice(0, 2), marks.slice(-2)], [[1, 2], [3, 4]]);
        assertEquals(timesOf(player), marks.map((_, index) => index * 40));
        assertEquals(player.isEnded, false);
        assertEquals(player.statuses.filter((code) => /Unpublish/.test(code)), []);
      }
      // The origin may have closed a silent push first, and got what it had not acknowledged again.
      assertEquals(marksOf(players[1]!), [1, 2, 3, 4]);
      await world.stop();
    });
  }
}

Deno.test("a publisher returns through another edge: players of both edges and of the origin stay and see it", async () => {
  const { world, publisher, players } = await start();
  world.start(OTHER_EDGE, ORIGIN);
  publisher.close();
  await world.advance(1_500);
  const second = await world.publish(OTHER_EDGE);
  await world.advance(1_600);
  assertEquals([second.isStarted, second.refusal], [true, ""]);
  players.push(await world.play(OTHER_EDGE));
  second.push(keyframe(0, 3), interFrame(40, 4));
  await world.advance(1_000);
  second.push(interFrame(80, 5));
  await world.advance(1_500);
  // The first edge does not reclaim the name when the stream pauses.
  second.push(interFrame(120, 6));
  await world.advance(1_000);
  for (const player of players) {
    assertEquals(marksOf(player).slice(-4), [3, 4, 5, 6]);
    assertEquals(player.isEnded, false);
    assertEquals(player.statuses.filter((code) => /Unpublish/.test(code)), []);
  }
  assertEquals([second.isEnded, second.refusal], [false, ""]);
  await world.stop();
});

for (
  const [how, awayOrder, returnOrder] of [
    ["that lists the origins in the other order", [ORIGIN, OTHER_ORIGIN], [OTHER_ORIGIN, ORIGIN]],
    ["that lists the origins in the same order", [ORIGIN, OTHER_ORIGIN], [ORIGIN, OTHER_ORIGIN]],
    ["that knows the other origin only", [ORIGIN, OTHER_ORIGIN], [OTHER_ORIGIN]],
  ] as const
) {
  Deno.test(`a publisher returns through an edge ${how}: players of both edges stay and see it`, async () => {
    const world = new MemoryWorld();
    world.start(ORIGIN);
    world.start(OTHER_ORIGIN);
    world.start(EDGE, ...awayOrder);
    world.start(OTHER_EDGE, ...returnOrder);
    world.start(FAR_EDGE, EDGE);
    const first = await world.publish(EDGE);
    await world.advance(100);
    const players = [
      await world.play(EDGE),
      await world.play(OTHER_EDGE),
      await world.play(FAR_EDGE),
    ];
    first.push(keyframe(0, 1), interFrame(40, 2));
    await world.advance(6_000);
    const isSeen = (returnOrder as readonly number[]).includes(ORIGIN);
    const seen = [[1, 2], isSeen ? [1, 2] : [], [1, 2]];
    assertEquals(players.map(marksOf), seen);
    first.close();
    await world.advance(1_500);
    const second = await world.publish(OTHER_EDGE);
    await world.advance(1_600);
    assertEquals([second.isStarted, second.refusal], [true, ""]);
    second.push(keyframe(0, 3), interFrame(40, 4));
    await world.advance(1_000);
    for (let i = 0; i < 12; i++) {
      second.push(interFrame(80 + 1_000 * i, 5 + i));
      await world.advance(1_000);
    }
    for (const [index, player] of players.entries()) {
      assertEquals(marksOf(player), [
        ...seen[index]!,
        ...Array.from({ length: 14 }, (_, i) => 3 + i),
      ]);
      assertEquals(player.isEnded, false);
      assertEquals(player.statuses.filter((code) => /Unpublish/.test(code)), []);
    }
    await world.stop();
  });
}

Deno.test("an edge keeps the push of a returned publisher after the grace time", async () => {
  const rig = new VhostRig();
  const first = await rig.publish();
  first.leave("lost");
  await rig.advance(5_000);
  const second = await rig.publish();
  await rig.advance(20_000);
  assertEquals([second.handle!.isClosed, rig.upstreamCount], [false, 1]);
  second.leave("lost");
  await rig.vhost.close();
  await rig.settle();
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
});

Deno.test("an edge ends its push when a lost publisher does not return within the grace time", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const publisher = await rig.publish();
  publisher.push(keyframe(0));
  await rig.settle();
  publisher.leave("lost");
  await rig.advance(9_900);
  assertEquals(rig.upstreamCount, 1);
  player.leave();
  await rig.advance(200);
  await rig.assertNothingLeft();
});

Deno.test("an edge refuses a second publisher unless the first gives no sign of life", async () => {
  const rig = new VhostRig();
  const first = await rig.publish();
  const hasty = await rig.publish();
  assertEquals(hasty.refusals.map(({ code }) => code), ["NetStream.Publish.BadName"]);
  assertEquals(first.isReplaced, false);
  const answers: boolean[] = [];
  rig.vhost.reserve(requestFor("show"), (hasRoom) => answers.push(hasRoom));
  await rig.advance(1_500);
  assertEquals(answers, [true]);
  const second = await rig.publish();
  assertEquals([second.refusals.length, first.isReplaced], [0, true]);
  assertEquals([first.handle!.isClosed, second.handle!.isClosed], [true, false]);
  first.leave("lost");
  hasty.leave("lost");
  assertEquals(second.handle!.isClosed, false);
  second.leave();
  await rig.assertNothingLeft();
});

Deno.test("an edge does not replace a publisher that waits for an origin's answer", async () => {
  const rig = new VhostRig();
  rig.network.silence(PORT_A);
  const first = await rig.publish();
  await rig.advance(1_500);
  const second = await rig.publish();
  assertEquals(second.refusals.map(({ code }) => code), ["NetStream.Publish.BadName"]);
  assertEquals(first.isReplaced, false);
  await rig.vhost.close();
});
