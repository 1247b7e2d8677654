/** Publishers and players that connect, leave and return. */

import { assert, assertEquals, assertRejects } from "../helpers/assert.ts";
import { LeapingClock } from "../helpers/leaping_clock.ts";
import { type LocalServer, startEdgeOf, startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { AMF_NULL, amfString, command, RawPeer } from "../helpers/raw_peer.ts";
import { type Received, RtmpClient } from "../helpers/rtmp_client.ts";

/** How every accepted play starts (StreamBegin is event 0). */
const PLAY_BEGINS = ["event 0", "NetStream.Play.Reset", "NetStream.Play.Start"];
/** What players receive between two publishers (StreamEOF is event 1). */
const PUBLISHER_GONE = ["NetStream.Play.UnpublishNotify", "event 1"];
const PUBLISHER_BACK = ["event 0", "NetStream.Play.PublishNotify"];

interface Site {
  readonly name: string;
  /** @returns the server of the players and the one of the publishers. */
  start(stack: AsyncDisposableStack): { watched: LocalServer; target: LocalServer };
  /** Number of players at the publisher's server, including an edge that pulls. */
  readonly playersAtTarget: number;
}

/** Where the players and the publishers connect. */
const SITES: readonly Site[] = [
  {
    name: "at an origin",
    start(stack) {
      const origin = stack.use(startOrigin());
      return { watched: origin, target: origin };
    },
    playersAtTarget: 1,
  },
  {
    name: "at an edge of the publisher's origin",
    start(stack) {
      const origin = stack.use(startOrigin());
      return { watched: stack.use(startEdgeOf(origin)), target: origin };
    },
    playersAtTarget: 1,
  },
  {
    name: "at the publisher's edge",
    start(stack) {
      const edge = stack.use(startEdgeOf(stack.use(startOrigin())));
      return { watched: edge, target: edge };
    },
    playersAtTarget: 1,
  },
  {
    name: "at the origin of the publisher's edge",
    start(stack) {
      const origin = stack.use(startOrigin());
      return { watched: origin, target: stack.use(startEdgeOf(origin)) };
    },
    playersAtTarget: 0,
  },
];

for (const site of SITES) {
  netTest(`players ${site.name} stay when the publisher stops and another connects`, async () => {
    const player = await playTwoPublishers(site, async (first, player) => {
      await stopPublishing(first);
      await player.untilStatus("NetStream.Play.UnpublishNotify");
    });
    assertEquals(outline(player.received), [
      ...PLAY_BEGINS,
      ...["frame 0", "frame 1", "frame 2", "frame 3", "frame 4"],
      ...PUBLISHER_GONE,
      ...PUBLISHER_BACK,
      ...["frame 5", "frame 6", "frame 7", "frame 8", "frame 9"],
    ]);
  });

  netTest(`players ${site.name} stay when the publisher is lost and returns`, async () => {
    const player = await playTwoPublishers(site, (first) => first.close());
    assertEquals(player.media.map(numberOf), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
}

/** Plays frames 0 to 4 of one publisher and 5 to 9 of another, whose timestamps start over. */
async function playTwoPublishers(
  site: Site,
  part: (first: RtmpClient, player: RtmpClient) => Promise<void>,
): Promise<RtmpClient> {
  await using stack = new AsyncDisposableStack();
  const { watched, target } = site.start(stack);
  const player = stack.use(await RtmpClient.play(watched.port, "show"));
  await target.untilCounts({ players: site.playersAtTarget });
  const first = stack.use(await RtmpClient.publish(target.port, "show"));
  for (let number = 0; number < 5; number++) first.push(numberedFrame(number, number * 40));
  await player.untilMedia(5);
  await part(first, player);
  await target.untilCounts({ publishers: 0 });

  const second = stack.use(await RtmpClient.publish(target.port, "show"));
  for (let number = 0; number < 5; number++) second.push(numberedFrame(number + 5, number * 40));
  await player.untilMedia(10);
  assertForward(player);
  assertEquals(player.isEnded, false);
  assertEquals(watched.log.count("Play started"), 1);
  return player;
}

/** Ends a publish with the commands that encoders send; the connection stays open. */
async function stopPublishing(publisher: RtmpClient): Promise<void> {
  publisher.sendCommand("FCUnpublish", [null, "show"]);
  publisher.sendCommand("deleteStream", [null, 1]);
  await publisher.barrier();
}

netTest("a publisher publishes again on the same connection", async () => {
  await using origin = startOrigin();
  await using player = await RtmpClient.play(origin.port, "show");
  await using publisher = await RtmpClient.publish(origin.port, "show");
  for (let round = 0; round < 3; round++) {
    publisher.push(numberedFrame(round, 0));
    await player.untilMedia(round + 1);
    await stopPublishing(publisher);
    assertEquals(origin.counts.publishers, 0);
    const before = publisher.received.length;
    await publisher.publish("show");
    await publisher.untilStatus("NetStream.Publish.Start", before);
  }
  publisher.push(numberedFrame(3, 0));
  await player.untilMedia(4);
  assertEquals(outline(player.received), [
    ...[...PLAY_BEGINS, "frame 0", ...PUBLISHER_GONE],
    ...[...PUBLISHER_BACK, "frame 1", ...PUBLISHER_GONE],
    ...[...PUBLISHER_BACK, "frame 2", ...PUBLISHER_GONE],
    ...[...PUBLISHER_BACK, "frame 3"],
  ]);
  assertForward(player);
});

netTest("a publisher changes to another stream on the same connection", async () => {
  await using origin = startOrigin();
  await using ofA = await RtmpClient.play(origin.port, "a");
  await using ofB = await RtmpClient.play(origin.port, "b");
  await using publisher = await RtmpClient.publish(origin.port, "a");
  publisher.push(numberedFrame(1));
  await publisher.publish("b");
  await publisher.untilStatus("NetStream.Publish.Start", publisher.received.length - 1);
  publisher.push(numberedFrame(2));
  await ofB.untilMedia(1);
  await ofA.untilStatus("NetStream.Play.UnpublishNotify");
  assertEquals(ofA.media.map(numberOf), [1]);
  assertEquals(ofB.media.map(numberOf), [2]);
});

netTest("a player plays again, and another stream, on the same connection", async () => {
  await using origin = startOrigin();
  await using a = await RtmpClient.publish(origin.port, "a");
  await using b = await RtmpClient.publish(origin.port, "b");
  a.push(numberedFrame(1));
  b.push(numberedFrame(2));
  await using player = await RtmpClient.play(origin.port, "a");
  await player.untilMedia(1);
  player.sendCommand("closeStream", [null], 1);
  await player.play("a");
  await player.untilMedia(2);
  // Without closing: the new play replaces the old one.
  await player.play("b");
  await player.untilMedia(3);
  b.push(numberedFrame(3));
  await player.untilMedia(4);
  assertEquals(outline(player.received), [
    ...[...PLAY_BEGINS, "frame 1"],
    ...[...PLAY_BEGINS, "frame 1"],
    ...[...PLAY_BEGINS, "frame 2", "frame 3"],
  ]);
  assertEquals(origin.counts, { connections: 3, players: 1, publishers: 2 });
});

netTest("a client that played publishes on the same connection", async () => {
  await using origin = startOrigin();
  await using client = await RtmpClient.play(origin.port, "show");
  await client.publish("show");
  await client.untilStatus("NetStream.Publish.Start");
  await using player = await RtmpClient.play(origin.port, "show");
  client.push(numberedFrame(1));
  await player.untilMedia(1);
  assertEquals(origin.counts, { connections: 2, players: 1, publishers: 1 });
});

netTest("a second publisher gets BadName and is closed; the first continues", async () => {
  const clock = new LeapingClock();
  await using origin = startOrigin("", clock);
  await using player = await RtmpClient.play(origin.port, "show");
  await using first = await RtmpClient.publish(origin.port, "show");
  await using second = await RtmpClient.connect(origin.port);
  await second.publish("show");
  await assertRejects(
    () => second.untilStatus("NetStream.Publish.Start"),
    Error,
    'NetStream.Publish.BadName: Stream "live/show" already has a publisher',
  );
  clock.leap(2_000);
  await second.untilEnded();
  first.push(numberedFrame(1));
  await player.untilMedia(1);
  assertEquals(origin.counts, { connections: 2, players: 1, publishers: 1 });
});

netTest("a publisher at an edge gets BadName when its origin has another publisher", async () => {
  await using origin = startOrigin();
  await using edge = startEdgeOf(origin);
  await using first = await RtmpClient.publish(origin.port, "show");
  await assertRejects(
    () => RtmpClient.publish(edge.port, "show"),
    Error,
    "NetStream.Publish.BadName",
  );
  await using player = await RtmpClient.play(edge.port, "show");
  first.push(numberedFrame(1));
  await player.untilMedia(1);
});

netTest("a player that connects first receives nothing until the stream starts", async () => {
  await using origin = startOrigin();
  await using player = await RtmpClient.play(origin.port, "show");
  assertEquals(player.received, []);
  await using publisher = await RtmpClient.publish(origin.port, "show");
  publisher.push(numberedFrame(1));
  await player.untilMedia(1);
  assertEquals(outline(player.received), [...PLAY_BEGINS, "frame 1"]);
});

for (const name of ["an origin", "an edge"]) {
  netTest(`a player of ${name} gets StreamNotFound after play_wait`, async () => {
    const clock = new LeapingClock();
    await using origin = startOrigin("play { play_wait 20s; }", clock);
    await using edge = startEdgeOf(origin, "", clock);
    const server = name === "an edge" ? edge : origin;
    await using player = await RtmpClient.play(server.port, "nowhere");
    clock.leap(15_000);
    await player.barrier();
    assertEquals(player.statuses, []);
    clock.leap(31_000);
    await assertRejects(
      () => player.untilStatus("NetStream.Play.Start"),
      Error,
      'NetStream.Play.StreamNotFound: Stream "live/nowhere" is not live',
    );
    clock.leap(2_000);
    await player.untilEnded();
    await server.untilCounts({ connections: 0 });
  });
}

netTest("a player that does not answer pings is closed, one that does is not", async () => {
  const clock = new LeapingClock();
  await using origin = startOrigin("publish { normal_timeout 1000000; }", clock);
  await using publisher = await RtmpClient.publish(origin.port, "show");
  publisher.push(numberedFrame(1));
  await using living = await RtmpClient.play(origin.port, "show");
  await using dead = await RawPeer.connect(origin.port);
  await dead.connectApp();
  await dead.write(command("play", 0, AMF_NULL, amfString("show")));
  await origin.untilCounts({ players: 2 });
  while (!dead.isEnded) {
    clock.leap(16_000);
    // Time for the server's periodic check of its clients, and for the live player's answer.
    for (let turn = 0; turn < 5; turn++) await publisher.barrier();
  }
  assertEquals(origin.counts.players, 1);
  assertEquals(living.isEnded, false);
  const ends = origin.log.lines.filter(({ message }) => message === "Play ended");
  assertEquals(ends.map(({ fields }) => fields["peer"]), [dead.address]);
  assertEquals(ends[0]?.fields["cause"], "no answer to a ping within 30000 ms");
});

const SILENT_PUBLISHERS = [
  {
    name: "sends nothing",
    frames: 0,
    config: "publish { firstpkt_timeout 7000; }",
    reason: /no media within 7000 ms \(publish.firstpkt_timeout\)/,
  },
  {
    name: "stops sending",
    frames: 3,
    config: "publish { normal_timeout 7000; }",
    reason: /sent nothing for \d+ ms \(publish.normal_timeout\)/,
  },
] as const;

for (const { name, frames, config, reason } of SILENT_PUBLISHERS) {
  netTest(`a publisher that ${name} is closed, and the stream is free again`, async () => {
    const clock = new LeapingClock();
    await using origin = startOrigin(config, clock);
    await using silent = await RtmpClient.publish(origin.port, "show");
    for (let number = 0; number < frames; number++) silent.push(numberedFrame(number));
    await silent.barrier();
    clock.leap(6_000);
    await silent.barrier();
    assertEquals(silent.isEnded, false);
    clock.leap(2_000);
    await silent.untilEnded();
    const end = origin.log.lines.find(({ message }) => message === "Publish ended");
    assert(reason.test(String(end?.fields["cause"])), String(end?.fields["cause"]));
    await using _next = await RtmpClient.publish(origin.port, "show");
  });
}

/** Returns one word for each thing received. */
function outline(received: readonly Received[]): string[] {
  return received.map((item) => {
    switch (item.type) {
      case "media":
        return `frame ${numberOf(item)}`;
      case "status":
        return item.code;
      case "event":
        return `event ${item.event}`;
    }
  });
}

function assertForward({ media }: RtmpClient): void {
  const times = media.map(({ timestampMs }) => timestampMs);
  assertEquals(times, times.toSorted((left, right) => left - right), "time ran backwards");
  assertEquals(new Set(times).size, times.length, "time stood still");
}
