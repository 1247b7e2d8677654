import { startEdgeFromFile } from "../helpers/edge_server.ts";
import { freePort } from "../helpers/ports.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { streamUrl } from "../helpers/servers.ts";
import { readPage } from "./http_caches.ts";

const TIMEOUT_MS = 10_000;

/** A request that the origin answered. */
export interface OriginRequest {
  /** Time of the answer, as logged. */
  readonly time: string;
  /** Address of the client's end of the connection. */
  readonly peer: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: number;
}

/**
 * An origin that writes and serves HLS, as a separate process that logs every request. Its
 * configuration is that of `docs/hls-edge.md`, with short segments.
 */
export class HlsOrigin implements AsyncDisposable {
  readonly httpPort = freePort();
  readonly #directory: string;
  /** Past processes, and the current one last. */
  readonly #processes: ChildProcess[] = [];
  #url = "";

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Folder of the files that it serves. */
  get html(): string {
    return `${this.#directory}/html`;
  }

  /** URL to publish the stream `live/show` to. */
  get publishUrl(): string {
    return this.#url;
  }

  /** All requests, oldest first, including those before a restart. */
  get requests(): OriginRequest[] {
    const lines = this.#processes.flatMap(({ stdout, stderr }) => [...stdout, ...stderr]);
    return lines.flatMap((line) => {
      const match = line.match(
        /([\d:.]+)[+-]\d\d:\d\d DEBUG .*Request answered peer=(\S+) method="\\"(\w+)\\"" path="\\"(\S+)\\"" status=(\d+)/,
      );
      if (match === null) return [];
      const [, time, peer, method, path, status] = match;
      return {
        time: time!,
        peer: peer!,
        method: method!,
        path: path!,
        status: Number(status),
      };
    });
  }

  /** Starts it; after {@linkcode stop}, on the same HTTP port. */
  async start(): Promise<void> {
    const page = await readPage("edge.conf", {
      "listen 8080": `listen 127.0.0.1:${this.httpPort}`,
      "./objs/nginx/html": this.html,
      "hls_fragment 4": "hls_fragment 1",
      "hls_window 60": "hls_window 6",
    });
    const name = `origin-${this.#processes.length}`;
    const configFile = `${this.#directory}/${name}.conf`;
    const log = `srs_log_tank console; srs_log_level verbose; pid objs/${name}.pid;`;
    await Deno.writeTextFile(configFile, `${page}\n${log}\n`);
    const server = await startEdgeFromFile({
      name,
      directory: this.#directory,
      configFile,
      args: ["--listen", "127.0.0.1:0"],
    });
    this.#processes.push(server.process);
    this.#url = streamUrl(server, "show");
    await server.process.waitForLine(/Listening on http:/, TIMEOUT_MS);
  }

  /** Writes a file for it to serve. */
  async write(path: string, content: string | Uint8Array): Promise<void> {
    const file = this.html + path;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(
      file,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }

  async stop(): Promise<void> {
    await this.#processes.at(-1)?.stop();
  }

  /** Runs `act` while the origin is frozen: it accepts connections, and answers nothing. */
  async whileFrozen<T>(act: () => Promise<T>): Promise<T> {
    const { pid } = this.#processes.at(-1)!;
    Deno.kill(pid, "SIGSTOP");
    try {
      return await act();
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
