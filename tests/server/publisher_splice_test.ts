/** `PublisherSlot`: a push of a stream that was delivered in part, joined at every message. */

import { DEFAULT_VHOST } from "../../lib/config/config.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import type { PublishHandle, SourceSwitch } from "../../lib/hub/publisher.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { PublisherSlot } from "../../lib/server/publisher_slot.ts";
import type { PublishAnswer } from "../../lib/server/vhost_service.ts";
import { StreamFeeder } from "../../lib/splice/stream_feeder.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { createStream, requestFor } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { LogViewer } from "../helpers/log_viewer.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";
import { audioFrame } from "../helpers/media.ts";

const ENCODE = new TinyEncode();
const COUNT = ENCODE.frames.length;
const OTHER_CLOCK_MS = 0xFFFFFFFF - 50;

/** A push of an edge. */
function pushOf(broadcastId?: string): StreamRequest {
  return { ...requestFor("show", ["leaf"]), broadcastId };
}

class Publisher implements PublishAnswer {
  handle!: PublishHandle;
  isReplaced = false;
  readonly #rig: Rig;
  readonly #clockMs: number;
  #onAlive: (() => void) | null = null;

  constructor(rig: Rig, clockMs: number) {
    this.#rig = rig;
    this.#clockMs = clockMs;
  }

  onAccepted(handle: PublishHandle): void {
    this.handle = handle;
  }

  onRefused(): void {}

  onReplaced(): void {
    this.isReplaced = true;
  }

  probe(onAlive: () => void): () => void {
    this.#onAlive = onAlive;
    return () => {
      this.#onAlive = null;
    };
  }

  /** Sends headers, then frames. */
  begin(from: number, to: number, encode = ENCODE): void {
    this.#push(onClock(encode.headersAt(from), this.#clockMs));
    this.send(from, to, encode);
  }

  send(from: number, to: number, encode = ENCODE): void {
    this.#push(onClock(encode.frames.slice(from, to), this.#clockMs));
  }

  #push(messages: ReturnType<typeof onClock>): void {
    for (const { typeId, timestampMs, payload } of messages) {
      this.#onAlive?.();
      this.handle.push(typeId, timestampMs, payload, this.#rig.clock.now());
    }
  }
}

class Rig {
  readonly clock = new FakeClock();
  readonly stream = createStream();
  readonly feeder = new StreamFeeder(this.stream);
  readonly player = new LogViewer().watch(this.stream);
  readonly switches: SourceSwitch[] = [];
  readonly slot = new PublisherSlot({
    isSlateNext: () => false,
    clock: this.clock,
    settings: () => ({ ...defaultConfig().vhosts.get(DEFAULT_VHOST)!.publish, graceMs: 10_000 }),
    onFree: () => {},
  });

  constructor() {
    this.stream.join(this.player);
    this.stream.observe({
      onSourceChange() {},
      onSourceSwitch: (change) => this.switches.push(change),
    });
  }

  take(request: StreamRequest, clockMs = 0): Publisher {
    assertEquals(this.slot.makeRoom(request), true);
    const publisher = new Publisher(this, clockMs);
    this.slot.take(publisher, this.feeder, request);
    return publisher;
  }

  get frames() {
    return this.player.media.filter(isTinyFrame);
  }

  /** Checks that the player has all frames once, in order, and was told nothing. */
  check(what: string): void {
    const check = new StreamCheck(ENCODE.frames);
    for (const frame of this.frames) check.accept(frame);
    assertEquals(check.mismatch, null, what);
    assertEquals([this.frames.length, this.player.statuses], [COUNT, []], what);
  }
}

for (const silenceMs of [60, 6_000]) {
  Deno.test(`a push that returns after ${silenceMs} ms continues at every message with the very next one`, async () => {
    for (let at = 1; at < COUNT - 1; at++) {
      const rig = new Rig();
      const first = rig.take(pushOf("one"));
      first.begin(0, at);
      rig.slot.leave(first, "lost");
      await rig.clock.advance(silenceMs);
      const second = rig.take(pushOf("one"), OTHER_CLOCK_MS);
      // A slow network: the replay takes longer than a cache would.
      const from = ENCODE.keyframeBefore(Math.max(1, at - 2));
      second.begin(from, at);
      await rig.clock.advance(1_500);
      second.send(at, COUNT);
      rig.check(`after ${at}`);
      const [change] = rig.switches;
      assertEquals(rig.switches.length, 1, `after ${at}`);
      assertEquals([change!.how, change!.lostFrames, change!.doubledFrames], ["spliced", 0, 0]);
      assertEquals(rig.stream.stats.splices, 1);
    }
  });
}

Deno.test("a player that joined while the publisher was away gets the stream when it is continued", () => {
  const rig = new Rig();
  const first = rig.take(pushOf("one"));
  first.begin(0, 12);
  rig.slot.leave(first, "lost");
  const late = new LogViewer();
  rig.stream.join(late.watch(rig.stream));
  assertEquals([rig.stream.isLive, late.liveCount], [false, 0]);
  const second = rig.take(pushOf("one"), OTHER_CLOCK_MS);
  second.begin(9, COUNT);
  assertEquals(late.liveCount, 1);
  // From the newest join point there was, headers first.
  assertEquals(late.media.filter(isTinyFrame).length, COUNT - 9);
  assertEquals(late.media.slice(0, 3).map(({ payload }) => payload.length > 0), [true, true, true]);
  rig.check("");
});

for (const lead of [-3, -1, 0, 2]) {
  Deno.test(`a push that moves continues at every message, over a connection that leads by ${lead}`, async () => {
    for (let at = 3; at < COUNT - 5; at++) {
      const what = `moved after ${at}`;
      const rig = new Rig();
      const first = rig.take(pushOf("one"));
      first.begin(0, at);
      const second = rig.take(pushOf("one"), OTHER_CLOCK_MS);
      first.send(at, at + 1);
      const live = at + 1 + lead;
      second.begin(ENCODE.keyframeBefore(Math.max(1, live)), Math.max(live, 1));
      for (let next = at + 1; next < COUNT; next++) {
        first.send(next, next + 1);
        if (next + lead > 0) second.send(next + lead, next + lead + 1);
        await rig.clock.advance(20);
      }
      second.send(COUNT + lead, COUNT);
      rig.check(what);
      assertEquals(rig.switches.map(({ how }) => how), ["spliced"], what);
      rig.slot.leave(first, "stopped");
      assertEquals([rig.stream.hasSource, first.isReplaced], [true, false], what);
    }
  });
}

Deno.test("a push whose first connection breaks while it moves loses nothing", () => {
  for (let at = 4; at < COUNT - 4; at++) {
    for (const departure of ["lost", "stopped"] as const) {
      const rig = new Rig();
      const first = rig.take(pushOf("one"));
      first.begin(0, at);
      const second = rig.take(pushOf("one"), OTHER_CLOCK_MS);
      rig.slot.leave(first, departure);
      second.begin(ENCODE.keyframeBefore(at), COUNT);
      rig.check(`after ${at}`);
    }
  }
});

Deno.test("a push whose second connection breaks while it moves stays with the first", async () => {
  for (const sent of [0, 1]) {
    const rig = new Rig();
    const first = rig.take(pushOf("one"));
    first.begin(0, 10);
    const second = rig.take(pushOf("one"), OTHER_CLOCK_MS);
    second.begin(6, 6 + sent);
    rig.slot.leave(second, "lost");
    first.send(10, COUNT);
    rig.check(`sent ${sent}`);
    await rig.clock.advance(20_000);
    assertEquals([rig.stream.hasSource, rig.switches], [true, []]);
  }
});

Deno.test("a push that moves twice before it has caught up is continued by the last connection", () => {
  const rig = new Rig();
  const first = rig.take(pushOf("one"));
  first.begin(0, 10);
  const second = rig.take(pushOf("one"), OTHER_CLOCK_MS);
  const third = rig.take(pushOf("one"), 77);
  first.send(10, 12);
  third.begin(9, COUNT);
  rig.check("");
  assertEquals([first.handle.isClosed, second.handle.isClosed], [true, true]);
});

Deno.test("the first connection of a push that has moved is closed once it sends nothing more", async () => {
  const rig = new Rig();
  const first = rig.take(pushOf("one"));
  first.begin(0, 10);
  rig.take(pushOf("one"), OTHER_CLOCK_MS).begin(6, 12);
  for (let i = 0; i < 5; i++) {
    await rig.clock.advance(1_000);
    first.send(12, 13);
  }
  assertEquals(first.isReplaced, false);
  await rig.clock.advance(3_000);
  assertEquals(first.isReplaced, true);
  rig.slot.leave(first, "lost");
  assertEquals([rig.clock.pendingCount, rig.stream.hasSource], [0, true]);
});

Deno.test("a push of another broadcast does not get in beside the present one", () => {
  const rig = new Rig();
  rig.take(pushOf("one")).begin(0, 10);
  for (const request of [pushOf("two"), pushOf(), requestFor()]) {
    assertEquals(rig.slot.makeRoom(request), false);
    const check = rig.slot.checkRoom(request, () => {});
    assert(check !== null);
    check.cancel();
  }
  const anonymous = new Rig();
  anonymous.take(pushOf()).begin(0, 10);
  assertEquals(anonymous.slot.makeRoom(pushOf()), false);
});

Deno.test("an encoder that returns with the same bytes is not held", async () => {
  const rig = new Rig();
  const first = rig.take(requestFor());
  first.begin(0, 10);
  rig.slot.leave(first, "lost");
  await rig.clock.advance(1_000);
  rig.take(requestFor()).begin(0, 1);
  assertEquals(rig.frames.length, 11);
});

Deno.test("an edge whose encoder began the same file again is held for 250 ms, then loses nothing", async () => {
  const rig = new Rig();
  const first = rig.take(pushOf("one"));
  first.begin(0, 15);
  rig.slot.leave(first, "lost");
  await rig.clock.advance(1_000);
  const second = rig.take(pushOf("two"), OTHER_CLOCK_MS);
  second.begin(0, 4);
  await rig.clock.advance(240);
  second.send(4, 6);
  assertEquals(rig.frames.length, 15);
  await rig.clock.advance(10);
  second.send(6, 7);
  assertEquals(rig.frames.length, 15 + 7);
  const [change] = rig.switches;
  assertEquals([change!.how, change!.doubledFrames], ["restarted", 3]);
});

Deno.test("another encode restarts at its keyframe, at once", async () => {
  const rig = new Rig();
  const first = rig.take(pushOf("one"));
  first.begin(0, 12);
  rig.slot.leave(first, "lost");
  await rig.clock.advance(400);
  const other = new TinyEncode({ seed: 100 });
  rig.take(pushOf("two"), OTHER_CLOCK_MS).begin(0, 1, other);
  assertEquals(rig.frames.length, 13);
  assertEquals(rig.switches, [
    { how: "restarted", silenceMs: 400, lostFrames: 10, doubledFrames: 0 },
  ]);
});

Deno.test("a push that returns without video is not held for more than a second of it", async () => {
  const rig = new Rig();
  const first = rig.take(pushOf("one"));
  first.begin(0, 12);
  rig.slot.leave(first, "lost");
  await rig.clock.advance(400);
  const { handle } = rig.take(pushOf("two"));
  for (let ms = 0; ms <= 1_000; ms += 20) handle.push(8, ms, audioFrame(ms), rig.clock.now());
  assertEquals(rig.player.media.filter(({ typeId }) => typeId === 8).length, 1 + 8 + 51);
});

Deno.test("a push that ends before it has anything new ends the stream only if it says so", () => {
  for (const departure of ["lost", "stopped"] as const) {
    const rig = new Rig();
    const first = rig.take(pushOf("one"));
    first.begin(0, 12);
    rig.slot.leave(first, "lost");
    const second = rig.take(pushOf("one"));
    second.begin(9, 10);
    rig.slot.leave(second, departure);
    const told = departure === "stopped" ? ["NetStream.Play.UnpublishNotify"] : [];
    assertEquals(rig.player.statuses, told);
    assertEquals(rig.slot.isTaken, departure === "lost");
    rig.slot.close();
    assertEquals(rig.clock.pendingCount, 0);
  }
});
