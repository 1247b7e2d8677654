import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import { Acceptor, type ListenOptions } from "../io/acceptor.ts";
import { type ConnectionLimit, ConnectionSet } from "../io/connection_set.ts";
import { ProbeLog } from "../io/probe_log.ts";
import { ReadBuffers } from "../io/read_buffers.ts";
import type { NetAddress, Network, Transport } from "../io/transport.ts";
import { type HttpBindings, HttpConnection } from "./http_connection.ts";
import { HttpListenError } from "./http_listen_error.ts";
import { pathOf } from "./request_head.ts";
import { type RequestSubject, withSpan } from "./request_span.ts";

/** Answers a request. What it throws becomes a 500. */
export type HttpHandler = (
  request: Request,
  bindings: HttpBindings,
) => Response | Promise<Response>;

/** Options of {@linkcode HttpServer}. */
interface HttpServerOptions {
  readonly network: Network;
  readonly limit: ConnectionLimit;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes stream keys out of the paths that are logged. */
  readonly hideKeys?: (path: string) => string;
}

/** Options of {@linkcode HttpServer.listen}. */
interface HttpListenOptions extends Omit<ListenOptions, "scheme"> {
  /** The listener in the log: `http_api` gives `http_api http://0.0.0.0:1985`. */
  readonly name: string;
}

/** Time for responses in progress when the server stops. Endless ones are cut then. */
const STOP_GRACE_MS = 500;

/** Serves HTTP on any number of addresses, each with its own handler. */
export class HttpServer {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #acceptor: Acceptor;
  readonly #connections: ConnectionSet<HttpConnection>;
  readonly #probes: ProbeLog;
  readonly #buffers = new ReadBuffers();
  readonly #hideKeys: (path: string) => string;

  constructor(options: HttpServerOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger.for("http");
    this.#acceptor = new Acceptor(options);
    this.#probes = new ProbeLog({ ...options, protocol: "HTTP" });
    this.#connections = new ConnectionSet({ ...options, probes: this.#probes });
    this.#hideKeys = options.hideKeys ?? ((path) => path);
  }

  /**
   * Listens on an address.
   *
   * @param handler Answers the requests of all clients that connect there.
   * @returns the real address, which differs when port 0 was requested.
   * @throws {HttpListenError}
   */
  listen(address: NetAddress, options: HttpListenOptions, handler: HttpHandler): NetAddress {
    try {
      return this.#acceptor.listen(address, listenOptions(options), this.#serve(handler));
    } catch (error) {
      throw new HttpListenError(address, error, options.tls === undefined ? "http" : "https");
    }
  }

  /** Changes the certificate of a listener, whose address {@linkcode listen} returned. */
  replace(address: NetAddress, options: HttpListenOptions, handler: HttpHandler): Promise<void> {
    return this.#acceptor.replace(address, listenOptions(options), this.#serve(handler));
  }

  /** Closes one listener, whose address {@linkcode listen} returned. Its clients stay. */
  unlisten(address: NetAddress): Promise<void> {
    return this.#acceptor.unlisten(address);
  }

  /** Accepts what waits in these listeners, then closes them. Clients stay. */
  finishListening(addresses: readonly NetAddress[]): Promise<void> {
    return this.#acceptor.finish(addresses);
  }

  /**
   * Gives responses in progress a moment to finish, then closes everything. New requests get no
   * answer, so that a proxy asks another server or serves its cache.
   */
  async stop(): Promise<void> {
    await Promise.all([this.#acceptor.stop(), this.#connections.stop(STOP_GRACE_MS)]);
    this.#probes.stop();
  }

  /** Returns what serves the clients of a listener. */
  #serve(handler: HttpHandler): (transport: Transport, listener: string) => void {
    const context = {
      answer: (request: Request, bindings: HttpBindings) => {
        const path = this.#hideKeys(pathOf(request.url));
        const subject = { method: request.method, path, remote: bindings.remote };
        return withSpan(subject, () => this.#answer(() => handler(request, bindings), subject));
      },
      buffers: this.#buffers,
      clock: this.#clock,
      logger: this.#logger,
    };
    return (transport, listener) => {
      this.#connections.admit(transport, listener, () => new HttpConnection(transport, context));
    };
  }

  /** Never rejects. */
  async #answer(
    handle: () => Response | Promise<Response>,
    { method, path, remote }: RequestSubject,
  ): Promise<Response> {
    const startMs = this.#clock.now();
    const response = await this.#handle(handle, { path, remote });
    // Without the query, which often holds a token.
    this.#logger.debug("Request answered", {
      peer: remote,
      method: quotePeerText(method),
      path: quotePeerText(path),
      status: response.status,
      ms: Math.round(this.#clock.now() - startMs),
    });
    return response;
  }

  async #handle(
    handle: () => Response | Promise<Response>,
    { path, remote }: Omit<RequestSubject, "method">,
  ): Promise<Response> {
    try {
      return await handle();
    } catch (error) {
      this.#logger.error(`Internal error; request answered with 500: ${describeError(error)}`, {
        peer: remote,
        path: quotePeerText(path),
        stack: error instanceof Error ? error.stack : undefined,
      });
      return new Response("Internal error\n", { status: 500 });
    }
  }
}

function listenOptions({ name, isProxy, tls }: HttpListenOptions): ListenOptions {
  return { scheme: `${name} ${tls === undefined ? "http" : "https"}`, isProxy, tls };
}
