/** Real HTTP caches, configured as `docs/hls-edge.md` says. */

import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { freePort, isAccepting } from "../helpers/ports.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import type { ProgramName } from "../helpers/programs.ts";

const START_TIMEOUT_MS = 10_000;
const PORT_ATTEMPTS = 5;
const PAGE = `${PROJECT_ROOT}docs/hls-edge.md`;

/** A running cache. */
export interface RunningCache extends AsyncDisposable {
  readonly port: number;
  readonly process: ChildProcess;
}

/** A cache program. */
export interface HttpCache {
  readonly name: ProgramName;
  /**
   * Whether it keeps everything that the page promises for nginx, or only what it promises for
   * squid.
   */
  readonly isThorough: boolean;
  /** Writes its files into `directory`. @returns the command that starts it */
  prepare(options: CacheOptions): Promise<readonly [string, ...string[]]>;
}

/** Where a cache runs, and for which origin. */
interface CacheOptions {
  /** For all its files. */
  readonly directory: string;
  readonly port: number;
  readonly originPort: number;
}

/**
 * Returns a block of the page, found by the file name in its first line.
 *
 * @param changes replacements; each must apply
 * @throws {Error} when the page has no such block, or a replacement does not apply
 */
export async function readPage(
  fileName: string,
  changes: Readonly<Record<string, string>>,
): Promise<string> {
  const page = await Deno.readTextFile(PAGE);
  const block = page.match(new RegExp(`^\`\`\`\\w*\\n(# ${fileName}\\n[^]*?)^\`\`\``, "m"))?.[1];
  if (block === undefined) throw new Error(`Cannot find ${fileName} in ${PAGE}`);
  return Object.entries(changes).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`Cannot find "${from}" in ${fileName} of ${PAGE}`);
    return text.replaceAll(from, to);
  }, block);
}

/** nginx with several workers, which have to share what one of them fetches. */
export const NGINX: HttpCache = {
  name: "nginx",
  isThorough: true,
  async prepare({ directory, port, originPort }) {
    const page = await readPage("/etc/nginx/conf.d/hls.conf", {
      "listen 80;": `listen 127.0.0.1:${port};`,
      "10.0.0.1:8080": `127.0.0.1:${originPort}`,
      "/var/cache/nginx": directory,
      "proxy_read_timeout 5s": "proxy_read_timeout 2s",
    });
    const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${directory}/${name};`
    );
    const config = `${directory}/nginx.conf`;
    await Deno.writeTextFile(
      config,
      `daemon off; user root; worker_processes 2; pid ${directory}/nginx.pid;
       error_log stderr crit; events { worker_connections 1024; }
       http { access_log off; ${folders.join(" ")}\n${page}\n}`,
    );
    return findable("nginx", "-p", directory, "-e", "stderr", "-c", config);
  },
};

/** squid with one process. */
export const SQUID: HttpCache = {
  name: "squid",
  isThorough: false,
  async prepare({ directory, port, originPort }) {
    const page = await readPage("/etc/squid/squid.conf", {
      "http_port 80": `http_port 127.0.0.1:${port}`,
      "10.0.0.1 parent 8080": `127.0.0.1 parent ${originPort}`,
      "cache_mem 1 GB": "cache_mem 64 MB",
    });
    const config = `${directory}/squid.conf`;
    await Deno.writeTextFile(
      config,
      `pid_filename none\ncache_log /dev/null\naccess_log none\nnetdb_filename none
pinger_enable off\nshutdown_lifetime 0 seconds\nvisible_hostname localhost\n${page}`,
    );
    return findable("squid", "-N", "-f", config);
  },
};

/** Starts a cache in front of the HTTP server at `originPort`, and returns when it listens. */
export async function startCache(
  cache: HttpCache,
  { directory, originPort }: Omit<CacheOptions, "port">,
): Promise<RunningCache> {
  for (let attempt = 1;; attempt++) {
    const port = freePort();
    const own = await Deno.makeTempDir({ dir: directory, prefix: `${cache.name}-` });
    const command = await cache.prepare({ directory: own, port, originPort });
    const process = startProcess({ name: cache.name, command });
    try {
      await process.waitFor("listening", () => isAccepting(port), START_TIMEOUT_MS);
      return { port, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
    } catch (error) {
      await process.stop();
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Debian's folder for servers is not in every user's search path. */
function findable(...command: readonly [string, ...string[]]): [string, ...string[]] {
  return ["env", `PATH=${Deno.env.get("PATH") ?? ""}:/usr/sbin`, ...command];
}
