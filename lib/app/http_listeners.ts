import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { ServerIdentity } from "../http/api_answers.ts";
import { createApiApp, createFilesApp } from "../http/apps.ts";
import { createConsoleRedirect, describeConsoleStreams } from "../http/console_routes.ts";
import { createFlvRoutes, type FlvRoutesOptions } from "../http/flv_routes.ts";
import { HlsAccess } from "../http/hls_access.ts";
import { HttpServer } from "../http/http_server.ts";
import { createApp, type HttpApp } from "../http/routes.ts";
import { StaticFiles } from "../http/static_files.ts";
import { formatAddress } from "../io/address.ts";
import type { ConnectionLimit } from "../io/connection_set.ts";
import type { NetAddress, Network } from "../io/transport.ts";
import type { ServerView } from "../monitor/server_view.ts";

/** Options of {@linkcode HttpListeners}. */
export interface HttpListenersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly network: Network;
  readonly limit: ConnectionLimit;
  /** What the API shows; null when there is none. */
  readonly view: ServerView | null;
  readonly identity: ServerIdentity;
  /** What `http_server` serves; null in a thread that serves the API only. */
  readonly streams: FlvRoutesOptions | null;
  /** False while the server stops. */
  readonly isReady: () => boolean;
}

/** Makes {@linkcode HttpListeners}; `load_http.ts` loads it when it is needed. */
export type CreateHttp = (options: HttpListenersOptions) => HttpListeners;

/** Makes the HTTP side, which listens when it is started. */
export function createHttpListeners(options: HttpListenersOptions): HttpListeners {
  return new HttpListeners(options);
}

/** What is served on one configured address. */
interface Site {
  readonly address: NetAddress;
  /** Blocks of the configuration that name the address. */
  readonly blocks: readonly string[];
  readonly app: HttpApp;
}

/** A listener. Its clients, old ones too, are answered by the newest app. */
interface OpenSite {
  readonly realAddress: NetAddress;
  app: HttpApp;
}

/** The HTTP side of a server: which apps answer at which address. */
export class HttpListeners {
  readonly #options: HttpListenersOptions;
  readonly #server: HttpServer;
  /** By configured address. */
  readonly #open = new Map<string, OpenSite>();

  constructor(options: HttpListenersOptions) {
    this.#options = options;
    this.#server = new HttpServer(options);
  }

  /** Real addresses; those of the API first. */
  get addresses(): NetAddress[] {
    return Array.from(this.#open.values(), ({ realAddress }) => realAddress);
  }

  /** Listens on all addresses. @throws {HttpListenError} and listens on none then. */
  start(): void {
    this.#apply(assignApps(this.#options.config, this.#options));
  }

  /**
   * Applies new settings: opens and closes listeners, and replaces the apps of those that stay.
   * Clients stay, those of closed listeners too.
   *
   * @returns settles when closed listeners accept no more clients.
   * @throws {HttpListenError} and changes nothing then.
   */
  async apply(config: Config): Promise<void> {
    const sites = assignApps(config, this.#options);
    this.#apply(sites);
    const closed = [...this.#open.keys()].filter((key) => !sites.has(key));
    await Promise.all(closed.map((key) => this.#close(key)));
  }

  /** Closes everything; endless answers are cut. */
  async stop(): Promise<void> {
    this.#open.clear();
    await this.#server.stop();
  }

  /** Opens what is new first: a failure must not cost a listener that works. */
  #apply(sites: ReadonlyMap<string, Site>): void {
    const opened: string[] = [];
    try {
      for (const [key, site] of sites) {
        if (this.#open.has(key)) continue;
        this.#open.set(key, this.#listen(site));
        opened.push(key);
      }
    } catch (error) {
      for (const key of opened) void this.#close(key);
      throw error;
    }
    for (const [key, { app }] of sites) this.#open.get(key)!.app = app;
  }

  #listen({ address, blocks, app }: Site): OpenSite {
    const open: OpenSite = {
      app,
      realAddress: this.#server.listen(
        address,
        blocks.join("+"),
        (request, bindings) => open.app.fetch(request, bindings),
      ),
    };
    return open;
  }

  #close(key: string): Promise<void> {
    const { realAddress } = this.#open.get(key)!;
    this.#open.delete(key);
    return this.#server.unlisten(realAddress);
  }
}

/** Returns an app for each address; where both blocks name one, the API's routes come first. */
function assignApps(config: Config, options: HttpListenersOptions): Map<string, Site> {
  const sites = new Map<string, Site>();
  const mount = (block: string, addresses: readonly NetAddress[], app: HttpApp) => {
    for (const address of addresses) {
      const key = formatAddress(address);
      const site = sites.get(key) ?? { address, blocks: [], app: createApp() };
      site.app.route("/", app);
      sites.set(key, { ...site, blocks: [...site.blocks, block] });
    }
  };
  const { httpApi, httpServer } = config;
  const view = httpApi.enabled ? options.view : null;
  if (view !== null) {
    const streams = describeConsoleStreams(config);
    const api = { ...options, view, config: httpApi, now: Date.now, streams };
    mount("http_api", httpApi.listen, createApiApp(api));
  }
  if (httpServer.enabled && options.streams !== null) {
    const files = new StaticFiles({ dir: httpServer.dir, logger: options.logger });
    const hls = new HlsAccess(options.streams);
    // Not reached where both blocks name one address.
    const toConsole = view === null ? [] : [createConsoleRedirect(httpApi.listen[0]!.port)];
    const apps = [...toConsole, createFlvRoutes(options.streams)];
    const app = createFilesApp({ config: httpServer, files, hls, apps });
    mount("http_server", httpServer.listen, app);
  }
  return sites;
}
