/**
 * A server of several threads: workers for the clients, and this thread for what tells of all of
 * them.
 */

import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { stableId } from "../base/stable_id.ts";
import type { Config } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import { denoNetwork } from "../io/tcp.ts";
import type { NetAddress } from "../io/transport.ts";
import { ClientLimits } from "../server/client_limits.ts";
import { loadHttp } from "./load_http.ts";
import { StartError } from "./start_error.ts";
import { startWorkers } from "../threads/worker_pool.ts";

/** What runs, in one thread or in several. */
export interface Service {
  readonly addresses: readonly NetAddress[];
  readonly httpAddresses: readonly NetAddress[];
  stop(): Promise<void>;
}

/**
 * How many threads serve clients: one where the platform does not spread the clients of a port over
 * several listeners.
 */
export function countWorkers({ workers }: Config, logger: Logger): number {
  const count = workers === "auto" ? navigator.hardwareConcurrency : workers;
  if (count === 1 || Deno.build.os === "linux") return count;
  logger.warning("Several workers need Linux: one serves all clients", { os: Deno.build.os });
  return 1;
}

/**
 * Starts `count` workers, 2 or more, and the API.
 *
 * @throws {StartError} {@linkcode HttpListenError}, or what listening throws.
 */
export async function startThreads(
  config: Config,
  count: number,
  logger: Logger,
): Promise<Service> {
  refuseSharedHttpPort(config);
  const pool = await startWorkers({ config, count, logger });
  const { edgeId } = pool;
  let isStopping = false;
  const apiConfig = { ...config, httpServer: { ...config.httpServer, enabled: false } };
  const limits = new ClientLimits(config, { clock: systemClock, logger });
  const api = (await loadHttp(apiConfig))?.({
    config: apiConfig,
    clock: systemClock,
    logger,
    view: pool,
    identity: { serverId: stableId(edgeId), serviceId: edgeId, pid: Deno.pid },
    streams: null,
    isReady: () => !isStopping,
    network: denoNetwork,
    limit: limits,
  });
  api?.start();
  return {
    addresses: pool.addresses,
    httpAddresses: [...api?.addresses ?? [], ...pool.httpAddresses],
    async stop() {
      isStopping = true;
      await pool.stop();
      await api?.stop();
      limits.stop();
    },
  };
}

/** @throws {StartError} */
function refuseSharedHttpPort({ httpApi, httpServer }: Config): void {
  if (!httpApi.enabled || !httpServer.enabled) return;
  const files = httpServer.listen.map(formatAddress);
  const shared = httpApi.listen.map(formatAddress).find((address) => files.includes(address));
  if (shared === undefined) return;
  throw new StartError(
    `Cannot serve http_api and http_server on one address, ${shared}, with several workers`,
    "give one of them another port, or write workers 1",
  );
}
