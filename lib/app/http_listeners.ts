import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { addressesOverlap, coversAddress, isLoopback } from "../config/address.ts";
import { matchesAny } from "../config/address_match.ts";
import type { Config } from "../config/config.ts";
import type { ServerIdentity } from "../http/api_answers.ts";
import { createApiApp, createFilesApp } from "../http/apps.ts";
import { createConsoleRedirect, describeConsoleStreams } from "../http/console_routes.ts";
import { createFlvRoutes, type FlvRoutesOptions } from "../http/flv_routes.ts";
import { HlsAccess, type HlsAccessOptions } from "../http/hls_access.ts";
import { HttpServer } from "../http/http_server.ts";
import { createApp, type HttpApp } from "../http/routes.ts";
import { StaticFiles } from "../http/static_files.ts";
import { formatAddress, ipOf } from "../io/address.ts";
import { ListenerSet } from "./listener_set.ts";
import type { ConnectionLimit } from "../io/connection_set.ts";
import type { NetAddress, Network } from "../io/transport.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import type { DrainSnapshot, ServerView } from "../monitor/server_view.ts";

/** Options of {@linkcode HttpListeners}. */
export interface HttpListenersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly network: Network;
  readonly limit: ConnectionLimit;
  /** What the API shows; null when there is none. */
  readonly view: ServerView | null;
  /** What the API can make the program do besides closing a client; null for nothing. */
  readonly control: ServerControl | null;
  readonly identity: ServerIdentity;
  /** What `http_server` serves; null in a thread that serves the API only. */
  readonly streams: FlvRoutesOptions & HlsAccessOptions | null;
  /** False while the server drains or stops. */
  readonly isReady: () => boolean;
  /** Null unless the server drains. */
  readonly drain: () => DrainSnapshot | null;
  /** Takes stream keys out of the paths that are logged. */
  readonly hideKeys?: (path: string) => string;
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
  content: SiteContent;
}

/** What one address serves. */
interface SiteContent {
  /** Addresses of load balancers, whose connections begin with a PROXY header. */
  readonly proxies: readonly string[];
  readonly forAll: HttpApp;
  /** For clients on this machine. Has blocks that listen on a loopback address of the port, too. */
  readonly forThisMachine: HttpApp;
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
    this.#sites = assignApps(this.#options.config, this.#options);
    try {
      this.#listeners.open(addressesOf(this.#sites));
    } catch (error) {
      this.#sites = new Map();
      void this.#listeners.closeOthers([]);
      throw error;
    }
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
    const addresses = addressesOf(sites);
    const before = this.#sites;
    this.#sites = keepSites(before, sites);
    try {
      await this.#listeners.change(addresses);
    } catch (error) {
      this.#sites = before;
      await this.#listeners.restore(addressesOf(before));
      throw error;
    }
    for (const [key, { content }] of sites) this.#sites.get(key)!.content = content;
    await this.#listeners.closeOthers(addresses);
  }

  /**
   * Accepts what waits in the listeners, then closes them. Clients stay.
   *
   * @param blocks Close those of these blocks that serve no other.
   */
  async finishListening(...blocks: readonly string[]): Promise<void> {
    const sites = [...this.#sites.values()].filter((site) =>
      site.blocks.every((name) => blocks.includes(name))
    );
    const addresses = sites.map(({ address }) => address);
    await this.#server.finishListening(this.#listeners.realAddresses(addresses));
  }

  /** Closes everything; endless responses are cut. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #listen(address: NetAddress): NetAddress {
    const site = this.#sites.get(formatAddress(address))!;
    return this.#server.listen(
      address,
      {
        name: site.blocks.join("+"),
        isProxy: (ip) => matchesAny(site.content.proxies, ip),
      },
      (request, bindings) => {
        const { forAll, forThisMachine } = site.content;
        const app = isLoopback(ipOf(bindings.remote)) ? forThisMachine : forAll;
        return app.fetch(request, bindings);
      },
    );
  }
}

function addressesOf(sites: ReadonlyMap<string, Site>): NetAddress[] {
  return Array.from(sites.values(), ({ address }) => address);
}

/** Returns `next` with the objects of `before`, which the handlers of connected clients hold. */
function keepSites(
  before: ReadonlyMap<string, Site>,
  next: ReadonlyMap<string, Site>,
): ReadonlyMap<string, Site> {
  return new Map(Array.from(next, ([key, site]) => [key, before.get(key) ?? site]));
}

/** A block of the configuration that is served at some addresses. */
interface Block {
  readonly name: string;
  readonly listen: readonly NetAddress[];
  readonly app: HttpApp;
  readonly proxies: readonly string[];
}

/**
 * Returns what is served at each address: every block that names it, and every block that names an
 * address of the same port that it covers or is covered by, because the system opens only one.
 */
function assignApps(config: Config, options: HttpListenersOptions): Map<string, Site> {
  const blocks = createBlocks(config, options);
  const sites = new Map<string, Site>();
  for (const address of blocks.flatMap(({ listen }) => listen)) {
    const here = blocks.filter(({ listen }) => listen.some((a) => addressesOverlap(a, address)));
    const forAll = here.filter((block) => !isOnlyLocal(block, address));
    sites.set(formatAddress(address), {
      address,
      blocks: here.map(({ name }) => name),
      content: {
        proxies: here.flatMap(({ proxies }) => proxies),
        forAll: merge(forAll),
        forThisMachine: merge(here),
      },
    });
  }
  return sites;
}

/** The API's block first: its routes precede files. */
function createBlocks(config: Config, options: HttpListenersOptions): Block[] {
  const { httpApi, httpServer } = config;
  const blocks: Block[] = [];
  const view = httpApi.enabled ? options.view : null;
  if (view !== null) {
    const streams = describeConsoleStreams(config);
    const api = { ...options, view, config: httpApi, now: Date.now, streams };
    const { listen, proxyProtocol: proxies } = httpApi;
    blocks.push({ name: "http_api", listen, app: createApiApp(api), proxies });
  }
  if (httpServer.enabled && options.streams !== null) {
    const files = new StaticFiles({ dir: httpServer.dir, logger: options.logger });
    const hls = new HlsAccess(options.streams);
    const consolePort = httpApi.listen[0]!.port;
    const hasConsole = view !== null && httpServer.listen.every(({ port }) => port !== consolePort);
    const toConsole = hasConsole ? [createConsoleRedirect(consolePort)] : [];
    const apps = [...toConsole, createFlvRoutes(options.streams)];
    const app = createFilesApp({ config: httpServer, files, hls, apps });
    const { proxyProtocol: proxies } = config;
    blocks.push({ name: "http_server", listen: httpServer.listen, app, proxies });
  }
  return blocks;
}

/** Whether at `address` only clients on this machine may use `block`. */
function isOnlyLocal({ listen }: Block, address: NetAddress): boolean {
  const here = listen.filter((own) => addressesOverlap(own, address));
  return here.every((own) => isLoopback(own.hostname) && !coversAddress(own, address));
}

function merge(blocks: readonly Block[]): HttpApp {
  const merged = createApp();
  for (const { app } of blocks) merged.route("/", app);
  return merged;
}
