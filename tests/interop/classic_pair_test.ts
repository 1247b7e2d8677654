/** The files `conf/origin.conf` and `conf/edge.conf`, unchanged, on the ports they name. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { PROJECT_ROOT, startEdgeFromFile } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { isPortFree } from "../helpers/ports.ts";
import { hasProgram } from "../helpers/programs.ts";
import { say } from "../helpers/say.ts";
import type { RtmpServer } from "../helpers/servers.ts";
import { isSkippingForbidden } from "../helpers/settings.ts";
import { runFlows } from "./flows.ts";
import { FFMPEG_PLAYER } from "./players.ts";
import { FFMPEG } from "./publishers.ts";

/** The ports that `conf/origin.conf` and `conf/edge.conf` name. */
const CLASSIC_PORTS = [19350, 1935] as const;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("ffmpeg") && hasClassicPorts();

Deno.test({
  name: "the classic pair of files relays every packet published to either server",
  ignore: !isPossible,
  async fn(t) {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "edge-classic-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const origin = await startClassic("origin", { directory, stack });
    const edge = await startClassic("edge", { directory, stack });
    const servers = [origin, edge];
    assertEquals(servers.map(({ port }) => port), [...CLASSIC_PORTS]);
    for (const server of servers) {
      await t.step(`${server.name} keeps its files`, () => checkFiles(server, directory));
    }
    const by = [FFMPEG_PLAYER];
    const watched = servers.map((at) => ({ at, by }));
    const flows = servers.map((to) => ({ publisher: FFMPEG, to, watched }));
    await runFlows(t, { flows, servers, directory });
    for (const { name, process } of servers) {
      await t.step(`${name} stops cleanly`, async () => {
        assertEquals((await process.stop()).code, 0, process.describe());
      });
    }
  },
});

async function startClassic(
  name: "origin" | "edge",
  { directory, stack }: { readonly directory: string; readonly stack: AsyncDisposableStack },
): Promise<RtmpServer> {
  const configFile = `${PROJECT_ROOT}conf/${name}.conf`;
  const server = await startEdgeFromFile({ name, directory, configFile });
  stack.use(server.process);
  return server;
}

async function checkFiles({ name, process }: RtmpServer, directory: string): Promise<void> {
  const pid = await Deno.readTextFile(`${directory}/objs/${name}.pid`);
  assertEquals(Number(pid), process.pid);
  const log = await Deno.stat(`${directory}/objs/${name}.log`);
  assert(log.size > 0, `objs/${name}.log is empty`);
}

function hasClassicPorts(): boolean {
  const busy = CLASSIC_PORTS.filter((port) => !isPortFree(port));
  if (busy.length === 0 || isSkippingForbidden()) return true;
  say(`skipped: classic_pair_test.ts needs the ports ${busy.join(" and ")}, which are in use`);
  return false;
}
