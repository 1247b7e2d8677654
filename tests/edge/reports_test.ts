/**
 * Reports by users of other servers about edges and origins. Each test replays one, named by its
 * number there, with the outcome that its author wanted. Others are with the tests of the part they
 * are about: SRS #3081, #4511 and #464 in `../upstream/origin_set_test.ts`, #675, #2215 and #2621
 * in `../server/publisher_return_test.ts`, #1680 and #2804 in `../upstream/redirect_test.ts`.
 */

import { ConfigError } from "../../lib/base/errors.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../helpers/assert.ts";
import { PORT_A, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { hex } from "../helpers/hex.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import {
  AVC_HEADER,
  interFrame,
  keyframe,
  METADATA,
  metadata,
  type TinyMessage,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { LINGER_MS, VhostRig } from "../helpers/vhost_rig.ts";

const NOT_FOUND = { code: "NetStream.Play.StreamNotFound", description: "" };
const FRAME_MS = 40;

const ORIGIN = 19_350;
const OTHER_ORIGIN = 19_351;
const EDGE = 1_936;
const OTHER_EDGE = 1_937;

/** Longer than a message takes through all servers. */
const PASS_MS = 200;

/** Returns video frame `number`, 0…255, large enough to be recognised; every 25th is a keyframe. */
function frame(number: number): TinyMessage {
  const make = number % 25 === 0 ? keyframe : interFrame;
  return make(number * FRAME_MS, number, 300);
}

/** Returns the numbers of the video frames received, without headers. */
function numbersOf(media: readonly { typeId: number; payload: Uint8Array }[]): number[] {
  return media.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1)
    .map(({ payload }) => payload[5]!);
}

function range(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, index) => from + index);
}

/** Publishes video frames in real time. */
async function stream(
  world: MemoryWorld,
  publisher: MemoryClient,
  numbers: readonly number[],
): Promise<void> {
  for (const number of numbers) {
    publisher.push(frame(number));
    await world.advance(FRAME_MS);
  }
}

// Several origins.

Deno.test("Servers keep players and publisher when the origin of their stream is killed (SRS #3401)", async () => {
  const world = new MemoryWorld();
  const killed = world.start(ORIGIN);
  world.start(OTHER_ORIGIN);
  world.start(EDGE, ORIGIN, OTHER_ORIGIN);
  world.start(OTHER_EDGE, ORIGIN, OTHER_ORIGIN);
  const publisher = await world.publish(EDGE);
  publisher.push(metadata(), videoHeader());
  const players = [await world.play(EDGE), await world.play(OTHER_EDGE)];
  await stream(world, publisher, range(0, 40));
  for (const { port, client, server } of world.network.connections) {
    if (port !== ORIGIN) continue;
    client.reset();
    server.reset();
  }
  await killed.stop();
  await stream(world, publisher, range(40, 80));
  await world.advance(PASS_MS);
  assertEquals(publisher.isEnded, false);
  for (const player of players) {
    assertEquals(player.isEnded, false);
    assertEquals(numbersOf(player.media), range(0, 80));
  }
  await world.stop();
});

Deno.test("RemoteVhost pulls from the backup while the master is away, and from the master again (nginx-rtmp #838)", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  const first = await rig.play("first");
  rig.a.link.sendMedia(videoHeader(), frame(0));
  await rig.advance(1_500);
  assertEquals(rig.network.dialled, [PORT_A], "the backup is not used");

  rig.a.die();
  await rig.settle();
  rig.b.link.sendMedia(videoHeader(), frame(0), frame(1));
  const second = await rig.play("second");
  rig.b.link.sendMedia(videoHeader(), frame(0));
  await rig.settle();
  assertEquals(rig.b.links.map(({ streamName }) => streamName), ["first", "second"]);
  assertEquals([numbersOf(first.media), numbersOf(second.media)], [[0, 1], [0]]);

  const master = new ScriptedOrigin(rig.network, PORT_A);
  for (const number of range(2, 12)) {
    await rig.advance(1_000);
    for (const link of rig.b.links) link.sendMedia(frame(number));
  }
  const third = await rig.play("third");
  master.link.sendMedia(videoHeader(), frame(0));
  await rig.settle();
  assertEquals(master.links.map(({ streamName }) => streamName), ["third"]);
  assertEquals(numbersOf(third.media), [0]);
  assertEquals(rig.b.openCount, 2, "running streams are not moved");
  assertEquals(numbersOf(first.media), range(0, 12));
  for (const player of [first, second, third]) player.leave();
  await rig.assertNothingLeft();
});

// When no one watches.

for (const after of ["before", "after"] as const) {
  Deno.test(`RemoteVhost leaves the origins soon after the last viewer left, when the stream ends ${after} that (SRS #3158)`, async () => {
    const rig = new VhostRig({ origins: TWO_ORIGINS });
    const player = await rig.play();
    rig.a.link.sendMedia(videoHeader(), frame(0));
    await rig.settle();
    if (after === "after") player.leave();
    const refusing = { kind: "refuse", refusal: NOT_FOUND } as const;
    rig.a.behaviour = refusing;
    rig.b.behaviour = refusing;
    rig.a.link.close();
    await rig.settle();
    if (after === "before") player.leave();
    await rig.advance(LINGER_MS);
    const { length } = rig.network.dialled;
    await rig.advance(120_000);
    assertEquals(
      rig.network.dialled.length,
      length,
      "it still asks for a stream that no one wants",
    );
    await rig.assertNothingLeft();
  });
}

for (const pauseMs of [0, 500, 1_900, 2_100, 3_000]) {
  Deno.test(`RemoteVhost serves a viewer that joins ${pauseMs} ms after the last one left (SRS #2911 #1884)`, async () => {
    const rig = new VhostRig({ lingerMs: 0 });
    const first = await rig.play();
    const old = rig.a.link;
    old.sendMedia(videoHeader(), frame(0));
    await rig.settle();
    // Ending the old connection takes a while.
    old.freeze();
    first.leave();
    await rig.advance(pauseMs);
    const second = await rig.play();
    rig.a.link.sendMedia(videoHeader(), frame(25), frame(26));
    await rig.advance(5_000);
    assertEquals(numbersOf(second.media), [25, 26]);
    assertEquals([rig.upstreamCount, old.isOpen], [1, false]);
    second.leave();
    await rig.assertNothingLeft();
  });
}

// Streams that have ended, or never began.

Deno.test("Servers close a player whose computer died after its stream had ended, and then the pull (SRS #931)", async () => {
  const world = new MemoryWorld();
  const origin = world.start(ORIGIN);
  const edge = world.start(EDGE, ORIGIN);
  const publisher = await world.publish(ORIGIN);
  const player = await world.play(EDGE);
  const { client } = world.network.connections.findLast(({ port }) => port === EDGE)!;
  publisher.push(metadata(), videoHeader());
  await stream(world, publisher, range(0, 5));
  publisher.stop();
  await world.advance(PASS_MS);
  assertEquals(player.statuses.at(-1), "NetStream.Play.UnpublishNotify");
  // It sends nothing more, not even the end of the connection.
  client.write = (bytes) => Promise.resolve(bytes.length);
  await world.advance(59_000);
  assertEquals([edge.counts.players, edge.upstreamCount], [1, 1]);
  // It was pinged after 30 s, and had 30 s to answer.
  await world.advance(3_000);
  assertEquals([edge.counts.players, edge.upstreamCount], [0, 1]);
  await world.advance(LINGER_MS + 1_000);
  assertEquals([edge.upstreamCount, origin.counts.players], [0, 0]);
  await world.stop();
});

for (const hadPublisher of [false, true]) {
  const what = hadPublisher ? "has ended" : "never began";
  Deno.test(`Servers give a player nothing of a stream that ${what}, and close it after a while (SRS #1134)`, async () => {
    const world = new MemoryWorld();
    world.start(ORIGIN);
    const edge = world.start(EDGE, ORIGIN);
    if (hadPublisher) {
      const watching = await world.play(EDGE);
      const publisher = await world.publish(ORIGIN);
      publisher.push(metadata(), videoHeader());
      await stream(world, publisher, range(0, 5));
      publisher.stop();
      await world.advance(PASS_MS);
      watching.close();
    }
    const player = await world.play(EDGE);
    await world.advance(29_000);
    assertEquals([player.isEnded, player.media, player.statuses], [false, [], []]);
    await world.advance(3_000);
    assertStringIncludes(player.refusal, "NetStream.Play.StreamNotFound");
    assertEquals([player.isEnded, player.media], [true, []]);
    await world.advance(LINGER_MS + 1_000);
    assertEquals(edge.upstreamCount, 0);
    await world.stop();
  });
}

// Publishers.

for (const way of ["close", "reset"] as const) {
  Deno.test(`RemoteVhost resumes the push whenever the destination drops it by a ${way} (nginx-rtmp #328)`, async () => {
    const rig = new VhostRig();
    const publisher = await rig.publish();
    publisher.push(videoHeader(), frame(0), frame(1));
    for (const number of [2, 3, 4]) {
      await rig.advance(5_000);
      rig.a.link[way]();
      await rig.advance(100);
      publisher.push(frame(number));
      await rig.advance(100);
      assertEquals(rig.a.link.media[0]?.payload, AVC_HEADER);
      assertEquals(numbersOf(rig.a.link.media), range(0, number + 1));
    }
    assertEquals(rig.a.openCount, 1);
    publisher.leave();
    await rig.assertNothingLeft();
  });
}

Deno.test("RemoteVhost resumes the push when the destination is back after an hour (nginx-rtmp #328)", async () => {
  const rig = new VhostRig();
  const publisher = await rig.publish();
  publisher.push(videoHeader(), frame(0));
  await rig.advance(5_000);
  rig.a.die();
  await rig.advance(3_600_000);
  assertEquals(publisher.handle!.isClosed, false, "the publisher stays");
  publisher.push(frame(25));
  const back = new ScriptedOrigin(rig.network, PORT_A);
  await rig.advance(5_000);
  // The last origin did not say that it has the first frame.
  assertEquals(numbersOf(back.link.media), [0, 25]);
  publisher.leave();
  await rig.assertNothingLeft();
});

for (const place of [ORIGIN, EDGE]) {
  const where = place === EDGE ? "an edge" : "an origin";

  Deno.test(`Servers keep readers while a publisher of ${where} reconnects (mediamtx #2214)`, async () => {
    const { world, first, readers } = await startReaders(place);
    first.close();
    await world.advance(5_000);
    const second = await world.publish(place);
    second.push(metadata(), videoHeader());
    await stream(world, second, range(0, 5));
    await world.advance(PASS_MS);
    for (const reader of readers) {
      assertEquals(numbersOf(reader.media), [...range(0, 5), ...range(0, 5)]);
      assertStays(reader);
    }
    await world.stop();
  });

  Deno.test(`Servers give readers the new headers first when a publisher of ${where} reconnects with other tracks (mediamtx #2214)`, async () => {
    const otherHeader = hex("17 00 000000 0142001E");
    const { world, first, readers } = await startReaders(place);
    first.close();
    await world.advance(5_000);
    const second = await world.publish(place);
    second.push({ typeId: 9, timestampMs: 0, payload: otherHeader });
    await stream(world, second, range(0, 2));
    const late = await world.play(place);
    await world.advance(PASS_MS);
    const restart = [otherHeader, frame(0).payload, frame(1).payload];
    assertEquals(late.media.map(({ payload }) => payload), restart);
    for (const reader of readers) {
      const payloads = reader.media.map(({ payload }) => payload);
      assertEquals(payloads.slice(0, 2), [METADATA, AVC_HEADER]);
      assertEquals(payloads.slice(-3), restart);
      assertStays(reader);
    }
    await world.stop();
  });
}

/** Starts an origin, an edge, a publisher at `place`, and readers of its first frames at both. */
async function startReaders(place: number) {
  const world = new MemoryWorld();
  world.start(ORIGIN);
  world.start(EDGE, ORIGIN);
  const first = await world.publish(place);
  const readers = [await world.play(ORIGIN), await world.play(EDGE)];
  first.push(metadata(), videoHeader());
  await stream(world, first, range(0, 5));
  await world.advance(PASS_MS);
  for (const reader of readers) assertEquals(numbersOf(reader.media), range(0, 5));
  return { world, first, readers };
}

/** Checks that the reader was told of no end, and that its timestamps never decrease. */
function assertStays({ isEnded, statuses, media }: MemoryClient): void {
  assertEquals(isEnded, false);
  assertEquals(statuses, ["NetStream.Play.Reset", "NetStream.Play.Start"]);
  const times = media.filter(({ typeId }) => typeId === 9).map(({ timestampMs }) => timestampMs);
  assertEquals(times, times.toSorted((left, right) => left - right));
}

// Configuration.

for (
  const { name, cluster } of [
    { name: "no origin", cluster: "cluster { mode remote; }" },
    { name: "an empty origin", cluster: "cluster { mode remote; origin ; }" },
    { name: "no origin, as of SRS 2", cluster: "mode remote;" },
    {
      name: "an empty origin, as of SRS 2",
      cluster: "mode remote; origin ; vhost lrm.origin.com;",
    },
  ]
) {
  Deno.test(`parseConfig() refuses a remote vhost with ${name} (SRS #1542)`, () => {
    const text = `listen 1935; vhost lrm.edge.com { ${cluster} }`;
    const error = assertThrows(
      () => parseConfig(text, "test.conf", { readFile: () => undefined }),
      ConfigError,
    );
    assertStringIncludes(error.message, "origin");
  });
}
