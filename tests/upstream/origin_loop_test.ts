import { UpstreamError } from "../../lib/base/errors.ts";
import type { OriginAddress } from "../../lib/config/config.ts";
import { OriginLoop } from "../../lib/upstream/origin_loop.ts";
import { OriginSet } from "../../lib/upstream/origin_set.ts";
import { assertEquals } from "../helpers/assert.ts";
import { CLUSTER } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

const MIN_MS = 100;
const MAX_MS = 1_000;

function createSet(hostnames: readonly string[], clock: FakeClock): OriginSet {
  const origins = hostnames.map((hostname) => ({ hostname, port: 1935 }));
  const cluster = { ...CLUSTER, origins, retryMinMs: MIN_MS, retryMaxMs: MAX_MS };
  return new OriginSet({ vhost: "v", settings: cluster, clock });
}

/** A running attempt. */
interface Attempt {
  readonly origin: string;
  readonly atMs: number;
  fail(statusCode?: string): Promise<void>;
  end(): Promise<void>;
}

/** A loop whose attempts end when the test says so. */
class LoopRig {
  readonly clock: FakeClock;
  readonly origins: OriginSet;
  readonly attempts: Attempt[] = [];
  readonly failed: string[] = [];
  roundCount = 0;
  isOver = false;
  readonly loop: OriginLoop;

  constructor(hostnames: readonly string[], random = 0, beside?: LoopRig) {
    this.clock = beside?.clock ?? new FakeClock();
    this.origins = beside?.origins ?? createSet(hostnames, this.clock);
    this.loop = new OriginLoop({
      origins: this.origins,
      streamName: "live/show",
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

  /** Names of the origins tried so far, joined. */
  get tried(): string {
    return this.attempts.map(({ origin }) => origin).join("");
  }

  originOf(hostname: string): OriginAddress {
    return this.origins.orderFor("").find((origin) => origin.hostname === hostname)!;
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
      fail: (statusCode = "") => {
        reject(new UpstreamError("media", "failed", { statusCode }));
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

/** Another stream that uses the same origins. */
class OriginSetUser {
  readonly #origins: OriginSet;

  constructor(origins: OriginSet) {
    this.#origins = origins;
  }

  /** The origin that a new stream tries first. */
  get first(): string {
    return this.#origins.choose(this.#origins.orderFor("other"), true).hostname;
  }

  fail(hostname: string): void {
    const origin = this.#origins.orderFor("other").find((each) => each.hostname === hostname)!;
    this.#origins.failed(origin, new UpstreamError("connect", "failed"), 0);
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

Deno.test("OriginLoop shortens pauses at random, by up to a quarter", async () => {
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
  assertEquals(rig.tried, "ABABABAA", "a new round begins with the best again");
});

Deno.test("OriginLoop continues with the origin after a lost one", async () => {
  const rig = new LoopRig(["A", "B", "C"]);
  await rig.failAndWait();
  rig.loop.succeeded();
  await rig.clock.advance(60_000);
  await rig.failAndWait();
  assertEquals(rig.tried, "ABC");
});

Deno.test("OriginLoop that lost its origin tries working ones before one that may be back", async () => {
  const rig = new LoopRig(["A", "B", "C"]);
  await rig.failAndWait();
  rig.loop.succeeded();
  await rig.clock.advance(60_000);
  await rig.failAndWait();
  await rig.failAndWait();
  await rig.failAndWait();
  assertEquals(rig.tried, "ABCAB", "and the lost one last");
  assertEquals(rig.roundCount, 0);
});

Deno.test("OriginLoop tries a lost origin last, though the others are down", async () => {
  const rig = new LoopRig(["A", "B", "C"]);
  const other = new OriginSetUser(rig.origins);
  rig.loop.succeeded();
  other.fail("B");
  other.fail("C");
  await rig.clock.advance(1_000);
  await rig.last.fail("NetStream.Play.Stop");
  await rig.last.fail();
  await rig.last.fail();
  assertEquals(rig.tried, "ABCA");
});

Deno.test("OriginLoop continues at once after a refusal, and the origin counts as working", async () => {
  const rig = new LoopRig(["A", "B"]);
  await rig.last.fail("NetStream.Play.StreamNotFound");
  assertEquals(rig.tried, "AB");
  assertEquals(new OriginSetUser(rig.origins).first, "A");
});

Deno.test("OriginLoop.returnedTo() makes the next failure that of the origin returned to", async () => {
  const rig = new LoopRig(["A", "B", "C"]);
  rig.loop.succeeded();
  await rig.clock.advance(2_000);
  await rig.last.fail();
  assertEquals(rig.tried, "AB");
  rig.loop.returnedTo(rig.originOf("A"));
  assertEquals(new OriginSetUser(rig.origins).first, "A");
  await rig.clock.advance(1);
  await rig.last.fail();
  assertEquals(rig.failed, ["A", "A"]);
  assertEquals(rig.tried, "ABB", "B has not failed");
  assertEquals(new OriginSetUser(rig.origins).first, "B");
});

Deno.test("OriginLoop.succeeded() clears the failures of an origin for all streams", async () => {
  const rig = new LoopRig(["A"]);
  await rig.failAndWait();
  rig.loop.succeeded();
  assertEquals(
    rig.origins.choose([rig.originOf("A"), { hostname: "B", port: 1 }], false).hostname,
    "A",
  );
});

Deno.test("OriginLoop.returnedTo() lets other streams probe the origin that was tried meanwhile", async () => {
  const rig = new LoopRig(["A", "B"]);
  const [a, b] = [rig.originOf("A"), rig.originOf("B")];
  rig.origins.failed(b, new UpstreamError("connect", "failed"), 0);
  await rig.clock.advance(2_000);
  await rig.last.fail();
  assertEquals(rig.tried, "AB");
  rig.loop.returnedTo(a);
  assertEquals(rig.origins.choose([b, a], true), b);
});

Deno.test("OriginLoop.stop() during a probe lets the next stream probe", async () => {
  const rig = new LoopRig(["A", "B"]);
  await rig.failAndWait();
  await rig.clock.advance(MIN_MS);
  const prober = new LoopRig(["A", "B"], 0, rig);
  assertEquals([prober.tried, new OriginSetUser(rig.origins).first], ["A", "B"]);
  prober.loop.stop();
  await prober.last.end();
  assertEquals(new OriginSetUser(rig.origins).first, "A");
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

Deno.test("OriginLoop.stop() is harmless when repeated and after the end of the loop", async () => {
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
    origins: createSet(["A"], clock),
    streamName: "live/show",
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

Deno.test("OriginLoop attempts nothing before run()", () => {
  const clock = new FakeClock();
  let attemptCount = 0;
  new OriginLoop({
    origins: createSet(["A"], clock),
    streamName: "live/show",
    clock,
    random: () => 0,
    attempt: () => {
      attemptCount++;
      return Promise.resolve();
    },
    onFailed: () => {},
    onRoundFailed: () => {},
  });
  assertEquals(attemptCount, 0);
});

Deno.test("OriginLoop begins a new round when the origins change", async () => {
  const rig = new LoopRig(["A", "B"]);
  const origins = ["C", "A"].map((hostname) => ({ hostname, port: 1935 }));
  rig.origins.configure({ ...CLUSTER, origins, retryMinMs: MIN_MS, retryMaxMs: MAX_MS });
  assertEquals(rig.tried, "A", "the running attempt is left alone");
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(await rig.failAndWait(), MIN_MS);
  assertEquals(rig.tried, "ACAC");
});

Deno.test("OriginLoop that loses a removed origin tries only those that are left", async () => {
  const rig = new LoopRig(["A", "B"]);
  rig.loop.succeeded();
  await rig.clock.advance(60_000);
  const origins = [{ hostname: "B", port: 1935 }];
  rig.origins.configure({ ...CLUSTER, origins, retryMinMs: MIN_MS, retryMaxMs: MAX_MS });
  assertEquals(await rig.failAndWait(), 0);
  assertEquals(await rig.failAndWait(), MIN_MS);
  assertEquals(rig.tried, "ABB");
});
