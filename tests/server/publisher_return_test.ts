/**
 * Publishers of an origin that are lost and return, or are followed by another, on the same or a
 * new connection. Reports of SRS users: a publisher is refused as busy after a network loss (#675),
 * replays within seconds fail (#2215, #2621).
 */

import { encodePingRequest, encodePingResponse } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { AVC_HEADER, idOf, interFrame, keyframe } from "../helpers/media.ts";
import { type Client, ServerRig } from "./rig.ts";

const VIDEO = 9;
const FRAME_MS = 40;

/** What a player gets before the stream, when the stream is unpublished, and published again. */
const STARTED = ["StreamBegin", "NetStream.Play.Reset", "NetStream.Play.Start"];
const GONE = ["NetStream.Play.UnpublishNotify", "StreamEOF"];
const BACK = ["StreamBegin", "NetStream.Play.PublishNotify"];

/** Marks another source in the stream; players ignore it. */
const NEXT = "StreamBegin";

const ORIGIN = "vhost __defaultVhost__ { play { mw_latency 20; } }";
const REPLACE = "vhost __defaultVhost__ { play { mw_latency 20; } publish { takeover replace; } }";
const NO_GRACE = "vhost __defaultVhost__ { play { mw_latency 20; } publish { grace 0; } }";

/** Starts like an encoder: header and first GOP, video frames numbered from `id`, time from 0. */
function begin(publisher: Client, id: number): void {
  publisher.push(VIDEO, 0, AVC_HEADER);
  publisher.push(VIDEO, 0, keyframe(id));
  publisher.push(VIDEO, FRAME_MS, interFrame(id + 1));
}

/** Numbers and times of the video frames that a player got, without headers. */
function shown({ messages }: Client): { id: number; timestampMs: number }[] {
  return messages.filter(({ typeId, payload }) => typeId === VIDEO && payload[1] === 1)
    .map(({ payload, timestampMs }) => ({ id: idOf(payload), timestampMs }));
}

function idsOf(player: Client): number[] {
  return shown(player).map(({ id }) => id);
}

function statusesOf({ words }: Client): string[] {
  return words.filter((word) => word !== "video");
}

/** A published stream with a player that has got the first two video frames. */
async function start(text = ORIGIN): Promise<{ rig: ServerRig; first: Client; player: Client }> {
  const rig = new ServerRig(text);
  const player = await rig.play();
  const first = await rig.publish();
  begin(first, 1);
  await rig.advance(100);
  assertEquals(idsOf(player), [1, 2]);
  return { rig, first, player };
}

/** Ways to lose the connection of a publisher. */
const LOSSES = [
  { name: "is closed", lose: (publisher: Client) => publisher.transport.close() },
  { name: "is reset", lose: (publisher: Client) => publisher.far.reset() },
  { name: "falls silent without a FIN", lose: () => {} },
] as const;

for (const { name, lose } of LOSSES) {
  for (const awayMs of [2_000, 9_000]) {
    Deno.test(`SRS #675: a publisher returns ${awayMs} ms after its connection ${name}: players stay, time continues`, async () => {
      const { rig, first, player } = await start();
      lose(first);
      await rig.advance(awayMs);
      const second = await rig.publish();
      // One that fell silent is probed first.
      await rig.advance(1_500);
      assertEquals(second.words, ["NetStream.Publish.Start"]);
      begin(second, 3);
      await rig.advance(100);
      assertEquals(shown(player), [
        { id: 1, timestampMs: 0 },
        { id: 2, timestampMs: 40 },
        { id: 3, timestampMs: 80 },
        { id: 4, timestampMs: 120 },
      ]);
      assertEquals(statusesOf(player), [...STARTED, NEXT]);
      // The old timer is gone.
      for (let passed = 0; passed < 15; passed++) {
        second.push(VIDEO, 80 + passed * 1_000, interFrame(5));
        await rig.advance(1_000);
      }
      assertEquals(statusesOf(player), [...STARTED, NEXT]);
      await rig.stop();
    });
  }
}

Deno.test("SRS #2215 #2621: a stream is published again and again within a second, ended or lost", async () => {
  const { rig, first, player } = await start();
  let publisher = first;
  for (let round = 1; round <= 6; round++) {
    if (round % 2 === 0) publisher.closeStream();
    await rig.settle();
    publisher.transport.close();
    await rig.advance(100);
    publisher = await rig.publish();
    assertEquals(publisher.words, ["NetStream.Publish.Start"]);
    begin(publisher, round * 10);
    await rig.advance(100);
  }
  assertEquals(idsOf(player), [1, 2, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61]);
  const times = shown(player).map(({ timestampMs }) => timestampMs);
  assertEquals(times, times.map((_, index) => index * FRAME_MS));
  await rig.stop();
});

Deno.test("Players get UnpublishNotify when a lost publisher does not return within the grace", async () => {
  const { rig, first, player } = await start();
  first.transport.close();
  await rig.advance(9_900);
  assertEquals(statusesOf(player), STARTED);
  await rig.advance(200);
  assertEquals(statusesOf(player), [...STARTED, ...GONE]);
  const second = await rig.publish();
  begin(second, 3);
  await rig.advance(100);
  assertEquals(statusesOf(player), [...STARTED, ...GONE, ...BACK]);
  assertEquals(idsOf(player), [1, 2, 3, 4]);
  await rig.stop();
});

Deno.test("A publisher that returned and is lost again gets the whole grace again", async () => {
  const { rig, first, player } = await start();
  first.transport.close();
  await rig.advance(9_000);
  const second = await rig.publish();
  begin(second, 3);
  await rig.advance(100);
  second.transport.close();
  await rig.advance(9_800);
  assertEquals(statusesOf(player), [...STARTED, NEXT]);
  await rig.advance(300);
  assertEquals(statusesOf(player), [...STARTED, NEXT, ...GONE]);
  await rig.stop();
});

Deno.test("Players get UnpublishNotify at once without grace", async () => {
  const { rig, first, player } = await start(NO_GRACE);
  first.transport.close();
  await rig.advance(100);
  assertEquals(statusesOf(player), [...STARTED, ...GONE]);
  await rig.stop();
});

const GOODBYES = [
  {
    name: "FCUnpublish",
    say: (publisher: Client) => publisher.command("FCUnpublish", [null, "show"]),
  },
  {
    name: "deleteStream",
    say: (publisher: Client) => publisher.command("deleteStream", [null, 1]),
  },
  { name: "closeStream", say: (publisher: Client) => publisher.closeStream() },
] as const;

for (const { name, say } of GOODBYES) {
  Deno.test(`Players get UnpublishNotify at once when the publisher sends ${name}`, async () => {
    const { rig, first, player } = await start();
    say(first);
    await rig.settle();
    first.transport.close();
    await rig.advance(100);
    assertEquals(statusesOf(player), [...STARTED, ...GONE]);
    await rig.stop();
  });
}

Deno.test("A player that joins during the grace waits for the publisher and starts with its video frames", async () => {
  const { rig, first } = await start();
  first.transport.close();
  await rig.advance(1_000);
  const late = await rig.play();
  await rig.advance(1_000);
  assertEquals(late.words, []);
  const second = await rig.publish();
  begin(second, 3);
  await rig.advance(100);
  assertEquals(late.words, [...STARTED, "video", "video", "video"]);
  assertEquals(idsOf(late), [3, 4]);
  await rig.stop();
});

Deno.test("A stream without players is dropped together with its grace", async () => {
  const { rig, first, player } = await start();
  first.transport.close();
  await rig.settle();
  player.transport.close();
  await rig.advance(1_000);
  // No timer of the grace, the wheel or the connections.
  assertEquals(rig.clock.pendingCount, 0);
  await rig.stop();
});

Deno.test("A server stops while it waits for a publisher", async () => {
  const { rig, first } = await start();
  first.transport.close();
  await rig.advance(1_000);
  await rig.stop();
});

Deno.test("A silent publisher that is closed by its timeout has its grace from then", async () => {
  const { rig, first, player } = await start();
  const isTold = () => player.words.includes(GONE[0]!);
  await rig.advance(20_000);
  assertEquals(first.words, ["NetStream.Publish.Start"]);
  await rig.advance(1_000);
  assertEquals(first.words, ["NetStream.Publish.Start", "NetStream.Publish.Failed"]);
  assertMatch(first.descriptions.at(-1)!, /sent nothing for 2\d+ ms \(publish.normal_timeout\)$/);
  assertMatch(String(rig.linesOf("Publish ended")[0]!.fields["cause"]), /publish.normal_timeout/);
  assertEquals(first.isEnded, false);
  await rig.advance(2_000);
  assertEquals(first.isEnded, true);
  await rig.advance(7_000);
  assertEquals(isTold(), false);
  await rig.advance(1_100);
  assertEquals(isTold(), true);
  await rig.stop();
});

// Takeover.

Deno.test("A second publisher is refused when the first sends anything, and gets the stream when it does not within 1.5 s", async () => {
  const { rig, first, player } = await start();
  await rig.advance(5_000);
  const hasty = await rig.publish();
  assertEquals([first.words.at(-1), hasty.words], ["PingRequest", []]);
  await rig.advance(1_000);
  first.send(encodePingResponse(1));
  await rig.settle();
  assertEquals(hasty.words, ["NetStream.Publish.BadName"]);
  await rig.advance(5_000);
  assertEquals(first.isEnded, false);
  const second = await rig.publish();
  await rig.advance(1_499);
  assertEquals(second.words, []);
  await rig.advance(1);
  assertEquals(second.words, ["NetStream.Publish.Start"]);
  begin(second, 4);
  await rig.advance(100);
  assertEquals(idsOf(player), [1, 2, 4, 5]);
  assert(!player.words.includes(GONE[0]!));
  await rig.stop();
});

Deno.test("A publisher that returns through another edge is not refused because the first edge waits for it", async () => {
  const rig = new ServerRig(ORIGIN);
  const player = await rig.play();
  const firstEdge = await rig.publish("show", { edgePath: "edge1" });
  begin(firstEdge, 1);
  await rig.advance(900);
  const secondEdge = await rig.publish("show", { edgePath: "edge2" });
  // It asks whether the origin is alive.
  firstEdge.send(encodePingRequest(1));
  await rig.advance(1_500);
  assertEquals(secondEdge.words, ["NetStream.Publish.Start"]);
  begin(secondEdge, 3);
  // It might send again what the first edge sent, until it keeps the pace of the clock.
  for (let frame = 2; frame < 5; frame++) {
    await rig.advance(FRAME_MS);
    secondEdge.push(VIDEO, frame * FRAME_MS, interFrame(3 + frame));
  }
  await rig.advance(100);
  assertEquals(idsOf(player), [1, 2, 3, 4, 5, 6, 7]);
  await rig.stop();
});

Deno.test("A second publisher replaces an active one with takeover replace, and the first is told why and closed", async () => {
  const { rig, first, player } = await start(REPLACE);
  const second = await rig.publish();
  assertEquals(second.words, ["NetStream.Publish.Start"]);
  assertEquals(first.words, ["NetStream.Publish.Start", "NetStream.Publish.BadName"]);
  // It has not read the status yet.
  first.push(VIDEO, 80, interFrame(666));
  first.closeStream();
  begin(second, 3);
  await rig.advance(3_000);
  assertEquals(first.isEnded, true);
  assertEquals(second.isEnded, false);
  assertEquals(idsOf(player), [1, 2, 3, 4]);
  assertEquals(statusesOf(player), [...STARTED, NEXT]);
  const [ended] = rig.linesOf("Publish ended");
  assertEquals(ended?.fields["cause"], "replaced by a newer publisher");
  assertEquals(rig.server.counts, { connections: 2, players: 1, publishers: 1 });
  await rig.stop();
});

Deno.test("A publisher that was replaced and sends again changes nothing", async () => {
  const { rig, first, player } = await start();
  const second = await rig.publish();
  await rig.advance(1_500);
  begin(second, 3);
  first.push(VIDEO, 80, keyframe(666));
  first.transport.close();
  await rig.advance(1_000);
  assertEquals(idsOf(player), [1, 2, 3, 4]);
  assertEquals(statusesOf(player), [...STARTED, NEXT]);
  assertEquals(rig.server.counts.publishers, 1);
  await rig.stop();
});

Deno.test("A publisher is replaced without players, and later players get the new one", async () => {
  const rig = new ServerRig(REPLACE);
  begin(await rig.publish(), 1);
  await rig.settle();
  const second = await rig.publish();
  begin(second, 3);
  await rig.settle();
  const player = await rig.play();
  await rig.advance(100);
  assertEquals(idsOf(player), [3, 4]);
  await rig.stop();
});
