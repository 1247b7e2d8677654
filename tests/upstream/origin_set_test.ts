import { UpstreamError, type UpstreamPhase } from "../../lib/base/errors.ts";
import type { ClusterConfig, OriginAddress } from "../../lib/config/config.ts";
import { OriginSet } from "../../lib/upstream/origin_set.ts";
import { hashText } from "../../lib/base/hash_text.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { CLUSTER, PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { audioHeader, interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const A = { hostname: "a", port: 1935 };
const B = { hostname: "b", port: 1935 };
const C = { hostname: "c", port: 1935 };
const ABC = [A, B, C];

const CONNECT_MS = CLUSTER.connectTimeoutMs;
/** The longest duration of a probe. */
const PROBE_MS = CLUSTER.connectTimeoutMs + CLUSTER.startTimeoutMs;

/** A set and what streams that use it see. */
class SetRig {
  readonly clock = new FakeClock();
  readonly origins: OriginSet;

  constructor(cluster: Partial<ClusterConfig> = {}, vhost = "v") {
    const { clock } = this;
    this.origins = new OriginSet({
      vhost,
      settings: { ...CLUSTER, origins: ABC, ...cluster },
      clock,
    });
  }

  /** Returns the names of the origins, in order of preference for a new stream. */
  order(streamName = "live/show"): string {
    return namesOf(this.origins.orderFor(streamName));
  }

  /** Returns the order in which a stream tries the origins when none works. Probes each. */
  round(mayProbe = true): string {
    let left: readonly OriginAddress[] = this.origins.orderFor("live/show");
    const tried = [];
    while (left.length > 0) {
      const origin = this.origins.choose(left, mayProbe);
      this.origins.left(origin);
      tried.push(origin);
      left = left.filter((each) => each !== origin);
    }
    return namesOf(tried);
  }

  /** Reports an attempt that began and failed now. */
  fail(origin: OriginAddress, phase: UpstreamPhase = "connect", statusCode = ""): void {
    const error = new UpstreamError(phase, "failed", { statusCode });
    this.origins.failed(origin, error, this.clock.now());
  }
}

function namesOf(origins: readonly OriginAddress[]): string {
  return origins.map(({ hostname }) => hostname).join("");
}

// Preference.

Deno.test("OriginSet.orderFor() is the order of the configuration with ordered", () => {
  const rig = new SetRig({ originSelect: "ordered" });
  assertEquals([rig.order("x"), rig.order("y")], ["abc", "abc"]);
});

Deno.test("OriginSet.orderFor() with round_robin begins one further for each new stream", () => {
  const rig = new SetRig({ originSelect: "round_robin" });
  assertEquals(
    [rig.order("x"), rig.order("x"), rig.order("y"), rig.order("z")],
    ["abc", "bca", "cab", "abc"],
  );
});

Deno.test("hashText() is Jenkins's one-at-a-time hash", () => {
  // Published values of the function.
  assertEquals(hashText(""), 0);
  assertEquals(hashText("a"), 0xCA2E9442);
  assertEquals(hashText("The quick brown fox jumps over the lazy dog"), 0x519E91F5);
});

/** Typical stream names: alike, and ending in numbers. */
const STREAM_NAMES = Array.from({ length: 3_000 }, (_, index) => `live/camera${index}`);

/** Typical origin names of a cluster. */
const FIVE = Array.from({ length: 5 }, (_, index) => ({
  hostname: `10.0.0.${index + 1}`,
  port: 1935,
}));

function firstsOf(origins: readonly OriginAddress[], vhost = "v"): OriginAddress[] {
  const rig = new SetRig({ origins, originSelect: "hash" }, vhost);
  return STREAM_NAMES.map((name) => rig.origins.orderFor(name)[0]!);
}

Deno.test("OriginSet.orderFor() with hash gives every origin its share of the streams", () => {
  for (const origins of [ABC, FIVE]) {
    const firsts = firstsOf(origins);
    const share = STREAM_NAMES.length / origins.length;
    for (const origin of origins) {
      const count = firsts.filter((first) => first === origin).length;
      // The standard deviation of a fair draw is about 0.04 of a share.
      assert(Math.abs(count / share - 1) < 0.15, `${origin.hostname} has ${count} of ${share}`);
    }
  }
});

Deno.test("OriginSet.orderFor() with hash is the same on every edge, in any order of the origins", () => {
  assertEquals(firstsOf(FIVE), firstsOf(FIVE.toReversed()));
});

Deno.test("OriginSet.orderFor() with hash moves only the streams of an origin that is removed", () => {
  const before = firstsOf(FIVE);
  const after = firstsOf(FIVE.slice(0, 4));
  const movedFrom = new Set(before.filter((first, index) => first !== after[index]));
  assertEquals([...movedFrom], [FIVE[4]]);
});

Deno.test("OriginSet.orderFor() with hash spreads the streams of a lost origin over all the others", () => {
  const rig = new SetRig({ origins: FIVE, originSelect: "hash" });
  const seconds = STREAM_NAMES.map((name) => rig.origins.orderFor(name))
    .filter(([first]) => first === FIVE[0]).map(([, second]) => second!);
  for (const origin of FIVE.slice(1)) {
    const count = seconds.filter((second) => second === origin).length;
    assert(count > seconds.length / 8, `${origin.hostname} gets ${count} of ${seconds.length}`);
  }
});

Deno.test("OriginSet.orderFor() with hash tells vhosts apart", () => {
  const [one, other] = [firstsOf(FIVE, "one"), firstsOf(FIVE, "other")];
  const sameCount = one.filter((first, index) => first === other[index]).length;
  assert(sameCount < STREAM_NAMES.length / 3, `${sameCount} are the same`);
});

// Health.

Deno.test("OriginSet.choose() prefers working origins, then tries those that are down", () => {
  const rig = new SetRig();
  rig.fail(A);
  assertEquals(rig.round(), "bca");
  rig.fail(B);
  rig.fail(C);
  assertEquals(rig.round(), "abc");
});

Deno.test("OriginSet.choose() picks the origin that is soonest back when all are down", async () => {
  const rig = new SetRig();
  rig.fail(A);
  await rig.clock.advance(1);
  rig.fail(A);
  rig.fail(B);
  rig.fail(C);
  assertEquals(rig.round(), "bca");
});

Deno.test("OriginSet.choose() tries an origin in its old place when its pause is over", async () => {
  const rig = new SetRig();
  rig.fail(A);
  await rig.clock.advance(99);
  assertEquals(rig.round(), "bca");
  await rig.clock.advance(1);
  assertEquals(rig.round(), "abc");
});

Deno.test("OriginSet.choose() tries a doubtful origin after working ones where it may not probe", async () => {
  const rig = new SetRig();
  rig.fail(A);
  rig.fail(B);
  await rig.clock.advance(50);
  rig.fail(B);
  await rig.clock.advance(100);
  assertEquals(rig.round(false), "cab");
});

Deno.test("OriginSet keeps an origin down for longer with every failure, up to the longest", async () => {
  const rig = new SetRig();
  const downMs = [];
  for (let failure = 0; failure < 8; failure++) {
    rig.fail(A);
    const sinceMs = rig.clock.now();
    while (!rig.round().startsWith("a") && rig.clock.now() < 60_000) await rig.clock.advance(10);
    downMs.push(rig.clock.now() - sinceMs);
  }
  assertEquals(downMs, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
});

Deno.test("OriginSet avoids an origin that does not answer for ten times the wait", async () => {
  const rig = new SetRig();
  const timedOut = new UpstreamError("connect", "No answer");
  const beganMs = rig.clock.now();
  await rig.clock.advance(CONNECT_MS);
  rig.origins.failed(A, timedOut, beganMs);
  await rig.clock.advance(10 * CONNECT_MS - 1);
  assertEquals(rig.round(), "bca");
  await rig.clock.advance(1);
  assertEquals(rig.round(), "abc");
});

Deno.test("OriginSet forgets the failures of an origin that works", async () => {
  const rig = new SetRig();
  rig.fail(A);
  await rig.clock.advance(1);
  rig.fail(A);
  rig.origins.succeeded(A);
  assertEquals(rig.round(), "abc");
  await rig.clock.advance(1);
  rig.fail(A);
  await rig.clock.advance(100);
  assertEquals(rig.round(), "abc", "the next failure is the first again");
});

Deno.test("OriginSet counts the end of an origin once when many streams report it", async () => {
  const rig = new SetRig();
  await rig.clock.advance(60_000);
  const error = new UpstreamError("media", "Lost");
  for (let stream = 0; stream < 100; stream++) rig.origins.failed(A, error, stream);
  await rig.clock.advance(100);
  assertEquals(rig.round(), "abc");
});

Deno.test("OriginSet lets one stream at a time probe whether an origin is back", async () => {
  const rig = new SetRig();
  rig.fail(A);
  await rig.clock.advance(100);
  const choose = () => rig.origins.choose(ABC, true);
  assertEquals([choose(), choose(), choose()], [A, B, B]);
  rig.origins.succeeded(A);
  assertEquals(choose(), A);
});

Deno.test("OriginSet lets another stream probe when the first one's time is over", async () => {
  const rig = new SetRig();
  rig.fail(A);
  await rig.clock.advance(100);
  assertEquals(rig.origins.choose(ABC, true), A);
  await rig.clock.advance(PROBE_MS - 1);
  assertEquals(rig.origins.choose(ABC, true), B);
  await rig.clock.advance(1);
  assertEquals(rig.origins.choose(ABC, true), A);
});

/** What an error says about an origin. */
const VERDICTS = [
  { phase: "connect", statusCode: "", isDown: true },
  { phase: "handshake", statusCode: "", isDown: true },
  { phase: "command", statusCode: "", isDown: true },
  { phase: "publish", statusCode: "", isDown: true },
  { phase: "media", statusCode: "", isDown: true },
  { phase: "play", statusCode: "", isDown: false },
  { phase: "command", statusCode: "NetConnection.Connect.Rejected", isDown: false },
  { phase: "play", statusCode: "NetStream.Play.StreamNotFound", isDown: false },
  { phase: "publish", statusCode: "NetStream.Publish.BadName", isDown: false },
] as const;

for (const { phase, statusCode, isDown } of VERDICTS) {
  const verdict = isDown ? "down" : "well";
  Deno.test(`OriginSet takes an origin for ${verdict} after ${statusCode || "a loss"} in ${phase}`, () => {
    const rig = new SetRig();
    rig.fail(A, phase, statusCode);
    assertEquals(rig.round(), isDown ? "bca" : "abc");
  });
}

Deno.test("OriginSet takes an origin that refuses for working", () => {
  const rig = new SetRig();
  rig.fail(A);
  rig.fail(A, "play", "NetStream.Play.StreamNotFound");
  assertEquals(rig.round(), "abc");
});

Deno.test("OriginSet learns nothing from an error that is not of the origin", () => {
  const rig = new SetRig();
  rig.origins.failed(A, new Error("Still silent"), 0);
  rig.fail(B);
  rig.origins.failed(B, new Error("Still silent"), 0);
  assertEquals(rig.round(), "acb");
});

// Streams of one vhost. Each test names the report by users of SRS about what they miss there.

const START = [videoHeader(), audioHeader(), keyframe(0)];

/** How the first origin is dead from the start, and how long it takes to notice. */
const DEATHS = [
  {
    how: "dead",
    costMs: 0,
    kill: (rig: VhostRig) => rig.a.stopListening(),
  },
  {
    how: "blackholed",
    costMs: CONNECT_MS,
    kill: (rig: VhostRig) => rig.network.silence(PORT_A),
  },
];

for (const { how, costMs, kill } of DEATHS) {
  Deno.test(`SRS #3081: a player gets the first frame within the connect budget when the first origin is ${how}`, async () => {
    const rig = new VhostRig({ origins: TWO_ORIGINS });
    kill(rig);
    const player = await rig.play();
    await rig.advance(costMs);
    rig.b.link.sendMedia(...START);
    await rig.settle();
    assertEquals(player.media.length, START.length);
    assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
    player.leave();
    await rig.assertNothingLeft();
  });

  Deno.test(`SRS #3081: the second stream does not try a first origin that is ${how} again at once`, async () => {
    const rig = new VhostRig({ origins: TWO_ORIGINS });
    kill(rig);
    const players = [await rig.play()];
    await rig.advance(costMs);
    players.push(await rig.play("second"), await rig.play("third"));
    assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_B, PORT_B]);
    for (const player of players) player.leave();
    await rig.assertNothingLeft();
  });

  Deno.test(`SRS #4511: a publisher gets the second origin when the first is ${how}, and again when it returns`, async () => {
    const rig = new VhostRig({ origins: TWO_ORIGINS });
    kill(rig);
    const publisher = await rig.publish();
    await rig.advance(costMs);
    assert(publisher.handle !== null);
    publisher.leave();
    await rig.settle();
    const again = await rig.publish();
    assert(again.handle !== null);
    assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_B]);
    again.leave();
    await rig.assertNothingLeft();
  });
}

Deno.test("SRS #4511: a publisher that returns after all origins failed finds the one that is back", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  rig.network.silence(PORT_A);
  rig.b.behaviour = { kind: "close at once" };
  const refused = await rig.publish();
  await rig.advance(CONNECT_MS);
  assertEquals(refused.refusals.length, 1);
  rig.b.behaviour = { kind: "accept" };
  const publisher = await rig.publish();
  await rig.advance(CONNECT_MS);
  assert(publisher.handle !== null);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("SRS #464: streams that only some origins carry are found there, and the others still count as working", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  const refusal = { code: "NetStream.Play.StreamNotFound", description: "" };
  rig.a.behaviour = { kind: "refuse", refusal };
  const elsewhere = await rig.play();
  rig.b.link.sendMedia(...START);
  rig.a.behaviour = { kind: "accept" };
  const here = await rig.play("second");
  rig.a.link.sendMedia(...START);
  await rig.settle();
  assertEquals([elsewhere.media.length, here.media.length], [START.length, START.length]);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_A]);
  for (const player of [elsewhere, here]) player.leave();
  await rig.assertNothingLeft();
});

Deno.test("SRS #464: an origin that keeps the play of a stream it has not waiting stays well", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  rig.a.behaviour = { kind: "hold" };
  const elsewhere = await rig.play();
  await rig.advance(CLUSTER.startTimeoutMs + 250);
  rig.b.link.sendMedia(...START);
  const here = await rig.play("second");
  assertEquals(elsewhere.media.length, START.length);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_A]);
  for (const player of [elsewhere, here]) player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost does not take an origin for down because one publisher there pauses", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  const paused = await rig.play();
  rig.a.link.sendMedia(...START);
  rig.b.behaviour = { kind: "hold" };
  await rig.advance(60_000);
  const other = await rig.play("other");
  assertEquals(rig.network.dialled.at(-1), PORT_A);
  for (const player of [paused, other]) player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost goes to the reserve at once when an origin dies that had been silent before", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  const player = await rig.play();
  rig.a.link.sendMedia(...START);
  await rig.advance(2_200);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  rig.a.link.sendMedia(interFrame(2_240));
  await rig.settle();
  rig.network.silence(PORT_A);
  rig.a.link.reset();
  await rig.settle();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_B]);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost starts its streams at one origin after the other with round_robin", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS, originSelect: "round_robin" });
  const players = [];
  for (const name of ["one", "two", "three"]) players.push(await rig.play(name));
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_A]);
  for (const player of players) player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost pulls and pushes a stream at the same origin with hash", async () => {
  for (const name of ["one", "two", "three", "four"]) {
    const rig = new VhostRig({ origins: TWO_ORIGINS, originSelect: "hash" });
    const player = await rig.play(name);
    const publisher = await rig.publish(name);
    const [pulled, pushed] = rig.network.dialled;
    assertEquals(pulled, pushed);
    player.leave();
    publisher.leave();
    await rig.assertNothingLeft();
  }
});

// New settings.

Deno.test("OriginSet.configure() keeps the health of origins that stay", () => {
  const rig = new SetRig();
  rig.fail(A);
  const settings = { ...CLUSTER, origins: [{ ...A }, { hostname: "d", port: 1935 }, { ...B }] };
  rig.origins.configure(settings);
  assertEquals([rig.order(), rig.round()], ["adb", "dba"]);
  assertEquals(rig.origins.all[0], A);
  assert(rig.origins.all[0] === A, "an origin that stays keeps its object");
});

Deno.test("OriginSet.configure() forgets the health of origins that are removed", () => {
  const rig = new SetRig();
  rig.fail(A);
  rig.origins.configure({ ...CLUSTER, origins: [B] });
  rig.fail(A);
  rig.origins.configure({ ...CLUSTER, origins: ABC });
  assertEquals(rig.round(), "abc");
});

Deno.test("OriginSet.configure() changes pauses and preference", () => {
  const rig = new SetRig();
  const revision = rig.origins.revision;
  rig.origins.configure({
    ...CLUSTER,
    origins: ABC,
    originSelect: "round_robin",
    retryMinMs: 7,
    retryMaxMs: 8,
  });
  assertEquals([rig.order(), rig.order()], ["abc", "bca"]);
  assertEquals(rig.origins.backoff, { minMs: 7, maxMs: 8 });
  assert(rig.origins.revision !== revision);
});

Deno.test("OriginSet.hasOtherThan() does not count a removed origin", () => {
  const rig = new SetRig({ origins: [A] });
  assertEquals([rig.origins.hasOtherThan(A), rig.origins.hasOtherThan(B)], [false, true]);
  rig.origins.configure({ ...CLUSTER, origins: [B] });
  assertEquals([rig.origins.hasOtherThan(A), rig.origins.hasOtherThan(B)], [true, false]);
});
