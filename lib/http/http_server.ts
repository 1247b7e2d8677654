/** HTTP on one address: who comes, who is answered by whom, and how all of it ends. */

import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import { Acceptor } from "../io/acceptor.ts";
import { formatAddress } from "../io/tcp.ts";
import { ReadBuffers } from "../io/read_buffers.ts";
import type { NetAddress, Network, Transport } from "../io/transport.ts";
import {
  type HttpBindings,
  HttpConnection,
  type HttpConnectionContext,
} from "./http_connection.ts";
import { pathOf } from "./request_head.ts";
import { withSpan } from "./request_span.ts";

/** Answers a request. What it throws becomes a 500. */
export type HttpHandler = (
  request: Request,
  bindings: HttpBindings,
) => Response | Promise<Response>;

/** Options of {@linkcode HttpServer}. */
export interface HttpServerOptions {
  readonly address: NetAddress;
  readonly handler: HttpHandler;
  readonly network: Network;
  /** Clients beyond this number are closed as they come. */
  readonly maxConnections: number;
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

/** How often connections look at their timeouts. */
const CHECK_PERIOD_MS = 1_000;

/** See the file comment. */
export class HttpServer {
  /** The real address, also when port 0 was asked for. */
  readonly address: NetAddress;
  readonly #options: HttpServerOptions;
  readonly #logger: Logger;
  readonly #acceptor: Acceptor;
  readonly #context: HttpConnectionContext;
  readonly #connections = new Map<HttpConnection, Promise<void>>();
  #cancelCheck: CancelTimer;
  /** Called when nobody is left. */
  #onEmpty = () => {};

  /** Listens from now on. @throws {HttpListenError} */
  constructor(options: HttpServerOptions) {
    const { clock, address } = options;
    this.#options = options;
    this.#logger = options.logger.for("http");
    this.#acceptor = new Acceptor({
      ...options,
      onClient: (transport) => this.#admit(transport),
      countClients: () => this.#connections.size,
      maxClients: options.maxConnections,
    });
    const answer = (request: Request, bindings: HttpBindings) =>
      withSpan(request, bindings.remote, () => this.#answer(request, bindings));
    this.#context = { answer, buffers: new ReadBuffers(), clock, logger: this.#logger };
    try {
      this.address = this.#acceptor.listen(address);
    } catch (error) {
      throw new HttpListenError(address, error);
    }
    this.#cancelCheck = this.#scheduleCheck();
  }

  /**
   * Lets answers under way end, for a moment, then closes everything. A request that comes now gets no
   * answer at all: so a proxy knows that another server may be asked, or that what it has is all there is.
   */
  async stop(): Promise<void> {
    this.#cancelCheck();
    const accepted = this.#acceptor.stop();
    const runs = [...this.#connections.values()];
    for (const connection of this.#connections.keys()) connection.stop();
    if (this.#connections.size > 0) await this.#untilEmpty();
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all([accepted, ...runs]);
  }

  #admit(transport: Transport): void {
    const connection = new HttpConnection(transport, this.#context, (closed) => {
      this.#connections.delete(closed);
      if (this.#connections.size === 0) this.#onEmpty();
    });
    this.#connections.set(connection, connection.run());
  }

  #scheduleCheck(): CancelTimer {
    const { clock } = this.#options;
    return clock.after(CHECK_PERIOD_MS, () => {
      this.#cancelCheck = this.#scheduleCheck();
      const nowMs = clock.now();
      for (const connection of this.#connections.keys()) connection.check(nowMs);
    });
  }

  /** Never rejects. */
  async #answer(request: Request, bindings: HttpBindings): Promise<Response> {
    const { clock } = this.#options;
    const startMs = clock.now();
    const response = await this.#handle(request, bindings);
    // Without the query: it often holds a token.
    this.#logger.debug("Answered", {
      peer: bindings.remote,
      method: quotePeerText(request.method),
      path: quotePeerText(pathOf(request.url)),
      status: response.status,
      ms: Math.round(clock.now() - startMs),
    });
    return response;
  }

  async #handle(request: Request, bindings: HttpBindings): Promise<Response> {
    try {
      return await this.#options.handler(request, bindings);
    } catch (error) {
      this.#logger.error(`Cannot answer a request after a fault of ours: ${describeError(error)}`, {
        peer: bindings.remote,
        path: quotePeerText(pathOf(request.url)),
        stack: error instanceof Error ? error.stack : undefined,
      });
      return new Response("Internal error\n", { status: 500 });
    }
  }

  /** Waits until nobody is left, for a moment. */
  async #untilEmpty(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(STOP_GRACE_MS, resolve);
    this.#onEmpty = resolve;
    await promise;
    cancel();
  }
}
