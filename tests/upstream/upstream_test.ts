import { concatBytes } from "../../lib/base/bytes.ts";
import { UpstreamError } from "../../lib/base/errors.ts";
import type { ClusterConfig } from "../../lib/config/config.ts";
import type { SocketWriter } from "../../lib/io/socket_writer.ts";
import { Upstream } from "../../lib/upstream/upstream.ts";
import type { LinkOptions } from "../../lib/upstream/link_options.ts";
import type { UpstreamListener } from "../../lib/upstream/upstream_listener.ts";
import { AmfObject } from "../../lib/amf/amf_value.ts";
import { UserControlEvent } from "../../lib/rtmp/constants.ts";
import { encodePingRequest, encodeUserControl } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../helpers/assert.ts";
import { createStream, EdgeRig, PORT_A, requestFor } from "../helpers/edge_rig.ts";
import { hex } from "../helpers/hex.ts";
import { connectProperty } from "../helpers/scripted_origin.ts";
import { audioFrame, interFrame, keyframe, metadata } from "../helpers/tiny_media.ts";

interface RunOptions extends Partial<LinkOptions> {
  readonly cluster?: Partial<ClusterConfig>;
}

/** An upstream to origin `a`, running or ended. */
class UpstreamRun implements UpstreamListener {
  readonly rig: EdgeRig;
  readonly upstream: Upstream;
  readonly events: string[] = [];
  writer: SocketWriter | null = null;
  /** Ends of the stream, and whether they were certain. */
  readonly ends: boolean[] = [];
  /** How it ended: `null` while it runs, `"closed"`, or the error. */
  outcome: null | "closed" | UpstreamError = null;

  constructor({ cluster = {}, ...options }: RunOptions = {}, prepare = (_: EdgeRig) => {}) {
    this.rig = new EdgeRig(cluster);
    prepare(this.rig);
    this.upstream = new Upstream(this.rig.context, {
      kind: "play",
      origin: this.rig.context.origins.all[0]!,
      request: requestFor(),
      listener: this,
      logger: this.rig.log.logger,
      hasAlternative: () => false,
      backlogMs: () => 0,
      ...options,
    });
  }

  /** Starts it, and settles what needs no time. */
  async run(): Promise<this> {
    this.upstream.run().then(
      () => this.outcome = "closed",
      (error) => this.outcome = error,
    );
    await this.rig.settle();
    return this;
  }

  /** The error it ended with. */
  get error(): UpstreamError {
    assert(this.outcome instanceof UpstreamError, `it is ${this.outcome}`);
    return this.outcome;
  }

  onStarted(msid: number, writer: SocketWriter): void {
    this.writer = writer;
    this.events.push(`started ${msid}`);
  }

  onMedia(typeId: number, timestampMs: number): void {
    this.events.push(`media ${typeId} ${timestampMs}`);
  }

  onAcknowledgement(): void {}

  onUnpublished(isCertain: boolean): void {
    this.ends.push(isCertain);
  }
}

/** Checks that no timer and no socket is left. */
function assertClean({ rig }: UpstreamRun): void {
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
  assertEquals(rig.network.connections.filter(({ client }) => !client.isClosed).length, 0);
}

function refusal(code: string) {
  return { code, description: "because" };
}

Deno.test("Upstream plays: requests the stream, reports its start, passes media on", async () => {
  const run = await new UpstreamRun().run();
  const { link } = run.rig.a;
  assertEquals(link.commandNames, ["connect", "createStream", "play"]);
  assertEquals(link.streamName, "show");
  assertEquals(link.connect?.app, "live");
  assertEquals(link.connect?.tcUrl, `rtmp://edge.example:${PORT_A}/live`);
  link.sendMedia(metadata(), keyframe(40), audioFrame(41));
  await run.rig.settle();
  assertEquals(run.events, ["started 1", "media 18 0", "media 9 40", "media 8 41"]);
  run.upstream.close();
  await run.rig.settle();
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

Deno.test("Upstream reads what it pulls at most once in mr_latency, if its vhost merges reads", async () => {
  const run = new UpstreamRun();
  const { rig } = run;
  const publish = { ...rig.config.publish, mergedReads: { mode: "on", maxMs: 40 } as const };
  rig.config = { ...rig.config, publish };
  await run.run();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  rig.a.link.sendMedia(audioFrame(10), audioFrame(20));
  await rig.advance(39);
  assertEquals(run.events, ["started 1", "media 9 0"]);
  await rig.advance(1);
  assertEquals(run.events.slice(2), ["media 8 10"]);
  await rig.advance(40);
  assertEquals(run.events.slice(3), ["media 8 20"]);
  run.upstream.close();
  await rig.advance(40);
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

Deno.test("Upstream publishes and reports the message stream id", async () => {
  const run = await new UpstreamRun(
    { kind: "publish" },
    ({ a }) => a.behaviour = { kind: "other msid", msid: 7 },
  ).run();
  assertEquals(run.rig.a.link.commandNames, [
    "connect",
    "releaseStream",
    "FCPublish",
    "createStream",
    "publish",
  ]);
  assertEquals(run.events, ["started 7"]);
});

Deno.test("Upstream reports when the running stream ends, and whether that is certain", async () => {
  const run = await new UpstreamRun().run();
  run.rig.a.link.sendMedia(keyframe(0));
  run.rig.a.link.send(encodeUserControl(UserControlEvent.STREAM_EOF, 1));
  await run.rig.settle();
  assertEquals(run.ends, [false]);
  run.rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
  await run.rig.settle();
  assertEquals(run.ends, [false, true]);
  assertEquals(run.outcome, null);
});

Deno.test("Upstream reports the end of a stream once, however often the origin says it", async () => {
  const run = await new UpstreamRun().run();
  const { link } = run.rig.a;
  for (let round = 0; round < 2; round++) {
    link.sendMedia(keyframe(round));
    for (let i = 0; i < 1_000; i++) link.sendStatus("NetStream.Play.UnpublishNotify");
    await run.rig.settle();
  }
  assertEquals(run.ends, [true, true]);
});

Deno.test("Upstream leaves an origin that pings without end and reads no answer", async () => {
  const run = await new UpstreamRun().run();
  const { link } = run.rig.a;
  link.sendMedia(keyframe(0));
  await run.rig.settle();
  run.rig.network.connections[0]!.client.block();
  const pings = concatBytes(Array.from({ length: 10_000 }, () => encodePingRequest(1)));
  let rounds = 0;
  for (; run.outcome === null && rounds < 100; rounds++) {
    link.send(pings);
    await run.rig.advance(0);
  }
  assertStringIncludes(String(run.outcome), "bytes of answers unread");
  // 1 MiB of answers with 10 bytes or more each.
  assert(rounds <= 12, `after ${rounds} × 10,000 pings`);
  assertClean(run);
});

Deno.test("Upstream cuts and cleans the status code of an origin", async () => {
  const run = await new UpstreamRun({}, ({ a }) => {
    a.behaviour = {
      kind: "refuse",
      refusal: { code: `Net\n\x1b ${"C".repeat(1_500)}`, description: "D".repeat(1_000) },
    };
  }).run();
  const error = run.outcome as UpstreamError;
  assertEquals(error.statusCode, `Net${"C".repeat(58)}`);
  assertEquals(
    error.message,
    `Origin refused to play: Net${"C".repeat(58)}, "${"D".repeat(80)}…"`,
  );
});

Deno.test("Upstream passes the client's parameters on to the origin", async () => {
  const run = await new UpstreamRun({ request: requestFor("show?token=a/b&x=1") }).run();
  assertEquals(run.rig.a.link.streamName, "show?token=a/b&x=1");
});

Deno.test("Upstream names the edges that a stream came through, and itself last", async () => {
  const run = await new UpstreamRun({ request: requestFor("show", ["far", "near"]) }).run();
  assertEquals(connectProperty(run.rig.a.link, "edgePath"), "far,near,edge0001");
});

Deno.test("Upstream identifies itself as SRS edges do with debug_srs_upnode", async () => {
  const plain = await new UpstreamRun().run();
  assertEquals(plain.rig.a.link.commands[0]?.values.length, 1);
  const named = await new UpstreamRun({ cluster: { debugSrsUpnode: true } }).run();
  const args = named.rig.a.link.commands[0]?.values[1];
  assert(args instanceof AmfObject);
  assertEquals([args.get("srs_sig"), args.get("srs_id")], ["edge", "edge0001"]);
});

const EVERY_FOURCC = "* avc1 hvc1 av01 vp09 vp08 vvc1 mp4a .mp3 Opus fLaC ac-3 ec-3".split(" ");

for (const kind of ["play", "publish"] as const) {
  Deno.test(`Upstream asks for every codec and track when it connects to ${kind}`, async () => {
    const { rig } = await new UpstreamRun({ kind }).run();
    const [list, video, audio, capsEx] = [
      ...["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"],
    ].map((name) => connectProperty(rig.a.link, name));
    assertEquals(list, EVERY_FOURCC);
    for (const map of [video, audio]) assertEquals(map instanceof AmfObject && map.get("*"), 4);
    // Reconnect, Multitrack, ModEx, TimestampNanoOffset.
    assertEquals(capsEx, 1 | 2 | 4 | 8);
  });
}

Deno.test("Upstream says nothing of Enhanced RTMP with enhanced_rtmp off", async () => {
  const { rig } = await new UpstreamRun({ cluster: { enhancedRtmp: false } }).run();
  for (const name of ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"]) {
    assertEquals(connectProperty(rig.a.link, name), undefined);
  }
});

// Ways to fail before the stream starts.

Deno.test("Upstream fails when the origin does not listen", async () => {
  const run = await new UpstreamRun({}, ({ a }) => a.stopListening()).run();
  assertEquals([run.error.phase, run.error.statusCode], ["connect", ""]);
  assertMatch(run.error.message, /^Cannot connect: /);
  assertClean(run);
});

Deno.test("Upstream fails after the connect timeout", async () => {
  const run = await new UpstreamRun({}, ({ network }) => network.silence(PORT_A)).run();
  await run.rig.advance(2_999);
  assertEquals(run.outcome, null);
  await run.rig.advance(1);
  assertEquals(run.error.phase, "connect");
  assertStringIncludes(run.error.message, "no answer within 3000 ms");
  assertClean(run);
});

Deno.test("Upstream leaves an origin that does not answer the handshake", async () => {
  const run = await new UpstreamRun({}, ({ a }) => a.behaviour = { kind: "mute" }).run();
  await run.rig.advance(4_999);
  assertEquals(run.outcome, null);
  await run.rig.advance(250);
  assertEquals(run.error.phase, "handshake");
  assertStringIncludes(run.error.message, "no stream within 5000 ms");
  assertClean(run);
});

Deno.test("Upstream fails when the origin closes the connection", async () => {
  const run = await new UpstreamRun({}, ({ a }) => a.behaviour = { kind: "close at once" }).run();
  assertEquals(run.error.phase, "handshake");
  assertClean(run);
});

Deno.test("Upstream fails when the origin does not speak RTMP", async () => {
  const bytes = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n".repeat(200));
  const run = await new UpstreamRun({}, ({ a }) => a.behaviour = { kind: "send garbage", bytes })
    .run();
  assertEquals(run.error.phase, "handshake");
  assertStringIncludes(run.error.message, "Origin broke the protocol");
  assertClean(run);
});

Deno.test("Upstream fails with the origin's status when connect is refused", async () => {
  const behaviour = { kind: "refuse connect", refusal: refusal("NetConnection.Connect.Rejected") };
  const run = await new UpstreamRun({}, ({ a }) => a.behaviour = behaviour as typeof a.behaviour)
    .run();
  assertEquals(run.error.phase, "command");
  assertEquals(run.error.statusCode, "NetConnection.Connect.Rejected");
  assertStringIncludes(run.error.message, "because");
  assertClean(run);
});

for (
  const [kind, code] of [
    ["play", "NetStream.Play.StreamNotFound"],
    ["play", "NetStream.Play.Failed"],
    ["publish", "NetStream.Publish.BadName"],
    ["publish", "NetStream.Publish.Denied"],
  ] as const
) {
  Deno.test(`Upstream fails with the origin's status when ${kind} is refused with ${code}`, async () => {
    const run = await new UpstreamRun(
      { kind },
      ({ a }) => a.behaviour = { kind: "refuse", refusal: refusal(code) },
    ).run();
    assertEquals([run.error.phase, run.error.statusCode], [kind, code]);
    assertEquals(run.events, []);
    assertClean(run);
  });
}

Deno.test("Upstream leaves an origin that does not answer a publish", async () => {
  const run = await new UpstreamRun(
    { kind: "publish" },
    ({ a }) => a.behaviour = { kind: "hold" },
  ).run();
  await run.rig.advance(5_250);
  assertEquals(run.error.phase, "publish");
  assertClean(run);
});

// An origin that keeps a play waiting, because no one publishes there.

Deno.test("Upstream waits without limit for a held play when there is no other origin", async () => {
  const run = await new UpstreamRun({}, ({ a }) => a.behaviour = { kind: "hold" }).run();
  await run.rig.advance(120_000);
  assertEquals(run.outcome, null);
  assert(run.rig.a.link.pingCount > 10, "it pings the origin");
  run.rig.a.link.accept();
  run.rig.a.link.sendMedia(keyframe(0));
  await run.rig.settle();
  assertEquals(run.events, ["started 1", "media 9 0"]);
  run.upstream.close();
  await run.rig.settle();
  assertClean(run);
});

Deno.test("Upstream leaves a held play when there is another origin", async () => {
  const run = await new UpstreamRun(
    { hasAlternative: () => true },
    ({ a }) => a.behaviour = { kind: "hold" },
  ).run();
  await run.rig.advance(4_999);
  assertEquals(run.outcome, null);
  await run.rig.advance(250);
  assertEquals(run.error.phase, "play");
  assertClean(run);
});

Deno.test("Upstream leaves an origin that announces a play and sends nothing when there is another", async () => {
  const run = await new UpstreamRun({ hasAlternative: () => true }).run();
  await run.rig.advance(5_250);
  assertEquals(run.error.phase, "play");
  assertClean(run);
});

Deno.test("Upstream waits for the media of an announced play when there is no other origin", async () => {
  const run = await new UpstreamRun().run();
  await run.rig.advance(60_000);
  assertEquals(run.outcome, null);
});

Deno.test("Upstream does not take a server's notices at the start of a play for media", async () => {
  const run = await new UpstreamRun({ hasAlternative: () => true }).run();
  run.rig.a.link.sendPlayNotices();
  await run.rig.settle();
  assertEquals(run.events, []);
  await run.rig.advance(5_250);
  assertEquals(run.error.phase, "play");
});

Deno.test("Upstream keeps an origin that has sent media, even if there is another", async () => {
  const run = await new UpstreamRun({ hasAlternative: () => true }).run();
  run.rig.a.link.sendMedia(keyframe(0));
  await run.rig.advance(60_000);
  assertEquals(run.outcome, null);
});

// Silent origins.

Deno.test("Upstream pings a silent origin and keeps it when it answers", async () => {
  const run = await new UpstreamRun().run();
  run.rig.a.link.sendMedia(keyframe(0));
  await run.rig.advance(1_999);
  assertEquals(run.rig.a.link.pingCount, 0);
  await run.rig.advance(251);
  assertEquals(run.rig.a.link.pingCount, 1);
  await run.rig.advance(60_000);
  assertEquals(run.outcome, null);
  assertEquals(run.rig.clock.pendingCount, 1, "one watch");
});

Deno.test("Upstream does not ping an origin that sends", async () => {
  const run = await new UpstreamRun().run();
  for (let timestampMs = 0; timestampMs < 20_000; timestampMs += 1_000) {
    run.rig.a.link.sendMedia(interFrame(timestampMs));
    await run.rig.advance(1_000);
  }
  assertEquals(run.rig.a.link.pingCount, 0);
});

for (const kind of ["play", "publish"] as const) {
  Deno.test(`Upstream fails a ${kind} when the origin freezes`, async () => {
    const run = await new UpstreamRun({ kind }).run();
    if (kind === "play") run.rig.a.link.sendMedia(keyframe(0));
    await run.rig.settle();
    run.rig.a.link.freeze();
    await run.rig.advance(6_900);
    assertEquals(run.outcome, null);
    await run.rig.advance(600);
    assertEquals(run.error.phase, "media");
    assertStringIncludes(run.error.message, "does not answer pings");
    assertClean(run);
  });
}

Deno.test("Upstream keeps an origin that was frozen for less than its budgets", async () => {
  const run = await new UpstreamRun().run();
  run.rig.a.link.sendMedia(keyframe(0));
  run.rig.a.link.freeze();
  await run.rig.advance(6_000);
  run.rig.a.link.thaw();
  await run.rig.advance(60_000);
  assertEquals(run.outcome, null);
});

// Losses while it runs.

for (const way of ["close", "reset"] as const) {
  Deno.test(`Upstream fails when the origin's connection ends by ${way}`, async () => {
    const run = await new UpstreamRun().run();
    run.rig.a.link.sendMedia(keyframe(0));
    await run.rig.settle();
    run.rig.a.link[way]();
    await run.rig.settle();
    assertEquals(run.error.phase, "media");
    assertMatch(run.error.message, /^Lost: /);
    assertClean(run);
  });
}

Deno.test("Upstream fails when the origin ends a running publish with an error status", async () => {
  const run = await new UpstreamRun({ kind: "publish" }).run();
  run.rig.a.link.sendStatus("NetStream.Publish.Denied", "error");
  await run.rig.settle();
  assertEquals(run.error.statusCode, "NetStream.Publish.Denied");
  assertClean(run);
});

Deno.test("Upstream fails when the origin sends invalid chunks", async () => {
  const run = await new UpstreamRun().run();
  // fmt 3 on an unused chunk stream.
  run.rig.a.link.send(hex("F0 F0 F0 F0"));
  await run.rig.settle();
  assertStringIncludes(run.error.message, "Origin broke the protocol");
  assertClean(run);
});

Deno.test("Upstream fails when its own write fails", async () => {
  const run = await new UpstreamRun({ kind: "publish" }).run();
  const { client } = run.rig.network.connections[0]!;
  client.write = () => Promise.reject(new Deno.errors.BrokenPipe("pipe"));
  run.writer!.send(hex("02 000000 000004 03 00000000 00000001"));
  await run.rig.settle();
  assertEquals(run.error.message, "Lost: closed by peer");
  assertClean(run);
});

// close() at any point.

Deno.test("Upstream.close() before run() dials nothing", async () => {
  const run = new UpstreamRun();
  run.upstream.close();
  await run.run();
  assertEquals(run.outcome, "closed");
  assertEquals(run.rig.network.dialled, []);
  assertClean(run);
});

Deno.test("Upstream.close() ends the dialling", async () => {
  const run = await new UpstreamRun({}, ({ network }) => network.silence(PORT_A)).run();
  run.upstream.close();
  await run.rig.settle();
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

Deno.test("Upstream.close() in the turn in which the connection is made closes it", async () => {
  const run = new UpstreamRun();
  const { network } = run.rig;
  const connect = network.connect.bind(network);
  network.connect = async (address, signal) => {
    const transport = await connect(address, signal);
    run.upstream.close();
    return transport;
  };
  await run.run();
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

/** How far an upstream is when it is closed, and the origin's part in that. */
const POINTS = [
  ["during the handshake", { kind: "mute" }],
  ["while the answer is awaited", { kind: "hold" }],
  ["when it runs", { kind: "accept" }],
] as const;

for (const [when, behaviour] of POINTS) {
  for (const kind of ["play", "publish"] as const) {
    Deno.test(`Upstream.close() ends a ${kind} ${when}`, async () => {
      const run = await new UpstreamRun({ kind }, ({ a }) => a.behaviour = behaviour).run();
      run.upstream.close();
      await run.rig.settle();
      assertEquals(run.outcome, "closed");
      run.upstream.close();
      run.upstream.finish();
      await run.rig.settle();
      assertClean(run);
    });
  }
}

// finish()

for (const kind of ["play", "publish"] as const) {
  Deno.test(`Upstream.finish() tells the origin that the ${kind} has ended, then closes`, async () => {
    const run = await new UpstreamRun({ kind }).run();
    run.upstream.finish();
    await run.rig.settle();
    const tail = run.rig.a.link.commandNames.slice(-2);
    assertEquals(
      tail,
      kind === "play" ? ["play", "deleteStream"] : ["FCUnpublish", "deleteStream"],
    );
    assertEquals(run.outcome, "closed");
    assertEquals(run.rig.a.link.isEnded, true);
    assertClean(run);
  });
}

Deno.test("Upstream.finish() names the message stream id that the origin gave", async () => {
  const run = await new UpstreamRun(
    { kind: "publish" },
    ({ a }) => a.behaviour = { kind: "other msid", msid: 9 },
  ).run();
  run.upstream.finish();
  await run.rig.settle();
  assertEquals(run.rig.a.link.commands.at(-1)?.values, [null, 9]);
});

Deno.test("Upstream.finish() while dialling closes at once", async () => {
  const run = await new UpstreamRun({}, ({ network }) => network.silence(PORT_A)).run();
  run.upstream.finish();
  await run.rig.settle();
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

for (const [when, behaviour] of POINTS) {
  Deno.test(`Upstream.finish() ends ${when}, within the stall budget`, async () => {
    const run = await new UpstreamRun({ kind: "publish" }, ({ a }) => a.behaviour = behaviour)
      .run();
    run.upstream.finish();
    await run.rig.advance(2_000);
    assertEquals(run.outcome, "closed");
    assertClean(run);
  });
}

Deno.test("Upstream.finish() is not held up by a frozen origin", async () => {
  const run = await new UpstreamRun({ kind: "publish" }).run();
  run.rig.a.link.freeze();
  run.upstream.finish();
  await run.rig.advance(1_999);
  assertEquals(run.outcome, null);
  await run.rig.advance(1);
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

Deno.test("Upstream.finish() gives a slow origin the time it needs while it takes bytes", async () => {
  const run = await new UpstreamRun({ kind: "publish" }).run();
  const { link } = run.rig.a;
  const stream = createStream();
  const source = stream.publish()!;
  run.writer!.follow(stream.log, stream.log.head);
  link.slowDown(run.rig.clock, { maxBytes: 400, everyMs: 1_500 });
  for (let i = 0; i < 10; i++) source.push(9, i * 40, keyframe(0, i, 200).payload, i * 40);
  run.upstream.finish();
  await run.rig.advance(6_000);
  assertEquals(run.outcome, null);
  await run.rig.advance(9_000);
  assertEquals(link.media.length, 10);
  assertEquals(link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
  assertEquals(run.outcome, "closed");
  assertClean(run);
});

Deno.test("Upstream.finish() after the connection is lost leaves no timer", async () => {
  const run = await new UpstreamRun().run();
  run.rig.a.link.close();
  await run.rig.settle();
  assert(run.outcome instanceof UpstreamError);
  run.upstream.finish();
  await run.rig.settle();
  assertClean(run);
});

Deno.test("Upstream.finish() ends when the connection is lost meanwhile", async () => {
  const run = await new UpstreamRun({ kind: "publish" }).run();
  run.rig.a.link.freeze();
  run.upstream.finish();
  run.rig.a.link.reset();
  await run.rig.settle();
  assert(run.outcome !== null);
  assertClean(run);
});
