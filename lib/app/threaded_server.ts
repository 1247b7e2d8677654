import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { stableId } from "../base/stable_id.ts";
import { TaskQueue } from "../base/task_queue.ts";
import { addressesOverlap } from "../config/address.ts";
import type { Config, LogConfig } from "../config/config.ts";
import { denoNetwork } from "../io/tcp.ts";
import type { NetAddress, Network } from "../io/transport.ts";
import type { EventLog } from "../monitor/event_log.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import type { DrainCounts, ServerView } from "../monitor/server_view.ts";
import { ClientLimits } from "../server/client_limits.ts";
import type { MoveCounts, MoveSelector } from "../server/move_clients.ts";
import { startWorkers, type WorkerPool } from "../threads/worker_pool.ts";
import { planChanges } from "./config_plan.ts";
import { requireCertificates } from "./certificate_check.ts";
import { Certificates } from "./certificates.ts";
import type { FittedConfig } from "./descriptors.ts";
import { Drain, type Drainable, type DrainRequest } from "./drain.ts";
import type { HandoverTarget } from "./handover_vhost.ts";
import type { HttpListeners } from "./http_listeners.ts";
import { loadHttp } from "./load_http.ts";
import { readSecrets } from "./secret_files.ts";
import { readSlates } from "./slate_files.ts";
import { type ApplyReport, reportOf, type Service } from "./service.ts";
import { StartError } from "./start_error.ts";
import { mayWrite } from "./written_paths.ts";

/** What a server of several threads is given by the program. */
interface ThreadedServerDeps {
  /** Listens for the API; the machine's by default. */
  readonly network?: Network;
  /** Another server listens on the same addresses, and will stop. */
  readonly isReplacing?: boolean;
  readonly logger: Logger;
  /** Applies new log settings to `logger`, and returns why not, or null. */
  readonly configureLog: (config: LogConfig) => string | null;
  /** What the API can make the program do besides closing a client; nothing when absent. */
  readonly control?: ServerControl;
  /** The newest lines of the log, for the API; none when absent. */
  readonly events?: EventLog;
}

/**
 * Returns how many threads serve clients. That is 1 on platforms that do not spread the clients of
 * a port over several listeners.
 */
export function countWorkers({ workers }: Config, logger: Logger): number {
  const count = workers === "auto" ? navigator.hardwareConcurrency : workers;
  if (count === 1 || Deno.build.os === "linux") return count;
  logger.warning("Several workers need Linux; one serves all clients", {
    os: Deno.build.os,
    fix: "write workers 1",
  });
  return 1;
}

/**
 * Starts `count` workers, 2 or more, and the API in this thread.
 *
 * @throws {StartError} {@linkcode HttpListenError}, or what listening throws.
 */
export async function startThreads(
  config: Config,
  count: number,
  deps: ThreadedServerDeps,
): Promise<Service> {
  refuseSharedHttpPort(config);
  readSecrets(config);
  readSlates(config);
  const { logger, isReplacing = false } = deps;
  const pool = await startWorkers({ config, count, logger, isReplacing });
  const server = new ThreadedServer(config, pool, deps);
  await server.start();
  return server;
}

/**
 * A server of several threads: workers for the clients, and this thread for what concerns them all.
 */
class ThreadedServer implements Service, Drainable {
  readonly #pool: WorkerPool;
  readonly #deps: ThreadedServerDeps;
  readonly #limits: ClientLimits;
  readonly #certificates: Certificates;
  /** What opens and closes listeners, one after the other. */
  readonly #applying = new TaskQueue();
  #config: Config;
  #api: HttpListeners | null = null;
  #isStopping = false;
  #drain: Drain | null = null;

  constructor(config: Config, pool: WorkerPool, deps: ThreadedServerDeps) {
    this.#config = config;
    this.#pool = pool;
    this.#deps = deps;
    const { logger } = deps;
    this.#limits = new ClientLimits(config, { clock: systemClock, logger });
    this.#certificates = new Certificates({ clock: systemClock, logger, blocks: ["http_api"] });
  }

  get config(): Config {
    return this.#config;
  }

  get isDraining(): boolean {
    return this.#drain !== null;
  }

  get addresses(): readonly NetAddress[] {
    return this.#pool.addresses.rtmp;
  }

  get httpAddresses(): readonly NetAddress[] {
    return [...this.#api?.addresses ?? [], ...this.#pool.addresses.http];
  }

  get rtmpsAddresses(): readonly NetAddress[] {
    return this.#pool.addresses.rtmps;
  }

  get httpsAddresses(): readonly NetAddress[] {
    return [...this.#api?.secureAddresses ?? [], ...this.#pool.addresses.https];
  }

  get view(): ServerView {
    return this.#pool.view;
  }

  /** Starts the API. @throws {HttpListenError} and stops the workers. */
  async start(): Promise<void> {
    try {
      await this.#applyApi(this.#config);
    } catch (error) {
      await this.stop();
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
    const logger = this.#deps.logger.for("drain");
    const settings = this.#config.drain;
    const clock = systemClock;
    this.#drain = new Drain({ server: this, request, settings, clock, logger });
    return this.#drain.run();
  }

  finishListening(andApi: boolean): Promise<void> {
    return this.#applying.run(() => this.#finishListening(andApi));
  }

  resume(): Promise<void> {
    return this.#applying.run(async () => {
      if (this.#isStopping) return;
      try {
        this.#api?.listenAgain();
        await this.#pool.resume();
      } catch (error) {
        await this.#finishListening(true);
        throw error;
      }
      this.#drain?.cancel();
      this.#drain = null;
      this.#certificates.watch(() => this.#renewCertificates());
    });
  }

  openHandover(token: string): Promise<number> {
    return this.#pool.openHandover(token);
  }

  takeOver(target: HandoverTarget | null): Promise<void> {
    this.#pool.tell({ type: "take over", target });
    return Promise.resolve();
  }

  move(selector: MoveSelector, target: string | null): Promise<MoveCounts> {
    return this.view.move(selector, target);
  }

  countClients(): Promise<DrainCounts> {
    return this.#pool.countClients();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#drain?.stop();
    this.#certificates.stop();
    await this.#applying.idle;
    await this.#pool.stop();
    await this.#api?.stop();
    this.#limits.stop();
  }

  async #finishListening(andApi: boolean): Promise<void> {
    if (andApi) {
      this.#certificates.stop();
      await this.#api?.finishListening("http_api");
    }
    await this.#pool.finishListening();
  }

  /** Tries all new addresses first, because only listening can fail. */
  async #apply(next: FittedConfig): Promise<ApplyReport> {
    if (this.#isStopping || this.#drain !== null) {
      throw new Error("Settings are not applied: the server is stopping");
    }
    const plan = planChanges(this.#config, next, mayWrite);
    refuseSharedHttpPort(plan.config);
    // Each worker reads them for itself; here it may fail before anything has changed.
    readSecrets(plan.config);
    readSlates(plan.config);
    await requireCertificates(plan.config);
    const forWorkers = this.#pool.prepare(plan.config);
    await this.#applyApi(plan.config);
    this.#config = plan.config;
    this.#limits.configure(plan.config);
    const logFailure = this.#deps.configureLog(plan.config.log);
    const failures = await this.#pool.apply(forWorkers);
    return reportOf(plan, logFailure === null ? failures : [logFailure, ...failures]);
  }

  async #applyApi(config: Config): Promise<void> {
    const { httpServer } = config;
    const https = { ...httpServer.https, enabled: false };
    const apiConfig = { ...config, httpServer: { ...httpServer, https, enabled: false } };
    const createHttp = await loadHttp(apiConfig);
    const loaded = this.#certificates.load(apiConfig);
    const before = this.#api;
    const { edgeId } = this.#pool;
    this.#api ??= createHttp?.({
      config: apiConfig,
      clock: systemClock,
      logger: this.#deps.logger,
      network: this.#deps.network ?? denoNetwork,
      limit: this.#limits,
      view: this.view,
      control: this.#deps.control ?? null,
      events: this.#deps.events ?? null,
      identity: { serverId: stableId(edgeId), serviceId: edgeId, pid: Deno.pid },
      streams: null,
      isReady: () => !this.#isStopping && this.#drain === null && this.#pool.isWhole,
      drain: () => this.#drain?.snapshot ?? null,
      certificates: this.#certificates,
    }) ?? null;
    try {
      await this.#api?.apply(apiConfig);
      if (loaded.isChanged) await before?.renewCertificates();
    } catch (error) {
      loaded.restore();
      throw error;
    }
    this.#certificates.watch(() => this.#renewCertificates());
  }

  /** Files have changed. Workers notice that by themselves. */
  #renewCertificates(): Promise<void> {
    return this.#applying.run(async () => await this.#api?.renewCertificates());
  }
}

/** @throws {StartError} */
function refuseSharedHttpPort({ httpApi, httpServer }: Config): void {
  if (!httpApi.enabled || !httpServer.enabled) return;
  const shared = httpApi.listen.find((api) =>
    httpServer.listen.some((files) => addressesOverlap(api, files))
  );
  if (shared === undefined) return;
  throw new StartError(
    `Cannot serve http_api and http_server on one port, ${shared.port}, with several workers`,
    "give one of them another port, or write workers 1",
  );
}
