import type { OriginAddress } from "../../lib/config/config.ts";
import { OriginLoop } from "../../lib/edge/origin_loop.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

const MIN_MS = 100;
const MAX_MS = 1_000;

/** An attempt under way. */
interface Attempt {
  readonly origin: string;
  readonly atMs: number;
  fail(): Promise<void>;
  end(): Promise<void>;
}

/** A loop whose attempts end when the test says so. */
class LoopRig {
  readonly clock = new FakeClock();
  readonly attempts: Attempt[] = [];
  readonly failed: string[] = [];
  roundCount = 0;
  isOver = false;
  readonly loop: OriginLoop;

  constructor(hostnames: readonly string[], random = 0) {
    this.loop = new OriginLoop({
      origins: hostnames.map((hostname) => ({ hostname, port: 1935 })),
      backoff: { minMs: MIN_MS, maxMs: MAX_MS },
      clock: this.clock,
      random: () => random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin) => this.failed.push(origin.hostname),
      onRoundFailed: () => this.roundCount++,
    });
    void this.loop.run().then(() => this.isOver = true);
  }

  get last(): Attempt {
    return this.attempts.at(-1)!;
  }

  /** Origins tried so far, as one text. */
  get tried(): string {
    return this.attempts.map(({ origin }) => origin).join("");
  }

  /** Fails the newest attempt; returns how long the loop waited for the one after it. */
  async failAndWait(): Promise<number> {
    const { attempts, clock } = this;
    const [count, sinceMs] = [attempts.length, clock.now()];
    await this.last.fail();
    while (attempts.length === count) await clock.advance(1);
    return this.last.atMs - sinceMs;
  }

  #attempt(origin: OriginAddress): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.attempts.push({
      origin: origin.hostname,
      atMs: this.clock.now(),
      fail: () => {
        reject(new Error("failed"));
        return this.clock.settle();
      },
      end: () => {
        resolve();
        return this.clock.settle();
      },
    });
    return promise;
  }
}

Deno.test("OriginLoop begins with the first origin, at once", () => {
  const rig = new LoopRig(["A", "B"]);
  assertEquals(rig.tried, "A");
  assertEquals(rig.last.atMs, 0);
});

Deno.test("OriginLoop tries the next origin at once when one fails", async () => {
  const rig = new LoopRig(["A", "B", "C"]);
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(rig.tried, "ABC");
  assertEquals(rig.failed, ["A", "B"]);
  assertEquals(rig.roundCount, 0);
});

Deno.test("OriginLoop pauses only after all origins failed, then begins with the first", async () => {
  const rig = new LoopRig(["A", "B"]);
  await rig.failAndWait();
  assertEquals(await rig.failAndWait(), MIN_MS);
  assertEquals(rig.tried, "ABA");
  assertEquals(rig.roundCount, 1);
});

Deno.test("OriginLoop doubles the pause from round to round up to the longest", async () => {
  const rig = new LoopRig(["A", "B"]);
  const pauses = [];
  for (let round = 0; round < 6; round++) {
    assertEquals(await rig.failAndWait(), 0);
    pauses.push(await rig.failAndWait());
  }
  assertEquals(pauses, [100, 200, 400, 800, 1_000, 1_000]);
  assertEquals(rig.roundCount, 6);
});

Deno.test("OriginLoop shortens pauses by up to a quarter, as chance will have it", async () => {
  const rig = new LoopRig(["A"], 1);
  assertEquals(await rig.failAndWait(), 75);
});

Deno.test("OriginLoop with a single origin pauses after every failure", async () => {
  const rig = new LoopRig(["A"]);
  assertEquals(await rig.failAndWait(), 100);
  assertEquals(await rig.failAndWait(), 200);
  assertEquals(rig.roundCount, 2);
});

Deno.test("OriginLoop dials again at once when a single origin is lost after a success", async () => {
  const rig = new LoopRig(["A"]);
  rig.loop.succeeded();
  await rig.clock.advance(1_000);
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(rig.roundCount, 0);
  assertEquals(await rig.failAndWait(), MIN_MS);
});

Deno.test("OriginLoop begins with the shortest pause again after a success", async () => {
  const rig = new LoopRig(["A", "B"]);
  for (let i = 0; i < 4; i++) await rig.failAndWait();
  rig.loop.succeeded();
  await rig.clock.advance(5_000);
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(await rig.failAndWait(), 0, "the whole round is tried after a loss");
  assertEquals(await rig.failAndWait(), MIN_MS);
  assertEquals(rig.tried, "ABABABAB");
});

Deno.test("OriginLoop goes from a lost origin to the one after it", async () => {
  const rig = new LoopRig(["A", "B", "C"]);
  await rig.failAndWait();
  rig.loop.succeeded();
  await rig.clock.advance(60_000);
  await rig.failAndWait();
  assertEquals(rig.tried, "ABC");
});

Deno.test("OriginLoop does not spin on an origin that accepts and breaks at once", async () => {
  const rig = new LoopRig(["A"]);
  const pauses = [];
  for (let i = 0; i < 5; i++) {
    rig.loop.succeeded();
    await rig.clock.advance(999);
    pauses.push(await rig.failAndWait());
  }
  assertEquals(pauses, [100, 200, 400, 800, 1_000]);
});

Deno.test("OriginLoop counts the time of a success from its first sign", async () => {
  const rig = new LoopRig(["A"]);
  rig.loop.succeeded();
  await rig.clock.advance(600);
  rig.loop.succeeded();
  await rig.clock.advance(600);
  assertEquals(await rig.failAndWait(), 0);
});

Deno.test("OriginLoop does not take the success of one attempt for that of the next", async () => {
  const rig = new LoopRig(["A"]);
  rig.loop.succeeded();
  await rig.clock.advance(2_000);
  await rig.failAndWait();
  await rig.clock.advance(2_000);
  assertEquals(await rig.failAndWait(), MIN_MS);
});

Deno.test("OriginLoop.stop() ends the loop when the running attempt fails", async () => {
  const rig = new LoopRig(["A", "B"]);
  rig.loop.stop();
  await rig.clock.settle();
  assertEquals(rig.isOver, false);
  await rig.last.fail();
  assertEquals([rig.isOver, rig.tried, rig.failed], [true, "A", []]);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("OriginLoop.stop() ends the loop when the running attempt ends", async () => {
  const rig = new LoopRig(["A", "B"]);
  rig.loop.stop();
  await rig.last.end();
  assertEquals([rig.isOver, rig.tried], [true, "A"]);
});

Deno.test("OriginLoop.stop() ends a pause at once and leaves no timer", async () => {
  const rig = new LoopRig(["A"]);
  await rig.last.fail();
  assertEquals(rig.clock.pendingCount, 1);
  rig.loop.stop();
  await rig.clock.settle();
  assertEquals([rig.isOver, rig.tried], [true, "A"]);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("OriginLoop.stop() is harmless when repeated and when the loop is over", async () => {
  const rig = new LoopRig(["A"]);
  rig.loop.stop();
  rig.loop.stop();
  await rig.last.fail();
  rig.loop.stop();
  await rig.clock.advance(60_000);
  assertEquals([rig.isOver, rig.tried], [true, "A"]);
});

Deno.test("OriginLoop makes no pause when it is stopped because all origins failed", async () => {
  const clock = new FakeClock();
  let attemptCount = 0;
  const loop: OriginLoop = new OriginLoop({
    origins: [{ hostname: "A", port: 1935 }],
    backoff: { minMs: MIN_MS, maxMs: MAX_MS },
    clock,
    random: () => 0,
    attempt: () => {
      attemptCount++;
      return Promise.reject(new Error("failed"));
    },
    onFailed: () => {},
    onRoundFailed: () => loop.stop(),
  });
  await loop.run();
  assertEquals([attemptCount, clock.pendingCount], [1, 0]);
});
