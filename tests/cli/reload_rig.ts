import { assert } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { freePort } from "../helpers/ports.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";

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
    const lines = () => this.process.stderr.slice(this.#seen);
    const at = await this.process.waitFor("a reload", () => {
      const index = lines().findIndex((line) => /Configuration (?:not )?reloaded/.test(line));
      return index >= 0 && [index];
    }, CHILD_TIMEOUT_MS);
    // What belongs to the answer is logged in the same turn.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const found = lines().slice(at[0]!);
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
