/** The HTTP side of a server: which apps answer on which address. */

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { ServerIdentity } from "../http/api_answers.ts";
import { createApiApp, createFilesApp } from "../http/apps.ts";
import { createConsoleRedirect, describeConsoleStreams } from "../http/console_routes.ts";
import { createFlvRoutes, type FlvRoutesOptions } from "../http/flv_routes.ts";
import { HttpServer } from "../http/http_server.ts";
import { createApp, type HttpApp } from "../http/routes.ts";
import type { ServerView } from "../monitor/server_view.ts";
import { StaticFiles } from "../http/static_files.ts";
import { formatAddress } from "../io/tcp.ts";
import type { NetAddress, Network } from "../io/transport.ts";

/** Options of {@linkcode HttpFace}. */
export interface HttpFaceOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the API shows; null when there is none. */
  readonly view: ServerView | null;
  readonly identity: ServerIdentity;
  /** Who serves streams as FLV on `http_server`; null where that is not done. */
  readonly flv: FlvRoutesOptions | null;
  /** False while the server stops. */
  readonly isReady: () => boolean;
  readonly network: Network;
}

/** Makes an {@linkcode HttpFace}; `load_http.ts` brings it when it is needed. */
export type OpenHttp = (options: HttpFaceOptions) => HttpFace;

/** Listens on all addresses. @throws {HttpListenError} and listens on none then. */
export function openHttpFace(options: HttpFaceOptions): HttpFace {
  return new HttpFace(options);
}

/** See the file comment. */
export class HttpFace {
  readonly #servers: HttpServer[] = [];

  /** Listens on all addresses. @throws {HttpListenError} and listens on none then. */
  constructor(options: HttpFaceOptions) {
    try {
      for (const { address, app } of assignApps(options)) {
        const { maxConnections } = options.config;
        this.#servers.push(
          new HttpServer({ ...options, address, maxConnections, handler: app.fetch }),
        );
      }
    } catch (error) {
      void this.stop();
      throw error;
    }
  }

  /** Real addresses; those of the API first. */
  get addresses(): NetAddress[] {
    return this.#servers.map(({ address }) => address);
  }

  /** Closes everything; endless answers are cut. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}

/** An app for each address; where both blocks name one, the API comes first. */
function assignApps(
  options: HttpFaceOptions,
): Iterable<{ readonly address: NetAddress; readonly app: HttpApp }> {
  const assigned = new Map<string, { readonly address: NetAddress; readonly app: HttpApp }>();
  const mount = (addresses: readonly NetAddress[], app: HttpApp) => {
    for (const address of addresses) {
      const key = formatAddress(address);
      const present = assigned.get(key) ?? { address, app: createApp() };
      present.app.route("/", app);
      assigned.set(key, present);
    }
  };
  const { view, config: { httpApi, httpServer } } = options;
  if (view !== null) {
    const streams = describeConsoleStreams(options.config);
    const api = { ...options, view, config: httpApi, now: Date.now, streams };
    mount(httpApi.listen, createApiApp(api));
  }
  if (httpServer.enabled) {
    const files = new StaticFiles({ dir: httpServer.dir, logger: options.logger });
    // Not reached where both have one address.
    const toConsole = view === null ? [] : [createConsoleRedirect(httpApi.listen[0]!.port)];
    const flv = options.flv === null ? [] : [createFlvRoutes(options.flv)];
    const apps = [...toConsole, ...flv];
    mount(httpServer.listen, createFilesApp({ config: httpServer, files, apps }));
  }
  return assigned.values();
}
