/** Runs `load.c`: players that only count bytes. */

import { type ChildProcess, startProcess } from "../tests/helpers/processes.ts";

/** Minimum, median, 99th percentile and maximum over all players. */
export interface Quantiles {
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** State of all players at one moment. */
export interface LoadState {
  readonly ms: number;
  readonly playing: number;
  readonly bytes: number;
  /** Connections opened, closed by the server while they played, and lost before they played. */
  readonly opened: number;
  readonly closed: number;
  readonly failed: number;
}

/** Result of the measured time; a value is null if no player qualified for it. */
export interface LoadResult extends LoadState {
  readonly seconds: number;
  /** Players that received their first 4 KiB of media. */
  readonly started: number;
  readonly playerBytes: Quantiles | null;
  readonly longestGapMs: Quantiles | null;
  /** From `play` to the first 4 KiB of media. */
  readonly startMs: Quantiles | null;
  /** From the first packet of the connection to the first 4 KiB of media. */
  readonly joinMs: Quantiles | null;
}

/** Options of {@linkcode LoadProcess}. */
interface LoadOptions {
  readonly port: number;
  readonly players: number;
  /**
   * Seconds after all players have started that are not measured. Without it, measuring starts with
   * {@linkcode LoadProcess.begin}.
   */
  readonly warmSeconds?: number;
  /** Seconds to measure; then the load ends. */
  readonly seconds: number;
  readonly stream?: string;
  /** Connections per second, 1,000 by default; 0 opens all at once. */
  readonly rate?: number;
  /** Further flags of the program. */
  readonly flags?: readonly string[];
}

/** All players start within a minute, or never. */
const BEGIN_TIMEOUT_MS = 90_000;
const END_SLACK_MS = 30_000;
const ENDLESS_SECONDS = 1e6;

/** Runs the load generator and reads its reports. */
export class LoadProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #players: number;
  readonly #seconds: number;

  /** @param program Path of the compiled program. */
  constructor(program: string, options: LoadOptions) {
    const { port, players, warmSeconds, seconds, stream = "bench", rate = 1000 } = options;
    const values = { port, players, rate, warm: warmSeconds ?? ENDLESS_SECONDS, seconds, stream };
    const args = Object.entries(values).map(([name, value]) => `--${name}=${value}`);
    this.#players = players;
    this.#seconds = seconds;
    this.#process = startProcess({
      name: "the load generator",
      // The load only discards bytes; a process that measures delays beside it comes first.
      command: ["nice", "-n", "10", program, ...args, ...options.flags ?? []],
    });
  }

  /** Waits until all players have started and warmed up. */
  async untilBegun(): Promise<LoadState> {
    return await this.#wait("begin", BEGIN_TIMEOUT_MS);
  }

  /** Waits for the end of the measured time. */
  async untilEnded(): Promise<LoadResult> {
    return await this.#wait("end", this.#seconds * 1000 + BEGIN_TIMEOUT_MS + END_SLACK_MS);
  }

  /** The latest state, or undefined before the first report. */
  get state(): LoadState | undefined {
    const line = this.#process.stdout.at(-1);
    return line === undefined ? undefined : JSON.parse(line);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Waits until all players have started. */
  async untilPlaying(): Promise<void> {
    const doAllPlay = () => this.state?.playing === this.#players;
    await this.#process.waitFor("players", doAllPlay, BEGIN_TIMEOUT_MS);
  }

  /** Starts measuring. */
  async begin(): Promise<LoadState> {
    Deno.kill(this.#process.pid, "SIGUSR1");
    return await this.untilBegun();
  }

  /** Tells the load that the silence so far is the source's, not the server's. */
  excuseSilence(): void {
    Deno.kill(this.#process.pid, "SIGUSR2");
  }

  /** Ends the measured time. */
  async end(): Promise<LoadResult> {
    Deno.kill(this.#process.pid, "SIGTERM");
    return await this.untilEnded();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  async #wait<T extends LoadState>(type: string, timeoutMs: number): Promise<T> {
    const [line] = await this.#process.waitForLine(new RegExp(`^{"type":"${type}".*`), timeoutMs);
    return JSON.parse(line);
  }
}
