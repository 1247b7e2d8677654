/**
 * HTTP on one address: the only file of this layer that touches sockets.
 *
 * The runtime bounds what a request line with its headers may take (400 beyond some 400 KiB) and hands no
 * body to anybody who does not read it; no route here does. It does not bound how slowly a client sends
 * its headers: such a client costs its descriptor and nothing else, until it leaves. `docs/http.md` tells
 * how to keep those out.
 */

import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText, stripParams } from "../base/text.ts";
import { formatAddress } from "../net/deno_tcp.ts";
import type { NetAddress } from "../net/transport.ts";

/** What a handler is told beside the request; `c.env` of a hono handler. */
export interface HttpBindings {
  /** Address of the client, `203.0.113.9:52114`. */
  readonly remote: string;
}

/** Answers a request. What it throws becomes a 500. */
export type HttpHandler = (
  request: Request,
  bindings: HttpBindings,
) => Response | Promise<Response>;

/** Options of {@linkcode HttpServer}. */
export interface HttpServerOptions {
  readonly address: NetAddress;
  readonly handler: HttpHandler;
  /** Several listeners may have the same port, and the kernel spreads the clients (Linux). */
  readonly isPortShared: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An address cannot be listened on. */
export class HttpListenError extends Error {
  constructor(address: NetAddress, cause: unknown) {
    super(`Cannot listen on http://${formatAddress(address)}: ${describeError(cause)}`, { cause });
    this.name = "HttpListenError";
  }
}

/** Answers that are under way get this long when the server stops; endless ones are cut then. */
const STOP_GRACE_MS = 500;

/** An answer counts as complete when the runtime has it; this long later the client has it, too. */
const STOP_FLUSH_MS = 50;

/** See the file comment. */
export class HttpServer {
  /** The real address, also when port 0 was asked for. */
  readonly address: NetAddress;
  readonly #options: HttpServerOptions;
  readonly #logger: Logger;
  readonly #abort = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Answers under way. One that waits for a client which has left may never end. */
  #underWay = 0;
  /** Called when no answer is under way. */
  #onIdle = () => {};
  #isStopping = false;

  /** Listens from now on. @throws {HttpListenError} */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#logger = options.logger.for("http");
    try {
      this.#server = Deno.serve(
        {
          ...options.address,
          reusePort: options.isPortShared,
          signal: this.#abort.signal,
          onListen() {},
        },
        (request, info) => this.#answer(request, info),
      );
    } catch (error) {
      throw new HttpListenError(options.address, error);
    }
    const { hostname, port } = this.#server.addr;
    this.address = { hostname, port };
  }

  /** Lets answers under way end, for a moment, then closes everything. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#underWay > 0) await this.#untilIdle();
    await new Promise<void>((resolve) => this.#options.clock.after(STOP_FLUSH_MS, resolve));
    // Not `shutdown()`: it waits for clients that never finish their head.
    this.#abort.abort();
    await this.#server.finished;
  }

  async #answer(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> {
    if (this.#isStopping) {
      return new Response("The server stops\n", { status: 503, headers: { connection: "close" } });
    }
    // Some clients send hosts that are none, and not everybody looks before he takes a URL apart.
    if (!URL.canParse(request.url)) return new Response("Bad host\n", { status: 400 });
    this.#underWay++;
    const startMs = this.#options.clock.now();
    const remote = formatAddress(info.remoteAddr);
    const response = await this.#handle(request, remote);
    // It rejects when the client leaves early, which is its right.
    void info.completed.catch(() => {}).then(() => this.#onAnswered());
    // Without the query: it often holds a token.
    this.#logger.debug("Answered", {
      peer: remote,
      method: quotePeerText(request.method),
      path: quotePeerText(pathOf(request.url)),
      status: response.status,
      ms: Math.round(this.#options.clock.now() - startMs),
    });
    return response;
  }

  async #handle(request: Request, remote: string): Promise<Response> {
    try {
      return await this.#options.handler(request, { remote });
    } catch (error) {
      this.#logger.error(`Cannot answer a request after a fault of ours: ${describeError(error)}`, {
        peer: remote,
        path: quotePeerText(pathOf(request.url)),
        stack: error instanceof Error ? error.stack : undefined,
      });
      return new Response("Internal error\n", { status: 500 });
    }
  }

  #onAnswered(): void {
    this.#underWay--;
    if (this.#underWay === 0) this.#onIdle();
  }

  /** Waits for the answers under way, for a moment. */
  async #untilIdle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(STOP_GRACE_MS, resolve);
    this.#onIdle = resolve;
    await promise;
    cancel();
  }
}

/**
 * The path of a request's URL as the client wrote it, without the query. Not by `URL`, which throws for
 * the hosts that some clients send.
 */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : stripParams(url.slice(start));
}
