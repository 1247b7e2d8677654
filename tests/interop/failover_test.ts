/** An edge with two real origins that carry the same encode, one of which is killed or freezes. */

import { canRunPrograms, kill, STALL_TIMEOUT_MS } from "./failover_rig.ts";
import {
  type Blow,
  checkPlayers,
  checkPublisher,
  runAlone,
  WATCH_SECONDS,
} from "./failover_scenes.ts";
import { createSample } from "./sample.ts";

const BLOWS: readonly Blow[] = [
  {
    name: "killed",
    maxSilenceMs: 250,
    maxPushMs: 500,
    async startOrigins(rig) {
      const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
      return { origins, strike: () => kill(origins[0]) };
    },
  },
  {
    name: "frozen",
    maxSilenceMs: 1_200,
    maxPushMs: STALL_TIMEOUT_MS + 500,
    async startOrigins(rig) {
      const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
      const { pid } = origins[0].process;
      const strike = () => {
        Deno.kill(pid, "SIGSTOP");
        // A frozen process cannot be stopped.
        rig.defer(() => Deno.kill(pid, "SIGCONT"));
      };
      return { origins, strike };
    },
  },
];

const ignore = !await canRunPrograms();

for (const blow of BLOWS) {
  Deno.test({
    name: `a publisher of an edge stays and loses nothing when its origin is ${blow.name}`,
    ignore,
    fn: () =>
      runAlone(async (rig) => {
        const sample = await createSample(rig.directory, WATCH_SECONDS);
        await checkPublisher(rig, { blow, sample });
      }),
  });
  Deno.test({
    name: `players of an edge lose and duplicate nothing when the serving origin is ${blow.name}`,
    ignore,
    fn: () =>
      runAlone(async (rig) => {
        const sample = await createSample(rig.directory, WATCH_SECONDS);
        await checkPlayers(rig, { blow, sample });
      }),
  });
}
