import { type ChildProcess, startProcess } from "../tests/helpers/processes.ts";
import { delay } from "../tests/helpers/until.ts";
import type { BenchContext } from "./bench_context.ts";
import { LoadProcess } from "./load_process.ts";
import { type Contender, MOST_SECONDS, SETTLE_MS, TURN_MS } from "./turns.ts";

/** A turn of the floor may be short: it repeats the same work and collects no garbage. */
export const FLOOR_TURN_MS = TURN_MS / 2;

const START_TIMEOUT_MS = 5_000;
/** Connections per second. There is no handshake, so they can be fast. */
const RATE = 5_000;

/** Number of bytes written to each player, and how often. */
interface FloorOptions {
  readonly players: number;
  readonly flushBytes: number;
  readonly periodMs: number;
}

/** Runs `floor.c` and its load: the kernel's share of the cost of that many players. */
export class FloorProcess implements Contender, AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #load: LoadProcess;
  readonly #resources: AsyncDisposableStack;

  private constructor(process: ChildProcess, load: LoadProcess, resources: AsyncDisposableStack) {
    this.#process = process;
    this.#load = load;
    this.#resources = resources;
  }

  /** Connects all players, then pauses. */
  static async start(
    { pinning, programs }: BenchContext,
    { players, flushBytes, periodMs }: FloorOptions,
  ): Promise<FloorProcess> {
    await using resources = new AsyncDisposableStack();
    const command = [programs.floor, String(flushBytes), String(periodMs)];
    const process = resources.use(
      startProcess({ name: "floor", command: pinning.onServerCore(command) }),
    );
    const [, port] = await process.waitForLine(/listening on (\d+)/, START_TIMEOUT_MS);
    const load = resources.use(
      new LoadProcess(programs.load, {
        ...{ port: Number(port), players, rate: RATE, seconds: MOST_SECONDS },
        flags: ["--raw"],
      }),
    );
    await load.untilPlaying();
    const floor = new FloorProcess(process, load, resources.move());
    await floor.pause();
    return floor;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get loadPid(): number {
    return this.#load.pid;
  }

  async resume(): Promise<void> {
    Deno.kill(this.pid, "SIGCONT");
    await delay(SETTLE_MS);
  }

  pause(): Promise<void> {
    Deno.kill(this.pid, "SIGSTOP");
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A stopped process would not notice the signal to end.
    Deno.kill(this.pid, "SIGCONT");
    await this.#resources.disposeAsync();
  }
}
