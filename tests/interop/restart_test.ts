/** The rolling restart: every tier of a tree of real servers, in every way to restart one. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";
import { say } from "../helpers/say.ts";
import { type Restart, RestartTree } from "./restart_tree.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** How servers are restarted, which, and how long players may be without a frame. */
const SCENES: readonly {
  readonly how: Restart;
  readonly names: readonly string[];
  readonly maxSilenceMs: number;
}[] = [
  { how: "SIGQUIT", names: ["o1", "o2", "m1", "m2", "l1", "l2", "l3", "l4"], maxSilenceMs: 150 },
  { how: "--replace", names: ["o1", "o2", "m1", "m2", "l1", "l2", "l3", "l4"], maxSilenceMs: 150 },
  // Edges find it out by themselves.
  { how: "SIGTERM", names: ["o1", "o2", "m1", "m2", "l1"], maxSilenceMs: 1_000 },
];

/** An encoder publishes here alone. */
const PUBLISHING_LEAF = "l1";

/** A busy machine may hold up any process, so a silence that is too long is measured again. */
const MAX_ATTEMPTS = 3;

/** Restarts a server. @throws {Error} when players of other leaves notice */
async function restart(
  tree: RestartTree,
  { name, how, maxSilenceMs }: {
    readonly name: string;
    readonly how: Restart;
    readonly maxSilenceMs: number;
  },
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const outcome = await tree.restart(name, how);
    const { disconnects, lost, twice, silenceMs, pauseMs } = outcome;
    say(`${how} of ${name}: ${JSON.stringify(outcome)}`);
    const description = `${name}: ${JSON.stringify(outcome)}\n${tree.describe()}`;
    assertEquals([disconnects, lost, twice], [0, 0, 0], description);
    if (silenceMs - pauseMs <= maxSilenceMs) return;
    assert(attempt < MAX_ATTEMPTS, description);
  }
}

Deno.test({
  ...granted,
  ignore: granted.ignore || Deno.build.os !== "linux",
  name: "a rolling restart: players of other leaves lose nothing and get nothing twice",
  fn: (t) =>
    inTempDirectory(async (directory) => {
      await using tree = await RestartTree.start(directory);
      for (const { how, names, maxSilenceMs } of SCENES) {
        await t.step(how, async () => {
          for (const name of names) {
            const before = tree.lossesOf("leaf");
            await restart(tree, { name, how, maxSilenceMs });
            if (name === PUBLISHING_LEAF) continue;
            assertEquals(tree.lossesOf("leaf"), before, "the publisher at a leaf was dropped");
          }
        });
      }
    }),
});
