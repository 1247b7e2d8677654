import { TaskQueue } from "../base/task_queue.ts";
import type { Config } from "../config/config.ts";
import type { FlvService } from "../http/flv_service.ts";
import type { HlsSessions } from "../http/hls_sessions.ts";
import type { NetAddress } from "../io/transport.ts";
import type { SessionLog } from "../logging/session_log.ts";
import type { LiveView } from "../monitor/live_view.ts";
import type { DrainCounts, ServerView } from "../monitor/server_view.ts";
import type { AdmissionLimits } from "../server/admission_limits.ts";
import type { ClientLimits } from "../server/client_limits.ts";
import type { HookClient } from "../server/hook_client.ts";
import type { MoveCounts, MoveSelector } from "../server/move_clients.ts";
import type { HandoverTrust } from "../server/handover.ts";
import type { Server, ServerCounts } from "../server/server.ts";
import type { SessionHook } from "../server/session_hook.ts";
import type { Bridge } from "../threads/bridge.ts";
import { planChanges } from "./config_plan.ts";
import type { FittedConfig } from "./descriptors.ts";
import { Drain, type Drainable, type DrainRequest } from "./drain.ts";
import type { CreateHttp, HttpListeners, HttpListenersOptions } from "./http_listeners.ts";
import type { HandoverTarget } from "./handover_vhost.ts";
import { loadHttp } from "./load_http.ts";
import { readSlates } from "./slate_files.ts";
import { requireCertificates } from "./certificate_check.ts";
import type { Certificates } from "./certificates.ts";
import type { MemoryTrim } from "./memory_trim.ts";
import { RtmpListeners } from "./rtmp_listeners.ts";
import { readSecrets, type SecretFiles } from "./secret_files.ts";
import type { ServerDeps } from "./server_deps.ts";
import { type ApplyReport, reportOf, type Service } from "./service.ts";
import type { VhostSet } from "./vhost_set.ts";
import { mayWrite } from "./written_paths.ts";

/** A server in one event loop. */
export interface RunningServer extends Service, Drainable {
  readonly counts: ServerCounts;
  /** Connections to origins. */
  readonly upstreamCount: number;
  /** The links to the other workers; null when there are none. */
  readonly bridge: Bridge | null;
}

/** What a {@linkcode RelayServer} consists of. */
export interface ServerParts {
  readonly vhosts: VhostSet;
  readonly handover: HandoverTrust;
  readonly certificates: Certificates;
  readonly limits: ClientLimits;
  readonly admission: AdmissionLimits;
  readonly server: Server;
  readonly flv: FlvService;
  readonly hlsSessions: HlsSessions;
  readonly hooks: HookClient;
  readonly secretFiles: SecretFiles;
  /** Null for no records. */
  readonly sessionLog: SessionLog | null;
  readonly sessionHook: SessionHook;
  readonly view: LiveView;
  /** Null when the runtime collects garbage by itself only. */
  readonly trim: MemoryTrim | null;
  readonly bridge: Bridge | null;
  /** Creates the HTTP listeners with the loaded module. */
  readonly createHttp: (
    create: CreateHttp,
    config: Config,
    status: Pick<HttpListenersOptions, "isReady" | "drain">,
  ) => HttpListeners;
}

/**
 * One event loop's server: its listeners, clients and vhosts, and how they change together.
 *
 * ```
 *                                 drain()
 *                                 ┌──────▶ draining ──┐
 *   new ── start() ──▶ running ───┴───── stop() ──────┴▶ stopping ──▶ stopped
 *                      │  ▲  ▲               │
 *              apply() └──┘  └── resume() ───┘
 * ```
 */
export class RelayServer implements RunningServer {
  readonly #parts: ServerParts;
  readonly #deps: ServerDeps;
  readonly #rtmp: RtmpListeners;
  /** What opens and closes listeners, one after the other. */
  readonly #applying = new TaskQueue();
  #config: Config;
  #http: HttpListeners | null = null;
  #isStopping = false;
  #drain: Drain | null = null;
  /** Where the other process finds the streams; null when it is not to. */
  #handoverAddress: NetAddress | null = null;

  constructor(config: Config, parts: ServerParts, deps: ServerDeps) {
    this.#config = config;
    this.#parts = parts;
    this.#deps = deps;
    this.#rtmp = new RtmpListeners(parts.server, parts.certificates);
  }

  get config(): Config {
    return { ...this.#config, vhosts: this.#parts.vhosts.settings };
  }

  get isDraining(): boolean {
    return this.#drain !== null;
  }

  get addresses(): readonly NetAddress[] {
    return this.#rtmp.plainAddresses(this.#config);
  }

  get rtmpsAddresses(): readonly NetAddress[] {
    return this.#rtmp.secureAddresses(this.#config);
  }

  get httpAddresses(): readonly NetAddress[] {
    return this.#http?.addresses ?? [];
  }

  get httpsAddresses(): readonly NetAddress[] {
    return this.#http?.secureAddresses ?? [];
  }

  /** Rates are sampled while the API is enabled. */
  get view(): ServerView {
    return this.#parts.view;
  }

  get bridge(): Bridge | null {
    return this.#parts.bridge;
  }

  get counts(): ServerCounts {
    return this.#parts.server.counts;
  }

  get upstreamCount(): number {
    return this.#parts.vhosts.upstreamCount;
  }

  /**
   * Adds the vhosts and listens.
   *
   * @throws {ConfigError} when a file of secrets is bad; {@linkcode StartError} when a certificate
   * cannot be read; what listening throws.
   */
  start(): void {
    const { vhosts, admission, server, view, trim, secretFiles, certificates } = this.#parts;
    const { createHttp } = this.#deps;
    secretFiles.use(this.#config, readSecrets(this.#config));
    vhosts.slates.replace(readSlates(this.#config));
    trim?.start();
    admission.configure(this.#config);
    server.configure(this.#config);
    certificates.load(this.#config);
    for (const vhost of this.#config.vhosts.values()) vhosts.add(vhost);
    if (this.#config.httpApi.enabled) view.start();
    try {
      this.#rtmp.open(this.#config);
      if (createHttp !== undefined) this.#http = this.#createHttp(createHttp);
      this.#http?.start();
      certificates.watch(() => this.#renewCertificates());
    } catch (error) {
      void this.stop();
      throw error;
    }
  }

  apply(next: FittedConfig): Promise<ApplyReport> {
    return this.#applying.run(() => this.#apply(next));
  }

  drain(request: DrainRequest): Promise<boolean> {
    if (this.#drain !== null) {
      if (request.isReplaced) void this.finishListening(true);
      return this.#drain.ended;
    }
    const { clock, logger } = this.#deps;
    const settings = this.#config.drain;
    this.#drain = new Drain({
      server: this,
      request,
      settings,
      clock,
      logger: logger.for("drain"),
    });
    return this.#drain.run();
  }

  finishListening(andApi: boolean): Promise<void> {
    return this.#applying.run(() => this.#finishListening(andApi));
  }

  resume(): Promise<void> {
    return this.#applying.run(async () => {
      if (this.#isStopping) return;
      try {
        this.#rtmp.open(this.#config);
        this.#http?.listenAgain();
      } catch (error) {
        await this.#finishListening(true);
        throw error;
      }
      this.#drain?.cancel();
      this.#drain = null;
      this.#parts.server.forgetMoves();
      this.#parts.certificates.watch(() => this.#renewCertificates());
    });
  }

  openHandover(token: string): Promise<number> {
    const { handover, server } = this.#parts;
    handover.trust(token);
    this.#handoverAddress = server.listen({ hostname: "127.0.0.1", port: 0 });
    return Promise.resolve(this.#handoverAddress.port);
  }

  async takeOver(target: HandoverTarget | null): Promise<void> {
    const { vhosts, handover, server } = this.#parts;
    vhosts.takeOver(target);
    const address = this.#handoverAddress;
    if (target !== null || address === null) return;
    this.#handoverAddress = null;
    handover.trust(null);
    await server.unlisten(address);
  }

  move(selector: MoveSelector, target: string | null): Promise<MoveCounts> {
    return this.view.move(selector, target);
  }

  countClients(): Promise<DrainCounts> {
    const { server, flv, hlsSessions } = this.#parts;
    return Promise.resolve({ ...server.counts, viewers: flv.viewerCount + hlsSessions.count });
  }

  async stop(): Promise<void> {
    const { vhosts, limits, server, flv, hlsSessions, hooks, secretFiles, certificates } =
      this.#parts;
    const { view, bridge } = this.#parts;
    this.#isStopping = true;
    this.#drain?.stop();
    certificates.stop();
    await this.#applying.idle;
    vhosts.takeNoMore();
    // Clients first: publishers that leave end their pushes gracefully.
    flv.stop();
    hlsSessions.close();
    await server.stop();
    await bridge?.announceStop();
    await vhosts.close();
    bridge?.close();
    await vhosts.closeFiles();
    this.#parts.sessionHook.close();
    await hooks.close();
    await this.#parts.sessionLog?.stop();
    // Last: until then it reports that the server stops.
    await this.#http?.stop();
    limits.stop();
    secretFiles.stop();
    view.stop();
    this.#parts.trim?.stop();
  }

  async #finishListening(andApi: boolean): Promise<void> {
    this.#parts.certificates.stop();
    if (andApi) await this.#http?.finishListening("http_api");
    await Promise.all([
      this.#rtmp.finish(this.#config),
      this.#http?.finishListening("http_server", ...(andApi ? ["http_api"] : [])),
    ]);
  }

  /**
   * 1. Compares, and reads files of secrets. 2. Listens on new addresses. Only these two can fail.
   * 3. Changes secrets, limits and log. 4. Adds, configures and removes vhosts. 5. Closes the
   * listeners that are gone.
   */
  async #apply(next: FittedConfig): Promise<ApplyReport> {
    const { vhosts, limits, admission, server, flv, secretFiles, certificates } = this.#parts;
    const { hlsSessions } = this.#parts;
    const createHttp = await loadHttp(next);
    await requireCertificates(next);
    if (this.#isStopping || this.#drain !== null) {
      throw new Error("Settings are not applied: the server is stopping");
    }
    const plan = planChanges(this.#config, next, mayWrite);
    const { config } = plan;
    const secrets = readSecrets(config);
    const slates = readSlates(config);
    const loaded = certificates.load(config);
    server.configure(config);
    try {
      await this.#rtmp.change(config);
      if (createHttp !== undefined) this.#http ??= this.#createHttp(createHttp);
      await this.#http?.apply(config);
      if (loaded.isChanged || hasOtherProxies(this.#config, config)) await this.#renew();
    } catch (error) {
      loaded.restore();
      server.configure(this.#config);
      await this.#rtmp.restore(this.#config);
      throw error;
    }
    certificates.watch(() => this.#renewCertificates());
    this.#config = config;
    secretFiles.use(config, secrets);
    vhosts.slates.replace(slates);
    limits.configure(config);
    admission.configure(config);
    const logFailure = this.#deps.configureLog?.(config.log) ?? null;
    this.#sampleRates(config);
    const removed = vhosts.apply(plan, [server, flv, hlsSessions]);
    await Promise.all([removed, this.#rtmp.closeOthers(config)]);
    return reportOf(plan, logFailure === null ? [] : [logFailure]);
  }

  async #renew(): Promise<void> {
    await this.#rtmp.renewCertificates();
    await this.#http?.renewCertificates();
  }

  /** Files have changed. */
  #renewCertificates(): Promise<void> {
    return this.#applying.run(async () => {
      if (!this.#isStopping) await this.#renew();
    });
  }

  /** The view samples only while the API shows what it samples. */
  #sampleRates({ httpApi }: Config): void {
    if (httpApi.enabled) this.#parts.view.start();
    else this.#parts.view.stop();
  }

  #createHttp(create: CreateHttp): HttpListeners {
    return this.#parts.createHttp(create, this.#config, {
      isReady: () => !this.#isStopping && this.#drain === null,
      drain: () => this.#drain?.snapshot ?? null,
    });
  }
}

/** Whether load balancers were listed and no longer are, or the reverse; TLS depends on it. */
function hasOtherProxies(before: Config, after: Config): boolean {
  const hasProxies = ({ proxyProtocol, httpApi }: Config) =>
    [proxyProtocol, httpApi.proxyProtocol].map(({ length }) => length > 0).join();
  return hasProxies(before) !== hasProxies(after);
}
