/** Runs nginx with its RTMP module, as an origin or edge that is not ours. */

import { freePort, isAccepting } from "./ports.ts";
import { startProcess } from "./processes.ts";
import type { ChildProcess } from "./processes.ts";
import { NGINX_RTMP_MODULE } from "./programs.ts";
import type { RtmpServer } from "./servers.ts";

const START_TIMEOUT_MS = 10_000;
const PORT_ATTEMPTS = 5;

/** Options of {@linkcode startNginxRtmp}. */
interface NginxRtmpOptions {
  /** Name in failure messages, and of its files. */
  readonly name: string;
  /** Working directory. */
  readonly directory: string;
  /** Origin (`host:port`) to pull streams of `live` from, on demand. */
  readonly pullFrom?: string;
  /** What else `live` has, such as `allow` and `push`. */
  readonly rules?: string;
}

/**
 * Starts nginx with the application `live`, and returns when it listens.
 *
 * @throws {Error} with its last lines of output when it fails to start
 */
export async function startNginxRtmp(options: NginxRtmpOptions): Promise<RtmpServer> {
  for (let attempt = 1;; attempt++) {
    const server = await launch(options);
    try {
      await server.process.waitFor("listening", () => isAccepting(server.port), START_TIMEOUT_MS);
      return server;
    } catch (error) {
      await server.process.stop();
      if (attempt === PORT_ATTEMPTS || !hasPortClash(server.process)) throw error;
    }
  }
}

async function launch(options: NginxRtmpOptions): Promise<RtmpServer> {
  const { name, directory } = options;
  const port = freePort();
  const configFile = `${directory}/${name}.nginx.conf`;
  await Deno.writeTextFile(configFile, nginxConfig(options, port));
  const command = ["nginx", "-p", directory, "-e", "stderr", "-c", configFile] as const;
  // Debian's folder for nginx is not in every user's search path.
  const findable = ["env", `PATH=${Deno.env.get("PATH") ?? ""}:/usr/sbin`, ...command] as const;
  return { name, port, process: startProcess({ name, command: findable }) };
}

function nginxConfig(options: NginxRtmpOptions, port: number): string {
  const pull = options.pullFrom === undefined ? "" : `pull rtmp://${options.pullFrom}/live;`;
  return `
load_module ${NGINX_RTMP_MODULE};
daemon off;
master_process off;
pid ${options.directory}/${options.name}.nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    application live {
      live on;
      wait_key on;
      ${pull}
      ${options.rules ?? ""}
    }
  }
}
`;
}

function hasPortClash(process: ChildProcess): boolean {
  return process.stderr.some((line) => line.includes("Address already in use"));
}
