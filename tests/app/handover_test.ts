/** What the process that replaces this one may do here. */

import type { RunningServer } from "../../lib/app/relay_server.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { ServerRig } from "../server/rig.ts";

const OLD = 1_001;
const NEW = 1_002;
const UNPUBLISHED = "NetStream.Play.UnpublishNotify";
const CLOSED =
  "vhost __defaultVhost__ { security { enabled on; deny play all; deny publish all; } }";

Deno.test("openHandover() lets a client with the token play, and nothing else", async () => {
  const rig = new ServerRig(CLOSED);
  await rig.server.openHandover("1f2e3d");
  const words = async (action: "play" | "publish", name: string) => {
    const client = await rig.connect({ capsEx: 1 });
    client[action](name);
    await rig.settle();
    return client.words;
  };
  assertEquals(await words("play", "show?edgeHandover=1f2e3d"), []);
  assertEquals(rig.server.counts.players, 1);
  for (const params of ["", "?edgeHandover=", "?edgeHandover=1f2e3", "?edgeHandover=null"]) {
    assertEquals(await words("play", `show${params}`), ["NetStream.Play.Failed"], params);
  }
  const publish = await words("publish", "show?edgeHandover=1f2e3d");
  assertEquals(publish.at(-1), "NetStream.Publish.Denied");
  // It has other ways to find out where its streams are.
  assertEquals(await rig.server.move({}, null), { asked: 0, unable: 0 });
  assertEquals(JSON.stringify(rig.log.lines).includes("1f2e3d"), false);
  await rig.stop();
});

Deno.test("Without a handover, a play with such a parameter is refused as any other", async () => {
  const rig = new ServerRig(CLOSED);
  const client = await rig.play("show?edgeHandover=null");
  assertEquals(client.words, ["NetStream.Play.Failed"]);
  await rig.stop();
});

function openHandovers(servers: readonly RunningServer[], token: string) {
  return Promise.all(servers.map(async (server) => {
    return { hostname: "127.0.0.1", port: await server.openHandover(token) };
  }));
}

/** A process that replaces another one, each of which can reach the other. */
async function replace(): Promise<
  { readonly world: MemoryWorld; readonly end: (noticedAfterMs?: number) => Promise<void> }
> {
  const world = new MemoryWorld();
  const [before, after] = [world.start(OLD), world.start(NEW)];
  const token = "1f2e3d";
  const addresses = await openHandovers([before, after], token);
  await after.takeOver({ addresses: addresses.slice(0, 1), token });
  await before.takeOver({ addresses: addresses.slice(1), token });
  return {
    world,
    async end(noticedAfterMs = 0) {
      await before.stop();
      await world.advance(noticedAfterMs);
      await after.takeOver(null);
      await world.advance(100);
      assertEquals(world.log.urgent, []);
      await world.stop();
    },
  };
}

/** Sends a keyframe each 40 ms. */
async function send(world: MemoryWorld, client: MemoryClient, ms: number): Promise<void> {
  client.push(videoHeader());
  for (let atMs = 0; atMs < ms; atMs += 40) {
    client.push(keyframe(atMs));
    await world.advance(40);
  }
}

/** Checks that the player is told the end when its publisher ends the stream, and not before. */
async function checkEnd(
  publisher: MemoryClient,
  player: MemoryClient,
  world: MemoryWorld,
): Promise<void> {
  assertEquals([player.isEnded, player.statuses.includes(UNPUBLISHED)], [false, false]);
  // The grace of the publisher before ends nothing.
  await send(world, publisher, 10_000);
  assertEquals(player.statuses.includes(UNPUBLISHED), false);
  publisher.stop();
  await world.advance(500);
  assertEquals(player.statuses.includes(UNPUBLISHED), true);
}

Deno.test("players of a replaced origin get a stream whose publisher returns to the new one", async () => {
  const { world, end } = await replace();
  const publisher = await world.publish(OLD);
  const player = await world.play(OLD);
  await send(world, publisher, 1_000);
  publisher.close();
  await world.advance(3_000);
  const returned = await world.publish(NEW);
  await send(world, returned, 3_000);
  // It is asked for once a second.
  const count = player.media.filter(({ typeId }) => typeId === 9).length;
  assert(count >= 25 + 45, `${count} messages`);
  await checkEnd(returned, player, world);
  await end();
});

Deno.test("players of a replaced origin stay when the publisher at it ends the stream after the new one has it", async () => {
  const { world, end } = await replace();
  const publisher = await world.publish(OLD);
  const player = await world.play(OLD);
  await send(world, publisher, 1_000);
  const returned = await world.publish(NEW);
  await send(world, returned, 400);
  publisher.stop();
  await send(world, returned, 3_000);
  const count = player.media.filter(({ typeId }) => typeId === 9).length;
  assert(count >= 25 + 60, `${count} messages`);
  await checkEnd(returned, player, world);
  await end();
});

Deno.test("players of a replaced origin are told at once when the publisher ends the stream", async () => {
  const { world, end } = await replace();
  for (const port of [OLD, NEW]) {
    const publisher = await world.publish(port);
    const players = [await world.play(OLD), await world.play(NEW)];
    await send(world, publisher, 400);
    publisher.stop();
    await world.advance(1_000);
    const told = players.map(({ statuses }) => statuses.includes(UNPUBLISHED));
    assertEquals(told, [true, true], `at ${port}`);
    for (const player of players) player.close();
    await world.advance(2_000);
  }
  await end();
});

Deno.test("that a replaced process has ended warns no one, also before it is noticed", async () => {
  const { world, end } = await replace();
  const publisher = await world.publish(OLD);
  const player = await world.play(NEW);
  await send(world, publisher, 400);
  assertEquals(player.media.length > 5, true);
  const lines = world.log.lines.filter(({ message }) => message.startsWith("Pull failed"));
  assertEquals(lines.length, 0);
  await end(1_000);
  const told = world.log.lines.filter(({ message }) => message.startsWith("Pull failed"));
  assertEquals([...new Set(told.map(({ level }) => level))], ["info", "debug"]);
});

Deno.test("players of a replaced origin are told the end when the publisher returns nowhere", async () => {
  const { world, end } = await replace();
  const publisher = await world.publish(OLD);
  const players = [await world.play(OLD), await world.play(NEW)];
  await send(world, publisher, 400);
  publisher.close();
  await world.advance(25_000);
  assertEquals(players.map(({ statuses }) => statuses.includes(UNPUBLISHED)), [true, true]);
  for (const player of players) player.close();
  await world.advance(1_000);
  assertEquals(world.network.connections.filter(({ client }) => !client.isClosed).length, 0);
  await end();
});

Deno.test("a replaced origin and the new one do not wait for each other's stream", async () => {
  const { world, end } = await replace();
  const players = [await world.play(OLD, "none"), await world.play(NEW, "none")];
  await world.advance(3_000);
  for (const player of players) player.close();
  await world.advance(1_000);
  assertEquals(world.network.connections.filter(({ client }) => !client.isClosed).length, 0);
  await end();
});

Deno.test("of three processes, each has the streams of the others, also when the middle one ends", async () => {
  const world = new MemoryWorld();
  const NEWEST = 1_003;
  const token = "1f2e3d";
  const servers = [OLD, NEW, NEWEST].map((port) => world.start(port));
  const [before, middle, newest] = servers as [RunningServer, RunningServer, RunningServer];
  const addresses = await openHandovers(servers, token);
  for (const [index, server] of servers.entries()) {
    await server.takeOver({ addresses: addresses.toSpliced(index, 1), token });
  }
  const publisher = await world.publish(OLD);
  const [stayer, newcomer] = [await world.play(OLD), await world.play(NEWEST)];
  await send(world, publisher, 2_000);
  assert(newcomer.media.length > 25, `${newcomer.media.length} messages before`);
  await middle.stop();
  await before.takeOver({ addresses: addresses.slice(2), token });
  await newest.takeOver({ addresses: addresses.slice(0, 1), token });
  const count = newcomer.media.length;
  await send(world, publisher, 1_000);
  assert(newcomer.media.length >= count + 25, `${newcomer.media.length - count} messages after`);
  publisher.close();
  await world.advance(1_000);
  const returned = await world.publish(NEWEST);
  await send(world, returned, 3_000);
  for (const { statuses, media } of [stayer, newcomer]) {
    assertEquals(statuses.includes(UNPUBLISHED), false);
    assert(media.at(-1)!.timestampMs > 4_500, `${media.at(-1)!.timestampMs} ms`);
  }
  await before.stop();
  await newest.takeOver(null);
  assertEquals(world.log.urgent, []);
  await world.stop();
});
