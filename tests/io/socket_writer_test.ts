import fc from "fast-check";
import { StreamLog } from "../../lib/hub/stream_log.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { SocketWriter } from "../../lib/io/socket_writer.ts";
import { encodePingRequest } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { hex } from "../helpers/hex.ts";
import { readMessages } from "../helpers/read_messages.ts";
import { ScriptedTransport } from "../helpers/scripted_transport.ts";

const CHUNK_SIZE = 100;

/** A writer between a log and a socket. */
class Rig {
  readonly clock = new FakeClock();
  readonly transport = new ScriptedTransport();
  readonly log = new StreamLog(CHUNK_SIZE);
  readonly errors: unknown[] = [];
  readonly writer = new SocketWriter({
    transport: this.transport,
    queue: new FlushQueue(this.clock),
    clock: this.clock,
    host: { onWriteFailed: (error) => this.errors.push(error) },
  });

  /** Appends a message of `payload` at time 0 and returns its bytes. */
  append(payload: string, log = this.log): Uint8Array {
    const cursor = log.head;
    log.append({ csid: 4, typeId: 8, msid: 1, timestampMs: 0 }, hex(payload));
    return log.view(cursor);
  }

  flush(): void {
    this.writer.flush(this.clock.now());
  }

  /** Sends control bytes and runs the queue. */
  async send(bytes: string): Promise<void> {
    this.writer.send(hex(bytes));
    await this.clock.settle();
  }

  async accept(count?: number): Promise<void> {
    this.transport.accept(count);
    await this.clock.settle();
  }

  /** Takes all writes until none is in flight. */
  async acceptAll(count?: number): Promise<void> {
    while (this.transport.isWriting) await this.accept(count);
  }

  get received(): Uint8Array {
    assertEquals(this.transport.faults, []);
    return this.transport.received;
  }
}

Deno.test("SocketWriter.send() merges the control bytes of a turn into one write", async () => {
  const rig = new Rig();
  rig.writer.send(hex("01 02"));
  rig.writer.send(hex("03"));
  assertEquals(rig.transport.writes, []);
  assertEquals(rig.writer.waitingControlBytes, 3);
  await rig.clock.settle();
  assertEquals(rig.writer.waitingControlBytes, 0);
  assertEquals(rig.transport.writes, [3]);
  await rig.acceptAll();
  assertEquals(rig.received, hex("01 02 03"));
  assertEquals(rig.writer.writtenBytes, 3);
});

Deno.test("SocketWriter.send() keeps the order while a write is in flight", async () => {
  const rig = new Rig();
  for (const bytes of ["01", "02", "03"]) await rig.send(bytes);
  assertEquals(rig.writer.waitingControlBytes, 2);
  await rig.acceptAll();
  assertEquals(rig.transport.writes, [1, 2]);
  assertEquals(rig.received, hex("01 02 03"));
});

Deno.test("SocketWriter.flush() sends shared bytes up to the current head", async () => {
  const rig = new Rig();
  const first = rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  rig.append("02");
  await rig.acceptAll();
  assertEquals(rig.received, first);
  assertEquals(rig.writer.cursor, first.length);
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, rig.log.view(0));
});

Deno.test("SocketWriter.flush() sets no new goal while shared bytes are in flight", async () => {
  const rig = new Rig();
  const first = rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  rig.append("02");
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, first);
});

Deno.test("SocketWriter.flush() sends shared bytes behind control bytes in flight", async () => {
  const rig = new Rig();
  await rig.send("c0 de");
  const message = rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, new Uint8Array([0xc0, 0xde, ...message]));
});

Deno.test("SocketWriter.flush() sends all slabs up to its goal", async () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) {
    rig.log.append({ csid: 4, typeId: 8, msid: 1, timestampMs: 0 }, new Uint8Array(50_000));
  }
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.acceptAll(7_001);
  assertEquals(readMessages(rig.received, CHUNK_SIZE).length, 5);
  assertEquals(rig.writer.cursor, rig.log.head);
});

Deno.test("SocketWriter sends control bytes before shared ones", async () => {
  const rig = new Rig();
  const message = rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.writer.send(hex("c0 de"));
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, new Uint8Array([0xc0, 0xde, ...message]));
});

Deno.test("SocketWriter sends control bytes behind a half-sent message", async () => {
  const rig = new Rig();
  const message = rig.append("01 02 03");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.accept(5);
  await rig.send("c0 de");
  await rig.accept(4);
  await rig.acceptAll();
  assertEquals(rig.received, new Uint8Array([...message, 0xc0, 0xde]));
});

Deno.test("SocketWriter writes the rest when the socket takes one byte at a time", async () => {
  const rig = new Rig();
  const message = rig.append("01 02 03 04 05");
  rig.writer.follow(rig.log, 0);
  await rig.send("c0 de");
  await rig.acceptAll(1);
  assertEquals(rig.received, new Uint8Array([0xc0, 0xde, ...message]));
  assertEquals(rig.writer.writtenBytes, 2 + message.length);
  assertEquals(rig.transport.writes.length, 2 + message.length);
});

Deno.test("SocketWriter.inFlightSinceMs is reset when the socket takes a part", async () => {
  const rig = new Rig();
  await rig.send("01 02 03");
  assertEquals(rig.writer.inFlightSinceMs, 0);
  await rig.clock.advance(500);
  assertEquals(rig.writer.inFlightSinceMs, 0);
  await rig.accept(1);
  assertEquals(rig.writer.inFlightSinceMs, 500);
  assert(rig.writer.isBusy);
  await rig.acceptAll();
  assert(!rig.writer.isBusy);
});

Deno.test("SocketWriter.isSendingShared distinguishes shared bytes from control bytes", async () => {
  const rig = new Rig();
  await rig.send("01");
  assert(rig.writer.isBusy && !rig.writer.isSendingShared);
  rig.append("01");
  rig.writer.follow(rig.log, 0);
  await rig.accept();
  rig.flush();
  assert(rig.writer.isSendingShared);
  await rig.accept(3);
  assert(rig.writer.isSendingShared);
  await rig.accept();
  assert(!rig.writer.isSendingShared);
});

Deno.test("SocketWriter.follow() sends nothing of the log before a flush", async () => {
  const rig = new Rig();
  const other = new StreamLog(CHUNK_SIZE);
  for (let i = 0; i < 9; i++) rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.acceptAll();
  rig.writer.unfollow();
  await rig.send("c0 de");
  rig.append("02", other);
  rig.writer.follow(other, 0);
  await rig.acceptAll();
  assertEquals(rig.received.slice(-2), hex("c0 de"));
  assertEquals(rig.writer.cursor, 0);
});

Deno.test("SocketWriter.unfollow() completes the message in flight and sends no more", async () => {
  const rig = new Rig();
  const message = rig.append("01 02");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.accept(3);
  rig.writer.unfollow();
  assertEquals(rig.writer.cursor, -1);
  rig.append("03");
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, message);
  assertEquals(rig.writer.cursor, -1);
});

Deno.test("SocketWriter.hold() holds shared bytes back and lets control bytes pass", async () => {
  const rig = new Rig();
  const first = rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.accept(3);
  rig.writer.hold(true);
  await rig.acceptAll();
  const second = rig.append("02");
  await rig.send("c0 de");
  await rig.acceptAll();
  assertEquals(rig.received, new Uint8Array([...first, 0xc0, 0xde]));
  rig.writer.hold(false);
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, new Uint8Array([...first, 0xc0, 0xde, ...second]));
});

Deno.test("SocketWriter.hold() stops between the slabs of one flush", async () => {
  const rig = new Rig();
  const header = { csid: 4, typeId: 8, msid: 1, timestampMs: 0 };
  for (let i = 0; i < 3; i++) rig.log.append(header, new Uint8Array(60_000));
  rig.writer.follow(rig.log, 0);
  rig.flush();
  rig.writer.hold(true);
  await rig.acceptAll();
  assertEquals(rig.received, rig.log.view(0));
  assert(rig.received.length < rig.log.head);
});

Deno.test("SocketWriter sends nothing from a cursor whose bytes the log has dropped", async () => {
  const rig = new Rig();
  const header = { csid: 4, typeId: 8, msid: 1, timestampMs: 0 };
  for (let i = 0; i < 3; i++) rig.log.append(header, new Uint8Array(60_000));
  rig.writer.follow(rig.log, 0);
  rig.log.dropBefore(rig.log.head);
  rig.flush();
  await rig.clock.settle();
  assertEquals(rig.transport.writes, []);
  assertEquals(rig.writer.cursor, 0);
});

Deno.test("SocketWriter reports a broken socket once and writes no more", async () => {
  const rig = new Rig();
  rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.send("c0 de");
  const error = new Deno.errors.BrokenPipe("broken");
  rig.transport.fail(error);
  await rig.clock.settle();
  const { waitingControlBytes } = rig.writer;
  await rig.send("c0 de");
  rig.flush();
  await rig.clock.settle();
  assertEquals(rig.errors, [error]);
  assertEquals(rig.transport.writes.length, 1);
  assertEquals(rig.writer.waitingControlBytes, waitingControlBytes);
  assertEquals(rig.writer.cursor, -1);
  assert(!rig.writer.isBusy && !rig.writer.isSendingShared);
});

// Draining.

/** Starts to drain. Returns a function that tells how often `done` was called. */
function drain(writer: SocketWriter): { count: number } {
  const told = { count: 0 };
  writer.drain(() => told.count++);
  return told;
}

Deno.test("SocketWriter.drain() is done at once when nothing is pending", () => {
  assertEquals(drain(new Rig().writer).count, 1);
});

Deno.test("SocketWriter.drain() is done at once when a log was sent up to its head", async () => {
  const rig = new Rig();
  rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.acceptAll();
  assertEquals(drain(rig.writer).count, 1);
});

Deno.test("SocketWriter.drain() is done when control and shared bytes are sent, not before", async () => {
  const rig = new Rig();
  const message = rig.append("01 02");
  rig.writer.follow(rig.log, 0);
  rig.writer.send(hex("c0 de"));
  const told = drain(rig.writer);
  while (rig.transport.isWriting) {
    assertEquals(told.count, 0);
    await rig.accept(3);
  }
  assertEquals(told.count, 1);
  assertEquals(rig.received, new Uint8Array([0xc0, 0xde, ...message]));
});

Deno.test("SocketWriter.drain() continues from a write in flight", async () => {
  const rig = new Rig();
  rig.append("01");
  rig.writer.follow(rig.log, 0);
  rig.flush();
  await rig.accept(3);
  rig.append("02");
  const told = drain(rig.writer);
  await rig.acceptAll();
  assertEquals(told.count, 1);
  assertEquals(rig.received, rig.log.view(0));
});

Deno.test("SocketWriter.drain() stops at the head of the moment it was called", async () => {
  const rig = new Rig();
  const message = rig.append("01");
  rig.writer.follow(rig.log, 0);
  const told = drain(rig.writer);
  rig.append("02");
  rig.flush();
  await rig.accept(1);
  rig.flush();
  await rig.acceptAll();
  assertEquals(told.count, 1);
  assertEquals(rig.received, message);
});

Deno.test("SocketWriter.drain() sets no new goal while the stream continues", async () => {
  const rig = new Rig();
  const header = { csid: 4, typeId: 8, msid: 1, timestampMs: 0 };
  const append = () => rig.log.append(header, new Uint8Array(60_000));
  await rig.send("c0 de");
  append();
  const goal = rig.log.head;
  rig.writer.follow(rig.log, 0);
  const told = drain(rig.writer);
  while (rig.transport.isWriting && told.count === 0) {
    append();
    rig.flush();
    await rig.accept();
  }
  assertEquals(told.count, 1);
  assertEquals(rig.writer.cursor, goal);
});

Deno.test("SocketWriter.drain() calls back once, even if more is sent later", async () => {
  const rig = new Rig();
  await rig.send("01");
  const told = drain(rig.writer);
  await rig.acceptAll();
  await rig.send("02");
  await rig.acceptAll();
  assertEquals(told.count, 1);
});

Deno.test("SocketWriter.drain() may be called again when it is done", async () => {
  const rig = new Rig();
  const order: string[] = [];
  await rig.send("01");
  rig.writer.drain(() => {
    order.push("first");
    rig.writer.send(hex("02"));
    rig.writer.drain(() => order.push("second"));
  });
  assertEquals(order, []);
  await rig.acceptAll();
  assertEquals(order, ["first", "second"]);
  assertEquals(rig.received, hex("01 02"));
});

Deno.test("SocketWriter.drain() is done when the socket breaks", async () => {
  const rig = new Rig();
  await rig.send("01");
  const told = drain(rig.writer);
  rig.transport.fail();
  await rig.clock.settle();
  assertEquals(told.count, 1);
  assertEquals(rig.errors.length, 1);
});

Deno.test("SocketWriter.drain() is done at once when the socket is broken", async () => {
  const rig = new Rig();
  await rig.send("01");
  rig.transport.fail();
  await rig.clock.settle();
  assertEquals(drain(rig.writer).count, 1);
});

// Bytes reframed for one peer.

Deno.test("SocketWriter sends reframed bytes in place of the log's", async () => {
  const rig = new Rig();
  const message = rig.append("01 02 03");
  rig.writer.follow(rig.log, 0, () => hex("aa bb"));
  rig.flush();
  await rig.acceptAll(1);
  assertEquals(rig.received, hex("aa bb"));
  assertEquals(rig.writer.cursor, message.length);
});

Deno.test("SocketWriter skips bytes that reframing drops", async () => {
  const rig = new Rig();
  const header = { csid: 4, typeId: 8, msid: 1, timestampMs: 0 };
  for (let i = 0; i < 3; i++) rig.log.append(header, new Uint8Array(60_000));
  let views = 0;
  rig.writer.follow(rig.log, 0, () => ++views === 2 ? hex("aa") : hex(""));
  rig.flush();
  await rig.acceptAll();
  assertEquals(rig.received, hex("aa"));
  assertEquals(rig.writer.cursor, rig.log.head);
  assertEquals(drain(rig.writer).count, 1);
});

Deno.test("SocketWriter.drain() is done when reframing drops the rest", () => {
  const rig = new Rig();
  rig.append("01");
  rig.writer.follow(rig.log, 0, () => hex(""));
  assertEquals(drain(rig.writer).count, 1);
});

// Everything at once: no peer may ever see half a message, in any order of events.

type Step =
  | { readonly do: "append"; readonly length: number }
  | { readonly do: "accept"; readonly count: number }
  | { readonly do: "send" | "flush" | "skip" | "hold" | "release" | "rejoin" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("append"), length: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("append"), length: fc.nat(60_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("accept"), count: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("accept"), count: fc.nat(100_000) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("send", "flush", "flush", "skip", "hold", "release", "rejoin"),
    }),
  },
) as fc.Arbitrary<Step>;

const SHARED = 8;
const CONTROL = 4;

/** A {@linkcode Rig} with numbered messages, driven by steps. */
class Model {
  readonly rig = new Rig();
  readonly boundaries: number[] = [0];
  sent = 0;

  constructor() {
    this.rig.writer.follow(this.rig.log, 0);
  }

  async run(step: Step): Promise<void> {
    const { writer, log, transport, clock } = this.rig;
    switch (step.do) {
      case "append": {
        const payload = new Uint8Array(4 + step.length);
        new DataView(payload.buffer).setUint32(0, this.boundaries.length - 1);
        log.append({ csid: 4, typeId: SHARED, msid: 1, timestampMs: 0x1000000 }, payload);
        this.boundaries.push(log.head);
        break;
      }
      case "accept":
        if (transport.isWriting) transport.accept(step.count);
        break;
      case "send":
        writer.send(encodePingRequest(this.sent++));
        break;
      case "flush":
        writer.flush(0);
        break;
      case "skip":
        // As a player does: never while shared bytes are in flight.
        if (!writer.isSendingShared) writer.follow(log, this.boundaries.at(-1)!);
        break;
      case "hold":
      case "release":
        writer.hold(step.do === "hold");
        break;
      case "rejoin":
        // A client that closes its stream and plays again.
        writer.unfollow();
        if (!writer.isSendingShared) writer.follow(log, this.boundaries.at(-2) ?? 0);
        break;
      default:
        step satisfies never;
    }
    await clock.settle();
  }
}

Deno.test("SocketWriter sends whole messages in order, in any order of events", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model();
      for (const step of steps) await model.run(step);
      model.rig.writer.drain(() => {});
      await model.rig.acceptAll();
      const messages = readMessages(model.rig.received, CHUNK_SIZE);
      const numbersOf = (typeId: number, at: number) =>
        messages.filter((message) => message.typeId === typeId)
          .map(({ payload }) => new DataView(payload.buffer).getUint32(at));
      const control = numbersOf(CONTROL, 2);
      assertEquals(control, Array.from({ length: model.sent }, (_, index) => index));
      const hasRejoined = steps.some((step) => step.do === "rejoin");
      const shared = numbersOf(SHARED, 0);
      if (!hasRejoined) assertEquals(shared, [...new Set(shared)].sort((a, b) => a - b));
    }),
    { numRuns: 150 },
  );
});

/** A writer of a log's oldest slab, which the log needs no longer, and which others want. */
function writeOfDropped(): { rig: Rig; isReused: () => boolean } {
  const rig = new Rig();
  rig.log.viewerCount = 0;
  const append = (log: StreamLog, byte: number) =>
    log.append({ csid: 4, typeId: 8, msid: 1, timestampMs: 0 }, new Uint8Array(60).fill(byte));
  append(rig.log, 1);
  rig.writer.follow(rig.log, 0);
  rig.flush();
  const oldest = rig.log.lentView(0);
  while (!append(rig.log, 2));
  rig.log.dropBefore(rig.log.head);
  const isReused = () => {
    const other = new StreamLog(CHUNK_SIZE);
    other.viewerCount = 0;
    append(other, 3);
    return oldest.at(-1) === 3;
  };
  return { rig, isReused };
}

Deno.test("A log fills memory again only after the writes that read it", async () => {
  const { rig, isReused } = writeOfDropped();
  await rig.accept(10);
  assert(!isReused(), "a short write is not over");
  await rig.acceptAll();
  assert(isReused());
  assertEquals(rig.transport.received.at(71), 1);
});

Deno.test("A log fills memory again after a write that failed", async () => {
  const { rig, isReused } = writeOfDropped();
  rig.transport.fail(new Deno.errors.BrokenPipe("gone"));
  await rig.clock.settle();
  assert(isReused());
});
