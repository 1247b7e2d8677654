import { assert } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { freePort } from "../helpers/ports.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";

/** What the first line of a reload counts, and how the lines begin that name each. */
const NAMED_LINES = {
  applied: "Setting changed: ",
  "needs_restart": "Setting needs a restart: ",
  problems: "Configuration problem: ",
};

/** How a {@linkcode ReloadRig} starts its server. */
interface ReloadRigOptions {
  /** Further arguments. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A real server, whose configuration file a test writes while it runs. */
export class ReloadRig implements AsyncDisposable {
  readonly port = freePort();
  readonly apiPort = freePort();
  readonly directory: string;
  #process: ChildProcess | null = null;
  /** Lines of the log that tests have seen. */
  #seen = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  get process(): ChildProcess {
    return this.#process!;
  }

  /** Writes the configuration: `server` outside vhosts, `vhosts` in place of the default one. */
  write(server = "", vhosts = "vhost __defaultVhost__ { }"): void {
    this.writeFile(
      "edge.conf",
      `listen 127.0.0.1:${this.port};
       http_api { enabled on; listen 127.0.0.1:${this.apiPort}; }
       ${server} ${vhosts}\n`,
    );
  }

  writeFile(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.directory}/${name}`, text);
  }

  /** Starts the server, and returns when it listens. */
  async start({ args = [], env = {} }: ReloadRigOptions = {}): Promise<void> {
    const command = [...edgeCommand(), "-c", "edge.conf", ...args] as const;
    this.#process = startProcess({ name: "edge", command, cwd: this.directory, env });
    await this.process.waitForLine(/Listening on rtmp/, CHILD_TIMEOUT_MS);
    await this.process.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
  }

  /** Sends SIGHUP, and returns the lines of the log from the answer on. */
  async reload(): Promise<string[]> {
    Deno.kill(this.process.pid, "SIGHUP");
    return await this.untilReloaded();
  }

  /** Waits for the next reload, and returns the lines of the log from there on. */
  async untilReloaded(): Promise<string[]> {
    const found = await this.process.waitFor("a reload with all that it names", () => {
      const lines = this.process.stderr.slice(this.#seen);
      const at = lines.findIndex((line) => /Configuration (?:not )?reloaded/.test(line));
      return at >= 0 && namesAll(lines.slice(at)) && lines.slice(at);
    }, CHILD_TIMEOUT_MS);
    this.#seen = this.process.stderr.length;
    return found;
  }

  /** Asks the API. */
  // deno-lint-ignore no-explicit-any -- tests read what they expect
  async ask(method: string, path: string): Promise<any> {
    const response = await fetch(`http://127.0.0.1:${this.apiPort}${path}`, { method });
    assert(response.ok, `${path}: ${response.status}`);
    return await response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop();
  }
}

/** Returns whether all is there that the first line counts: lines may arrive one by one. */
function namesAll(lines: readonly string[]): boolean {
  return Object.entries(NAMED_LINES).every(([count, text]) => {
    const [, expected = "0"] = new RegExp(` ${count}=(\\d+)`).exec(lines[0]!) ?? [];
    return lines.filter((line) => line.includes(text)).length >= Number(expected);
  });
}
