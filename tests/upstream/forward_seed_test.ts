/**
 * Proves that the upstream client serves more than edges: an origin vhost pushes its streams to two
 * other servers with nothing but `Hub.observe` and {@linkcode Pusher}.
 */

import type { AmfObject } from "../../lib/amf/amf_value.ts";
import type { OriginAddress } from "../../lib/config/config.ts";
import { Hub, type HubObserver } from "../../lib/hub/hub.ts";
import type { SourceChange } from "../../lib/hub/publisher.ts";
import type { Stream } from "../../lib/hub/stream.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { parseEdgeInfo, refuseLoop } from "../../lib/upstream/edge_path.ts";
import { OriginSet } from "../../lib/upstream/origin_set.ts";
import { Pusher } from "../../lib/upstream/pusher.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import {
  CHUNK_SIZE,
  CLUSTER,
  EdgeRig,
  PORT_B,
  requestFor,
  TWO_ORIGINS,
} from "../helpers/edge_rig.ts";
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

/** Longer than a turn of the wheel that writes to origins. */
const TURN_MS = 40;

/** Pushes the streams of a hub to every destination, from a source's beginning to its end. */
class Forward implements HubObserver {
  readonly #rig: EdgeRig;
  readonly #destinations: readonly OriginAddress[];
  readonly #pushers = new Map<Stream, readonly Pusher[]>();

  constructor(rig: EdgeRig, hub: Hub, destinations: readonly OriginAddress[]) {
    this.#rig = rig;
    this.#destinations = destinations;
    hub.observe(this);
  }

  onSourceChange(stream: Stream, change: SourceChange): void {
    const isOver = change.type === "unpublished" ||
      change.type === "ended" && change.reason === "unpublished";
    if (isOver) {
      for (const pusher of this.#pushers.get(stream) ?? []) pusher.stop();
      this.#pushers.delete(stream);
    } else if (change.type === "began" && !this.#pushers.has(stream)) {
      this.#pushers.set(stream, this.#destinations.map((to) => this.#push(stream, to)));
    }
  }

  #push(stream: Stream, destination: OriginAddress): Pusher {
    const { context, clock, wheels, log } = this.#rig;
    const settings = { ...CLUSTER, origins: [destination] };
    const request = stream.sourceRequest!;
    const pusher = new Pusher({
      context,
      origins: new OriginSet({ vhost: "v", settings, clock }),
      totals: context.totals,
      stream,
      request: () => request,
      wheel: wheels.for(20),
      logger: log.logger,
      onAccepted() {},
      onRefused() {},
      onDisplaced() {},
    });
    void pusher.start();
    return pusher;
  }
}

/** An origin vhost that forwards to the servers `a` and `b`. */
class ForwardRig extends EdgeRig {
  readonly hub = new Hub({
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 1 << 20,
    maxMessages: 1_000,
    keepBackMs: 0,
  });
  readonly vhost = new LocalVhost({ config: this.config, hub: this.hub, clock: this.clock });
  readonly forward = new Forward(this, this.hub, TWO_ORIGINS);

  async publish(request = requestFor("show?key=1")): Promise<TestPublisher> {
    const publisher = new TestPublisher(this.vhost, "show", request);
    await this.settle();
    return publisher;
  }

  async assertNothingLeft(): Promise<void> {
    await this.advance(2_000);
    assertEquals(this.clock.pendingCount, 0, "timers are left");
    assertEquals(this.a.openCount + this.b.openCount, 0, "connections are left");
    assertEquals([...this.hub.streams()].length, 0, "streams are left");
  }
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
