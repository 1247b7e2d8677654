import type { ClusterConfig } from "../../lib/config/config.ts";
import { PlayerRequests } from "../../lib/edge/player_requests.ts";
import { Puller } from "../../lib/edge/puller.ts";
import { StreamFeeder } from "../../lib/splice/stream_feeder.ts";
import { UserControlEvent } from "../../lib/rtmp/constants.ts";
import { encodeUserControl } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import {
  createStream,
  EdgeRig,
  PORT_A,
  PORT_B,
  requestFor,
  TWO_ORIGINS,
} from "../helpers/edge_rig.ts";
import { LogViewer } from "../helpers/log_viewer.ts";
import {
  audioHeader,
  AVC_HEADER,
  interFrame,
  keyframe,
  METADATA,
  metadata,
  videoHeader,
} from "../helpers/tiny_media.ts";

/** A puller that feeds a stream with one viewer. */
class PullRig extends EdgeRig {
  readonly stream = createStream();
  readonly viewer = new LogViewer().watch(this.stream);
  readonly events: string[] = [];
  readonly requests = new PlayerRequests();
  readonly puller: Puller;

  constructor(cluster: Partial<ClusterConfig> = {}, prepare = (_: EdgeRig) => {}) {
    super(cluster);
    this.config = { ...this.config, publish: { ...this.config.publish, graceMs: GRACE_MS } };
    prepare(this);
    this.stream.join(this.viewer);
    this.requests.add(this.viewer, requestFor());
    this.puller = new Puller({
      context: this.context,
      feeder: new StreamFeeder(this.stream),
      logger: this.log.logger,
      requests: this.requests,
      isAvoided: () => false,
      onMedia: () => this.events.push("media"),
      onLost: () => this.events.push("lost"),
      isSlateNext: () => false,
      onMissing: () => this.events.push("missing"),
    });
    void this.puller.start();
  }

  /** Stops it, and checks that nothing is left. */
  async stop(): Promise<void> {
    this.puller.stop();
    await this.settle();
    assertEquals(this.clock.pendingCount, 0, "timers are left");
    assertEquals(this.a.openCount + this.b.openCount, 0, "connections are left");
    assertEquals(this.stream.hasSource, false);
  }
}

async function startPull(
  cluster?: Partial<ClusterConfig>,
  prepare?: (rig: EdgeRig) => void,
): Promise<PullRig> {
  const rig = new PullRig(cluster, prepare);
  await rig.settle();
  return rig;
}

/** How long players wait for a publisher that may return. */
const GRACE_MS = 10_000;

const TWO = { origins: TWO_ORIGINS };

function timesOf(viewer: LogViewer): number[] {
  return viewer.media.filter(({ typeId }) => typeId === 9).map(({ timestampMs }) => timestampMs);
}

Deno.test("Puller feeds the stream with what the origin sends, unchanged and in order", async () => {
  const rig = await startPull();
  const messages = [metadata(), videoHeader(), audioHeader(), keyframe(0), interFrame(40)];
  rig.a.link.sendMedia(...messages);
  await rig.settle();
  assertEquals(
    rig.viewer.media.map(({ payload }) => payload),
    messages.map(({ payload }) => payload),
  );
  assertEquals(rig.events, ["media"]);
  await rig.stop();
});

Deno.test("Puller begins the stream with its first message, not with the origin's announcement", async () => {
  const rig = await startPull();
  rig.a.link.sendPlayNotices();
  await rig.settle();
  assertEquals([rig.stream.isLive, rig.viewer.liveCount], [false, 0]);
  rig.a.link.sendMedia(metadata());
  await rig.settle();
  assertEquals([rig.stream.isLive, rig.viewer.liveCount], [true, 1]);
  await rig.stop();
});

Deno.test("Puller keeps waiting at a single origin that plays and sends nothing", async () => {
  const rig = await startPull();
  await rig.advance(300_000);
  assertEquals(rig.network.dialled, [PORT_A]);
  assertEquals(rig.events, []);
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(rig.viewer.media.length, 1);
  await rig.stop();
});

for (const kind of ["accept", "hold"] as const) {
  Deno.test(`Puller finds the origin that has the stream when the first only says ${kind}`, async () => {
    const rig = await startPull(TWO, ({ a }) => a.behaviour = { kind });
    await rig.advance(5_250);
    rig.b.link.sendMedia(keyframe(0));
    await rig.settle();
    assertEquals(rig.viewer.media.length, 1);
    assertEquals(rig.a.openCount, 0);
    await rig.stop();
  });
}

Deno.test("Puller goes to the next origin at once when the first refuses", async () => {
  const refusal = { code: "NetStream.Play.StreamNotFound", description: "none" };
  const rig = await startPull(TWO, ({ a }) => a.behaviour = { kind: "refuse", refusal });
  rig.b.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals([rig.clock.now(), rig.viewer.media.length], [0, 1]);
  const [line] = rig.log.lines.filter(({ message }) => message.startsWith("Pull failed"));
  assertStringIncludes(line!.message, "NetStream.Play.StreamNotFound");
  assertEquals([line!.level, rig.context.totals.refusals], ["info", 1]);
  await rig.stop();
});

for (const way of ["close", "reset"] as const) {
  Deno.test(`Puller continues with the next origin at once after a ${way}, and players stay`, async () => {
    const rig = await startPull(TWO);
    rig.a.link.sendMedia(videoHeader(), keyframe(0), interFrame(40));
    await rig.advance(2_000);
    rig.a.link[way]();
    await rig.settle();
    assertEquals(rig.events, ["media", "lost"]);
    assertEquals(rig.stream.isLive, true, "viewers may still join");
    rig.b.link.sendMedia(videoHeader(), keyframe(700_000, 0x77), interFrame(700_040));
    await rig.settle();
    assertEquals(rig.events, ["media", "lost", "media"]);
    assertEquals(rig.viewer.statuses, [], "players are told nothing");
    const times = timesOf(rig.viewer);
    assertEquals(times, times.toSorted((left, right) => left - right));
    assert(times.at(-1)! < 1_000, `time jumped: ${times}`);
    await rig.stop();
  });
}

Deno.test("Puller leaves a frozen origin for the next one after the stall budget", async () => {
  const rig = await startPull(TWO);
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  rig.a.link.freeze();
  await rig.advance(2_200);
  rig.b.link.sendMedia(videoHeader(), keyframe(0, 0x77));
  await rig.settle();
  assertEquals(timesOf(rig.viewer).length, 4);
  assertEquals(rig.viewer.statuses, []);
  rig.a.link.thaw();
  await rig.stop();
});

Deno.test("Puller keeps a silent origin whose publisher pauses, however often it asks another", async () => {
  const rig = await startPull(TWO);
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  rig.b.behaviour = { kind: "hold" };
  await rig.advance(60_000);
  assertEquals(rig.network.dialled.filter((port) => port === PORT_A).length, 1);
  assertEquals(rig.a.openCount, 1);
  assertEquals(rig.log.urgent.length, 1, "of the silent one; the other keeps the play waiting");

  rig.a.link.sendMedia(interFrame(60_000));
  await rig.settle();
  assertEquals(timesOf(rig.viewer).length, 3);
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 0]);
  await rig.stop();
});

Deno.test("Puller leaves a silent origin when another one has something new", async () => {
  const rig = await startPull(TWO);
  const [key, first, second, third] = [
    keyframe(0, 1, 300),
    interFrame(40, 2, 250),
    interFrame(80, 3, 250),
    interFrame(120, 4, 250),
  ];
  rig.a.link.sendMedia(videoHeader(), key, first);
  await rig.advance(2_200);
  rig.b.link.sendMedia(videoHeader(), key, first);
  await rig.settle();
  assertEquals([rig.a.openCount, rig.b.openCount], [1, 1], "nothing new yet");
  rig.b.link.sendMedia(second, third);
  await rig.settle();
  assertEquals([rig.a.openCount, rig.b.openCount], [0, 1]);
  assertEquals(
    rig.viewer.media.map(({ payload }) => payload),
    [videoHeader(), key, first, second, third].map(({ payload }) => payload),
    "nothing lost, nothing doubled",
  );
  assertEquals(rig.events, ["media", "media"], "the stream always had a source");
  await rig.stop();
});

Deno.test("Puller splices the next origin's stream where the lost one stopped", async () => {
  const rig = await startPull(TWO);
  const frames = [
    keyframe(0, 1, 300),
    ...[2, 3, 4, 5, 6, 7].map((n) => interFrame(n * 40, n, 250)),
  ];
  rig.a.link.sendMedia(videoHeader(), ...frames.slice(0, 4));
  await rig.advance(1_500);
  rig.a.link.reset();
  await rig.settle();
  const shifted = frames.map((each) => ({ ...each, timestampMs: each.timestampMs + 90_000 }));
  rig.b.link.sendMedia(videoHeader(90_000), ...shifted);
  await rig.settle();
  assertEquals(
    rig.viewer.media.map(({ payload }) => payload),
    [videoHeader(), ...frames].map(({ payload }) => payload),
  );
  assertEquals(timesOf(rig.viewer), [0, 0, 80, 120, 160, 200, 240, 280]);
  assertEquals(rig.viewer.liveCount, 1, "for players nothing restarted");
  await rig.stop();
});

Deno.test("Puller logs a switch in one line", async () => {
  const rig = await startPull(TWO);
  rig.a.link.sendMedia(videoHeader(), keyframe(0, 1, 300));
  await rig.advance(1_500);
  rig.a.link.reset();
  await rig.settle();
  rig.b.link.sendMedia(videoHeader(), keyframe(0, 1, 300), interFrame(40, 2, 250));
  await rig.settle();
  const line = rig.log.lines.find(({ message }) => message === "Pull switched");
  assertEquals(line?.fields.from, `a.example:${PORT_A}`);
  assertEquals(line?.fields.to, `b.example:${PORT_B}`);
  assertEquals(line?.fields.silence_ms, 1_500);
  assertEquals(line?.fields.how, "spliced");
  assertEquals([line?.fields.lost_frames, line?.fields.doubled_frames], [0, 0]);
  assertStringIncludes(String(line?.fields.cause), "reset");
  await rig.stop();
});

Deno.test("Puller.report names the origin in use, since when, and the cost of every switch", async () => {
  const rig = await startPull(TWO);
  assertEquals(rig.puller.report.snapshot().state, "connecting");
  const frames = [keyframe(0, 1, 300), interFrame(40, 2, 250), interFrame(80, 3, 250)];
  rig.a.link.sendMedia(videoHeader(), ...frames);
  await rig.advance(1_500);
  rig.a.link.reset();
  await rig.settle();
  rig.b.link.sendMedia(videoHeader(), ...frames, interFrame(120, 4, 250));
  await rig.advance(1_200);
  rig.b.link.reset();
  await rig.settle();
  // Another encode: 30 frames of 40 ms fit into 1,200 ms.
  rig.a.link.sendMedia(videoHeader(), keyframe(0, 77, 400));
  await rig.advance(300);
  const { lastError, ...report } = rig.puller.report.snapshot();
  assertEquals(report, {
    kind: "pull",
    state: "live",
    origin: `a.example:${PORT_A}`,
    sinceMs: 300,
    attempts: 3,
    switches: 2,
    lastSilenceMs: 1_200,
    lostFrames: 30,
    doubledFrames: 0,
    lostBytes: 0,
  });
  assertStringIncludes(lastError, "reset");
  assertEquals(rig.context.totals, {
    attempts: 3,
    probes: 0,
    failures: 2,
    refusals: 0,
    spliced: 1,
    restarted: 1,
    resumed: 0,
    silenceMs: 2_700,
    lostFrames: 30,
    doubledFrames: 0,
    lostBytes: 0,
  });
  await rig.stop();
});

Deno.test("Puller tells players when the stream is unpublished at the origin, and when it returns", async () => {
  const rig = await startPull();
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
  await rig.settle();
  assertEquals(rig.viewer.statuses, ["NetStream.Play.UnpublishNotify"]);
  assertEquals(rig.stream.isLive, false);
  assertEquals(rig.a.openCount, 1, "the connection is kept");

  rig.a.link.sendStatus("NetStream.Play.PublishNotify");
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  assertEquals(rig.viewer.statuses, [
    "NetStream.Play.UnpublishNotify",
    "NetStream.Play.PublishNotify",
  ]);
  assertEquals(rig.viewer.liveCount, 2);
  assertEquals(timesOf(rig.viewer).length, 4);
  assertEquals(rig.network.dialled, [PORT_A]);
  await rig.stop();
});

const STREAM_EOF = encodeUserControl(UserControlEvent.STREAM_EOF, 1);

Deno.test("Puller lets players wait when the origin reports the end by StreamEOF alone", async () => {
  const rig = await startPull();
  rig.a.link.send(STREAM_EOF);
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  rig.a.link.send(STREAM_EOF);
  await rig.advance(GRACE_MS - 100);
  assertEquals(rig.viewer.statuses, []);
  assertEquals(
    [rig.stream.isLive, rig.a.openCount],
    [false, 1],
    "no one joins a stream that has ended",
  );

  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.advance(GRACE_MS * 2);
  assertEquals(rig.viewer.statuses, [], "the publisher is back");
  rig.a.link.send(STREAM_EOF);
  await rig.advance(GRACE_MS + 100);
  assertEquals(rig.viewer.statuses, ["NetStream.Play.UnpublishNotify"]);
  await rig.stop();
});

for (
  const { name, ends } of [
    { name: "before", ends: ["status", "eof"] },
    { name: "after", ends: ["eof", "status"] },
  ]
) {
  Deno.test(`Puller tells players of the end once when the status is sent ${name} StreamEOF`, async () => {
    const rig = await startPull();
    rig.a.link.sendMedia(videoHeader(), keyframe(0));
    for (const end of ends) {
      if (end === "eof") rig.a.link.send(STREAM_EOF);
      else rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
      await rig.settle();
    }
    await rig.advance(GRACE_MS * 2);
    assertEquals(rig.viewer.statuses, ["NetStream.Play.UnpublishNotify"]);
    await rig.stop();
  });
}

Deno.test("Puller asks the other origins before it tells players of an end", async () => {
  const rig = await startPull(TWO);
  const frames = [keyframe(0, 1, 300), interFrame(40, 2, 250), interFrame(80, 3, 250)];
  rig.a.link.sendMedia(videoHeader(), ...frames);
  rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
  await rig.settle();
  rig.b.link.sendMedia(videoHeader(), ...frames, interFrame(120, 4, 250));
  await rig.advance(1_000);
  assertEquals(rig.viewer.statuses, []);
  assertEquals(timesOf(rig.viewer), [0, 0, 40, 80, 120]);
  rig.a.stopListening();
  rig.b.link.sendStatus("NetStream.Play.UnpublishNotify");
  await rig.advance(1_000);
  assertEquals(rig.viewer.statuses, ["NetStream.Play.UnpublishNotify"], "no other has it");
  await rig.stop();
});

Deno.test("Puller tells players of the end once when the origin unpublishes and then closes", async () => {
  const rig = await startPull();
  rig.a.link.sendMedia(keyframe(0));
  rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
  await rig.settle();
  rig.a.link.close();
  await rig.settle();
  assertEquals(rig.stream.isLive, false);
  assertEquals(rig.viewer.statuses, ["NetStream.Play.UnpublishNotify"]);
  await rig.advance(1_000);
  await rig.stop();
});

Deno.test("Puller asks with the newest player's parameters when it connects again", async () => {
  const rig = await startPull();
  assertEquals(rig.a.link.streamName, "show");
  rig.requests.add(new LogViewer(), requestFor("show?token=fresh"));
  rig.a.link.close();
  await rig.advance(200);
  assertEquals(rig.a.links.length, 2);
  assertEquals(rig.a.link.streamName, "show?token=fresh");
  await rig.stop();
});

Deno.test("Puller dials a single origin again at once when it was lost while it ran", async () => {
  const rig = await startPull();
  rig.a.link.sendMedia(keyframe(0));
  await rig.advance(1_000);
  rig.a.link.close();
  await rig.settle();
  assertEquals([rig.clock.now(), rig.a.links.length], [1_000, 2]);
  await rig.stop();
});

Deno.test("Puller dials a dead single origin less and less often, until it is back", async () => {
  const rig = await startPull({}, ({ a }) => a.stopListening());
  await rig.advance(60_000);
  const { length } = rig.network.dialled;
  assert(length >= 15 && length <= 25, `it dialled ${length} times in a minute`);
  await rig.stop();
});

// stop()

Deno.test("Puller.stop() tells the origin and leaves the stream to another source", async () => {
  const rig = await startPull();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  rig.puller.stop();
  assertEquals(rig.stream.hasSource, false);
  assert(rig.stream.publish() !== null);
  await rig.settle();
  assertEquals(rig.a.link.commandNames.at(-1), "deleteStream");
  assertEquals(rig.viewer.statuses, [], "players are told nothing");
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("Puller.stop() ignores media that is still on its way", async () => {
  const rig = await startPull();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  rig.a.link.sendMedia(interFrame(40), interFrame(80));
  rig.puller.stop();
  rig.a.link.sendMedia(interFrame(120));
  await rig.settle();
  assertEquals(rig.viewer.media.length, 1);
  assertEquals(rig.stream.hasSource, false);
  assertEquals(rig.events, ["media"]);
});

Deno.test("Puller.stop() before the first message keeps the stream without a source", async () => {
  const rig = await startPull({}, ({ a }) => a.behaviour = { kind: "hold" });
  rig.puller.stop();
  rig.a.link.accept();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(rig.stream.isLive, false);
  await rig.stop();
});

for (
  const [when, prepare] of [
    ["while it dials", ({ network }: EdgeRig) => network.silence(PORT_A)],
    ["during the handshake", ({ a }: EdgeRig) => a.behaviour = { kind: "mute" }],
    ["while the play is held", ({ a }: EdgeRig) => a.behaviour = { kind: "hold" }],
    ["in the pause after all origins failed", ({ a }: EdgeRig) => a.stopListening()],
    [
      "in the pause after a lost origin",
      ({ a }: EdgeRig) => a.behaviour = { kind: "close at once" },
    ],
  ] as const
) {
  Deno.test(`Puller.stop() ${when} leaves nothing behind`, async () => {
    const rig = await startPull({}, prepare);
    const { length } = rig.network.dialled;
    rig.puller.stop();
    await rig.advance(2_000);
    assertEquals(rig.network.dialled.length, length);
    await rig.stop();
  });
}

Deno.test("Puller.stop() in the pause after a running origin was lost leaves no timer", async () => {
  const rig = await startPull();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  rig.a.link.close();
  await rig.settle();
  assertEquals(rig.clock.pendingCount, 2, "the pause, and the check for silence");
  await rig.stop();
});

Deno.test("Puller.stop() right after start() dials nothing", async () => {
  const rig = new PullRig();
  await rig.stop();
  assertEquals(rig.network.dialled, []);
});

Deno.test("Puller sends headers and the keyframe again when the next origin has them", async () => {
  const rig = await startPull(TWO);
  rig.a.link.sendMedia(metadata(), videoHeader(), keyframe(0));
  await rig.settle();
  rig.a.link.reset();
  await rig.settle();
  rig.b.link.sendMedia(metadata(), videoHeader(), keyframe(0, 0x77));
  await rig.settle();
  const late = new LogViewer().watch(rig.stream);
  assertEquals(late.media.map(({ payload }) => payload), [
    METADATA,
    AVC_HEADER,
    keyframe(0, 0x77).payload,
  ]);
  await rig.stop();
});

Deno.test("Puller dials nothing before start()", async () => {
  const rig = new EdgeRig();
  const puller = new Puller({
    isSlateNext: () => false,
    context: rig.context,
    feeder: new StreamFeeder(createStream()),
    isAvoided: () => false,
    logger: rig.log.logger,
    requests: new PlayerRequests(),
    onMedia() {},
    onLost() {},
    onMissing() {},
  });
  await rig.advance(1_000);
  puller.stop();
  await puller.start();
  assertEquals([rig.network.dialled, rig.clock.pendingCount], [[], 0]);
});

for (
  const [what, end] of [
    ["ends the stream", (rig: PullRig) => rig.a.link.sendStatus("NetStream.Play.UnpublishNotify")],
    ["has lost its publisher", (rig: PullRig) => {
      rig.a.link.send(encodeUserControl(UserControlEvent.STREAM_EOF, 1));
    }],
  ] as const
) {
  Deno.test(`a pull warns of no origin when one ${what} and the other keeps the play waiting`, async () => {
    const rig = await startPull(TWO);
    rig.a.link.sendMedia(videoHeader(), keyframe(0), interFrame(40));
    await rig.settle();
    end(rig);
    for (let ms = 0; ms < 12_000; ms += 100) await rig.advance(100);
    assertEquals(rig.b.links.length > 0, true, "the other one is asked");
    assertEquals(rig.log.urgent.map(({ message }) => message), []);
    await rig.stop();
  });
}
