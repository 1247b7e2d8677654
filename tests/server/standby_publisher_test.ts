import { defaultConfig } from "../../lib/config/parse_config.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { createHub, requestFor } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { interFrame, keyframe, type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";
import { TestPlayer, TestPublisher } from "../helpers/vhost_rig.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 10;

/** Larger than the frames of a still scene. */
const FRAME_BYTES = 300;

/** An encode: frame `number`, on its own clock. `mark` tells it from others. */
class Encode {
  constructor(readonly mark: number, readonly offsetMs = 0) {}

  frame(number: number): TinyMessage {
    const make = number % GOP_FRAMES === 0 ? keyframe : interFrame;
    const message = make(this.offsetMs + number * FRAME_MS, this.mark, FRAME_BYTES);
    new DataView(message.payload.buffer).setUint16(10, number);
    return message;
  }
}

/** An origin with `takeover standby`, a player, and publishers of one stream. */
class Rig {
  readonly clock = new FakeClock();
  readonly hub = createHub();
  readonly vhost = new LocalVhost({ config: this.#config(), hub: this.hub, clock: this.clock });
  readonly player = new TestPlayer(this.vhost);

  publish(encode: Encode): TestPublisher {
    const publisher = new TestPublisher(this.vhost);
    if (publisher.handle !== null) this.push(publisher, videoHeader(encode.offsetMs));
    return publisher;
  }

  push(publisher: TestPublisher, { typeId, timestampMs, payload }: TinyMessage): void {
    publisher.handle!.push(typeId, timestampMs, payload, this.clock.now());
  }

  /** Sends frames `from` to `to`, without the latter, from all `sources`, as time passes. */
  async run(
    from: number,
    to: number,
    ...sources: readonly (readonly [TestPublisher, Encode])[]
  ): Promise<void> {
    for (let number = from; number < to; number++) {
      for (const [publisher, encode] of sources) this.push(publisher, encode.frame(number));
      await this.clock.advance(FRAME_MS);
    }
  }

  /** The frames that the player got: mark and number. */
  get frames(): (readonly [mark: number, number: number])[] {
    return this.player.media.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1)
      .map(({ payload }) => [
        payload[20]!,
        new DataView(payload.buffer, payload.byteOffset).getUint16(10),
      ]);
  }

  assertTimeAdvances(): void {
    const times = this.player.media.filter(({ typeId }) => typeId === 9)
      .map(({ timestampMs }) => timestampMs);
    assertEquals(times, times.toSorted((left, right) => left - right));
  }

  #config() {
    const config = defaultConfig().vhosts.values().next().value!;
    return { ...config, publish: { ...config.publish, takeover: "standby" as const } };
  }
}

/** Returns the numbers from 0 to `end`, without `end`. */
function count(end: number): number[] {
  return Array.from({ length: end }, (_, number) => number);
}

for (const departure of ["lost", "stopped"] as const) {
  Deno.test(`a reserve of the same encode continues with the next frame when the first is ${departure}`, async () => {
    const rig = new Rig();
    const [encode, other] = [new Encode(0x50), new Encode(0x50, 700_000)];
    const first = rig.publish(encode);
    await rig.run(0, 25, [first, encode]);
    const second = rig.publish(other);
    await rig.run(25, 47, [first, encode], [second, other]);
    assertEquals(second.roles, ["reserve: "]);
    first.leave(departure);
    const cause = departure === "lost" ? "the publisher is lost" : "the publisher has stopped";
    assertEquals(second.roles.slice(1), [`feeding: ${cause}`]);
    await rig.run(47, 60, [second, other]);
    assertEquals(rig.frames.map(([, number]) => number), count(60));
    rig.assertTimeAdvances();
    assertEquals(rig.player.statuses, []);
    second.leave();
    assertEquals(rig.player.statuses.length, 1);
    assertEquals(rig.clock.pendingCount, 0, "timers are left");
  });
}

Deno.test("a reserve takes over within a second of silence, and the first is the reserve again", async () => {
  const rig = new Rig();
  const encode = new Encode(0x50);
  const first = rig.publish(encode);
  await rig.run(0, 20, [first, encode]);
  const second = rig.publish(encode);
  await rig.run(20, 40, [first, encode], [second, encode]);
  // The first freezes; nothing is lost, because the reserve's GOP and what follows is kept.
  await rig.run(40, 70, [second, encode]);
  assertEquals(rig.frames.length, 70);
  assertEquals(first.roles, ["reserve: it was silent"]);
  assertEquals(second.roles, ["reserve: ", "feeding: the publisher is silent"]);
  // The first sends again, and takes over when the second freezes.
  await rig.run(70, 100, [first, encode], [second, encode]);
  await rig.run(100, 130, [first, encode]);
  assertEquals(rig.frames.map(([, number]) => number), count(130));
  rig.assertTimeAdvances();
});

Deno.test("a reserve of another encode begins with its newest keyframe, and time advances", async () => {
  const rig = new Rig();
  const [encode, other] = [new Encode(0x50), new Encode(0x60, 9_000)];
  const first = rig.publish(encode);
  const second = rig.publish(other);
  await rig.run(0, 34, [first, encode], [second, other]);
  first.leave("lost");
  await rig.run(34, 40, [second, other]);
  const frames = rig.frames;
  assertEquals(frames.slice(0, 34).map(([mark]) => mark), new Array(34).fill(0x50));
  assertEquals(frames.slice(34), count(10).map((number) => [0x60, 30 + number]));
  rig.assertTimeAdvances();
});

Deno.test("a third publisher is refused while the reserve is alive", async () => {
  const rig = new Rig();
  const encode = new Encode(0x50);
  const first = rig.publish(encode);
  const second = rig.publish(encode);
  second.isAlive = true;
  const rooms: boolean[] = [];
  assertEquals(
    rig.vhost.reserve(requestFor("show"), (hasRoom) => rooms.push(hasRoom)).isGranted,
    false,
  );
  await rig.clock.advance(10);
  assertEquals(rooms, [false]);
  assertEquals(rig.publish(encode).refusals.length, 1);
  assert(!first.isReplaced && !second.isReplaced);
});

Deno.test("a dead reserve gives way to a third publisher", async () => {
  const rig = new Rig();
  const encode = new Encode(0x50);
  const first = rig.publish(encode);
  const second = rig.publish(encode);
  const rooms: boolean[] = [];
  const reservation = rig.vhost.reserve(requestFor("show"), (hasRoom) => rooms.push(hasRoom));
  await rig.clock.advance(1_500);
  assertEquals([rooms, second.isReplaced, first.isReplaced], [[true], true, false]);
  const third = rig.publish(encode);
  reservation.release();
  assertEquals(third.roles, ["reserve: "]);
});

Deno.test("a reserve that leaves costs nothing, and the next one is accepted", async () => {
  const rig = new Rig();
  const encode = new Encode(0x50);
  const first = rig.publish(encode);
  const second = rig.publish(encode);
  await rig.run(0, 12, [first, encode], [second, encode]);
  second.leave("lost");
  const third = rig.publish(encode);
  await rig.run(12, 25, [first, encode], [third, encode]);
  first.leave("lost");
  await rig.run(25, 30, [third, encode]);
  assertEquals(rig.frames.map(([, number]) => number), count(30));
});

Deno.test("a reserve that has sent nothing takes over and is waited for", async () => {
  const rig = new Rig();
  const encode = new Encode(0x50);
  const first = rig.publish(encode);
  await rig.run(0, 12, [first, encode]);
  const second = rig.publish(encode);
  first.leave("stopped");
  assertEquals(rig.player.statuses, []);
  await rig.run(20, 25, [second, encode]);
  assertEquals(rig.frames.map(([, number]) => number), [...count(12), 20, 21, 22, 23, 24]);
  rig.assertTimeAdvances();
});

Deno.test("a reserve of another encode begins with the headers in force", async () => {
  const rig = new Rig();
  const [encode, other] = [new Encode(0x50), new Encode(0x60)];
  const first = rig.publish(encode);
  const second = rig.publish(other);
  await rig.run(0, 303, [first, encode], [second, other]);
  first.leave("lost");
  const after = rig.player.media.slice(-4);
  assertEquals(after.map(({ payload }) => payload[1]), [0, 1, 1, 1]);
  assertEquals(rig.frames.slice(-3).map(([, number]) => number), [300, 301, 302]);
});
