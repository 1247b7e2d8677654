/** `RemoteVhost` and `EdgeStream`: players and publishers of streams that live at origins. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { AVC_HEADER, interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { LINGER_MS, TestPlayer, TestPublisher, VhostRig } from "../helpers/vhost_rig.ts";

const TWO: Partial<ClusterConfig> = { origins: TWO_ORIGINS };
const BAD_NAME: Refusal = { code: "NetStream.Publish.BadName", description: "taken" };

// Players.

Deno.test("RemoteVhost has one upstream for all players of a stream", async () => {
  const rig = new VhostRig();
  const players = Array.from({ length: 200 }, () => new TestPlayer(rig.vhost));
  await rig.settle();
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  assertEquals(rig.network.dialled, [PORT_A]);
  assertEquals(rig.upstreamCount, 1);
  assert(players.every(({ media }) => media.length === 2));
  for (const player of players) player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost has an upstream for each stream", async () => {
  const rig = new VhostRig();
  const players = [await rig.play("one"), await rig.play("two"), await rig.play("one")];
  assertEquals(rig.a.links.map(({ streamName }) => streamName), ["one", "two"]);
  assertEquals(rig.upstreamCount, 2);
  for (const player of players) player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost keeps the upstream for the linger time after the last player", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  player.leave();
  await rig.advance(LINGER_MS - 1);
  assertEquals([rig.upstreamCount, rig.a.openCount], [1, 1]);
  assertEquals(rig.vhost.connections, { open: 1, waiting: 0, lingering: 1 });
  await rig.advance(1);
  assertEquals([rig.upstreamCount, rig.a.openCount], [0, 0]);
  assertEquals(rig.a.link.commandNames.at(-1), "deleteStream");
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost serves a player that joins in the linger time from the same upstream", async () => {
  const rig = new VhostRig();
  const first = await rig.play();
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  first.leave();
  await rig.advance(LINGER_MS - 1);
  rig.a.link.sendMedia(interFrame(40));
  const second = await rig.play();
  assertEquals(second.media.length, 3);
  await rig.advance(LINGER_MS);
  assertEquals([rig.network.dialled.length, rig.a.openCount], [1, 1]);
  second.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost stops the upstream at once without a linger time", async () => {
  const rig = new VhostRig({ lingerMs: 0 });
  const player = await rig.play();
  player.leave();
  await rig.advance(0);
  assertEquals([rig.upstreamCount, rig.a.openCount], [0, 0]);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost survives a player that leaves in the turn in which it joined", async () => {
  const rig = new VhostRig();
  new TestPlayer(rig.vhost).leave();
  new TestPlayer(rig.vhost).leave();
  await rig.settle();
  assertEquals([rig.upstreamCount, rig.a.openCount], [0, 0]);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost survives a player that leaves when the stream begins", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  player.onBegin = () => player.leave();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(rig.upstreamCount, 0);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost keeps no upstream for a stream that never had media", async () => {
  const rig = new VhostRig();
  for (let i = 0; i < 300; i++) {
    const player = await rig.play(`name${i}`);
    player.leave();
  }
  await rig.settle();
  assertEquals([rig.upstreamCount, rig.a.openCount], [0, 0]);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost does not dial again for a lingering stream that is lost", async () => {
  const rig = new VhostRig();
  const player = await rig.play("show?token=1");
  rig.a.link.sendMedia(keyframe(0));
  await rig.advance(2_000);
  player.leave();
  rig.a.link.close();
  await rig.advance(LINGER_MS);
  assertEquals(rig.network.dialled, [PORT_A]);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost stops dialling when the last player has left", async () => {
  const rig = new VhostRig();
  rig.a.stopListening();
  const player = await rig.play();
  await rig.advance(2_000);
  player.leave();
  await rig.assertNothingLeft();
  const { length } = rig.network.dialled;
  await rig.advance(120_000);
  assertEquals(rig.network.dialled.length, length);
});

Deno.test("RemoteVhost keeps its players through the loss of an origin", async () => {
  const rig = new VhostRig(TWO);
  const players = [await rig.play(), await rig.play()];
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  rig.a.die();
  await rig.settle();
  rig.b.link.sendMedia(videoHeader(), keyframe(0, 0x77));
  await rig.settle();
  for (const player of players) {
    assertEquals([player.media.length, player.statuses], [4, []]);
    player.leave();
  }
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost uses the newest player's parameters for the next connection", async () => {
  const rig = new VhostRig();
  const old = await rig.play("show?token=old");
  const fresh = await rig.play("show?token=fresh");
  assertEquals(rig.a.link.streamName, "show?token=old");
  old.leave();
  rig.a.link.close();
  await rig.advance(200);
  assertEquals(rig.a.link.streamName, "show?token=fresh");
  fresh.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost pulls again when a forgotten stream is wanted", async () => {
  const rig = new VhostRig();
  const earlier = await rig.play();
  earlier.leave();
  await rig.assertNothingLeft();
  const player = await rig.play();
  assert(player.stream !== earlier.stream, "the stream was forgotten");
  assertEquals(rig.network.dialled.length, 2);
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(player.media.length, 1);
  player.leave();
  await rig.assertNothingLeft();
});

// Publishers.

Deno.test("RemoteVhost carries a published stream to the origin and to its own players", async () => {
  const rig = new VhostRig();
  const publisher = await rig.publish();
  const player = await rig.play();
  publisher.push(videoHeader(), keyframe(0));
  await rig.advance(40);
  assertEquals(rig.network.dialled, [PORT_A], "players read the publisher's log");
  assertEquals(rig.a.link.media.length, 2);
  assertEquals(player.media.length, 2);
  assertEquals(rig.upstreamCount, 1);
  player.leave();
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost replaces the pull by what is published here", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const pull = rig.a.link;
  pull.sendMedia(videoHeader(), keyframe(60_000, 0x01));
  await rig.settle();
  const publisher = await rig.publish();
  assertEquals(pull.isOpen, false);
  pull.sendMedia(interFrame(60_040, 0x02));
  publisher.push(videoHeader(), keyframe(0, 0x03));
  await rig.settle();
  assertEquals(player.media.map(({ payload }) => payload[5]), [
    AVC_HEADER[5],
    0x01,
    AVC_HEADER[5],
    0x03,
  ]);
  const times = player.media.map(({ timestampMs }) => timestampMs);
  assertEquals(times, times.toSorted((left, right) => left - right));
  assertEquals(player.statuses, [], "for players it is the same stream");
  assertEquals(rig.upstreamCount, 1);
  publisher.leave();
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost pulls again for players that stay when the publisher leaves", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const publisher = await rig.publish();
  publisher.push(keyframe(0, 0x01));
  await rig.settle();
  publisher.leave();
  await rig.settle();
  assertEquals(player.statuses, ["NetStream.Play.UnpublishNotify"]);
  assertEquals(rig.a.link.commandNames.at(-1), "play");
  rig.a.link.sendMedia(keyframe(0, 0x02));
  await rig.settle();
  assertEquals(player.media.map(({ payload }) => payload[5]), [0x01, 0x02]);
  assertEquals(player.statuses, [
    "NetStream.Play.UnpublishNotify",
    "NetStream.Play.PublishNotify",
  ]);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost pulls for a player that joined while the stream was published here", async () => {
  const rig = new VhostRig();
  const publisher = await rig.publish();
  const player = await rig.play();
  publisher.push(keyframe(0));
  publisher.leave();
  await rig.settle();
  assertEquals(rig.a.link.commandNames.at(-1), "play");
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost does not pull when the publisher leaves and no one watches", async () => {
  const rig = new VhostRig();
  const early = await rig.play();
  const publisher = await rig.publish();
  const late = await rig.play();
  early.leave();
  late.leave();
  publisher.leave();
  await rig.settle();
  assertEquals(rig.a.links.map(({ commandNames }) => commandNames.includes("play")), [true, false]);
  assertEquals(rig.upstreamCount, 0);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost pulls for a player that joins soon after publisher and players left", async () => {
  const rig = new VhostRig();
  const early = await rig.play();
  const publisher = await rig.publish();
  early.leave();
  publisher.leave();
  await rig.advance(1_000);
  const player = await rig.play();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(player.media.length, 1);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost keeps pulling while the origin has not answered the publisher", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const pull = rig.a.link;
  rig.a.behaviour = { kind: "hold" };
  const publisher = await rig.publish();
  pull.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals([player.media.length, rig.upstreamCount], [1, 2]);
  rig.a.link.accept();
  await rig.settle();
  assert(publisher.handle !== null);
  assertEquals([pull.isOpen, rig.upstreamCount], [false, 1]);
  publisher.leave();
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost leaves the pull untouched when the publisher is refused", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const pull = rig.a.link;
  pull.sendMedia(keyframe(0));
  rig.a.behaviour = { kind: "refuse", refusal: BAD_NAME };
  const publisher = await rig.publish();
  assertEquals(publisher.refusals.map(({ code }) => code), [BAD_NAME.code]);
  pull.sendMedia(interFrame(40));
  await rig.settle();
  assertEquals([player.media.length, player.statuses], [2, []]);
  assertEquals([pull.isOpen, rig.upstreamCount, rig.a.openCount], [true, 1, 1]);
  publisher.leave();
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost keeps the linger time when a publisher is refused in it", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  player.leave();
  rig.a.behaviour = { kind: "refuse", refusal: BAD_NAME };
  await rig.advance(5_000);
  await rig.publish();
  assertEquals(rig.upstreamCount, 1);
  await rig.advance(5_000);
  assertEquals(rig.upstreamCount, 0);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost ends the linger time of a pull that a publisher replaces", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  player.leave();
  const publisher = await rig.publish();
  publisher.push(keyframe(0));
  await rig.advance(LINGER_MS * 2);
  assertEquals([rig.upstreamCount, publisher.handle!.isClosed], [1, false]);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost refuses a second publisher with BadName and keeps the first", async () => {
  const rig = new VhostRig();
  const first = await rig.publish();
  const second = await rig.publish();
  assertEquals(second.refusals.map(({ code }) => code), ["NetStream.Publish.BadName"]);
  second.leave();
  first.push(keyframe(0));
  await rig.advance(40);
  assertEquals([rig.network.dialled.length, rig.a.link.media.length], [1, 1]);
  first.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost refuses a second publisher while the first has no answer yet", async () => {
  const rig = new VhostRig();
  rig.a.behaviour = { kind: "hold" };
  const first = await rig.publish();
  const second = await rig.publish();
  assertEquals([first.refusals.length, second.refusals.length], [0, 1]);
  second.leave();
  rig.a.link.accept();
  await rig.settle();
  assert(first.handle !== null);
  first.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost forgets the stream of a publisher that was refused", async () => {
  const rig = new VhostRig();
  rig.a.behaviour = { kind: "refuse", refusal: BAD_NAME };
  const publisher = await rig.publish();
  assertEquals(publisher.refusals.length, 1);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost takes the next publisher after one was refused or has left", async () => {
  const rig = new VhostRig();
  rig.a.behaviour = { kind: "refuse", refusal: BAD_NAME };
  const refused = await rig.publish();
  rig.a.behaviour = { kind: "accept" };
  const second = await rig.publish();
  assert(second.handle !== null);
  second.leave();
  second.leave();
  const third = await rig.publish();
  refused.leave();
  second.leave();
  await rig.settle();
  assertEquals(third.handle!.isClosed, false, "the ticket of another publisher has no effect");
  third.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost withdraws the push of a publisher that leaves before the answer", async () => {
  const rig = new VhostRig();
  rig.a.behaviour = { kind: "hold" };
  const publisher = await rig.publish();
  publisher.leave();
  assertEquals(rig.upstreamCount, 0);
  rig.a.link.accept();
  await rig.settle();
  assertEquals([publisher.handle, publisher.refusals], [null, []]);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost survives a publisher that leaves in the turn in which it asked", async () => {
  const rig = new VhostRig();
  new TestPublisher(rig.vhost).leave();
  await rig.settle();
  assertEquals(rig.network.dialled, []);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost survives a publisher that leaves as soon as it is accepted", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const publisher = new TestPublisher(rig.vhost);
  publisher.onBegin = () => publisher.leave();
  await rig.settle();
  assertEquals(publisher.handle!.isClosed, true);
  assertEquals(rig.a.link.commandNames.at(-1), "play", "the player is served by an origin again");
  assertEquals(rig.upstreamCount, 1);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost keeps publisher and players when the origin is lost", async () => {
  const rig = new VhostRig(TWO);
  const publisher = await rig.publish();
  const player = await rig.play();
  publisher.push(videoHeader(), keyframe(0));
  await rig.advance(40);
  rig.a.die();
  await rig.settle();
  publisher.push(interFrame(40));
  await rig.advance(40);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  assertEquals(rig.b.link.media.length, 3);
  assertEquals([player.media.length, player.statuses], [3, []]);
  publisher.leave();
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost gives a publisher that returns at once the same stream", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  const first = await rig.publish();
  first.push(keyframe(5_000, 0x01));
  first.leave();
  const second = new TestPublisher(rig.vhost);
  await rig.settle();
  second.push(keyframe(0, 0x02));
  await rig.settle();
  assertEquals(player.media.map(({ payload }) => payload[5]), [0x01, 0x02]);
  const [before, after] = player.media.map(({ timestampMs }) => timestampMs);
  assert(after! > before!);
  second.leave();
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost ends a push to a frozen origin without harm to a stream of the same name", async () => {
  const rig = new VhostRig();
  const publisher = await rig.publish();
  publisher.push(keyframe(0));
  const old = rig.a.link;
  old.freeze();
  await rig.advance(40);
  publisher.leave();
  const player = await rig.play();
  rig.a.link.sendMedia(keyframe(0, 0x02));
  await rig.advance(3_000);
  assertEquals(old.isOpen, false);
  rig.a.link.sendMedia(interFrame(40, 0x03));
  await rig.settle();
  assertEquals(player.media.map(({ payload }) => payload[5]), [0x02, 0x03]);
  player.leave();
  await rig.assertNothingLeft();
});

// close()

Deno.test("RemoteVhost.close() settles when the origin has the last bytes of a push", async () => {
  const rig = new VhostRig();
  const publisher = new TestPublisher(rig.vhost);
  await rig.settle();
  publisher.push(videoHeader(), keyframe(0), interFrame(40));
  publisher.leave();
  let isClosed = false;
  const closed = rig.vhost.close().then(() => isClosed = true);
  assertEquals(isClosed, false);
  await rig.settle();
  assertEquals(isClosed, true);
  assertEquals(rig.a.link.media.length, 3);
  assertEquals(rig.a.link.commandNames.at(-1), "deleteStream");
  await closed;
});

Deno.test("RemoteVhost.close() does not end a stream whose publisher has not ended it", async () => {
  const rig = new VhostRig();
  const publisher = new TestPublisher(rig.vhost);
  await rig.settle();
  publisher.push(videoHeader(), keyframe(0));
  publisher.leave("lost");
  await rig.vhost.close();
  assertEquals(rig.a.link.media.length, 2);
  assertEquals(rig.a.link.commandNames.at(-1), "publish");
  assertEquals(rig.a.openCount, 0);
});

Deno.test("RemoteVhost.close() ends all upstreams and timers", async () => {
  const rig = new VhostRig();
  await rig.play("one");
  rig.a.link.sendMedia(keyframe(0));
  const player = await rig.play("two");
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  player.leave();
  await rig.publish("three");
  rig.a.behaviour = { kind: "hold" };
  await rig.publish("four");
  assertEquals(rig.upstreamCount, 4);
  rig.vhost.close();
  await rig.settle();
  assertEquals([rig.upstreamCount, rig.a.openCount], [0, 0]);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("RemoteVhost.close() makes later calls of players and publishers harmless", async () => {
  const rig = new VhostRig();
  const players = [await rig.play(), await rig.play("other")];
  const publisher = await rig.publish();
  publisher.push(keyframe(0));
  rig.vhost.close();
  for (const player of players) player.leave();
  publisher.leave();
  await rig.settle();
  assertEquals([rig.a.openCount, rig.clock.pendingCount], [0, 0]);
});
