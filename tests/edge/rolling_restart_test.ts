/** Mids of a tree are restarted one after the other; players of the leaves notice nothing. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { MemoryTree } from "../helpers/memory_tree.ts";

/** Each gives other latencies and other moments within a GOP. */
const SEEDS = [5, 22, 105];

/** Without and with a drain: reconnecting and joining, over links of up to 30 ms. */
const MAX_SILENCE_MS = 1_000;

/** As late as a cache is deep: more would be another place in a repeated file. */
const MAX_DRIFT_MS = 1_000;

for (const loopFrames of [1_000_000, 100, 50]) {
  const what = loopFrames === 1_000_000 ? "" : ` of a file of ${loopFrames} frames, repeated`;
  Deno.test(`restarts of mids in turn cost players no frame${what}`, async () => {
    for (const seed of SEEDS) {
      const tree = new MemoryTree({ seed, loopFrames });
      await tree.start();
      for (const how of ["stop", "drain"] as const) {
        for (const name of ["m1", "m2"] as const) {
          await tree.restart(name, how);
          for (const [player, seen] of tree.take()) {
            const where = `seed ${seed}, ${how} of ${name}, ${player}: ${JSON.stringify(seen)}`;
            assertEquals([seen.isEnded, seen.lost, seen.twice], [false, 0, 0], where);
            assert(seen.silenceMs <= MAX_SILENCE_MS, where);
            assert(Math.abs(seen.driftMs) <= MAX_DRIFT_MS, where);
          }
        }
      }
    }
  });
}
