/** What a push keeps of its stream while it has no origin. */

import { assert, assertEquals } from "../helpers/assert.ts";
import {
  AVC_HEADER,
  interFrame,
  keyframe,
  type TinyMessage,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { payloadsAt, type PushRig, startPush, TURN_MS } from "./push_rig.ts";

/** Publishes a GOP of two frames per second from `fromMs` on, and lets the time pass. */
async function publishGops(rig: PushRig, fromMs: number, seconds: number): Promise<TinyMessage[]> {
  const sent: TinyMessage[] = [];
  for (let second = 0; second < seconds; second++) {
    const gop = [0, 500].map((ms) => fromMs + second * 1_000 + ms);
    const frames = [keyframe(gop[0]!, second), interFrame(gop[1]!, second)];
    rig.publish(...frames);
    sent.push(...frames);
    await rig.advance(1_000);
  }
  return sent;
}

Deno.test("Pusher loses nothing of what was published while its only origin was away", async () => {
  const rig = await startPush({ stream: { keepBackMs: 3_500 } });
  rig.publish(videoHeader());
  const before = await publishGops(rig, 0, 2);
  rig.a.behaviour = { kind: "close at once" };
  rig.a.link.reset();
  const meanwhile = await publishGops(rig, 2_000, 20);
  rig.a.behaviour = { kind: "accept" };
  await rig.advance(10_000);
  assertEquals(
    payloadsAt(rig.a.link),
    [videoHeader(), ...before, ...meanwhile].map(({ payload }) => payload),
  );
  assertEquals(rig.pusher.report.snapshot().lostBytes, 0);
  await rig.finish();
});

Deno.test("Pusher loses nothing that its only origin had not acknowledged before it froze", async () => {
  const rig = await startPush();
  // Each large frame is beyond half the window, so the first one is acknowledged.
  const before = [videoHeader(), keyframe(0), interFrame(40, 2, 40_000), interFrame(80, 3, 40_000)];
  for (const message of before) {
    rig.publish(message);
    await rig.advance(TURN_MS);
  }
  // It takes bytes, which are lost with the connection.
  rig.a.link.stopSending();
  const meanwhile = await publishGops(rig, 1_000, 15);
  assertEquals(rig.a.links.length, 2);
  assertEquals(
    payloadsAt(rig.a.link),
    [...before, ...meanwhile].map(({ payload }) => payload),
  );
  await rig.finish();
});

Deno.test("Pusher holds no more than a joiner needs for an origin that acknowledges nothing", async () => {
  const rig = await startPush();
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  rig.a.link.stopSending();
  const { log } = rig.stream;
  for (let i = 1; i <= 40; i++) {
    rig.publish(keyframe(i * 40, i, 100_000));
    await rig.advance(TURN_MS);
  }
  assert(log.head > 3_900_000);
  assert(log.head - log.tail < 2_000_000, `${log.head - log.tail} bytes are held`);
  await rig.finish();
});

Deno.test("Pusher loses nothing when the origin is lost again before it has caught up", async () => {
  const rig = await startPush();
  rig.publish(videoHeader());
  await publishGops(rig, 0, 2);
  rig.a.behaviour = { kind: "close at once" };
  rig.a.link.reset();
  const meanwhile = await publishGops(rig, 2_000, 10);
  // Takes the stream, but none of its bytes.
  rig.a.behaviour = { kind: "hold" };
  await rig.advance(6_000);
  rig.a.link.slowDown(rig.clock, { maxBytes: 40, everyMs: 1_000 });
  rig.a.link.accept();
  const later = await publishGops(rig, 12_000, 5);
  assert(rig.a.link.media.length < meanwhile.length, "it has caught up");
  rig.a.behaviour = { kind: "accept" };
  rig.a.link.reset();
  await rig.advance(10_000);
  assertEquals(
    payloadsAt(rig.a.link).slice(-meanwhile.length - later.length),
    [...meanwhile, ...later].map(({ payload }) => payload),
  );
  await rig.finish();
});

Deno.test("Pusher begins at the newest keyframe when its origin was away for longer than queue_length", async () => {
  const rig = await startPush({ stream: { maxLagMs: 5_000 } });
  rig.publish(videoHeader());
  await publishGops(rig, 0, 2);
  rig.a.behaviour = { kind: "close at once" };
  rig.a.link.reset();
  const { log } = rig.stream;
  // Large enough for new slabs: only then is anything dropped.
  for (let second = 2; second < 22; second++) {
    rig.publish(keyframe(second * 1_000, second, 100_000));
    await rig.advance(1_000);
    assert(log.head - log.tail < 1_500_000, `${log.head - log.tail} bytes are held`);
  }
  rig.a.behaviour = { kind: "accept" };
  await rig.advance(10_000);
  assertEquals(payloadsAt(rig.a.link).map((payload) => payload[5]), [AVC_HEADER[5], 21]);
  await rig.finish();
});

Deno.test("Pushes of all streams share what they hold while no origin is connected", async () => {
  const rig = await startPush();
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  for (let others = 0; others < 63; others++) rig.context.room.enter();
  rig.a.die();
  await rig.settle();
  const { log } = rig.stream;
  let mostBytes = 0;
  for (let i = 1; i <= 200; i++) {
    rig.publish(keyframe(i * 40, i, 50_000));
    mostBytes = Math.max(mostBytes, log.head - log.tail);
  }
  assert(mostBytes > 4e6 && mostBytes < 7e6, `${mostBytes} bytes were held`);
  await rig.finish();
  assertEquals(rig.context.room.bytesEach, 256 * 1024 * 1024 / 63);
});

Deno.test("Pusher holds 32 MiB of the stream at most while no origin is connected", async () => {
  const rig = await startPush();
  rig.publish(videoHeader(), keyframe(0));
  await rig.advance(TURN_MS);
  rig.a.die();
  await rig.settle();
  const { log } = rig.stream;
  let mostBytes = 0;
  for (let i = 1; i <= 400; i++) {
    rig.publish(keyframe(i * 40, i % 256, 200_000));
    mostBytes = Math.max(mostBytes, log.head - log.tail);
  }
  assert(mostBytes > 30e6, `${mostBytes} bytes were held`);
  assert(mostBytes < 40e6, `${mostBytes} bytes were held`);
  assert(log.head - log.tail < 5e6, `${log.head - log.tail} bytes are held in the end`);
  await rig.finish();
});
