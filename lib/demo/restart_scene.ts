import type { Clock } from "../base/clock.ts";
import type { DemoNetwork, DemoServer } from "./demo_parts.ts";
import type { FrameLedger } from "./frame_check.ts";
import { createLeg } from "./leg.ts";
import { Scene } from "./scene.ts";

/** Players of each leaf. */
const PLAYERS = 3;

const SETUP = `An encoder publishes to leaf 1. Both leaves have two mids, and
these two origins. Origins and mids are restarted in turn: each
tells its edges to move, waits until they have, stops, and
starts again.

`;

/** Options of {@linkcode startRestartScene}. */
interface SceneOptions {
  readonly network: DemoNetwork;
  readonly clock: Pick<Clock, "after">;
}

/** A server that is restarted. */
interface Tier {
  readonly name: string;
  readonly server: DemoServer;
}

/**
 * Starts the servers of the scene.
 *
 * ```
 *   encoder ─▶ leaf 1 ─▶ mid 1 ─▶ origin 1
 *              leaf 2 ◀─ mid 2    origin 2
 * ```
 */
export async function startRestartScene(
  { network, clock }: SceneOptions,
  ledger: FrameLedger,
  resources: AsyncDisposableStack,
): Promise<Scene> {
  async function start(name: string, origins: readonly Tier[], hasWeb = false): Promise<Tier> {
    const addresses = origins.map(({ server: { port } }) => `127.0.0.1:${port}`);
    const server = await network.startServer({ origins: addresses, hasWeb });
    resources.defer(() => server.stop());
    return { name, server };
  }
  const origins = [await start("origin 1", []), await start("origin 2", [])];
  const mids = [await start("mid 1", origins), await start("mid 2", origins)];
  const leaves = [await start("leaf 1", mids, true), await start("leaf 2", mids)];
  return new Scene({
    legs: leaves.map(({ name, server }) =>
      createLeg(name, server, { playerCount: PLAYERS, ledger })
    ),
    setup: SETUP,
    noun: "restarts",
    events: [...origins, ...mids].map(({ name, server }) => ({
      name,
      async run() {
        await server.restart();
        return "";
      },
    })),
    clock,
  });
}
