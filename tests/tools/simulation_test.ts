/** What must hold in every simulated tree. */

import { fill, playScenes, SETTINGS } from "../../tools/simulation/scenes.ts";
import { VirtualClock } from "../../tools/simulation/virtual_clock.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const COMMON = { arrivalMs: 1_000, settings: SETTINGS } as const;

Deno.test("simulation: an origin serves one connection per edge, however many players watch", async () => {
  const plan = { ...COMMON, tiers: [1, 320], streams: 1, playersPerLeaf: 2_000 };
  const { ledger, loads } = await fill(plan);
  assertEquals(ledger.playing, 640_000);
  assertEquals(loads, [
    { tier: "origin", servers: 1, upstreams: 0, clients: 320, mostClients: 320 },
    { tier: "leaf", servers: 320, upstreams: 320, clients: 640_000, mostClients: 2_000 },
  ]);
});

Deno.test("simulation: a mid fetches each stream once, and every loss ends with all players playing", async () => {
  const plan = { ...COMMON, tiers: [2, 8, 12], streams: 40, playersPerLeaf: 100 };
  const { tree, ledger, loads } = await fill(plan);
  const players = 12 * 100;
  assertEquals(ledger.playing, players);
  const [origins, mids, leaves] = loads;
  assertEquals(origins!.clients, mids!.upstreams);
  assertEquals(mids!.clients, leaves!.upstreams);
  // All leaves prefer the same mid for a stream, so each stream comes from one origin once.
  assert(origins!.clients <= 40, `${origins!.clients} connections to origins`);

  for (const scene of await playScenes(tree, ledger)) {
    const { name, silent, moved, players: waited, longestMs } = scene;
    assertEquals(ledger.playing, players, name);
    assertEquals(silent.at(-1), 0, name);
    assertEquals(silent[0]! <= waited, true, name);
    assert(waited > 0 && moved > 0, `${name}: no player noticed`);
    const isSilent = name.includes("lost");
    const atLeastMs = isSilent ? SETTINGS.stallTimeoutMs : 1;
    // A connection that hangs, then the pause between two rounds, then one that works.
    const atMostMs = SETTINGS.stallTimeoutMs + SETTINGS.connectTimeoutMs + SETTINGS.retryMinMs +
      1_000;
    assert(longestMs >= atLeastMs && longestMs <= atMostMs, `${name}: ${longestMs} ms`);
  }
});

Deno.test("VirtualClock runs timers in order, not those that were cancelled, and settles promises in between", async () => {
  const clock = new VirtualClock();
  const log: string[] = [];
  clock.after(20, () => log.push(`b ${clock.now()}`));
  clock.after(10, () => {
    Promise.resolve().then(() => Promise.resolve()).then(() => log.push("settled"));
    clock.after(0, () => log.push(`a2 ${clock.now()}`));
    log.push(`a ${clock.now()}`);
  });
  clock.after(20, () => log.push(`c ${clock.now()}`));
  clock.after(15, () => log.push("never"))();
  await clock.runUntil(20);
  assertEquals(log, ["a 10", "a2 10", "settled", "b 20", "c 20"]);
});
