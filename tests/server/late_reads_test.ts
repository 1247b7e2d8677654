/**
 * Clients of a server whose event loop is late, as with too little CPU time: bytes wait in the
 * kernel for longer than the timeouts. Only clients that sent nothing are closed.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { AVC_HEADER, interFrame, keyframe } from "../helpers/media.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { type Client, ServerRig } from "./rig.ts";

const VIDEO = 9;

/** How late everything is read, in ms. */
const LATE_MS = 10_000;

/** From now on, all that arrives of these clients is read late. */
function makeLate(rig: ServerRig, ...clients: readonly Client[]): void {
  rig.clock.readDelayMs = LATE_MS;
  for (const { far } of clients) far.noticeLater = (run) => rig.clock.afterReads(run);
}

/** Sends a frame a second. */
async function publishFor(rig: ServerRig, client: Client, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    client.push(VIDEO, rig.clock.now(), interFrame());
    await rig.advance(1_000);
  }
}

async function publishing(rig: ServerRig, name = "show"): Promise<Client> {
  const client = await rig.publish(name);
  client.push(VIDEO, 0, AVC_HEADER);
  client.push(VIDEO, 0, keyframe());
  await rig.settle();
  return client;
}

Deno.test("a publisher whose media waits unread is not silent, and one that sends none is", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { publish { normal_timeout 5s; } }");
  const client = await publishing(rig);
  const silent = await publishing(rig, "silent");
  makeLate(rig, client, silent);
  await publishFor(rig, client, 60);
  assertEquals([client.isEnded, silent.isEnded], [false, true]);
  assert(
    rig.linesOf("Publish ended").every(({ fields }) => fields["stream"] === "live/silent"),
    "ends the other one",
  );
  client.transport.close();
  await rig.advance(2 * LATE_MS);
  await rig.stop();
});

Deno.test("a publisher whose first media waits unread has sent it", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { publish { firstpkt_timeout 5s; } }");
  const client = await rig.publish();
  makeLate(rig, client);
  client.push(VIDEO, 0, AVC_HEADER);
  await publishFor(rig, client, 40);
  assertEquals(client.isEnded, false);
  client.transport.close();
  await rig.advance(2 * LATE_MS);
  await rig.stop();
});

Deno.test("a player whose answers to pings wait unread is alive, and one that gives none is not", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { play { ping 4s; ping_timeout 3s; } }");
  const publisher = await publishing(rig);
  const player = await rig.play();
  const dead = await rig.play();
  makeLate(rig, player, dead);
  for (let second = 0; second < 60; second++) {
    // Any byte counts.
    player.command("ping", [null]);
    await publishFor(rig, publisher, 1);
  }
  assertEquals([player.isEnded, dead.isEnded], [false, true]);
  for (const { transport } of [publisher, player]) transport.close();
  await rig.advance(2 * LATE_MS);
  await rig.stop();
});

Deno.test("a client whose commands wait unread has time to send them", async () => {
  const rig = new ServerRig();
  const [client, silent] = [await rig.dial(), await rig.dial()];
  makeLate(rig, client, silent);
  await rig.advance(25_000);
  client.send(SIMPLE_HANDSHAKE);
  client.connect();
  client.publish();
  await publishFor(rig, client, 20);
  assertEquals([client.isEnded, silent.isEnded], [false, true]);
  client.transport.close();
  await rig.advance(90_000);
  await rig.stop();
});

Deno.test("a publisher whose media waits unread keeps its name", async () => {
  const rig = new ServerRig();
  const client = await publishing(rig);
  const newcomer = await rig.connect();
  makeLate(rig, client);
  newcomer.publish("show");
  await publishFor(rig, client, 30);
  assertEquals(client.isEnded, false);
  assert(newcomer.words.includes("NetStream.Publish.BadName"), String(newcomer.words));
  for (const { transport } of [client, newcomer]) transport.close();
  await rig.advance(2 * LATE_MS);
  await rig.stop();
});

Deno.test("a player whose socket took bytes is not stalled because that is noticed late", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { play { write_stall 3s; } }");
  const publisher = await publishing(rig);
  const player = await rig.play();
  const stuck = await rig.play();
  rig.clock.readDelayMs = 5_000;
  player.far.noticeLater = (run) => rig.clock.afterReads(run);
  for (const { far } of [player, stuck]) far.block();
  await publishFor(rig, publisher, 1);
  player.far.unblock();
  await publishFor(rig, publisher, 20);
  assertEquals([player.isEnded, stuck.isEnded], [false, true]);
  for (const { transport } of [publisher, player]) transport.close();
  await rig.advance(20_000);
  await rig.stop();
});
