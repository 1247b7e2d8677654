/** Runs the real server as a process: `main.ts`, or the executable that `EDGE_BINARY` names. */

import type { NetworkNamespace } from "./network_namespace.ts";
import { startProcess } from "./processes.ts";
import type { RtmpServer } from "./servers.ts";
import { edgeBinary } from "./settings.ts";

/** Long enough for a first start, which may download and compile modules. */
const START_TIMEOUT_MS = 60_000;

/** The repository's root folder. */
export const PROJECT_ROOT = new URL("../../", import.meta.url).pathname;

/** Options of {@linkcode startEdge}. */
export interface EdgeOptions {
  /** Its name in failure messages and of its files. */
  readonly name: string;
  /** Folder it runs in. */
  readonly directory: string;
  /** The virtual hosts' part of a configuration file. */
  readonly vhosts: string;
  /** Port to listen on; chosen by the system unless given. */
  readonly port?: number;
  /** Address to listen on; loopback unless given. */
  readonly hostname?: string;
  /** Network to run in; it listens on the address there. */
  readonly namespace?: NetworkNamespace;
}

/**
 * Starts a server from configuration text, and returns when it listens.
 *
 * @throws {Error} with its last lines when it does not come up
 */
export async function startEdge(options: EdgeOptions): Promise<RtmpServer> {
  const { name, directory, vhosts, port = 0, namespace } = options;
  const { hostname = namespace?.address ?? "127.0.0.1" } = options;
  const configFile = `${directory}/${name}.conf`;
  const config = `listen 1935;\npid objs/${name}.pid;\nsrs_log_file objs/${name}.log;\n`;
  await Deno.writeTextFile(configFile, `${config}${vhosts}\n`);
  const server = await startEdgeFromFile({
    name,
    directory,
    configFile,
    args: ["--listen", `${hostname}:${port}`],
    ...(namespace === undefined ? {} : { namespace }),
  });
  return { ...server, hostname };
}

/**
 * Starts a server from a configuration file, and returns when it listens.
 *
 * @throws {Error} with its last lines when it does not come up
 */
export async function startEdgeFromFile(
  options: {
    readonly name: string;
    readonly directory: string;
    readonly configFile: string;
    /** Further arguments. */
    readonly args?: readonly string[];
    readonly namespace?: NetworkNamespace;
    /** Environment variables in addition to those of the test. */
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<RtmpServer> {
  const { name, directory, configFile, args = [], namespace, env = {} } = options;
  const program = [...edgeCommand(), "--config", configFile, ...args] as const;
  const command = namespace?.command(program) ?? program;
  const process = startProcess({ name, command, cwd: directory, env });
  try {
    const [, port] = await process.waitForLine(
      /Listening on rtmp:\/\/\S*:(\d+)/,
      START_TIMEOUT_MS,
    );
    return { name, port: Number(port), process };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** Returns the command line of `edge`: that of `deno task start`, or the executable. */
export function edgeCommand(): [string, ...string[]] {
  const binary = edgeBinary();
  if (binary !== undefined) return [binary];
  const allowed = [
    "--no-prompt",
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-sys=loadavg,osUptime,systemMemoryInfo",
    "--allow-env=SRS_*,EDGE_*,NOTIFY_SOCKET",
  ];
  const config = `--config=${PROJECT_ROOT}deno.json`;
  return [
    Deno.execPath(),
    "run",
    config,
    "--v8-flags=--max-semi-space-size=4,--no-memory-reducer,--no-lazy-feedback-allocation,--expose-gc",
    ...allowed,
    `${PROJECT_ROOT}main.ts`,
  ];
}
