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
import { ListenerSet } from "./listener_set.ts";
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

/** What is served at one configured address. */
interface Site {
  readonly address: NetAddress;
  /** Blocks of the configuration that named the address when it was opened. */
  readonly blocks: readonly string[];
  /** Replaced by new settings, also for clients that are connected. */
  app: HttpApp;
}

/** The HTTP side of a server: which apps answer at which address. */
export class HttpListeners {
  readonly #options: HttpListenersOptions;
  readonly #server: HttpServer;
  readonly #listeners: ListenerSet;
  /** By configured address. */
  #sites: ReadonlyMap<string, Site> = new Map();

  constructor(options: HttpListenersOptions) {
    this.#options = options;
    this.#server = new HttpServer(options);
    this.#listeners = new ListenerSet({
      listen: (address) => this.#listen(address),
      unlisten: (address) => this.#server.unlisten(address),
    });
  }

  /** Real addresses; those of the API first. */
  get addresses(): NetAddress[] {
    return this.#listeners.realAddresses(addressesOf(this.#sites));
  }

  /** Listens on all addresses. @throws {HttpListenError} and listens on none then. */
  start(): void {
    this.#open(assignApps(this.#options.config, this.#options));
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
    this.#open(sites);
    await this.#listeners.closeOthers(addressesOf(sites));
  }

  /** Closes everything; endless responses are cut. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #open(sites: ReadonlyMap<string, Site>): void {
    const before = this.#sites;
    // Sites that stay keep their object, which the handler of their clients holds.
    this.#sites = new Map(Array.from(sites, ([key, site]) => [key, before.get(key) ?? site]));
    try {
      this.#listeners.open(addressesOf(sites));
    } catch (error) {
      this.#sites = before;
      void this.#listeners.closeOthers(addressesOf(before));
      throw error;
    }
    for (const [key, { app }] of sites) this.#sites.get(key)!.app = app;
  }

  #listen(address: NetAddress): NetAddress {
    const site = this.#sites.get(formatAddress(address))!;
    return this.#server.listen(
      address,
      site.blocks.join("+"),
      (request, bindings) => site.app.fetch(request, bindings),
    );
  }
}

function addressesOf(sites: ReadonlyMap<string, Site>): NetAddress[] {
  return Array.from(sites.values(), ({ address }) => address);
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
