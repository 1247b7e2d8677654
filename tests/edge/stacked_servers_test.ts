/** Complete servers in a row: an origin, an edge, an edge of that edge. */

import { assert, assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import {
  audioFrame,
  audioHeader,
  interFrame,
  keyframe,
  metadata,
  videoHeader,
} from "../helpers/tiny_media.ts";

const ORIGIN = 19_350;
const OTHER_ORIGIN = 19_351;
const NEAR_EDGE = 1_936;
const FAR_EDGE = 1_937;

/** Time for a message through all servers: one merge period each, and some. */
const PASS_MS = 200;

/** An origin, an edge of it, and an edge of that edge. */
function startChain(): MemoryWorld {
  const world = new MemoryWorld();
  world.start(ORIGIN);
  world.start(NEAR_EDGE, ORIGIN);
  world.start(FAR_EDGE, NEAR_EDGE);
  return world;
}

const OPENING = [
  metadata(),
  videoHeader(),
  audioHeader(),
  keyframe(0),
  audioFrame(20),
  interFrame(40),
];

function payloadsOf({ media }: MemoryClient): Uint8Array[] {
  return media.map(({ payload }) => payload);
}

for (const port of [ORIGIN, NEAR_EDGE, FAR_EDGE]) {
  Deno.test(`Servers carry a stream published at ${port} to players at every server`, async () => {
    const world = startChain();
    const publisher = await world.publish(port);
    assert(publisher.isStarted);
    publisher.push(...OPENING);
    await world.advance(PASS_MS);
    const players = [];
    for (const each of [ORIGIN, NEAR_EDGE, FAR_EDGE]) players.push(await world.play(each));
    await world.advance(PASS_MS);
    publisher.push(interFrame(80), audioFrame(81));
    await world.advance(PASS_MS);
    const expected = [...OPENING, interFrame(80), audioFrame(81)].map(({ payload }) => payload);
    for (const player of players) assertEquals(payloadsOf(player), expected);
    await world.stop();
  });
}

Deno.test("Servers hold players until the stream is published, then start them", async () => {
  const world = startChain();
  const player = await world.play(FAR_EDGE);
  await world.advance(20_000);
  assertEquals([player.isEnded, player.media.length], [false, 0]);
  const publisher = await world.publish(ORIGIN);
  publisher.push(...OPENING);
  await world.advance(PASS_MS);
  assertEquals(player.media.length, OPENING.length);
  assert(player.statuses.includes("NetStream.Play.Start"));
  await world.stop();
});

Deno.test("Servers tell a player that no server has the stream", async () => {
  const world = startChain();
  const player = await world.play(FAR_EDGE);
  await world.advance(32_000);
  assertStringIncludes(player.refusal, "NetStream.Play.StreamNotFound");
  assertEquals(player.isEnded, true);
  await world.stop();
});

Deno.test("Servers tell players at the far edge when the stream ends and when it returns", async () => {
  const world = startChain();
  const player = await world.play(FAR_EDGE);
  const first = await world.publish(ORIGIN);
  first.push(...OPENING);
  await world.advance(PASS_MS);
  first.stop();
  await world.advance(PASS_MS);
  assertEquals(player.statuses.at(-1), "NetStream.Play.UnpublishNotify");
  const second = await world.publish(NEAR_EDGE);
  second.push(...OPENING);
  await world.advance(PASS_MS);
  assertEquals(player.statuses.at(-1), "NetStream.Play.PublishNotify");
  assertEquals(player.media.length, 2 * OPENING.length);
  assertEquals(player.isEnded, false);
  await world.stop();
});

Deno.test("Servers use one upstream each for 200 players, and none after the linger time", async () => {
  const world = new MemoryWorld();
  const origin = world.start(ORIGIN);
  const near = world.start(NEAR_EDGE, ORIGIN);
  const far = world.start(FAR_EDGE, NEAR_EDGE);
  const publisher = await world.publish(ORIGIN);
  publisher.push(...OPENING);
  const players = [];
  for (let i = 0; i < 200; i++) players.push(await world.play(FAR_EDGE));
  await world.advance(PASS_MS);
  assert(players.every(({ media }) => media.length === OPENING.length));
  assertEquals([near.upstreamCount, far.upstreamCount], [1, 1]);
  assertEquals([origin.counts.players, near.counts.players, far.counts.players], [1, 1, 200]);
  for (const player of players) player.close();
  await world.advance(9_000);
  publisher.push(keyframe(9_000));
  await world.advance(2_000);
  assertEquals(far.upstreamCount, 0);
  assertEquals(near.counts.players, 0);
  publisher.push(keyframe(11_000));
  await world.advance(10_000);
  assertEquals([near.upstreamCount, origin.counts.players], [0, 0]);
  await world.stop();
});

Deno.test("Servers tell a publisher at the far edge that the name is taken at the origin", async () => {
  const world = startChain();
  await world.publish(ORIGIN);
  const second = await world.publish(FAR_EDGE);
  assertStringIncludes(second.refusal, "NetStream.Publish.BadName");
  await world.advance(2_000);
  assertEquals(second.isEnded, true);
  await world.stop();
});

Deno.test("Servers let a publisher at the far edge return at once", async () => {
  const world = startChain();
  const first = await world.publish(FAR_EDGE);
  first.push(...OPENING);
  first.close();
  const second = await world.publish(FAR_EDGE);
  assertEquals(second.refusal, "");
  second.push(...OPENING);
  await world.advance(PASS_MS);
  const player = await world.play(ORIGIN);
  await world.advance(PASS_MS);
  assertEquals(player.media.length, OPENING.length);
  await world.stop();
});

for (const [what, port] of [["an edge", NEAR_EDGE], ["an edge of an edge", FAR_EDGE]] as const) {
  Deno.test(`A publisher at ${what} that pauses keeps its name, at the origin as well`, async () => {
    const world = startChain();
    const owner = await world.publish(port);
    owner.push(...OPENING);
    await world.advance(3_000);
    const rival = await world.publish(ORIGIN);
    await world.advance(2_000);
    assertStringIncludes(rival.refusal, "NetStream.Publish.BadName");
    assertEquals([rival.isStarted, owner.isEnded], [false, false]);
    await world.stop();
  });

  Deno.test(`A publisher at ${what} that is dead gives its name to one at the origin within 2 s`, async () => {
    const world = startChain();
    const owner = await world.publish(port);
    owner.push(...OPENING);
    await world.advance(500);
    owner.lose();
    const heir = await world.publish(ORIGIN);
    await world.advance(1_600);
    assertEquals([heir.refusal, heir.isStarted], ["", true]);
    await world.stop();
  });
}

Deno.test("Servers end the stream of an edge's publisher whose computer died, after the grace time", async () => {
  const world = startChain();
  const publisher = await world.publish(NEAR_EDGE);
  const { client } = world.network.connections.findLast(({ port }) => port === NEAR_EDGE)!;
  publisher.push(...OPENING);
  await world.advance(PASS_MS);
  const players = [];
  for (const each of [ORIGIN, NEAR_EDGE, FAR_EDGE]) players.push(await world.play(each));
  // It sends nothing more, not even the end of the connection.
  client.write = (bytes) => Promise.resolve(bytes.length);
  // `normal_timeout` and the check once a second, then `grace`.
  await world.advance(29_500);
  assertEquals(publisher.isEnded, true);
  for (const { statuses } of players) assertEquals(statuses.at(-1), "NetStream.Play.Start");
  await world.advance(2_000);
  for (const { statuses, isEnded } of players) {
    assertEquals(statuses.at(-1), "NetStream.Play.UnpublishNotify");
    assertEquals(isEnded, false);
  }
  await world.stop();
});

Deno.test("Servers keep publisher and players while an origin dies and another takes over", async () => {
  const world = new MemoryWorld();
  const dying = world.start(ORIGIN);
  world.start(OTHER_ORIGIN);
  world.start(NEAR_EDGE, ORIGIN, OTHER_ORIGIN);
  const publisher = await world.publish(NEAR_EDGE);
  const local = await world.play(NEAR_EDGE);
  publisher.push(...OPENING);
  await world.advance(PASS_MS);
  await dying.stop();
  await world.advance(PASS_MS);
  publisher.push(interFrame(80));
  await world.advance(PASS_MS);
  const player = await world.play(OTHER_ORIGIN);
  await world.advance(PASS_MS);
  assertEquals([publisher.isEnded, local.isEnded], [false, false]);
  assertEquals(local.media.length, OPENING.length + 1);
  assertEquals(payloadsOf(player).at(-1), interFrame(80).payload);
  assertEquals(player.media.length, OPENING.length + 1);
  await world.stop();
});

Deno.test("A server that is its own origin refuses and does not spin", async () => {
  const world = new MemoryWorld();
  const edge = world.start(NEAR_EDGE, NEAR_EDGE);
  const player = await world.play(NEAR_EDGE);
  await world.advance(20_000);
  const dials = world.dialCount(NEAR_EDGE);
  assert(dials === 2, `it dialled itself ${dials} times: once as a client, and once to be refused`);
  const [line] = world.log.urgent.filter(({ message }) => message.startsWith("Pull failed"));
  assertStringIncludes(line!.message, "NetConnection.Connect.Rejected");
  assertStringIncludes(line!.message, "loop");
  assert(edge.counts.connections <= 3, "refused connections are closed");

  // A retry for the player may be under way, and ends first.
  const publisher = await world.publish(NEAR_EDGE, "other");
  await world.advance(PASS_MS);
  assertStringIncludes(publisher.refusal, "NetStream.Publish.Failed");
  player.close();
  await world.advance(12_000);
  assertEquals(edge.upstreamCount, 0);
  await world.stop();
});

Deno.test("Two servers that are each other's origin refuse and do not spin", async () => {
  const world = new MemoryWorld();
  const near = world.start(NEAR_EDGE, FAR_EDGE);
  const far = world.start(FAR_EDGE, NEAR_EDGE);
  const player = await world.play(NEAR_EDGE);
  await world.advance(20_000);
  const dials = world.network.dialled.length;
  assert(dials < 5, `they dialled ${dials} times in 20 s`);
  player.close();
  await world.advance(30_000);
  assertEquals([near.upstreamCount, far.upstreamCount], [0, 0]);
  const { length } = world.network.dialled;
  await world.advance(30_000);
  assertEquals(world.network.dialled.length, length);
  await world.stop();
});

Deno.test("Servers leave no timer and no connection behind when they are stopped", async () => {
  const world = startChain();
  const publisher = await world.publish(NEAR_EDGE);
  publisher.push(...OPENING);
  await world.play(FAR_EDGE);
  await world.play(FAR_EDGE, "nowhere");
  await world.advance(PASS_MS);
  await world.stop();
  await world.advance(3_000);
  assertEquals(world.clock.pendingCount, 0);
  const open = world.network.connections.filter(({ client, server }) =>
    !client.isClosed || !server.isClosed
  );
  assertEquals(open.length, 0);
});
