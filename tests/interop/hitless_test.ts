/** One encoder with one connection, and two origins that are killed, frozen and cut off. */

import { assertEquals } from "../helpers/assert.ts";
import { hasNetworkNamespaces } from "../helpers/network_namespace.ts";
import { say } from "../helpers/say.ts";
import { hitlessSeconds } from "../helpers/settings.ts";
import { canRunPrograms } from "./failover_rig.ts";
import { HitlessRig, type Seen, WAYS } from "./hitless_rig.ts";

/** How long players may be without a video frame, by the way an origin is lost. */
const MAX_SILENCE_MS = { kill: 250, freeze: 800, cut: 800 } as const;

/** With `standby on`, beyond two frame intervals: servers write every 30 ms. */
const STANDBY_MS = 60;

/** How long an origin is away. */
const AWAY_MS = 5_000;
const SHORT_MS = 1_500;

/** A busy machine may hold up any process, so a silence that is too long is measured again. */
const MAX_ATTEMPTS = 3;

/** Loses an origin. @throws {Error} when a player notices */
async function strike(
  scene: HitlessRig,
  blow: { readonly name: string; readonly way: keyof typeof MAX_SILENCE_MS },
  awayMs: number,
): Promise<void> {
  const { name, way } = blow;
  for (let attempt = 1;; attempt++) {
    const { seen, pauseMs } = await scene.strike(name, way, awayMs);
    const silences = [...seen].map(([edge, { silenceMs }]) => `${edge} ${silenceMs} ms`).join(", ");
    say(`  ${way} of ${name}, at ${scene.rate} fps: ${silences} (own pause ${pauseMs} ms)`);
    for (const [edge, { disconnects, lost, twice }] of seen) {
      const what = `players of ${edge} after ${way} of ${name}: disconnected, lost, twice`;
      assertEquals([disconnects, lost, twice], [0, 0, 0], `${what}\n${scene.rig.describe()}`);
    }
    scene.assert(scene.isPublishing, `The publisher was dropped after ${way} of ${name}`);
    const isLate = ([edge, { silenceMs }]: [string, Seen]) =>
      silenceMs - pauseMs >
        (edge === "both" ? 2000 / scene.rate + STANDBY_MS : MAX_SILENCE_MS[way]);
    if (![...seen].some(isLate)) return;
    scene.assert(attempt < MAX_ATTEMPTS, `Players after ${way} of ${name}: ${silences}`);
  }
}

const ignore = !await canRunPrograms() || !await hasNetworkNamespaces();

Deno.test({
  name: "players lose nothing, and get nothing twice, when an origin is killed, frozen or cut off",
  ignore,
  async fn() {
    await using scene = await HitlessRig.start(30);
    await strike(scene, { name: "a", way: "kill" }, SHORT_MS);
    await strike(scene, { name: "b", way: "freeze" }, SHORT_MS);
    await strike(scene, { name: "a", way: "cut" }, SHORT_MS);
  },
});

const seconds = ignore ? 0 : hitlessSeconds();

for (const rate of seconds === 0 ? [] : [25, 30]) {
  Deno.test(`players notice nothing while origins are lost at random, at ${rate} fps`, async () => {
    await using scene = await HitlessRig.start(rate);
    const untilMs = performance.now() + seconds * 1000;
    while (performance.now() < untilMs) {
      const way = WAYS[Math.floor(Math.random() * WAYS.length)]!;
      await strike(scene, { name: Math.random() < 0.5 ? "a" : "b", way }, AWAY_MS);
    }
  });
}
