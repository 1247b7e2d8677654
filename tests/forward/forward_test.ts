/** Copies of an origin's streams for other servers, on a fake clock and with scripted peers. */

import type { AmfObject } from "../../lib/amf/amf_value.ts";
import type { VhostConfig } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { Forward } from "../../lib/forward/forward.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { parseEdgeInfo, refuseLoop } from "../../lib/upstream/edge_path.ts";
import { encodePingRequest } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { CHUNK_SIZE, EdgeRig, PORT_A, PORT_B, requestFor } from "../helpers/edge_rig.ts";
import { type OriginLink, ScriptedOrigin } from "../helpers/scripted_origin.ts";
import {
  AAC_HEADER,
  audioFrame,
  audioHeader,
  AVC_HEADER,
  interFrame,
  keyframe,
  metadata,
  SET_METADATA,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { TestPlayer, TestPublisher } from "../helpers/vhost_rig.ts";

/** Longer than a turn of the wheel that writes to destinations. */
const TURN_MS = 40;

const TO_A = `a.example:${PORT_A}`;
const TO_B = `b.example:${PORT_B}`;

/** An origin vhost that forwards to the servers `a` and `b`, or to `destinations`. */
class ForwardRig extends EdgeRig {
  readonly hub = new Hub({
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 1 << 20,
    maxMessages: 1_000,
    keepBackMs: 0,
  });
  readonly vhost: LocalVhost;
  readonly forward: Forward;
  /** What `backend` answers; null for no answer. */
  answer: readonly string[] | null = null;
  askCount = 0;
  /** Names that come from the process that this one replaces. */
  readonly pulled = new Set<string>();

  constructor(...destinations: readonly string[]) {
    super();
    const written = destinations.length === 0 ? [TO_A, TO_B] : destinations;
    this.config = withDestinations({ ...this.config, mode: "local" }, written);
    const { config, hub, clock, deps, wheels, log: { logger } } = this;
    this.vhost = new LocalVhost({ config, hub, clock });
    this.forward = new Forward({
      ...{ config, hub, deps, wheels, logger },
      vouch: (...asked) => this.vhost.vouch(...asked),
      ask: () => {
        this.askCount++;
        return Promise.resolve(this.answer);
      },
      isPulled: (name) => this.pulled.has(name),
    });
    this.forward.start();
  }

  /** Loads the settings again, with other destinations. */
  reload(...destinations: readonly string[]): void {
    this.config = withDestinations(this.config, destinations);
    this.forward.configure(this.config);
  }

  /** Asks a backend from now on. */
  useBackend(): void {
    const backend = ["http://127.0.0.1/forward"];
    this.config = { ...this.config, forward: { ...this.config.forward, backend } };
    this.forward.configure(this.config);
  }

  async publish(request = requestFor("show?key=1")): Promise<TestPublisher> {
    const publisher = new TestPublisher(this.vhost, request.url.stream, request);
    await this.settle();
    return publisher;
  }

  async assertNothingLeft(): Promise<void> {
    await this.advance(2_000);
    assertEquals(this.clock.pendingCount, 0, "timers are left");
    assertEquals(this.a.openCount + this.b.openCount, 0, "connections are left");
    assertEquals([...this.hub.streams()].length, 0, "streams are left");
    assertEquals(this.forward.count, 0);
  }
}

function withDestinations(config: VhostConfig, written: readonly string[]): VhostConfig {
  const list = written.length === 0 ? "" : `destination ${written.join(" ")};`;
  const text = `listen 1935; vhost v { forward { enabled on; ${list} } }`;
  const loaded = parseConfig(text, "test.conf", { readFile: () => undefined });
  return { ...config, forward: loaded.config.vhosts.get("v")!.forward };
}

function mediaAt(link: OriginLink): [timestampMs: number, payload: Uint8Array][] {
  return link.media.map(({ timestampMs, payload }) => [timestampMs, payload]);
}

Deno.test("An origin's stream arrives byte for byte at both servers that it is pushed to", async () => {
  const rig = new ForwardRig();
  const publisher = await rig.publish();
  publisher.push(metadata(), videoHeader(), audioHeader(), keyframe(0), audioFrame(10));
  await rig.advance(TURN_MS);
  publisher.push(interFrame(40, 1), keyframe(80, 2, 100_000));
  await rig.advance(TURN_MS);
  for (const { link } of [rig.a, rig.b]) {
    assertEquals(link.streamName, "show?key=1");
    assertEquals(mediaAt(link), [
      [0, SET_METADATA],
      [0, AVC_HEADER],
      [0, AAC_HEADER],
      [0, keyframe(0).payload],
      [10, audioFrame(0).payload],
      [40, interFrame(0, 1).payload],
      [80, keyframe(0, 2, 100_000).payload],
    ]);
  }
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("A dead server that a stream is pushed to hurts nothing, and is retried until it is back", async () => {
  const rig = new ForwardRig();
  rig.b.stopListening();
  const player = new TestPlayer(rig.vhost);
  const publisher = await rig.publish();
  publisher.push(videoHeader());
  const sent = Array.from({ length: 60 }, (_, second) => keyframe(second * 1_000, second));
  for (const frame of sent) {
    publisher.push(frame);
    await rig.advance(1_000);
  }
  const payloads = [AVC_HEADER, ...sent.map(({ payload }) => payload)];
  assertEquals(rig.a.link.media.map(({ payload }) => payload), payloads);
  assertEquals(player.media.map(({ payload }) => payload), payloads);
  assertEquals([rig.a.links.length, publisher.handle!.isClosed], [1, false]);
  assertEquals(rig.log.urgent.length, 1, "one warning, not one for each attempt");
  const dials = rig.network.dialled.filter((port) => port === PORT_B).length;
  assert(dials > 10 && dials < 30, `${dials} dials in a minute, with pauses of up to 5 s`);

  const revived = new ScriptedOrigin(rig.network, PORT_B);
  await rig.advance(5_000);
  assertEquals(revived.link.media.map(({ payload }) => payload), [
    AVC_HEADER,
    sent.at(-1)!.payload,
  ]);
  publisher.leave();
  player.leave();
  await rig.settle();
  assertEquals(revived.openCount, 0);
  await rig.assertNothingLeft();
});

Deno.test("The end of an origin's stream ends both pushes, after the last byte", async () => {
  const rig = new ForwardRig();
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0), interFrame(40));
  publisher.leave();
  await rig.settle();
  for (const { link } of [rig.a, rig.b]) {
    assertEquals(link.media.at(-1)!.payload, interFrame(0).payload);
    assertEquals(link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
    assertEquals(link.isOpen, false);
  }
  await rig.assertNothingLeft();
});

Deno.test("Pushes of an origin's stream outlast the return of its publisher, and end when it stays away", async () => {
  const rig = new ForwardRig();
  const { graceMs } = rig.config.publish;
  const first = await rig.publish();
  first.push(videoHeader(), keyframe(0, 1));
  await rig.advance(TURN_MS);
  first.leave("lost");
  await rig.advance(graceMs - 1_000);
  const second = await rig.publish();
  second.push(videoHeader(), keyframe(0, 2));
  await rig.advance(TURN_MS);
  for (const { links, link } of [rig.a, rig.b]) {
    assertEquals([links.length, link.media.length], [1, 4]);
  }
  second.leave("lost");
  await rig.advance(graceMs);
  await rig.assertNothingLeft();
});

Deno.test("A push names the servers that the stream came through, so that a loop is refused", async () => {
  const rig = new ForwardRig();
  const publisher = await rig.publish(requestFor("show", ["edge9999"]));
  const info = rig.a.link.commands[0]!.values[0] as AmfObject;
  const { edgePath } = parseEdgeInfo(info);
  assertEquals(edgePath, ["edge9999", "edge0001"]);
  assertEquals(
    refuseLoop([...edgePath, "other"], "edge0001")?.code,
    "NetConnection.Connect.Rejected",
  );
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("a destination that the stream came from rests until the publisher returns here", async () => {
  const rig = new ForwardRig();
  const loop = refuseLoop(["edge0001"], "edge0001")!;
  rig.b.behaviour = { kind: "refuse connect", refusal: loop };
  const pushed = await rig.publish(requestFor("show", ["bbbb2222"]));
  pushed.push(videoHeader(), keyframe(0, 1));
  await rig.advance(20_000);
  assertEquals([rig.a.links.length, rig.b.links.length], [1, 1], "asked once, not again");
  assertEquals(rig.log.urgent, [], "two servers that forward to each other are no fault");
  const line = rig.log.lines.find(({ message }) => message.startsWith("Forward rests"));
  assertEquals(line?.fields?.["origin"], TO_B);

  pushed.leave("lost");
  await rig.advance(1_000);
  rig.b.behaviour = { kind: "accept" };
  const direct = await rig.publish();
  direct.push(videoHeader(), keyframe(0, 2));
  await rig.advance(TURN_MS);
  assertEquals([rig.a.links.length, rig.b.links.length], [1, 2]);
  assertEquals(rig.b.link.media.map(({ payload }) => payload), [
    AVC_HEADER,
    keyframe(0, 2).payload,
  ]);
  direct.leave();
  await rig.assertNothingLeft();
});

Deno.test("destinations come and go with the settings while a stream runs", async () => {
  const rig = new ForwardRig(TO_A);
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0, 1), interFrame(40, 2));
  await rig.advance(TURN_MS);
  const first = rig.a.link;
  rig.reload(TO_A, TO_B);
  await rig.advance(TURN_MS);
  assertEquals(mediaAt(rig.b.link), mediaAt(first), "from the newest keyframe on");
  rig.reload(TO_B);
  publisher.push(interFrame(80, 3));
  await rig.advance(TURN_MS);
  assertEquals(first.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
  assertEquals([rig.a.openCount, rig.b.links.length, rig.b.openCount], [0, 1, 1]);
  assertEquals(rig.b.link.media.length, 4);
  rig.reload();
  await rig.advance(TURN_MS);
  assertEquals(rig.b.openCount, 0);
  assertEquals(publisher.handle!.isClosed, false);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("a URL names app and stream at the destination, and nothing shows them", async () => {
  const rig = new ForwardRig(`rtmp://a.example:${PORT_A}/own/app/SeCrEtKeY?sig=99`);
  const refusal = { code: "NetStream.Publish.Denied", description: 'no "own/app/SeCrEtKeY"' };
  rig.a.behaviour = { kind: "refuse", refusal };
  const publisher = await rig.publish(requestFor("show?token=mine", ["edge9999"]));
  publisher.push(videoHeader(), keyframe(0));
  await rig.advance(500);
  const { tcUrl, app } = rig.a.link.connect!;
  assertEquals([tcUrl, app], [`rtmp://a.example:${PORT_A}/own/app`, "own/app"]);
  assertEquals(rig.a.link.streamName, "SeCrEtKeY?sig=99");
  const shown = JSON.stringify([rig.log.lines, rig.forward.of("live/show")]);
  assert(!/SeCrEt|own.app|sig|mine/i.test(shown), shown);
  assert(shown.includes("The server refuses: NetStream.Publish.Denied"), shown);
  rig.a.behaviour = { kind: "accept" };
  await rig.advance(5_000);
  assertEquals(rig.a.link.media.length, 2);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("placeholders in a URL stand for the names of the stream", async () => {
  const rig = new ForwardRig(`rtmp://a.example:${PORT_A}/copy-[app]/[stream]-2?v=[vhost]`);
  const publisher = await rig.publish();
  assertEquals(rig.a.link.connect!.app, "copy-live");
  assertEquals(rig.a.link.streamName, `show-2?v=${requestFor().url.vhost}`);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("a destination for one stream gets that one, and the next when it ends", async () => {
  const rig = new ForwardRig(`rtmp://a.example:${PORT_A}/live/KEY`, `show=${TO_B}`);
  const first = await rig.publish(requestFor("other"));
  const second = await rig.publish(requestFor("show"));
  assertEquals(rig.a.links.map(({ streamName }) => streamName), ["KEY"]);
  assertEquals(rig.b.links.map(({ streamName }) => streamName), ["show"]);
  second.push(videoHeader(), keyframe(0, 7));
  first.leave();
  await rig.advance(500);
  assertEquals([rig.a.links.length, rig.a.link.media.length], [2, 2]);
  second.leave();
  await rig.assertNothingLeft();
});

Deno.test("a server like this one gets no sign of life for a publisher that is away; others do", async () => {
  const rig = new ForwardRig(TO_A, `rtmp://b.example:${PORT_B}/live/KEY`);
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  publisher.leave("lost");
  await rig.advance(TURN_MS);
  for (const { link } of [rig.a, rig.b]) link.send(encodePingRequest(1));
  await rig.advance(TURN_MS);
  assertEquals([rig.a.link.pongCount, rig.b.link.pongCount], [0, 1]);
  await rig.advance(rig.config.publish.graceMs);
  await rig.assertNothingLeft();
});

Deno.test("a platform that answers no ping keeps its connection, until it takes no bytes", async () => {
  const rig = new ForwardRig(`rtmp://a.example:${PORT_A}/live/KEY`);
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  const { link } = rig.a;
  link.stopSending();
  for (let second = 1; second < 30; second++) {
    publisher.push(keyframe(second * 1_000));
    await rig.advance(1_000);
  }
  assertEquals([rig.a.links.length, link.isOpen], [1, true]);
  link.freeze();
  for (let second = 30; second < 45; second++) {
    publisher.push(keyframe(second * 1_000));
    await rig.advance(1_000);
  }
  assertEquals(rig.a.links.length, 2);
  publisher.leave();
  await rig.advance(10_000);
  await rig.assertNothingLeft();
});

Deno.test("a stream that comes from the process being replaced is not forwarded twice", async () => {
  const rig = new ForwardRig();
  rig.pulled.add("live/show");
  const pull = rig.hub.open("live/show").publish(requestFor())!;
  rig.reload(TO_A, TO_B);
  await rig.advance(TURN_MS);
  assertEquals(rig.network.dialled, []);
  pull.end("lost");
  rig.pulled.clear();
  const publisher = await rig.publish();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("a server that stops does not end the streams at their destinations", async () => {
  const rig = new ForwardRig();
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0));
  const closed = rig.forward.close();
  await rig.advance(TURN_MS);
  await closed;
  for (const { link } of [rig.a, rig.b]) {
    assertEquals([link.media.length, link.isOpen], [2, false]);
    assertEquals(link.commandNames.includes("FCUnpublish"), false);
  }
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("a backend says where each stream goes, in place of the list, and is asked until it answers", async () => {
  const rig = new ForwardRig(TO_A);
  rig.useBackend();
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0));
  await rig.advance(1_000);
  assertEquals([rig.askCount, rig.network.dialled], [1, []]);
  rig.answer = [`rtmp://b.example:${PORT_B}/live/KEY`, "no url at all/"];
  await rig.advance(5_000);
  assertEquals([rig.askCount, rig.network.dialled], [2, [PORT_B]]);
  assertEquals([rig.b.link.streamName, rig.b.link.media.length], ["KEY", 2]);
  assertEquals(rig.log.urgent.map(({ message }) => message), [
    "Callback on_forward names a destination that is not valid",
  ]);
  rig.reload(TO_A);
  await rig.advance(1_000);
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 0], "the list counts again");
  publisher.leave();
  await rig.assertNothingLeft();
});
