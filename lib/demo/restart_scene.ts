import type { Clock } from "../base/clock.ts";
import { FrameCheck, type FrameLedger } from "./frame_check.ts";
import { RateMeter } from "./rate_meter.ts";
import type { DemoNetwork, DemoServer, Leg } from "./demo_parts.ts";

/** Players of each leaf. */
const PLAYERS = 3;

/** Time between two restarts, in ms. */
const PAUSE_MS = 1_500;

/** What the demo says before it begins. */
export const RESTART_SETUP =
  `An encoder publishes to leaf 1. Both leaves have two mids, and these two origins.
Origins and mids are restarted one after the other, as often as time permits:
each tells its edges to move, waits until they have, stops, and starts again.

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
): Promise<RestartScene> {
  async function start(name: string, origins: readonly Tier[]): Promise<Tier> {
    const addresses = origins.map(({ server: { port } }) => `127.0.0.1:${port}`);
    const server = await network.startServer({ origins: addresses });
    resources.defer(() => server.stop());
    return { name, server };
  }
  const origins = [await start("origin 1", []), await start("origin 2", [])];
  const mids = [await start("mid 1", origins), await start("mid 2", origins)];
  const leaves = [await start("leaf 1", mids), await start("leaf 2", mids)];
  const legs = leaves.map(({ name, server }): Leg => ({
    name,
    server,
    checks: Array.from({ length: PLAYERS }, () => new FrameCheck(ledger)),
    rate: new RateMeter(),
  }));
  return new RestartScene([...origins, ...mids], legs, clock);
}

/** Restarts servers one after the other, until it is told to finish. */
export class RestartScene {
  readonly legs: readonly Leg[];
  readonly #tiers: readonly Tier[];
  readonly #clock: Pick<Clock, "after">;
  #running: Promise<void> | null = null;
  #isFinishing = false;
  #note = "restarts: 0";
  /** Restarts so far. */
  count = 0;
  /** A server is being restarted. */
  isBusy = false;

  constructor(tiers: readonly Tier[], legs: readonly Leg[], clock: Pick<Clock, "after">) {
    this.#tiers = tiers;
    this.legs = legs;
    this.#clock = clock;
  }

  /** What is happening, for the table. */
  get note(): string {
    return this.#note;
  }

  begin(): void {
    this.#running = this.#run();
  }

  /** Begins no further restart. */
  finish(): void {
    this.#isFinishing = true;
  }

  /** Settles when the last restart has ended. */
  async end(): Promise<void> {
    this.finish();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let index = 0; !this.#isFinishing; index++) {
      await new Promise<void>((resolve) => this.#clock.after(PAUSE_MS, resolve));
      if (this.#isFinishing) return;
      const { name, server } = this.#tiers[index % this.#tiers.length]!;
      this.isBusy = true;
      this.#note = `restarts: ${this.count}, now ${name}`;
      await server.restart();
      this.isBusy = false;
      this.#note = `restarts: ${++this.count}, last ${name}`;
    }
  }
}
