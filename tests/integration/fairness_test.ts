/**
 * Honest streams beside attackers: no frame is lost, none is late, and memory returns. The server
 * and each attacker are separate processes.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";
import { fairnessMs } from "../helpers/settings.ts";
import type { Attacks } from "./fairness/attack.ts";
import { AttackedServer } from "./fairness/attacked_server.ts";
import { EDGE_ATTACKS } from "./fairness/edge_attacks.ts";
import { HTTP_ATTACKS } from "./fairness/http_attacks.ts";
import { PUBLISHER_ATTACKS } from "./fairness/publisher_attacks.ts";
import { STRANGER_ATTACKS } from "./fairness/stranger_attacks.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** Longest wait for a frame beside an attacker, in ms, when the server has its own processor. */
const MAX_GAP_MS = 500;

const MEMORY_TIMEOUT_MS = 30_000;

/**
 * What is used for the first time takes memory that stays: code, its compilation, and what the C
 * library keeps for small buffers. Tiny keyframes leave some 25 MiB once, and nothing later.
 */
const WARM_UPS = [
  "tiny keyframes",
  ...["keyframes of 50 kB", "metrics", "lists of the API", "WebSocket frames"],
  "FLV of names that were never live",
];

const ATTACKS: Attacks = {
  ...PUBLISHER_ATTACKS,
  ...STRANGER_ATTACKS,
  ...EDGE_ATTACKS,
  ...HTTP_ATTACKS,
};

/** Those that reach other loops than the one of the attacker. */
const FAR_REACHING = [
  ...Object.keys(PUBLISHER_ATTACKS),
  ...Object.keys(EDGE_ATTACKS).filter((name) => name.startsWith("an origin")),
];

const PLANS: readonly { readonly loopCount: number; readonly attacks: readonly string[] }[] = [
  { loopCount: 1, attacks: Object.keys(ATTACKS) },
  { loopCount: 2, attacks: FAR_REACHING },
];

for (const { loopCount, attacks } of PLANS) {
  Deno.test({
    ...granted,
    name: `honest streams lose no frame beside any attacker, with ${loopCount} loop(s)`,
    fn: (t) =>
      inTempDirectory(async (directory) => {
        await using server = await AttackedServer.start(directory, loopCount);
        for (const name of WARM_UPS) await server.attack(name, fairnessMs());
        const beforeBytes = await server.quietMemoryBytes();
        for (const name of attacks) {
          await t.step(name, async () => {
            const { gapMs, slowdown } = await server.attack(name, fairnessMs());
            assertEquals(server.faults, []);
            const limitMs = MAX_GAP_MS * slowdown;
            assert(gapMs <= limitMs, `${gapMs} ms without a frame; at most ${limitMs}`);
          });
        }
        await t.step("the memory of all attacks is given back", async () => {
          await server.untilMemoryIsBack(beforeBytes, MEMORY_TIMEOUT_MS);
        });
      }),
  });
}
