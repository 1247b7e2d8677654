/** A player on a stream: where it starts, when it skips, when it is closed as stalled. */

import fc from "fast-check";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { Stream } from "../../lib/hub/stream.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { type PlayerRules, PlayerSink } from "../../lib/server/player_sink.ts";
import { SocketWriter } from "../../lib/io/socket_writer.ts";
import { encodePingRequest } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { hex } from "../helpers/hex.ts";
import { AVC_HEADER, idOf, interFrame, keyframe, METADATA } from "../helpers/media.ts";
import { readMessages, wordFor } from "../helpers/read_messages.ts";
import { ScriptedTransport } from "../helpers/scripted_transport.ts";

const VIDEO = 9;
const DATA = 18;
const CHUNK_SIZE = 60_000;
const NEW_AVC_HEADER = hex("17 00 000000 01640033");

const RULES: PlayerRules = { gopCache: true, queueLengthMs: 10_000, stallMs: 15_000 };

/** A stream and a player of it. */
class Rig {
  readonly clock = new FakeClock();
  readonly transport = new ScriptedTransport();
  readonly stream: Stream;
  readonly writer = new SocketWriter({
    transport: this.transport,
    queue: new FlushQueue(this.clock),
    clock: this.clock,
    host: { onWriteFailed() {} },
  });
  #sink: PlayerSink | null = null;
  #handle: PublishHandle | null = null;
  stalls = 0;

  constructor(maxMessages = 2_500) {
    const limits = {
      maxLagMs: RULES.queueLengthMs,
      maxBytes: 64 * 1024 * 1024,
      maxMessages,
      keepBackMs: 0,
    };
    const options = { chunkSize: CHUNK_SIZE, isAbsoluteTime: false, ...limits };
    this.stream = new Stream("live/show", options, () => {});
  }

  get sink(): PlayerSink {
    assert(this.#sink !== null);
    return this.#sink;
  }

  publish(): this {
    this.#handle = this.stream.publish();
    assert(this.#handle !== null);
    return this;
  }

  unpublish(): void {
    this.#handle!.end("unpublished");
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#handle!.push(typeId, timestampMs, payload, timestampMs);
  }

  /** A keyframe and inter frames, a second apart, numbered by their second. */
  pushSeconds(from: number, to: number): void {
    this.push(VIDEO, from * 1_000, keyframe(from));
    for (let i = from + 1; i <= to; i++) this.push(VIDEO, i * 1_000, interFrame(i));
  }

  join(rules: Partial<PlayerRules> = {}): this {
    this.#sink = new PlayerSink(this.stream, this.writer, {
      config: { play: { ...RULES, ...rules } },
    }, {
      onStalled: () => this.stalls++,
    });
    const sink = this.#sink;
    sink.start();
    this.stream.join({
      onLive() {},
      get cursor() {
        return sink.cursor;
      },
    });
    return this;
  }

  /** One flush by the wheel; the socket takes all of it. */
  async visit(): Promise<void> {
    this.sink.flush(this.clock.now());
    await this.acceptAll();
  }

  async acceptAll(count?: number): Promise<void> {
    await this.clock.settle();
    while (this.transport.isWriting) {
      this.transport.accept(count);
      await this.clock.settle();
    }
  }

  /** What the player got: `preamble`, numbers of video frames, names of other messages. */
  get received(): (string | number)[] {
    assertEquals(this.transport.faults, []);
    return readMessages(this.transport.received, CHUNK_SIZE).map((message) => {
      const { typeId, payload } = message;
      if (typeId !== VIDEO) return wordFor(message);
      return payload[1] === 0 ? `header ${payload.at(-1)}` : idOf(payload);
    });
  }
}

// Starting.

Deno.test("PlayerSink starts at the newest keyframe, with the headers before it", async () => {
  const rig = new Rig().publish();
  rig.push(DATA, 0, METADATA);
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 2);
  rig.pushSeconds(3, 5);
  await rig.join().visit();
  assertEquals(rig.received, ["data", "header 32", 3, 4, 5]);
});

Deno.test("PlayerSink stamps the headers with the time of the keyframe", async () => {
  const rig = new Rig().publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(3, 3);
  await rig.join().visit();
  assertEquals(
    rig.transport.received.subarray(0, 21),
    hex("06 000bb8 000009 09 01000000  17 00 000000 01640020"),
  );
});

Deno.test("PlayerSink starts at the first message of a source that has sent no keyframe", async () => {
  const rig = new Rig().publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.push(VIDEO, 0, interFrame(1));
  await rig.join().visit();
  assertEquals(rig.received, ["header 32", 1]);
});

Deno.test("PlayerSink waits for a stream that is not live and gets all of it", async () => {
  const rig = new Rig().join();
  await rig.visit();
  assertEquals(rig.sink.cursor, -1);
  rig.publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 1);
  await rig.visit();
  assertEquals(rig.received, ["header 32", 0, 1]);
});

Deno.test("PlayerSink waits for the next keyframe when the stream has no join point", async () => {
  const rig = new Rig(3).publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 9);
  await rig.join().visit();
  assertEquals(rig.received, []);
  rig.pushSeconds(10, 11);
  await rig.visit();
  assertEquals(rig.received, ["header 32", 10, 11]);
});

Deno.test("PlayerSink waits for the next keyframe without GOP cache", async () => {
  const rig = new Rig().publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 2);
  await rig.join({ gopCache: false }).visit();
  rig.push(VIDEO, 3_000, interFrame(3));
  await rig.visit();
  assertEquals(rig.received, []);
  rig.pushSeconds(4, 5);
  await rig.visit();
  assertEquals(rig.received, ["header 32", 4, 5]);
});

Deno.test("PlayerSink gets a source from its first message without GOP cache too", async () => {
  const rig = new Rig().publish();
  rig.pushSeconds(0, 2);
  rig.unpublish();
  rig.join({ gopCache: false });
  rig.publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.push(VIDEO, 0, interFrame(7));
  await rig.visit();
  assertEquals(rig.received, ["header 32", 7]);
});

Deno.test("PlayerSink sends the stream after control bytes that are in flight", async () => {
  const rig = new Rig().publish();
  rig.pushSeconds(0, 1);
  rig.writer.send(encodePingRequest(1));
  await rig.clock.settle();
  rig.transport.accept(3);
  await rig.join().visit();
  assertEquals(rig.received, ["PingRequest", 0, 1]);
});

Deno.test("PlayerSink waits while a message of an earlier stream is partly sent", async () => {
  const rig = new Rig().publish();
  rig.pushSeconds(0, 1);
  rig.join().sink.flush(0);
  rig.transport.accept(3);
  await rig.clock.settle();
  rig.sink.leave();
  rig.join();
  rig.sink.flush(0);
  assertEquals(rig.sink.cursor, -1);
  await rig.acceptAll();
  await rig.visit();
  assertEquals(rig.received, [0, 1, 0, 1]);
});

Deno.test("PlayerSink continues with what arrived since the last flush", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 2);
  await rig.visit();
  rig.push(VIDEO, 3_000, interFrame(3));
  await rig.visit();
  await rig.visit();
  assertEquals(rig.received, [0, 1, 2, 3]);
});

Deno.test("PlayerSink.isIdle says that a flush would send nothing, and find no stalled player", async () => {
  const rig = new Rig().publish();
  assert(!new Rig().join().sink.isIdle, "waits for a join point");
  rig.pushSeconds(0, 1);
  rig.join();
  assert(!rig.sink.isIdle, "has not sent the GOP cache");
  rig.sink.flush(rig.clock.now());
  assert(!rig.sink.isIdle, "a write is in flight");
  await rig.acceptAll();
  assert(rig.sink.isIdle, "has sent everything");
  const { writes } = rig.transport;
  const count = writes.length;
  await rig.visit();
  assertEquals(writes.length, count);
  rig.push(VIDEO, 2_000, interFrame(2));
  assert(!rig.sink.isIdle, "a message is new");
  await rig.visit();
  rig.writer.send(encodePingRequest(1));
  assert(!rig.sink.isIdle, "control bytes wait");
  await rig.acceptAll();
  assert(rig.sink.isIdle);
});

Deno.test("PlayerSink continues across the end of a source and the start of the next", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  await rig.visit();
  rig.unpublish();
  await rig.visit();
  rig.publish();
  rig.push(VIDEO, 0, NEW_AVC_HEADER);
  rig.pushSeconds(0, 1);
  await rig.visit();
  assertEquals(rig.received, [
    ...[0, 1, "NetStream.Play.UnpublishNotify", "StreamEOF"],
    ...["StreamBegin", "NetStream.Play.PublishNotify", "header 51", 0, 1],
  ]);
});

// Skipping.

Deno.test("PlayerSink skips to the newest keyframe when the player lags too far", async () => {
  const rig = new Rig().publish().join();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 1);
  rig.sink.flush(0);
  rig.transport.accept(30);
  rig.pushSeconds(2, 7);
  rig.pushSeconds(8, 12);
  rig.pushSeconds(13, 14);
  await rig.acceptAll();
  const from = rig.sink.cursor;
  await rig.visit();
  assertEquals(rig.received, ["header 32", 0, 1, "header 32", 13, 14]);
  assertEquals(rig.sink.stats, { skips: 1, skippedBytes: rig.stream.joinPoint!.offset - from });
});

Deno.test("PlayerSink omits the headers when the player has those of the keyframe", async () => {
  const rig = new Rig().publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 1);
  await rig.join().visit();
  rig.pushSeconds(2, 7);
  rig.pushSeconds(13, 14);
  await rig.visit();
  assertEquals(rig.received, ["header 32", 0, 1, 13, 14]);
});

Deno.test("PlayerSink sends the headers again when it skips over new ones", async () => {
  const rig = new Rig().publish();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 1);
  await rig.join().visit();
  rig.pushSeconds(2, 7);
  rig.push(VIDEO, 8_000, NEW_AVC_HEADER);
  rig.pushSeconds(8, 12);
  rig.pushSeconds(13, 14);
  await rig.visit();
  assertEquals(rig.received, ["header 32", 0, 1, "header 51", 13, 14]);
});

Deno.test("PlayerSink skips only between messages", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  rig.sink.flush(0);
  rig.transport.accept(15);
  rig.pushSeconds(20, 21);
  await rig.clock.settle();
  rig.sink.flush(0);
  await rig.acceptAll(7);
  await rig.visit();
  assertEquals(rig.received, [0, 1, 20, 21]);
});

Deno.test("PlayerSink skips nothing when there is no newer keyframe", async () => {
  const rig = new Rig().publish().join();
  rig.push(VIDEO, 0, AVC_HEADER);
  rig.pushSeconds(0, 1);
  await rig.visit();
  for (let second = 2; second < 20; second++) {
    rig.push(VIDEO, second * 1_000, interFrame(second));
  }
  await rig.visit();
  assertEquals(rig.received.length, 21);
  assertEquals(rig.sink.stats.skips, 0);
});

Deno.test("PlayerSink skips nothing when the player lags exactly as far as it may", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 0);
  await rig.visit();
  rig.pushSeconds(1, 5);
  rig.pushSeconds(6, 11);
  await rig.visit();
  assertEquals(rig.received.length, 12);
  assertEquals(rig.sink.stats.skips, 0);
});

Deno.test("PlayerSink skips nothing of a thin stream, whose slabs span minutes", async () => {
  const rig = new Rig().publish().join();
  for (let second = 0; second < 300; second++) {
    rig.pushSeconds(second, second);
    rig.push(VIDEO, second * 1_000 + 500, interFrame(second));
    await rig.visit();
  }
  assertEquals(rig.sink.stats.skips, 0);
  assertEquals(rig.received.length, 600);
});

Deno.test("PlayerSink waits for a keyframe when its bytes are gone and there is none", async () => {
  const rig = new Rig(5).publish().join();
  rig.pushSeconds(0, 1);
  rig.sink.flush(0);
  const large = (second: number) => interFrame(second, 60_000);
  for (let second = 2; second < 60; second++) rig.push(VIDEO, second * 1_000, large(second));
  await rig.acceptAll();
  assert(rig.sink.cursor < rig.stream.log.tail, "its place is not gone");
  await rig.visit();
  assertEquals(rig.sink.cursor, -1);
  assertEquals(rig.received, [0, 1]);
  rig.pushSeconds(60, 61);
  await rig.visit();
  assertEquals(rig.received, [0, 1, 60, 61]);
});

// Pausing.

Deno.test("PlayerSink.setPaused() holds the stream while control bytes pass", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  await rig.visit();
  rig.sink.setPaused(true);
  rig.pushSeconds(2, 3);
  rig.writer.send(encodePingRequest(1));
  await rig.acceptAll();
  await rig.visit();
  assertEquals(rig.received, [0, 1, "PingRequest"]);
  rig.sink.setPaused(false);
  await rig.visit();
  assertEquals(rig.received, [0, 1, "PingRequest", 2, 3]);
});

Deno.test("PlayerSink.setPaused() works before the stream has started", async () => {
  const rig = new Rig().join();
  rig.sink.setPaused(true);
  rig.publish();
  rig.pushSeconds(0, 1);
  await rig.visit();
  assertEquals(rig.received, []);
  rig.sink.setPaused(false);
  await rig.visit();
  assertEquals(rig.received, [0, 1]);
});

Deno.test("PlayerSink resumes at the newest keyframe when it was paused too long", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  await rig.visit();
  rig.sink.setPaused(true);
  rig.pushSeconds(2, 19);
  rig.pushSeconds(20, 21);
  rig.sink.setPaused(false);
  await rig.visit();
  assertEquals(rig.received, [0, 1, 20, 21]);
});

// Stalling.

Deno.test("PlayerSink reports a player that takes no byte for too long as stalled", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  rig.sink.flush(0);
  await rig.clock.advance(15_000);
  rig.sink.flush(rig.clock.now());
  assertEquals(rig.stalls, 0);
  await rig.clock.advance(1);
  rig.sink.flush(rig.clock.now());
  await rig.clock.advance(0);
  assertEquals(rig.stalls, 1);
});

Deno.test("PlayerSink does not report a player that takes single bytes as stalled", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  rig.sink.flush(0);
  for (let i = 0; i < 5; i++) {
    await rig.clock.advance(14_000);
    rig.sink.flush(rig.clock.now());
    rig.transport.accept(1);
    await rig.clock.settle();
  }
  assertEquals(rig.stalls, 0);
});

for (const name of ["waits", "is paused"] as const) {
  Deno.test(`PlayerSink reports a player that takes no answer while it ${name} as stalled`, async () => {
    const rig = new Rig().join();
    if (name === "is paused") rig.sink.setPaused(true);
    rig.writer.send(encodePingRequest(1));
    await rig.clock.advance(15_001);
    rig.sink.flush(rig.clock.now());
    await rig.clock.advance(0);
    assertEquals(rig.stalls, 1);
  });
}

Deno.test("PlayerSink does not report a player with nothing to take as stalled", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  await rig.visit();
  await rig.clock.advance(60_000);
  await rig.visit();
  assertEquals(rig.stalls, 0);
});

// Leaving.

Deno.test("PlayerSink.leave() also stops a flush that is already queued", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  rig.sink.leave();
  await rig.visit();
  assertEquals(rig.received, []);
  assertEquals(rig.sink.cursor, -1);
});

Deno.test("PlayerSink.leave() of an earlier stream leaves the writer to the next one", async () => {
  const rig = new Rig().publish().join();
  rig.pushSeconds(0, 1);
  await rig.visit();
  const earlier = rig.sink;
  earlier.leave();
  await rig.join().visit();
  earlier.flush(0);
  earlier.leave();
  rig.push(VIDEO, 2_000, interFrame(2));
  await rig.visit();
  assertEquals(rig.received, [0, 1, 0, 1, 2]);
});

// Everything at once.

type Step =
  | { readonly do: "keyframe" | "frame" | "header" | "visit" | "ping" | "pause" | "resume" }
  | { readonly do: "leap"; readonly seconds: number }
  | { readonly do: "accept"; readonly count: number };

const step = fc.oneof(
  fc.record({
    do: fc.constantFrom(
      ...["keyframe", "frame", "frame", "frame", "header", "ping", "pause", "resume"] as const,
      ...["visit", "visit", "visit"] as const,
    ),
  }),
  fc.record({ do: fc.constant("leap" as const), seconds: fc.nat(15) }),
  fc.record({ do: fc.constant("accept" as const), count: fc.nat(200) }),
  fc.record({ do: fc.constant("accept" as const), count: fc.nat(100_000) }),
) as fc.Arbitrary<Step>;

/** Runs the steps. The length of a video frame is the version of the header that it needs. */
async function runSteps(steps: readonly Step[]): Promise<Rig> {
  const rig = new Rig().publish().join();
  let timeMs = 0;
  let version = 0;
  let id = 0;
  const frame = (make: typeof keyframe) => {
    timeMs += 40;
    rig.push(VIDEO, timeMs, make(id++, 10 + version));
  };
  rig.push(VIDEO, 0, new Uint8Array([...AVC_HEADER, version]));
  frame(keyframe);
  for (const step of steps) {
    switch (step.do) {
      case "keyframe":
        frame(keyframe);
        break;
      case "frame":
        frame(interFrame);
        break;
      case "header":
        version = (version + 1) % 200;
        rig.push(VIDEO, timeMs, new Uint8Array([...AVC_HEADER, version]));
        frame(keyframe);
        break;
      case "leap":
        timeMs += step.seconds * 1_000;
        break;
      case "visit":
        rig.sink.flush(rig.clock.now());
        break;
      case "ping":
        rig.writer.send(encodePingRequest(id));
        break;
      case "pause":
      case "resume":
        rig.sink.setPaused(step.do === "pause");
        break;
      case "accept":
        if (rig.transport.isWriting) rig.transport.accept(step.count);
        break;
      default:
        step satisfies never;
    }
    await rig.clock.settle();
  }
  await rig.acceptAll();
  return rig;
}

Deno.test("PlayerSink never sends the player anything that it cannot decode", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const rig = await runSteps(steps);
      let version = -1;
      let last = -1;
      for (const { typeId, payload } of readMessages(rig.transport.received, CHUNK_SIZE)) {
        if (typeId !== VIDEO) continue;
        if (payload[1] === 0) {
          version = payload.at(-1)!;
          continue;
        }
        assertEquals(payload.length, 10 + version, "a frame of another header");
        const id = idOf(payload);
        assert(id > last, "time went back");
        assert(id === last + 1 || payload[0] === 0x17, "a skip to a frame in mid-GOP");
        last = id;
      }
    }),
    { numRuns: 200 },
  );
});
