/** Several workers as one server: players and publishers in any of them, each stream once. */

import { defaultConfig } from "../../lib/config/parse_config.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { requestFor } from "../helpers/edge_rig.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { LogViewer } from "../helpers/log_viewer.ts";
import {
  audioFrame,
  audioHeader,
  interFrame,
  keyframe,
  metadata,
  SET_METADATA,
  type TinyMessage,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { TestPlayer, TestPublisher } from "../helpers/vhost_rig.ts";
import { BridgeRig, FakeWorker, MemoryPort, nameAt } from "./rig.ts";

function payloads(messages: readonly { readonly payload: Uint8Array }[]): Uint8Array[] {
  return messages.map(({ payload }) => payload);
}

const START: readonly TinyMessage[] = [
  { typeId: 18, timestampMs: 0, payload: SET_METADATA },
  videoHeader(),
  audioHeader(),
  keyframe(0),
  audioFrame(10),
  interFrame(40),
];

/** What players receive of {@linkcode START}. */
const STARTED: readonly TinyMessage[] = [metadata(), ...START.slice(1)];

for (const [publisherAt, playerAt] of [[0, 1], [1, 0], [1, 1]] as const) {
  Deno.test(`Bridge carries a stream published in worker ${publisherAt} to players in worker ${playerAt}`, async () => {
    const rig = new BridgeRig();
    const workers = [rig.first, rig.second];
    const early = await rig.play(workers[playerAt]!);
    const publisher = await rig.publish(workers[publisherAt]!);
    publisher.push(...START);
    await rig.settle();
    assertEquals(payloads(early.media), payloads(STARTED));
    const late = await rig.play(workers[playerAt]!);
    publisher.push(interFrame(80));
    await rig.settle();
    assertEquals(payloads(late.media), payloads([...STARTED, interFrame(80)]));
    assertEquals(late.media.map(({ timestampMs }) => timestampMs), [0, 0, 0, 0, 10, 40, 80]);
    publisher.leave();
    await rig.settle();
    assertEquals(early.statuses, ["NetStream.Play.UnpublishNotify"]);
  });
}

Deno.test("Bridge sends a stream to a worker once, however many players it has there", async () => {
  const rig = new BridgeRig();
  const players = [];
  for (let i = 0; i < 5; i++) players.push(await rig.play(rig.second));
  assertEquals([...rig.first.hub.streams()].map(({ viewerCount }) => viewerCount), [1]);
  for (const player of players) player.leave();
  await rig.settle();
  assertEquals([...rig.first.hub.streams()].length, 0, "no player is left");
  assertEquals([...rig.second.mirrors.streams()].length, 0);
});

Deno.test("Bridge refuses a second publisher in any worker", async () => {
  const rig = new BridgeRig();
  const first = await rig.publish(rig.second);
  first.push(...START);
  await rig.settle();
  for (const worker of [rig.first, rig.second]) {
    const { refusals } = await rig.publish(worker);
    assertEquals(refusals.map(({ code }) => code), ["NetStream.Publish.BadName"]);
  }
  assert(first.handle !== null && !first.handle.isClosed);
});

Deno.test("Bridge lets a publisher take over from a silent one in another worker", async () => {
  const rig = new BridgeRig();
  const player = await rig.play(rig.second);
  const gone = await rig.publish(rig.second);
  gone.push(...START);
  assertEquals(await rig.hasRoom(rig.first), true);
  const newcomer = await rig.publish(rig.first);
  assertEquals([gone.isReplaced, newcomer.refusals], [true, []]);
  newcomer.push(videoHeader(), keyframe(0, 0x66));
  await rig.settle();
  assertEquals(player.statuses, [], "players get no status");
  assertEquals(player.media.at(-1)!.payload, keyframe(0, 0x66).payload);
  assert(player.media.at(-1)!.timestampMs > 40, "timestamps continue");
});

Deno.test("Bridge holds back a publisher whose messages the owner has not taken yet", async () => {
  const rig = new BridgeRig();
  const publisher = await rig.publish(rig.second);
  let readyCount = 0;
  const isHeldBack = () => publisher.handle!.whenReady!(() => readyCount++);
  for (let count = 0; count < 1_024; count++) publisher.push(keyframe(count));
  assertEquals(isHeldBack(), false);
  publisher.push(keyframe(1_024));
  assertEquals([isHeldBack(), readyCount], [true, 0]);
  await rig.settle();
  assertEquals([readyCount, isHeldBack()], [1, false]);
});

Deno.test("Bridge holds back a publisher of long messages after 4 MiB", async () => {
  const rig = new BridgeRig();
  const publisher = await rig.publish(rig.second);
  let readyCount = 0;
  const isHeldBack = () => publisher.handle!.whenReady!(() => readyCount++);
  for (let count = 0; count < 4; count++) publisher.push(keyframe(count, 0x65, 1024 * 1024));
  assertEquals(isHeldBack(), false);
  publisher.push(keyframe(4, 0x65, 1024 * 1024));
  assertEquals([isHeldBack(), readyCount], [true, 0]);
  await rig.settle();
  assertEquals([readyCount, isHeldBack()], [1, false]);
});

Deno.test("Bridge keeps a publisher in another worker that gives a sign of life", async () => {
  const rig = new BridgeRig();
  for (const worker of [rig.first, rig.second]) {
    assertEquals(await rig.hasRoom(worker), true);
  }
  const publisher = await rig.publish(rig.second);
  publisher.isAlive = true;
  for (const worker of [rig.first, rig.second]) {
    assertEquals(await rig.hasRoom(worker), false);
  }
  assertEquals(publisher.isReplaced, false);
});

Deno.test("Bridge gives a newcomer the name of a publisher in another worker that is leaving at once", async () => {
  const rig = new BridgeRig();
  const publisher = await rig.publish(rig.second);
  publisher.isLeaving = true;
  const answers: boolean[] = [];
  rig.first.vhost.reserve(requestFor(rig.name), (hasRoom) => answers.push(hasRoom));
  await rig.settle();
  assertEquals([answers, publisher.isReplaced], [[true], true]);
});

for (const [from, to] of [[0, 1], [1, 0], [1, 1]] as const) {
  Deno.test(`Bridge reserves a name in worker ${from}, and one in worker ${to} waits`, async () => {
    const rig = new BridgeRig();
    const [one, other] = [[rig.first, rig.second][from]!, [rig.first, rig.second][to]!];
    const answers: string[] = [];
    const request = requestFor(rig.name);
    const held = one.vhost.reserve(request, (hasRoom) => answers.push(`one ${hasRoom}`));
    await rig.settle();
    const waits = other.vhost.reserve(request, (hasRoom) => answers.push(`other ${hasRoom}`));
    await rig.settle();
    assertEquals(answers, held.isGranted ? [] : ["one true"]);
    held.release();
    await rig.settle();
    assertEquals(answers.at(-1), "other true");
    waits.release();
    await rig.settle();
    assertEquals(await rig.hasRoom(rig.first), true, "nothing is left reserved");
  });
}

Deno.test("Bridge frees the names that a worker had reserved when it dies", async () => {
  const rig = new BridgeRig();
  rig.second.vhost.reserve(requestFor(rig.name), () => {});
  await rig.settle();
  rig.second = new FakeWorker(1, 2, rig.clock);
  rig.link();
  assertEquals(await rig.hasRoom(rig.first), true);
});

Deno.test("Bridge keeps players in other workers while a publisher is away", async () => {
  const rig = new BridgeRig();
  const player = await rig.play(rig.second);
  const gone = await rig.publish(rig.second);
  gone.push(...START);
  gone.leave("lost");
  await rig.clock.advance(5_000);
  const joined = await rig.play(rig.second);
  assertEquals(joined.media.length, 0, "no player joins in media from before the loss");
  const back = await rig.publish(rig.first);
  back.push(videoHeader(), keyframe(5_000), interFrame(5_040));
  await rig.settle();
  assertEquals(player.statuses, []);
  const times = player.media.map(({ timestampMs }) => timestampMs);
  assertEquals(times.slice(-2).map((ms) => ms - times.at(-3)!), [40 - 0, 80 - 0]);
  assertEquals(joined.media.length, 3);
});

Deno.test("Bridge opens everything again when a worker is replaced", async () => {
  const rig = new BridgeRig();
  rig.second = new FakeWorker(1, 2, rig.clock);
  const name = nameAt(1);
  rig.link();
  const publisher = new TestPublisher(rig.first.vhost, name);
  const player = new TestPlayer(rig.first.vhost, name);
  await rig.settle();
  publisher.push(...START);
  await rig.settle();
  assertEquals(payloads(player.media), payloads(STARTED));

  rig.second = new FakeWorker(1, 2, rig.clock);
  rig.link();
  await rig.settle();
  publisher.push(interFrame(80), keyframe(120, 0x67), interFrame(160, 0x42));
  await rig.settle();
  const { messages } = player;
  assertEquals(player.statuses, [], "players get no status");
  assertEquals(messages.at(-1)!.payload, interFrame(160, 0x42).payload);
  assertEquals(publisher.isReplaced, false);
  const joined = new TestPlayer(rig.first.vhost, name);
  assertEquals(joined.media[0]!.payload, metadata().payload, "the new owner has the headers");
});

Deno.test("Bridge.announceStop() lets publishers that have just left end their streams", async () => {
  const rig = new BridgeRig();
  const player = await rig.play(rig.first);
  const publisher = await rig.publish(rig.second);
  publisher.push(...START);
  publisher.leave();
  const stopped = Promise.all([rig.first.bridge.announceStop(), rig.second.bridge.announceStop()]);
  await rig.clock.settle();
  await stopped;
  assertEquals(payloads(player.media), payloads(STARTED));
  assertEquals(player.statuses, ["NetStream.Play.UnpublishNotify"]);
});

Deno.test("Bridge.announceStop() waits 1 s at most for a worker that is gone", async () => {
  const rig = new BridgeRig();
  const stopped = rig.first.bridge.announceStop();
  await rig.clock.advance(1_000);
  await stopped;
});

Deno.test("BridgeLink posts the events of a few milliseconds together", async () => {
  const rig = new BridgeRig();
  const [left, right] = MemoryPort.pair();
  rig.first.bridge.connect(1, left);
  rig.second.bridge.connect(0, right);
  const publisher = await rig.publish(rig.second);
  const before = right.postCount;
  for (let i = 0; i < 100; i++) publisher.push(audioFrame(i));
  await rig.settle();
  assertEquals(right.postCount - before, 1);
});

Deno.test("Bridge serves what another worker asked of a vhost that is added a moment later", async () => {
  const rig = new BridgeRig();
  rig.first.bridge.unwrap(rig.first.inner);
  const publisher = await rig.publish(rig.second);
  const player = await rig.play(rig.second);
  assertEquals([publisher.handle, publisher.refusals], [null, []]);
  rig.first.bridge.wrap(rig.first.inner, rig.first.mirrors);
  await rig.settle();
  publisher.push(...START);
  await rig.settle();
  assertEquals(payloads(player.media), payloads(STARTED));
});

Deno.test("Bridge tells a player in another worker that no one has a stream while others wait for it", async () => {
  const rig = new BridgeRig();
  const [held, asking] = [await rig.play(rig.second), new LogViewer()];
  const told: boolean[] = [];
  const viewer = Object.assign(asking, { onMissing: (isSure: boolean) => told.push(isSure) });
  const request = { ...requestFor(rig.name), wantsAnswer: true };
  const stream = rig.second.vhost.play(request, viewer);
  await rig.settle();
  assertEquals(told, [true]);
  rig.second.vhost.leave(stream, viewer);
  const publisher = await rig.publish(rig.first);
  publisher.push(videoHeader(), keyframe(0));
  await rig.settle();
  assertEquals(held.media.length, 2);
  held.leave();
  await rig.settle();
  assertEquals([...rig.first.hub.streams()].map(({ viewerCount }) => viewerCount), [0]);
});

Deno.test("Bridge forgets what was asked of a missing vhost when the clients leave", async () => {
  const rig = new BridgeRig();
  rig.first.bridge.unwrap(rig.first.inner);
  const publisher = await rig.publish(rig.second);
  const player = await rig.play(rig.second);
  publisher.leave();
  player.leave();
  await rig.settle();
  rig.first.bridge.wrap(rig.first.inner, rig.first.mirrors);
  assertEquals([...rig.first.hub.streams()], []);
});

Deno.test("Bridge tells the other workers at once which HLS viewers to admit", async () => {
  const { first, second, clock } = new BridgeRig();
  const learned: unknown[] = [];
  second.bridge.onViewer = (keys, keepMs) => learned.push([keys, keepMs]);
  first.bridge.sendAll({ type: "viewer", keys: ["a", "b"], keepMs: 7000 });
  await clock.settle();
  assertEquals(learned, [[["a", "b"], 7000]]);
});

Deno.test("a publisher that stands by in another worker is told its role", async () => {
  const rig = new BridgeRig();
  const { config } = rig.first.vhost;
  rig.first.vhost.configure({ ...config, publish: { ...config.publish, takeover: "standby" } });
  const first = await rig.publish(rig.first);
  const reserve = await rig.publish(rig.second);
  assertEquals(reserve.roles, ["reserve: "]);
  first.leave();
  await rig.settle();
  assertEquals(reserve.roles.length, 2);
  assert(reserve.roles[1]!.startsWith("feeding: "), reserve.roles[1]);
});

Deno.test("a publisher in another worker knows whether its stream is watched in any of them", async () => {
  const rig = new BridgeRig();
  const publisher = await rig.publish(rig.second);
  const seen: (boolean | undefined)[] = [];
  const look = async () => {
    publisher.push(interFrame(0));
    await rig.settle();
    seen.push(publisher.handle!.hasAudience);
  };
  await look();
  for (const worker of [rig.first, rig.second]) {
    const player = await rig.play(worker);
    await look();
    player.leave();
    await rig.settle();
    await look();
  }
  assertEquals(seen, [false, true, false, true, false]);
});

Deno.test("Renditions of one stream are in one worker, whose master playlist has them all", () => {
  const config = defaultConfig().vhosts.get("__defaultVhost__")!;
  const variants = ["_720p", "_480p", "_low"];
  const ownersOf = (group: string, suffixes: readonly string[]) => {
    const vhost = { ...config, hls: { ...config.hls, variants: suffixes } };
    const worker = new FakeWorker(0, 2, new FakeClock(), vhost);
    const other = new FakeWorker(1, 2, new FakeClock(), vhost);
    const [left, right] = MemoryPort.pair();
    worker.bridge.connect(1, left);
    other.bridge.connect(0, right);
    return variants.map((suffix) => {
      const stream = new TestPublisher(worker.vhost, `${group}${suffix}`);
      const isHere = [...worker.hub.streams()].some(({ name }) =>
        name === `live/${group}${suffix}`
      );
      stream.leave();
      return isHere;
    });
  };
  const groups = Array.from({ length: 20 }, (_, at) => `show${at}`);
  const owners = groups.map((group) => ownersOf(group, variants));
  for (const [at, [first, ...rest]] of owners.entries()) {
    assertEquals(rest, [first, first], groups[at]);
  }
  // The groups are spread; without the setting, so are the names.
  assertEquals(new Set(owners.map(([first]) => first)).size, 2);
  assert(groups.some((group) => new Set(ownersOf(group, [])).size === 2));
});
