/** One encoder with a connection to each of two origins, on a machine that holds it up. */

import { assert } from "../helpers/assert.ts";
import { readBlocks } from "../helpers/doc_page.ts";
import { delay } from "../helpers/until.ts";
import { canRunPrograms, FailoverRig } from "./failover_rig.ts";
import { checkGapless, WATCH_SECONDS } from "./failover_scenes.ts";
import { createSample, parseHashes } from "./sample.ts";

/** How long the encoder stands still. It then sends all of that time at once. */
const HELD_UP_MS = 3_000;

/** Returns the options of a leg in the command that operators are given. */
function documentedLeg(): string {
  const legs = readBlocks("docs/continuity.md").flatMap(({ text }) =>
    text.match(/LEG="(.*)"/)?.[1] ?? []
  );
  assert(legs.length === 1);
  return legs[0]!;
}

const ignore = !await canRunPrograms();

const LEGS = [
  { whose: "these tests", options: () => undefined },
  { whose: "the documentation", options: documentedLeg },
];

for (const { whose, options } of LEGS) {
  Deno.test({
    name: `an encoder of two origins that was held up drops nothing with the options of ${whose}`,
    ignore,
    async fn() {
      await using rig = await FailoverRig.create();
      const sample = await createSample(rig.directory, WATCH_SECONDS);
      const origins = [await rig.origin("origin1"), await rig.origin("origin2")];
      const { pid } = rig.publishTee(sample, origins, options());
      const players = origins.map((origin) => rig.play(origin, WATCH_SECONDS));
      const isRunning = () => players.every(({ stdout }) => parseHashes(stdout).length > 30);
      await rig.until("both origins have the stream", isRunning);
      Deno.kill(pid, "SIGSTOP");
      await delay(HELD_UP_MS);
      Deno.kill(pid, "SIGCONT");
      for (const player of players) {
        await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS });
      }
    },
  });
}
