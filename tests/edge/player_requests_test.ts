/** Whose parameters an edge sends to its origins: those of players that are connected. */

import { PlayerRequests } from "../../lib/edge/player_requests.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { requestFor, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { LogViewer } from "../helpers/log_viewer.ts";
import type { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { type TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const [A, B] = TWO_ORIGINS as [typeof TWO_ORIGINS[0], typeof TWO_ORIGINS[0]];
const DENIED: Refusal = { code: "NetStream.Play.Failed", description: "denied" };
const GOOD = "show?token=good";

/** Requests, and the players that sent them by token. */
function createRequests(...tokens: readonly string[]) {
  const requests = new PlayerRequests();
  const players = new Map<string, LogViewer>();
  const add = (token: string) => {
    const player = new LogViewer();
    players.set(token, player);
    requests.add(player, requestFor(`show?${token}`));
  };
  for (const token of tokens) add(token);
  const best = (origin = A) => requests.bestFor(origin)?.url.params ?? null;
  return { requests, add, best, remove: (token: string) => requests.remove(players.get(token)!) };
}

Deno.test("PlayerRequests uses the newest request first, and never that of a player who left", () => {
  const { best, remove } = createRequests("one", "two");
  assertEquals(best(), "?two");
  remove("two");
  assertEquals(best(), "?one");
  remove("one");
  assertEquals(best(), null);
});

Deno.test("PlayerRequests uses the request that was granted last before newer ones", () => {
  const { requests, best } = createRequests("one", "two", "three");
  requests.granted(requestFor("show?one"));
  assertEquals(best(), "?one");
  requests.granted(requestFor("show?two"));
  assertEquals(best(), "?two");
});

Deno.test("PlayerRequests does not use a refused request there until a player sends it again", () => {
  const { requests, add, best } = createRequests("one", "two");
  requests.refused(requestFor("show?two"), A);
  assertEquals([best(A), best(B)], ["?one", "?two"]);
  requests.refused(requestFor("show?one"), A);
  assertEquals([best(A), best(B)], [null, "?two"]);
  add("two");
  assertEquals(best(A), "?two");
});

Deno.test("PlayerRequests uses a request that failed without a reason last", () => {
  const { requests, best } = createRequests("one", "two", "three");
  requests.granted(requestFor("show?one"));
  for (const token of ["one", "three"]) requests.failed(requestFor(`show?${token}`));
  assertEquals(best(), "?two");
  requests.failed(requestFor("show?two"));
  assertEquals(best(), "?one");
});

Deno.test("PlayerRequests keeps a request while one of the players that sent it is connected", () => {
  const { add, best, remove } = createRequests("one", "two");
  const first = createRequests("same");
  first.add("same");
  first.remove("same");
  assertEquals(first.best(), "?same");
  add("three");
  remove("three");
  assertEquals(best(), "?two");
});

/** Plays of the two origins so far, in order. */
function asked({ a, b }: VhostRig): string[] {
  return [a, b].flatMap((origin: ScriptedOrigin) => origin.links.map((link) => link.streamName));
}

Deno.test("RemoteVhost keeps its players when a stranger with a bad token came and left", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  for (const origin of [rig.a, rig.b]) {
    origin.behaviour = { kind: "admit", names: [GOOD], refusal: DENIED };
  }
  const player = await rig.play(GOOD);
  rig.a.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  const stranger = await rig.play("show?token=EVIL");
  stranger.leave();
  await rig.advance(1_500);
  rig.a.die();
  await rig.settle();
  rig.b.link.sendMedia(videoHeader(), keyframe(0, 0x77), interFrame(40));
  await rig.settle();
  assertEquals(player.media.length, 5);
  assertEquals(asked(rig), [GOOD, GOOD]);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost asks once for a player that the origin refuses", async () => {
  const rig = new VhostRig();
  rig.a.behaviour = { kind: "refuse", refusal: DENIED };
  const player = await rig.play("show?token=EVIL");
  await rig.advance(20_000);
  assertEquals(asked(rig), ["show?token=EVIL"]);
  rig.a.behaviour = { kind: "accept" };
  const other = await rig.play("show?token=EVIL");
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals([player.media.length, other.media.length], [1, 1]);
  for (const each of [player, other]) each.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost asks again for players that had the stream, even if the origins refuse", async () => {
  const rig = new VhostRig();
  const player = await rig.play(GOOD);
  rig.a.link.sendMedia(keyframe(0));
  await rig.advance(2_000);
  rig.a.behaviour = { kind: "refuse", refusal: DENIED };
  rig.a.link.close();
  await rig.advance(10_000);
  rig.a.behaviour = { kind: "accept" };
  await rig.advance(6_000);
  assert(rig.a.link.isOpen);
  player.leave();
  await rig.assertNothingLeft();
});

/** What a player does in a step of the exhaustive test. */
type Step = "good joins" | "bad joins" | "good leaves" | "bad leaves" | "origin is lost";
const STEPS: readonly Step[] = [
  "good joins",
  "bad joins",
  "good leaves",
  "bad leaves",
  "origin is lost",
];

/** Two origins that want a token, and players with good and bad ones. */
class TokenScene {
  readonly rig = new VhostRig({ origins: TWO_ORIGINS });
  readonly players = { good: [] as TestPlayer[], bad: [] as TestPlayer[] };
  #badCount = 0;
  #frameCount = 0;
  #seen = [0, 0];

  constructor() {
    for (const origin of [this.rig.a, this.rig.b]) {
      origin.behaviour = { kind: "admit", names: [GOOD], refusal: DENIED };
    }
  }

  async take(step: Step): Promise<void> {
    const { rig, players } = this;
    // Not earlier: what a player sent who left just before may be on its way.
    await rig.advance(50);
    this.#seen = [rig.a.links.length, rig.b.links.length];
    if (step === "good joins") players.good.push(await rig.play(GOOD));
    if (step === "bad joins") players.bad.push(await rig.play(`show?token=bad${this.#badCount++}`));
    if (step === "good leaves") players.good.pop()?.leave();
    if (step === "bad leaves") players.bad.pop()?.leave();
    if (step === "origin is lost") this.#live()?.close();
    await rig.advance(50);
    this.#live()?.sendMedia(keyframe(this.#frameCount * 40, ++this.#frameCount));
    await rig.advance(1_200);
  }

  /** Fails when a step was answered wrongly. */
  check(trace: string): void {
    const { rig, players: { good, bad } } = this;
    const since = [rig.a, rig.b].flatMap(({ links }, index) =>
      links.slice(this.#seen[index]).map(({ streamName }) => streamName)
    );
    if (good.length === 0) assert(!since.includes(GOOD), `${trace}: asked for one who left`);
    if (bad.length === 0) assert(since.every((name) => name === GOOD), `${trace}: ${since}`);
    if (good.length > 0) assert(this.#live() !== undefined, `${trace}: no stream`);
    for (const player of good) assertEquals(player.statuses, [], trace);
  }

  async end(): Promise<void> {
    for (const player of [...this.players.good, ...this.players.bad]) player.leave();
    await this.rig.assertNothingLeft();
  }

  #live() {
    const { a, b } = this.rig;
    return [...a.links, ...b.links].find(({ isOpen, streamName }) => isOpen && streamName === GOOD);
  }
}

Deno.test("RemoteVhost serves players with good tokens beside strangers (all 4-step orders)", async () => {
  const orders = STEPS.flatMap((one) =>
    STEPS.flatMap((two) => STEPS.flatMap((three) => STEPS.map((four) => [one, two, three, four])))
  );
  for (const order of orders) {
    const scene = new TokenScene();
    for (const [index, step] of order.entries()) {
      await scene.take(step);
      scene.check(order.slice(0, index + 1).join(", "));
    }
    await scene.end();
  }
});
