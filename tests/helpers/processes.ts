/** Child processes that never outlive the test: `await using child = startProcess(…)`. */

import { until } from "./until.ts";

/** How long a process may take to end after SIGTERM before it is killed. */
const STOP_TIMEOUT_MS = 5_000;

/** Number of lines that a failure message shows. */
const SHOWN_LINES = 15;

/** Options of {@linkcode startProcess}. */
interface ProcessOptions {
  /** Name in failure messages. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  /** Environment variables in addition to those of the test. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running child process and everything it has printed. */
export class ChildProcess implements AsyncDisposable {
  readonly name: string;
  /** Complete lines so far; a carriage return ends a line, too. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #finished: Promise<Deno.CommandStatus>;
  #status: Deno.CommandStatus | undefined;

  constructor(name: string, child: Deno.ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#finished = this.#run();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Exit status, once the process has ended and its output has been read. */
  get status(): Deno.CommandStatus | undefined {
    return this.#status;
  }

  /**
   * Waits for the first matching line on either output.
   *
   * @throws {Error} when the process ends first, or after `timeoutMs`
   */
  async waitForLine(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    return await this.waitFor(`a line like ${pattern}`, () => this.#findLine(pattern), timeoutMs);
  }

  /**
   * Waits for a condition that this process brings about.
   *
   * @throws {Error} when the process ends first, or after `timeoutMs`
   */
  async waitFor<T>(
    what: string,
    probe: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs: number,
  ): Promise<T> {
    const look = async () => {
      const hasEnded = this.#status !== undefined;
      const found = await probe();
      if (hasEnded && (found === undefined || found === false)) {
        throw new Error(`${this.name} ended before ${what}`);
      }
      return found;
    };
    try {
      return await until(`${what} of ${this.name}`, look, { timeoutMs });
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.describe()}`);
    }
  }

  /**
   * Waits for the process to end successfully.
   *
   * @throws {Error} when it fails, or after `timeoutMs`
   */
  async waitForSuccess(timeoutMs: number): Promise<void> {
    const status = await this.waitFor("the end", () => this.#status, timeoutMs);
    if (!status.success) throw new Error(this.describe());
  }

  /** Sends SIGTERM, then SIGKILL if necessary, and returns the exit status. Safe to call again. */
  async stop(): Promise<Deno.CommandStatus> {
    if (this.#status !== undefined) return this.#status;
    this.#kill("SIGTERM");
    const timer = setTimeout(() => this.#kill("SIGKILL"), STOP_TIMEOUT_MS);
    try {
      return await this.#finished;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Describes the state and the last lines, for failure messages. */
  describe(): string {
    const state = this.#status === undefined ? "is running" : `ended with ${exitOf(this.#status)}`;
    const lines = this.stderr.slice(-SHOWN_LINES).map((line) => `  | ${line}`);
    return [`${this.name} ${state}`, ...lines].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<Deno.CommandStatus> {
    const [status] = await Promise.all([
      this.#child.status,
      collectLines(this.#child.stdout, this.stdout),
      collectLines(this.#child.stderr, this.stderr),
    ]);
    this.#status = status;
    return status;
  }

  #findLine(pattern: RegExp): RegExpMatchArray | undefined {
    for (const line of [...this.stderr, ...this.stdout]) {
      const match = line.match(pattern);
      if (match !== null) return match;
    }
    return undefined;
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // The process has just ended by itself.
    }
  }
}

/** Starts a program with empty standard input. */
export function startProcess(options: ProcessOptions): ChildProcess {
  const [program, ...args] = options.command;
  const command = new Deno.Command(program, {
    args,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  return new ChildProcess(options.name, command.spawn());
}

async function collectLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split(/[\r\n]+/);
    rest = parts.pop() ?? "";
    lines.push(...parts.filter((line) => line !== ""));
  }
  if (rest !== "") lines.push(rest);
}

function exitOf(status: Deno.CommandStatus): string {
  return status.signal === null ? `exit code ${status.code}` : status.signal;
}
