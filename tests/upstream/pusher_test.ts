import { encodeAcknowledgement } from "../../lib/rtmp/control_messages.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { Pusher } from "../../lib/upstream/pusher.ts";
import { assert, assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { createStream, EdgeRig, PORT_A, PORT_B, requestFor } from "../helpers/edge_rig.ts";
import {
  AAC_HEADER,
  audioHeader,
  AVC_HEADER,
  interFrame,
  keyframe,
  metadata,
  SET_METADATA,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { payloadsAt, PushRig, startPush, TURN_MS, TWO } from "./push_rig.ts";

function refusal(code: string): Refusal {
  return { code, description: "because" };
}

Deno.test("Pusher accepts the publisher when an origin has accepted, and only then", async () => {
  const rig = await startPush({ prepare: ({ a }) => a.behaviour = { kind: "hold" } });
  assertEquals(rig.acceptedCount, 0);
  rig.a.link.accept();
  await rig.settle();
  assertEquals(rig.acceptedCount, 1);
  assertEquals(rig.a.link.streamName, "show?key=1");
  await rig.finish();
});

Deno.test("Pusher sends what is published, in order, with @setDataFrame before metadata", async () => {
  const rig = await startPush();
  rig.publish(metadata(), videoHeader(), audioHeader(), keyframe(0), interFrame(40));
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.a.link), [
    SET_METADATA,
    AVC_HEADER,
    AAC_HEADER,
    keyframe(0).payload,
    interFrame(40).payload,
  ]);
  assertEquals(rig.a.link.media.map(({ msid }) => msid), [1, 1, 1, 1, 1]);
  await rig.finish();
});

Deno.test("Pusher writes on the message stream id that the origin gave", async () => {
  const rig = await startPush({
    prepare: ({ a }) => a.behaviour = { kind: "other msid", msid: 5 },
  });
  rig.publish(metadata(), videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.a.link), [SET_METADATA, AVC_HEADER, keyframe(0).payload]);
  assertEquals(rig.a.link.media.map(({ msid }) => msid), [5, 5, 5]);
  await rig.finish();
});

Deno.test("Pusher sends origins no statuses for players", async () => {
  const rig = await startPush();
  rig.publish(keyframe(0));
  rig.handle!.end("unpublished");
  rig.handle = rig.stream.publish();
  rig.publish(keyframe(0));
  await rig.advance(TURN_MS);
  assertEquals(rig.a.link.media.length, 2);
  assertEquals(rig.a.link.commandNames.includes("onStatus"), false);
  await rig.finish();
});

// Refusals.

Deno.test("Pusher goes to the next origin at once when the first refuses", async () => {
  const behaviour = { kind: "refuse", refusal: refusal("NetStream.Publish.Denied") } as const;
  const rig = await startPush({ cluster: TWO, prepare: ({ a }) => a.behaviour = behaviour });
  assertEquals([rig.clock.now(), rig.acceptedCount, rig.refusals.length], [0, 1, 0]);
  assertEquals(rig.b.link.commandNames.at(-1), "publish");
  await rig.finish();
});

Deno.test("Pusher reports when an origin gave the accepted stream to another publisher, and only then", async () => {
  const rig = await startPush({ cluster: TWO });
  rig.a.link.sendStatus("NetStream.Publish.Denied", "error");
  await rig.settle();
  assertEquals(rig.displacedCount, 0);
  rig.b.link.sendStatus("NetStream.Publish.BadName", "error");
  await rig.settle();
  assertEquals([rig.displacedCount, rig.refusals.length], [1, 0]);
  await rig.finish();
});

for (const code of ["NetStream.Publish.BadName", "NetStream.Publish.Denied"]) {
  Deno.test(`Pusher tells the publisher ${code} when the origins say so`, async () => {
    const behaviour = { kind: "refuse", refusal: refusal(code) } as const;
    const prepare = ({ a, b }: EdgeRig) => a.behaviour = b.behaviour = behaviour;
    const rig = await startPush({ cluster: TWO, prepare });
    assertEquals(rig.refusals.map((each) => each.code), [code]);
    assertStringIncludes(rig.refusals[0]!.description, "because");
    assertEquals(rig.acceptedCount, 0);
    await rig.advance(60_000);
    assertEquals(rig.network.dialled, [PORT_A, PORT_B], "the pusher has stopped");
    await rig.finish();
  });
}

Deno.test("Pusher tells the publisher why an origin refused, even if another is dead", async () => {
  const behaviour = { kind: "refuse", refusal: refusal("NetStream.Publish.BadName") } as const;
  const prepare = ({ a, b }: EdgeRig) => {
    a.behaviour = behaviour;
    b.stopListening();
  };
  const rig = await startPush({ cluster: TWO, prepare });
  assertEquals(rig.refusals.map((each) => each.code), ["NetStream.Publish.BadName"]);
  await rig.finish();
});

Deno.test("Pusher tells the publisher Publish.Failed when no origin can be reached", async () => {
  const rig = await startPush({ prepare: ({ a }) => a.stopListening() });
  assertEquals(rig.refusals.map((each) => each.code), ["NetStream.Publish.Failed"]);
  assertStringIncludes(rig.refusals[0]!.description, "Cannot connect");
  await rig.finish();
});

Deno.test("Pusher does not tell the publisher a status of connect", async () => {
  const behaviour = {
    kind: "refuse connect",
    refusal: refusal("NetConnection.Connect.Rejected"),
  } as const;
  const rig = await startPush({ prepare: ({ a }) => a.behaviour = behaviour });
  assertEquals(rig.refusals.map((each) => each.code), ["NetStream.Publish.Failed"]);
  await rig.finish();
});

Deno.test("Pusher refuses the publisher when a frozen origin gives no answer", async () => {
  const rig = await startPush({ prepare: ({ a }) => a.behaviour = { kind: "mute" } });
  await rig.advance(5_250);
  assertEquals(rig.refusals.length, 1);
  await rig.finish();
});

// Lost origins.

/** Publishes more than a GOP, and loses the first origin. */
async function loseFirst(rig: PushRig): Promise<void> {
  rig.publish(metadata(), videoHeader(), audioHeader(), keyframe(0, 0xA0), interFrame(40, 0xA1));
  await rig.advance(2_000);
  rig.publish(keyframe(2_000, 0xB0), interFrame(2_040, 0xB1));
  await rig.advance(TURN_MS);
  rig.a.link.reset();
  await rig.settle();
}

Deno.test("Pusher gives the next origin the headers and all from the newest keyframe", async () => {
  const rig = await startPush({ cluster: TWO });
  await loseFirst(rig);
  rig.publish(interFrame(2_080, 0xB2));
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.b.link), [
    SET_METADATA,
    AVC_HEADER,
    AAC_HEADER,
    keyframe(2_000, 0xB0).payload,
    interFrame(2_040, 0xB1).payload,
    interFrame(2_080, 0xB2).payload,
  ]);
  assertEquals([rig.acceptedCount, rig.refusals.length], [1, 0]);
  assertEquals(rig.handle!.isClosed, false);
  await rig.finish();
});

Deno.test("Pusher begins with the keyframe before the loss, whenever the origin accepts", async () => {
  const rig = await startPush({ cluster: TWO, prepare: ({ b }) => b.behaviour = { kind: "hold" } });
  await loseFirst(rig);
  rig.publish(keyframe(4_000, 0xC0));
  rig.b.link.accept();
  await rig.advance(TURN_MS);
  assertEquals(
    payloadsAt(rig.b.link).slice(3),
    [keyframe(2_000, 0xB0), interFrame(2_040, 0xB1), keyframe(4_000, 0xC0)]
      .map(({ payload }) => payload),
  );
  await rig.finish();
});

Deno.test("Pusher waits for a keyframe when the log has no join point", async () => {
  const prepare = ({ b }: EdgeRig) => b.behaviour = { kind: "hold" };
  const rig = await startPush({ cluster: TWO, stream: { maxMessages: 4 }, prepare });
  await loseFirst(rig);
  for (let i = 0; i < 6; i++) rig.publish(interFrame(2_080 + i));
  assertEquals(rig.stream.joinPoint, null);
  rig.b.link.accept();
  await rig.advance(500);
  rig.publish(interFrame(3_000));
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.b.link), []);
  rig.publish(keyframe(4_000, 0xC0), interFrame(4_040, 0xC1));
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.b.link), [
    SET_METADATA,
    AVC_HEADER,
    AAC_HEADER,
    keyframe(4_000, 0xC0).payload,
    interFrame(4_040, 0xC1).payload,
  ]);
  await rig.finish();
});

Deno.test("Pusher never drops an accepted publisher, even if all origins die", async () => {
  const rig = await startPush({ cluster: TWO });
  rig.publish(videoHeader(), keyframe(0));
  rig.a.die();
  rig.b.stopListening();
  for (let i = 1; i <= 60; i++) {
    rig.publish(keyframe(i * 1_000));
    await rig.advance(1_000);
  }
  assertEquals([rig.acceptedCount, rig.refusals.length], [1, 0]);
  assertEquals(rig.handle!.isClosed, false);
  const { length } = rig.network.dialled;
  assert(length > 10 && length < 50, `it dialled ${length} times in a minute`);
  await rig.finish();
});

Deno.test("Pusher keeps an accepted publisher when the next origin says BadName", async () => {
  const behaviour = { kind: "refuse", refusal: refusal("NetStream.Publish.BadName") } as const;
  const rig = await startPush({ cluster: TWO, prepare: ({ b }) => b.behaviour = behaviour });
  await loseFirst(rig);
  await rig.advance(200);
  assertEquals(rig.refusals, []);
  assertEquals(rig.a.links.length, 2, "and tries the first one again");
  assertEquals(payloadsAt(rig.a.link).length, 5);
  await rig.finish();
});

Deno.test("Pusher holds a bounded part of the stream for a frozen origin, then leaves it", async () => {
  const rig = await startPush({ cluster: TWO });
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  rig.a.link.freeze();
  for (let i = 1; i <= 20; i++) {
    rig.publish(keyframe(i * 500, i, 100_000));
    await rig.advance(500);
  }
  assertEquals(rig.acceptedCount, 1);
  assertEquals(payloadsAt(rig.b.link)[0], AVC_HEADER);
  assertEquals(rig.b.link.media.at(-1)!.payload[5], 20, "the newest frame");
  rig.a.link.thaw();
  await rig.finish();
});

Deno.test("Pusher continues with a newer keyframe when an origin is so slow that bytes are dropped", async () => {
  const rig = await startPush({ stream: { maxLagMs: 1_000 } });
  const { link } = rig.a;
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  link.freeze();
  for (let i = 1; i <= 60; i++) {
    rig.publish(keyframe(i * 100, i, 50_000));
    await rig.advance(TURN_MS);
  }
  assert(rig.pusher.cursor < rig.stream.log.tail, "the next bytes are dropped");
  link.thaw();
  await rig.advance(TURN_MS);
  rig.publish(interFrame(6_040, 0xEE));
  await rig.advance(TURN_MS);
  const payloads = payloadsAt(link);
  assertEquals(payloads.at(-1), interFrame(6_040, 0xEE).payload);
  assertEquals(payloads.at(-2)![5], 60, "the newest keyframe");
  assertEquals(payloads.at(-3), AVC_HEADER, "after the headers");
  assertEquals(rig.a.links.length, 1);
  await rig.finish();
});

// The end.

Deno.test("Pusher.stop() sends all that was published, then FCUnpublish and deleteStream", async () => {
  const rig = await startPush();
  rig.publish(videoHeader(), keyframe(0), interFrame(40));
  rig.end();
  await rig.settle();
  assertEquals(rig.a.link.messages.slice(-5).map(({ typeId }) => typeId), [9, 9, 9, 20, 20]);
  assertEquals(rig.a.link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
  await rig.finish();
});

Deno.test("Pusher.leave() sends all that was published, but not the end of the stream", async () => {
  const rig = await startPush();
  rig.publish(videoHeader(), keyframe(0), interFrame(40));
  rig.pusher.leave();
  await rig.settle();
  assertEquals(rig.a.link.messages.slice(-3).map(({ typeId }) => typeId), [9, 9, 9]);
  assertEquals(rig.a.link.commandNames.at(-1), "publish");
  assertEquals(rig.a.openCount, 0);
  await rig.finish();
});

Deno.test("Pusher.stop() sends all that was published in the turn of the acceptance", async () => {
  const rig = new PushRig();
  rig.onAccepted = () => rig.publish(videoHeader(), keyframe(0));
  rig.stream.join({
    cursor: -1,
    onLive: () => queueMicrotask(() => rig.end()),
  });
  await rig.settle();
  assertEquals(payloadsAt(rig.a.link), [AVC_HEADER, keyframe(0).payload]);
  assertEquals(rig.a.link.commandNames.at(-1), "deleteStream");
});

Deno.test("Pusher.stop() loses nothing at a slow origin although the stream continues", async () => {
  const rig = await startPush();
  const { link } = rig.a;
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  link.freeze();
  for (let i = 1; i <= 40; i++) rig.publish(keyframe(i * 40, i, 50_000));
  await rig.advance(TURN_MS);
  rig.end();
  // The next source of the stream, for players that stay.
  const next = rig.stream.publish()!;
  for (let i = 0; i < 40; i++) next.push(9, i * 40, keyframe(0, 0xFF, 50_000).payload, i * 40);
  await rig.advance(1_500);
  link.thaw();
  await rig.settle();
  assertEquals(
    payloadsAt(link).slice(2, 42).map((payload) => payload[5]),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
  assertEquals(link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
  await rig.finish();
});

Deno.test("Pusher.stop() sends nothing of the stream's next source", async () => {
  const rig = await startPush();
  rig.publish(keyframe(0));
  rig.end();
  rig.stream.publish()!.push(9, 0, keyframe(0, 0xFF).payload, 0);
  await rig.settle();
  assertEquals(payloadsAt(rig.a.link), [keyframe(0).payload]);
  await rig.finish();
});

Deno.test("Pusher.stop() is not held up by a frozen origin", async () => {
  const rig = await startPush();
  rig.publish(keyframe(0));
  rig.a.link.freeze();
  await rig.advance(TURN_MS);
  await rig.finish();
});

Deno.test("Pusher.stop() is harmless when repeated", async () => {
  const rig = await startPush();
  rig.pusher.stop();
  rig.pusher.stop();
  await rig.settle();
  assertEquals(rig.a.link.commandNames.filter((name) => name === "deleteStream").length, 1);
  await rig.finish();
});

for (
  const [when, prepare] of [
    ["while it dials", ({ network }: EdgeRig) => network.silence(PORT_A)],
    ["during the handshake", ({ a }: EdgeRig) => a.behaviour = { kind: "mute" }],
    ["while the answer is awaited", ({ a }: EdgeRig) => a.behaviour = { kind: "hold" }],
  ] as const
) {
  Deno.test(`Pusher.stop() ${when} withdraws the publish without an answer`, async () => {
    const rig = await startPush({ prepare });
    await rig.finish();
    assertEquals([rig.acceptedCount, rig.refusals.length], [0, 0]);
    assertEquals(rig.network.dialled.length, 1);
  });
}

Deno.test("Pusher.stop() before an answer that arrives meanwhile accepts no publisher", async () => {
  const rig = await startPush({ prepare: ({ a }) => a.behaviour = { kind: "hold" } });
  // The end cannot leave yet, so that the answer still arrives.
  rig.a.link.freeze();
  rig.pusher.stop();
  rig.a.link.accept();
  await rig.settle();
  assertEquals(rig.acceptedCount, 0);
  rig.a.link.thaw();
  await rig.settle();
  assertEquals(rig.a.link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
  await rig.finish();
});

Deno.test("Pusher sends nothing after the end even if a flush was queued", async () => {
  const rig = await startPush();
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  rig.a.link.freeze();
  rig.pusher.stop();
  await rig.settle();
  await rig.advance(TURN_MS);
  rig.a.link.thaw();
  await rig.settle();
  assertEquals(rig.a.link.messages.slice(-4).map(({ typeId }) => typeId), [9, 9, 20, 20]);
  await rig.finish();
});

Deno.test("Pusher.stop() as soon as the publisher is accepted ends the push", async () => {
  const rig = new PushRig();
  rig.onAccepted = () => rig.end();
  await rig.settle();
  assertEquals(rig.log.count("Push started"), 0);
  assertEquals(rig.a.link.commandNames.slice(-2), ["FCUnpublish", "deleteStream"]);
  assertEquals(rig.stream.hasSource, false);
  await rig.finish();
});

Deno.test("Pusher.stop() in the pause without an origin leaves nothing behind", async () => {
  const rig = await startPush();
  rig.publish(keyframe(0));
  rig.a.die();
  await rig.advance(300);
  await rig.finish();
});

Deno.test("Pusher.cursor is -1 while no origin takes the stream", async () => {
  const rig = await startPush();
  assertEquals(rig.pusher.cursor, 0);
  rig.a.die();
  await rig.settle();
  assertEquals(rig.pusher.cursor, -1);
  await rig.finish();
});

// Failover, from what the lost origin has.

Deno.test("Pusher begins at the keyframe before what the lost origin surely has, not at the newest", async () => {
  const rig = await startPush({ cluster: TWO, stream: { keepBackMs: 60_000 } });
  // Each large frame is beyond half the window. The origin does not count the handshake, so its
  // second acknowledgement covers what was sent before the second keyframe, and no more.
  rig.publish(videoHeader(), keyframe(0, 1), interFrame(40, 2, 40_000));
  await rig.advance(1_500);
  const unsure = [
    keyframe(80, 3),
    interFrame(120, 4, 40_000),
    keyframe(160, 5),
    interFrame(200, 6),
  ];
  rig.publish(...unsure);
  await rig.advance(TURN_MS);
  assertEquals(rig.a.link.media.length, 7, "it was all sent");
  rig.a.die();
  await rig.advance(TURN_MS);
  assertEquals(
    payloadsAt(rig.b.link),
    [videoHeader(), ...unsure].map(({ payload }) => payload),
  );
  await rig.finish();
});

Deno.test("Pusher begins at the oldest keyframe when the lost origin acknowledged nothing", async () => {
  const rig = await startPush({ cluster: TWO, stream: { keepBackMs: 60_000 } });
  const messages = [videoHeader(), keyframe(0, 1), interFrame(40, 2), keyframe(80, 3)];
  rig.publish(...messages);
  await rig.advance(1_500);
  rig.a.die();
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.b.link), messages.map(({ payload }) => payload));
  await rig.finish();
});

Deno.test("Pusher logs a switch in one line", async () => {
  const rig = await startPush({ cluster: TWO, stream: { keepBackMs: 60_000 } });
  rig.publish(videoHeader(), keyframe(0, 1), interFrame(40, 2));
  await rig.advance(1_500);
  rig.a.die();
  await rig.advance(TURN_MS);
  const lines = rig.log.lines.filter(({ message }) => message.startsWith("Push "));
  assertEquals(lines.map(({ message }) => message), [
    "Push started",
    "Push failed: Lost: reset by peer",
    "Push switched",
  ]);
  const { fields } = lines[2]!;
  assertEquals([fields.from, fields.to], [`a.example:${PORT_A}`, `b.example:${PORT_B}`]);
  assertEquals([fields.how, fields.lost_bytes], ["resumed", 0]);
  const { origin, switches, lostBytes } = rig.pusher.report.snapshot();
  assertEquals([origin, switches, lostBytes], [`b.example:${PORT_B}`, 1, 0]);
  await rig.finish();
});

Deno.test("Pusher counts what it could not keep for the next origin", async () => {
  const rig = await startPush({ stream: { maxLagMs: 1_000 } });
  rig.publish(videoHeader(), keyframe(0, 1), interFrame(40, 2));
  await rig.advance(1_500);
  rig.a.link.reset();
  // The keyframe that was not acknowledged is dropped before the next origin accepts.
  for (let i = 0; i < 20; i++) rig.publish(interFrame(80 + i * 40, 3, 100_000));
  rig.publish(keyframe(2_000, 4));
  for (let i = 0; i < 20; i++) rig.publish(interFrame(2_040 + i * 40, 5, 100_000));
  await rig.advance(1_000);
  assert(rig.pusher.report.snapshot().lostBytes > 2_000_000, "the large frames are lost");
  await rig.finish();
});

Deno.test("Pusher does not send again what the lost origin acknowledged as soon as it had it", async () => {
  const rig = await startPush({ cluster: TWO, stream: { keepBackMs: 60_000 } });
  rig.publish(videoHeader(), keyframe(0, 1), interFrame(40, 2));
  await rig.advance(20);
  assertEquals(rig.a.link.media.length, 3, "it was all sent");
  rig.a.link.send(encodeAcknowledgement(100_000));
  await rig.settle();
  rig.publish(keyframe(80, 3));
  rig.a.die();
  await rig.advance(TURN_MS);
  assertEquals(payloadsAt(rig.b.link), [AVC_HEADER, keyframe(80, 3).payload]);
  await rig.finish();
});

Deno.test("Pusher leaves a frozen origin for the next one within the stall budget", async () => {
  const rig = await startPush({ cluster: TWO });
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(500);
  rig.a.link.freeze();
  await rig.advance(2_300);
  assertEquals([rig.a.openCount, rig.b.openCount], [0, 1]);
  assertEquals(rig.acceptedCount, 1, "the publisher notices nothing");
  await rig.finish();
});

// Retrying.

Deno.test("Pusher that retries continues after a round of failures, until an origin accepts", async () => {
  const prepare = ({ a, b }: EdgeRig) => {
    a.stopListening();
    b.behaviour = { kind: "refuse", refusal: refusal("NetStream.Publish.BadName") };
  };
  const rig = await startPush({ cluster: TWO, prepare, isPatient: true });
  await rig.advance(10_000);
  assertEquals([rig.acceptedCount, rig.displacedCount], [0, 0]);
  assert(rig.refusals.length > 3, "one report for each round");
  assertEquals(rig.log.urgent.length, 2, "one warning for each origin");
  rig.b.behaviour = { kind: "accept" };
  await rig.advance(5_000);
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  assertEquals([rig.acceptedCount, rig.b.link.media.length], [1, 2]);
  await rig.finish();
});

Deno.test("Pusher.stop() in the pause after a failed round leaves no timer", async () => {
  const prepare = ({ a }: EdgeRig) => a.stopListening();
  const rig = await startPush({ prepare, isPatient: true });
  assertEquals(rig.clock.pendingCount, 1, "the pause");
  await rig.finish();
});

Deno.test("Pusher warns of an origin again once one has accepted", async () => {
  const rig = await startPush({ cluster: TWO });
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(2_000);
  rig.a.link.close();
  await rig.advance(2_000);
  rig.b.link.close();
  await rig.advance(2_000);
  const failures = rig.log.urgent.map(({ fields }) => fields["origin"]);
  assertEquals(failures, [`a.example:${PORT_A}`, `b.example:${PORT_B}`]);
  rig.a.link.close();
  await rig.settle();
  assertEquals(rig.log.urgent.length, 3);
  await rig.finish();
});

Deno.test("Pusher dials nothing before start()", async () => {
  const rig = new EdgeRig();
  const { context, wheels, log } = rig;
  const stream = createStream();
  const pusher = new Pusher({
    context,
    origins: context.origins,
    totals: context.totals,
    stream,
    request: () => requestFor(),
    wheel: wheels.for(20),
    logger: log.logger,
    onAccepted() {},
    onRefused() {},
    onDisplaced() {},
  });
  await rig.advance(1_000);
  assertEquals([rig.network.dialled, stream.viewerCount], [[], 0]);
  pusher.stop();
  await pusher.start();
  assertEquals([rig.network.dialled, rig.clock.pendingCount], [[], 0]);
});
