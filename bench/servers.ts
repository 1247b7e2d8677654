/** Starts the servers to measure, each alone on its core. */

import { edgeCommand, PROJECT_ROOT } from "../tests/helpers/edge_server.ts";
import { type ChildProcess, startProcess } from "../tests/helpers/processes.ts";
import { say } from "../tests/helpers/say.ts";
import type { Pinning } from "./machine.ts";
import { WORKSHOP } from "./workshop.ts";

const START_TIMEOUT_MS = 60_000;

/** A running server, and the port to publish to. */
export class BenchServer implements AsyncDisposable {
  readonly port: number;
  readonly publishPort: number;
  readonly #processes: readonly ChildProcess[];

  /** @param processes The measured server first, then the ones it needs. */
  constructor(port: number, publishPort: number, processes: readonly ChildProcess[]) {
    this.port = port;
    this.publishPort = publishPort;
    this.#processes = processes;
  }

  /** Process id of the measured server. */
  get pid(): number {
    return this.#processes[0]!.pid;
  }

  /** Log of the measured server. */
  get log(): readonly string[] {
    return linesOf(this.#processes[0]);
  }

  /** Log of its origin. */
  get originLog(): readonly string[] {
    return linesOf(this.#processes[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await process.stop();
  }
}

function linesOf(process: ChildProcess | undefined): readonly string[] {
  return process === undefined ? [] : [...process.stderr, ...process.stdout];
}

/** A kind of server that can be measured. */
export interface Competitor {
  readonly name: string;
  start(): Promise<BenchServer>;
}

/** A process that accepts connections. */
export interface Listening {
  readonly port: number;
  readonly process: ChildProcess;
}

/** Settings of our server. */
interface EdgeSettings {
  /** Path of the executable; without it, the server runs from source. */
  readonly binary?: string;
  /** Directives inside the vhost of the measured server. */
  readonly vhost: string;
  /** Directives outside the vhost of the measured server. */
  readonly global?: string;
  /** Cores of the measured server, by default its own one. */
  readonly cores?: "own" | "all";
  /** Where the publisher connects: to the origin behind the edge, or to the edge. */
  readonly publishAt: "origin" | "edge";
}

/**
 * Sources pause while other servers have their turn; neither server may treat that as a failure.
 */
const PATIENCE = { publish: "publish { normal_timeout 600000; }", cluster: "stall_timeout 600s;" };

/** Starts our server: an edge on the measured core by default, and its origin beside the load. */
export async function startEdgeOnCore(
  pinning: Pinning,
  settings: EdgeSettings,
): Promise<BenchServer> {
  const { global = "", cores = "own" } = settings;
  const origin = await launchEdge({
    name: "origin",
    vhost: PATIENCE.publish,
    wrap: (command) => command,
  });
  try {
    const edge = await launchEdge({
      name: "edge",
      vhost: `${settings.vhost} ${PATIENCE.publish}
        cluster { mode remote; origin 127.0.0.1:${origin.port}; ${PATIENCE.cluster} }`,
      global,
      wrap: (command) =>
        cores === "own" ? pinning.onServerCore(command) : pinning.onAllCores(command),
      ...(settings.binary === undefined ? {} : { binary: settings.binary }),
    });
    const publishPort = settings.publishAt === "edge" ? edge.port : origin.port;
    return new BenchServer(edge.port, publishPort, [edge.process, origin.process]);
  } catch (error) {
    await origin.process.stop();
    throw error;
  }
}

/** Options of {@linkcode launchEdge}. */
interface LaunchOptions {
  readonly name: string;
  /** Directives inside the vhost. */
  readonly vhost: string;
  /** Directives outside the vhost. */
  readonly global?: string;
  /** Returns the command to run instead. */
  readonly wrap: (command: [string, ...string[]]) => [string, ...string[]];
  readonly binary?: string;
  /** Any free port by default. */
  readonly port?: number;
}

/** Starts our server, and returns when it listens. */
export async function launchEdge(options: LaunchOptions): Promise<Listening> {
  const { name, vhost, global = "", wrap, binary, port: wantedPort = 0 } = options;
  const configFile = `${WORKSHOP}/${name}.conf`;
  await Deno.writeTextFile(
    configFile,
    `listen 1935;\nmax_connections 100000;\n${global}\nvhost __defaultVhost__ { ${vhost} }\n`,
  );
  const program: [string, ...string[]] = binary === undefined ? edgeCommand() : [binary];
  const args = ["--config", configFile, "--listen", `127.0.0.1:${wantedPort}`];
  const process = startProcess({ name, command: wrap([...program, ...args]), cwd: WORKSHOP });
  return await untilUp(process, async () => {
    const [, port] = await process.waitForLine(/Listening on rtmp:\S*:(\d+)/, START_TIMEOUT_MS);
    return { port: Number(port), process };
  });
}

/** Returns the path of our executable, or null before `deno task compile` has been run. */
export async function compiledEdge(): Promise<string | null> {
  const path = `${PROJECT_ROOT}dist/edge`;
  try {
    await Deno.stat(path);
    return path;
  } catch {
    say("skipped: the executable dist/edge does not exist; run deno task compile");
    return null;
  }
}

/** Waits for a process to be ready; stops it when that fails. */
export async function untilUp<T>(process: ChildProcess, wait: () => Promise<T>): Promise<T> {
  try {
    return await wait();
  } catch (error) {
    await process.stop();
    throw error;
  }
}
