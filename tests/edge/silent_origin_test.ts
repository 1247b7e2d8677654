/** `stall_timeout auto`: the next origin is asked soon, and never for a sparse stream. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import type { OriginLink } from "../helpers/scripted_origin.ts";
import { isTinyFrame, TinyEncode } from "../helpers/tiny_encode.ts";
import { audioFrame, interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const AUTO = { origins: TWO_ORIGINS, isStallAuto: true, retryMaxMs: 800 };

/** Sends a frame every `periodMs` for `durationMs`. */
async function feed(rig: VhostRig, link: OriginLink, periodMs: number, durationMs: number) {
  const untilMs = rig.clock.now() + durationMs;
  for (let mark = 1; rig.clock.now() < untilMs; mark++) {
    const timestampMs = rig.clock.now();
    link.sendMedia(
      mark % 10 === 1
        ? keyframe(timestampMs, mark % 251, 300)
        : interFrame(timestampMs, mark % 251, 250),
    );
    await rig.advance(periodMs);
  }
}

Deno.test("a regular stream that freezes is sought elsewhere after 300 ms, and nothing is lost", async () => {
  const encode = new TinyEncode();
  const rig = new VhostRig(AUTO);
  const player = await rig.play();
  const { link } = rig.a;
  link.sendMedia(...encode.headersAt(0));
  for (const frame of encode.frames.slice(0, 14)) {
    link.sendMedia(frame);
    await rig.advance(40);
  }
  link.freeze();
  await rig.advance(360);
  assertEquals(rig.b.openCount, 1, "the next origin is not asked");
  rig.b.link.sendMedia(...encode.headersAt(0), ...encode.frames);
  await rig.settle();
  assertEquals(player.media.filter(isTinyFrame).length, encode.frames.length, "lost or doubled");
});

for (const [what, periodMs] of [["slides", 1_000], ["keyframes alone", 4_000]] as const) {
  Deno.test(`a sparse stream of ${what} does not flap`, async () => {
    const rig = new VhostRig(AUTO);
    await rig.play();
    rig.a.link.sendMedia(videoHeader());
    await feed(rig, rig.a.link, periodMs, 12 * periodMs);
    const before = rig.network.dialled.length;
    await feed(rig, rig.a.link, periodMs, 40 * periodMs);
    assertEquals(rig.network.dialled.length, before);
    assertEquals([rig.a.openCount, rig.b.openCount], [1, 0]);
  });
}

Deno.test("a stream of audio alone does not flap", async () => {
  const rig = new VhostRig(AUTO);
  await rig.play();
  for (let index = 0; index < 400; index++) {
    rig.a.link.sendMedia(audioFrame(index * 23));
    await rig.clock.advance(23);
  }
  assertEquals(rig.network.dialled.length, 1);
});

Deno.test("1,000 streams that fall silent at once all move within 4 s, within the limit of dials", async () => {
  const COUNT = 1_000;
  const rig = new VhostRig(AUTO);
  const players: TestPlayer[] = [];
  let number = 0;
  const sendFrame = async (periodMs: number) => {
    number++;
    for (const link of rig.a.links) {
      link.sendMedia(interFrame(rig.clock.now(), number % 251, 250));
    }
    await rig.clock.advance(periodMs);
  };
  // Names that were never live get 500 connections at once, and 200 a second.
  for (let batch = 0; batch < 2; batch++) {
    while (players.length < (batch + 1) * COUNT / 2) {
      players.push(new TestPlayer(rig.vhost, `show${players.length}`));
    }
    await rig.advance(1);
    for (const link of rig.a.links.slice(batch * COUNT / 2)) {
      link.sendMedia(videoHeader(), keyframe(0, 1, 300));
    }
    for (let pause = 0; pause < 6; pause++) await sendFrame(500);
  }
  for (let frame = 0; frame < 11; frame++) await sendFrame(40);
  await rig.settle();
  assertEquals([rig.a.openCount, rig.b.links.length], [COUNT, 0]);
  const waitsMs = new Map<number, number>();
  const perTick: number[] = [];
  for (let tick = 1; waitsMs.size < COUNT && tick <= 60; tick++) {
    const before = rig.b.links.length;
    await rig.clock.advance(100);
    await rig.settle();
    perTick.push(rig.b.links.length - before);
    for (const link of rig.b.links.slice(before)) {
      link.sendMedia(videoHeader(), keyframe(5_000, 77, 400), interFrame(5_040, 78, 250));
    }
    await rig.settle();
    players.forEach((player, index) => {
      const { origin } = rig.vhost.upstreams().of(player.stream.name)[0]!;
      if (origin === `b.example:${PORT_B}` && !waitsMs.has(index)) waitsMs.set(index, tick * 100);
    });
  }
  assertEquals(waitsMs.size, COUNT, "streams that have moved");
  assert(Math.max(...waitsMs.values()) <= 4_000, `waits: ${[...waitsMs.values()].slice(-3)} ms`);
  assert(Math.max(...perTick) <= 101, `dials per 100 ms: ${perTick}`);
  await rig.vhost.close();
});
