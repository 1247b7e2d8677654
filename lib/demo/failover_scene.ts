import type { Clock } from "../base/clock.ts";
import type { DemoNetwork, DemoServerOptions, Loss } from "./demo_parts.ts";
import type { FrameLedger } from "./frame_check.ts";
import { createLeg, type Leg } from "./leg.ts";
import { Scene, type SceneEvent } from "./scene.ts";

/** Players of each edge. */
const PLAYERS = 2;

/** How long an origin is away, and how long it is back before the next loss, in ms. */
const AWAY_MS = 3_000;
const BACK_MS = 3_500;

const SETUP = `An encoder publishes to edge 1, which pushes to two origins
(push all). Edge 2 pulls from one of them; edge 3 from both
(standby on). The origins are killed and frozen in turn.

`;

/** Options of {@linkcode startFailoverScene}. */
interface SceneOptions {
  readonly network: DemoNetwork;
  readonly clock: Pick<Clock, "now" | "after">;
}

/**
 * Starts the servers of the scene.
 *
 * ```
 *   encoder ─▶ edge 1 ─▶ origin 1, origin 2 ─▶ edge 2, edge 3
 * ```
 */
export async function startFailoverScene(
  { network, clock }: SceneOptions,
  ledger: FrameLedger,
  resources: AsyncDisposableStack,
): Promise<Scene> {
  async function start(options: DemoServerOptions) {
    const server = await network.startServer(options);
    resources.defer(() => server.stop());
    return server;
  }
  const one = await start({ origins: [], mayBeLost: true });
  const two = await start({ origins: [], mayBeLost: true });
  const origins = [one, two].map(({ port }) => `127.0.0.1:${port}`);
  const leg = async (name: string, options: Omit<DemoServerOptions, "origins">) =>
    createLeg(name, await start({ origins, ...options }), { playerCount: PLAYERS, ledger });
  const entry = await leg("edge 1", { cluster: "push all", hasWeb: true });
  const plain = await leg("edge 2", {});
  const standby = await leg("edge 3", { cluster: "standby on" });

  const lose = (name: string, server: typeof one, how: Loss): SceneEvent => ({
    name: `${name} ${how === "kill" ? "killed" : "frozen"}`,
    async run() {
      takeSilenceMs(plain, clock.now());
      takeSilenceMs(standby, clock.now());
      await server.lose(how);
      await pause(clock, AWAY_MS);
      await server.heal();
      await pause(clock, BACK_MS);
      const [silence, covered] = [plain, standby].map((one) => takeSilenceMs(one, clock.now()));
      return `${silence} ms silent, standby ${covered} ms`;
    },
  });
  return new Scene({
    legs: [entry, plain, standby],
    setup: SETUP,
    noun: "losses",
    events: [
      lose("origin 1", one, "kill"),
      lose("origin 2", two, "freeze"),
      lose("origin 1", one, "freeze"),
      lose("origin 2", two, "kill"),
    ],
    clock,
  });
}

function takeSilenceMs({ players }: Leg, nowMs: number): number {
  return Math.max(...players.map(({ silence }) => silence.take(nowMs)));
}

function pause(clock: Pick<Clock, "after">, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
