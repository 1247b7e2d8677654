import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { addressesOverlap, coversAddress, isLoopback } from "../config/address.ts";
import { matchesAny } from "../config/address_match.ts";
import type { Config, HttpApiConfig, HttpServerConfig } from "../config/config.ts";
import type { ServerIdentity } from "../http/api_answers.ts";
import { createApiApp, createFilesApp } from "../http/apps.ts";
import { createConsoleRedirect, describeConsoleStreams } from "../http/console_routes.ts";
import { createFlvRoutes, type FlvRoutesOptions } from "../http/flv_routes.ts";
import { withForwarded } from "../http/forwarded.ts";
import { HlsAccess, type HlsAccessOptions } from "../http/hls_access.ts";
import { type HttpHandler, HttpServer } from "../http/http_server.ts";
import { createPlayerRoutes } from "../http/player_routes.ts";
import { createApp, type HttpApp } from "../http/routes.ts";
import { StaticFiles } from "../http/static_files.ts";
import { formatAddress, ipOf } from "../io/address.ts";
import type { TlsBlock } from "./certificate_check.ts";
import type { Certificates } from "./certificates.ts";
import { ListenerSet } from "./listener_set.ts";
import type { ConnectionLimit } from "../io/connection_set.ts";
import type { NetAddress, Network } from "../io/transport.ts";
import type { LiveStreams } from "../monitor/live_streams.ts";
import type { EventLog } from "../monitor/event_log.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import type { DrainSnapshot, ServerView } from "../monitor/server_view.ts";
import type { Gate } from "../server/gate.ts";

/** What `http_server` serves. */
interface ServedStreams extends FlvRoutesOptions, HlsAccessOptions {
  readonly gate: Gate;
  readonly live: LiveStreams;
}

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
  /** The newest lines of the log; none when absent. */
  readonly events?: EventLog | null;
  readonly identity: ServerIdentity;
  /** What `http_server` serves; null in a thread that serves the API only. */
  readonly streams: ServedStreams | null;
  /** False while the server drains or stops. */
  readonly isReady: () => boolean;
  /** Null unless the server drains. */
  readonly drain: () => DrainSnapshot | null;
  /** Takes stream keys out of the paths that are logged. */
  readonly hideKeys?: (path: string) => string;
  readonly certificates: Certificates;
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
  /** The block whose certificate it has; null without TLS. */
  readonly tls: TlsBlock | null;
  /** Blocks of the configuration that named the address when it was opened. */
  readonly blocks: readonly string[];
  /** Replaced by new settings, also for clients that are connected. */
  content: SiteContent;
}

/** What one address serves. */
interface SiteContent {
  /** Addresses of load balancers, whose connections begin with a PROXY header. */
  readonly proxies: readonly string[];
  /** Reverse proxies whose word is taken for scheme and host. */
  readonly trusted: readonly string[];
  readonly forAll: HttpApp;
  /** For clients on this machine. Has blocks that listen on a loopback address of the port, too. */
  readonly forThisMachine: HttpApp;
}

/** The HTTP side of a server: which apps answer at which address. */
export class HttpListeners {
  readonly #options: HttpListenersOptions;
  readonly #server: HttpServer;
  readonly #listeners: ListenerSet;
  /** Those with TLS. */
  readonly #secure: ListenerSet;
  /** By scheme and configured address. */
  #sites: ReadonlyMap<string, Site> = new Map();

  constructor(options: HttpListenersOptions) {
    this.#options = options;
    this.#server = new HttpServer(options);
    const closing = {
      unlisten: (address: NetAddress) => this.#server.unlisten(address),
      finishListening: (all: readonly NetAddress[]) => this.#server.finishListening(all),
    };
    this.#listeners = new ListenerSet({
      listen: (address) => this.#listen("http", address),
      ...closing,
    });
    this.#secure = new ListenerSet({
      listen: (address) => this.#listen("https", address),
      ...closing,
      renew: (configured, real) => {
        const { options, handler } = this.#bind("https", configured);
        return this.#server.replace(real, options, handler);
      },
    });
  }

  /** Real addresses; those of the API first. */
  get addresses(): NetAddress[] {
    return this.#listeners.realAddresses(addressesOf(this.#sites, "http"));
  }

  /** Real addresses with TLS; those of the API first. */
  get secureAddresses(): NetAddress[] {
    return this.#secure.realAddresses(addressesOf(this.#sites, "https"));
  }

  /** Listens on all addresses. @throws {HttpListenError} and listens on none then. */
  start(): void {
    this.#sites = assignApps(this.#options.config, this.#options);
    try {
      this.listenAgain();
    } catch (error) {
      this.#sites = new Map();
      void this.#listeners.closeOthers([]);
      void this.#secure.closeOthers([]);
      throw error;
    }
  }

  /**
   * Opens the listeners that are closed.
   *
   * @throws {HttpListenError}; those before it stay open then.
   */
  listenAgain(): void {
    this.#listeners.open(addressesOf(this.#sites, "http"));
    this.#secure.open(addressesOf(this.#sites, "https"));
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
    const plain = addressesOf(sites, "http");
    const secure = addressesOf(sites, "https");
    const before = this.#sites;
    this.#sites = keepSites(before, sites);
    try {
      await this.#listeners.change(plain);
      await this.#secure.change(secure);
    } catch (error) {
      this.#sites = before;
      await this.#listeners.restore(addressesOf(before, "http"));
      await this.#secure.restore(addressesOf(before, "https"));
      throw error;
    }
    for (const [key, { content }] of sites) this.#sites.get(key)!.content = content;
    await Promise.all([this.#listeners.closeOthers(plain), this.#secure.closeOthers(secure)]);
  }

  /** Takes other certificates into use. Clients stay. @throws when one cannot be used. */
  renewCertificates(): Promise<void> {
    return this.#secure.renew();
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
    const addresses = (scheme: HttpScheme) =>
      sites.filter((site) => schemeOf(site) === scheme).map(({ address }) => address);
    await Promise.all([
      this.#listeners.finish(addresses("http")),
      this.#secure.finish(addresses("https")),
    ]);
  }

  /** Closes everything; endless responses are cut. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #listen(scheme: HttpScheme, address: NetAddress): NetAddress {
    const { options, handler } = this.#bind(scheme, address);
    return this.#server.listen(address, options, handler);
  }

  /** Returns how a configured address is listened on, and what answers there. */
  #bind(scheme: HttpScheme, address: NetAddress) {
    const site = this.#sites.get(siteKey(scheme, address))!;
    const { certificates } = this.#options;
    const { tls } = site;
    const handler: HttpHandler = (request, bindings) => {
      const { forAll, forThisMachine, trusted } = site.content;
      const ip = ipOf(bindings.remote);
      const app = isLoopback(ip) ? forThisMachine : forAll;
      return app.fetch(withForwarded(request, ip, trusted), bindings);
    };
    const options = {
      name: site.blocks.join("+"),
      isProxy: (ip: string) => matchesAny(site.content.proxies, ip),
      tls: tls === null ? undefined : {
        identity: certificates.of(tls),
        followsProxy: site.content.proxies.length > 0,
      },
    };
    return { options, handler };
  }
}

type HttpScheme = "http" | "https";

function siteKey(scheme: HttpScheme, address: NetAddress): string {
  return `${scheme}://${formatAddress(address)}`;
}

function schemeOf({ tls }: Pick<Site, "tls">): HttpScheme {
  return tls === null ? "http" : "https";
}

function addressesOf(sites: ReadonlyMap<string, Site>, scheme: HttpScheme): NetAddress[] {
  return [...sites.values()].filter((site) => schemeOf(site) === scheme)
    .map(({ address }) => address);
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
  readonly name: "http_api" | "http_server";
  readonly listen: readonly NetAddress[];
  readonly tls: TlsBlock | null;
  readonly app: HttpApp;
  readonly proxies: readonly string[];
  readonly trusted: readonly string[];
}

/**
 * Returns what is served at each address: every block that names it, and every block that names an
 * address of the same port that it covers or is covered by, because the system opens only one.
 */
function assignApps(config: Config, options: HttpListenersOptions): Map<string, Site> {
  const all = createBlocks(config, options);
  const sites = new Map<string, Site>();
  for (const { listen, tls } of all) {
    const blocks = all.filter((other) => schemeOf(other) === schemeOf({ tls }));
    for (const address of listen) {
      const here = blocks.filter((each) => each.listen.some((a) => addressesOverlap(a, address)));
      const forAll = here.filter((block) => !isOnlyLocal(block, address));
      sites.set(siteKey(schemeOf({ tls }), address), {
        address,
        tls,
        blocks: here.map(({ name }) => name),
        content: {
          proxies: here.flatMap(({ proxies }) => proxies),
          trusted: here.flatMap(({ trusted }) => trusted),
          forAll: merge(forAll),
          forThisMachine: merge(here),
        },
      });
    }
  }
  return sites;
}

function createBlocks(config: Config, options: HttpListenersOptions): Block[] {
  return [...blocksOf("http", config, options), ...blocksOf("https", config, options)];
}

/** The API's block first: its routes precede files. */
function blocksOf(scheme: HttpScheme, config: Config, options: HttpListenersOptions): Block[] {
  const { httpApi, httpServer, proxyProtocol } = config;
  const view = httpApi.enabled ? options.view : null;
  const apiListen = view === null ? [] : addressesIn(httpApi, scheme);
  const listen = options.streams === null ? [] : addressesIn(httpServer, scheme);
  const tlsOf = (name: TlsBlock) => scheme === "https" ? name : null;
  const blocks: Block[] = [];
  if (view !== null && apiListen.length > 0) {
    const streams = describeConsoleStreams(config, apiListen, addressesIn(httpServer, scheme));
    const app = createApiApp({ ...options, view, config: httpApi, now: Date.now, streams });
    const [name, proxies] = ["http_api", httpApi.proxyProtocol] as const;
    blocks.push({ name, listen: apiListen, tls: tlsOf(name), app, proxies, trusted: [] });
  }
  if (options.streams !== null && listen.length > 0) {
    const files = new StaticFiles({ dir: httpServer.dir, logger: options.logger });
    const hls = new HlsAccess(options.streams);
    const consolePort = apiListen[0]?.port;
    const hasConsole = listen.every(({ port }) => port !== consolePort);
    const toConsole = consolePort !== undefined && hasConsole
      ? [createConsoleRedirect(consolePort)]
      : [];
    const players = httpServer.players
      ? [createPlayerRoutes({
        ...options.streams,
        dir: httpServer.dir,
        rtmpPort: config.listen[0]!.port,
      })]
      : [];
    const apps = [...toConsole, createFlvRoutes(options.streams), ...players];
    const app = createFilesApp({ config: httpServer, files, hls, apps });
    const name = "http_server";
    const trusted = httpServer.trustedProxies;
    blocks.push({ name, listen, tls: tlsOf(name), app, proxies: proxyProtocol, trusted });
  }
  return blocks;
}

/** Returns the addresses of a block with a scheme; empty when it is off. */
function addressesIn(
  { enabled, listen, https }: HttpApiConfig | HttpServerConfig,
  scheme: HttpScheme,
): readonly NetAddress[] {
  if (scheme === "http") return enabled ? listen : [];
  return https.enabled ? https.listen : [];
}

/** Whether at `address` only clients on this machine may use `block`. */
function isOnlyLocal({ listen }: Pick<Block, "listen">, address: NetAddress): boolean {
  const here = listen.filter((own) => addressesOverlap(own, address));
  return here.every((own) => isLoopback(own.hostname) && !coversAddress(own, address));
}

function merge(blocks: readonly Block[]): HttpApp {
  const merged = createApp();
  for (const { app } of blocks) merged.route("/", app);
  return merged;
}
