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

/** What a cache does not do as nginx does. */
export type Flaw =
  /** Requests at the moment of a renewal reach the origin; some fail if it dies at that moment. */
  | "leaks at renewals"
  /** Of requests at the same moment for a file that is not cached, a second one may get through. */
  | "may ask twice"
  /** It does not cache that a file is missing. */
  | "asks for missing files"
  /** Of requests for a stale playlist some wait for the origin, and then fail. */
  | "waits while frozen"
  /** A part of a segment that is not cached yet is fetched as a part. */
  | "fetches parts"
  /** It serves more than HLS files. */
  | "serves all files"
  /** How long it serves without the origin is configured in it, not by `stale-if-error`. */
  | "ignores stale-if-error";

/** A cache program. */
export interface HttpCache {
  readonly name: ProgramName;
  /** Where it falls short of nginx, as the page says. */
  readonly flaws: readonly Flaw[];
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
  const block = page.match(new RegExp(`^\`\`\`.*\\n(# ${fileName}\\n[^]*?)^\`\`\``, "m"))?.[1];
  if (block === undefined) throw new Error(`Cannot find ${fileName} in ${PAGE}`);
  return Object.entries(changes).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`Cannot find "${from}" in ${fileName} of ${PAGE}`);
    return text.replaceAll(from, to);
  }, block);
}

/** nginx with several workers, which have to share what one of them fetches. */
export const NGINX: HttpCache = {
  name: "nginx",
  flaws: [],
  prepare: (options) =>
    prepareNginx(options, {
      "listen 80;": `listen 127.0.0.1:${options.port};`,
      "proxy_read_timeout 5s": "proxy_read_timeout 2s",
    }),
};

/** nginx with the locations for low-latency HLS in place of the others. */
export const NGINX_LOW_LATENCY: HttpCache = {
  ...NGINX,
  async prepare(options) {
    const page = await Deno.readTextFile(PAGE);
    const [usual, low] = page.match(
      /^ *location ~ \\\.m3u8\$ \{[^]*?\}\n *location ~ [^]*?\}\n/gm,
    )!;
    return await prepareNginx(options, {
      "listen 80;": `listen 127.0.0.1:${options.port};`,
      [usual!]: low!,
    });
  },
};

async function prepareNginx(
  { directory, originPort }: CacheOptions,
  changes: Readonly<Record<string, string>>,
): Promise<[string, ...string[]]> {
  const page = await readPage("/etc/nginx/conf.d/hls.conf", {
    ...changes,
    "10.0.0.1:8080": `127.0.0.1:${originPort}`,
    "/var/cache/nginx": directory,
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
}

/** squid with one process. */
export const SQUID: HttpCache = {
  name: "squid",
  flaws: ["leaks at renewals", "asks for missing files", "waits while frozen"],
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

/** Varnish, as Debian's package sets it up, with a small memory. */
export const VARNISH: HttpCache = {
  name: "varnishd",
  flaws: ["ignores stale-if-error"],
  async prepare({ directory, port, originPort }) {
    const page = await readPage("/etc/varnish/default.vcl", {
      '.host = "10.0.0.1"': '.host = "127.0.0.1"',
      '.port = "8080"': `.port = "${originPort}"`,
    });
    const config = `${directory}/default.vcl`;
    await Deno.writeTextFile(config, page);
    return findable(
      ...["varnishd", "-F", "-j", "none", "-a", `127.0.0.1:${port}`, "-f", config] as const,
      ...["-n", `${directory}/varnish`, "-s", "malloc,64m"],
    );
  },
};

/** Debian's folder of Traffic Server's configuration. */
const TRAFFIC_SERVER = "/etc/trafficserver";

/** Traffic Server, which switches from root to its own user. */
export const TRAFFICSERVER: HttpCache = {
  name: "traffic_server",
  flaws: ["may ask twice", "fetches parts", "serves all files", "ignores stale-if-error"],
  async prepare({ directory, port, originPort }) {
    const lines = await readPage(`${TRAFFIC_SERVER}/records.config`, {
      "server_ports STRING 80": `server_ports STRING ${port}`,
    });
    const remap = await readPage(`${TRAFFIC_SERVER}/remap.config`, {
      "http://hls.example.com/": `http://127.0.0.1:${port}/`,
      "http://10.0.0.1:8080/": `http://127.0.0.1:${originPort}/`,
    });
    const names = [...lines.matchAll(/^CONFIG (\S+)/gm)].map(([, name]) => name!);
    const records = (await Deno.readTextFile(`${TRAFFIC_SERVER}/records.config`)).split("\n")
      .filter((line) => !names.some((name) => line.startsWith(`CONFIG ${name} `))).join("\n");
    const folders = ["etc", "run", "log", "store", "data"].map((name) => `${directory}/${name}`);
    const [etc, run, log, store, data] = folders;
    const layout = Object.entries({
      ...{ prefix: directory, exec_prefix: directory, bindir: "/usr/bin", sbindir: "/usr/bin" },
      ...{ sysconfdir: etc, datadir: data, includedir: data, localstatedir: directory },
      ...{ runtimedir: run, logdir: log, cachedir: store },
      ...{ libdir: "/usr/lib/trafficserver", libexecdir: "/usr/lib/trafficserver/modules" },
    }).map(([name, path]) => `${name}: ${path}\n`).join("");
    await Deno.writeTextFile(`${directory}/runroot.yaml`, layout);
    await Deno.writeTextFile(`${directory}/records.config`, `${records}\n${lines}`);
    await Deno.writeTextFile(`${directory}/remap.config`, remap);
    const script = `mkdir ${folders.join(" ")} && cp -r ${TRAFFIC_SERVER}/. ${etc}
      cp ${directory}/*.config ${etc} && echo "${store} 64M" > ${etc}/storage.config
      chown -R trafficserver ${directory} && chmod 755 ${directory}
      exec traffic_server --run-root=${directory}`;
    return findable("sh", "-c", script);
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
