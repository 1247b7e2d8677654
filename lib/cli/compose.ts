/** Puts a server together from its configuration: the one place that knows all the parts. */

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config, VhostConfig } from "../config/config.ts";
import { OriginSet } from "../edge/origin_set.ts";
import { RemoteVhost } from "../edge/remote_vhost.ts";
import { createUpstreamTotals } from "../edge/upstream_report.ts";
import { Hub } from "../hub/hub.ts";
import { FlushQueue } from "../net/flush_queue.ts";
import { FlushWheels } from "../net/flush_wheel.ts";
import { LocalVhost } from "../net/local_vhost.ts";
import { Server, type ServerCounts } from "../net/server.ts";
import type { NetAddress, Network } from "../net/transport.ts";
import { VhostDirectory } from "../net/vhost_directory.ts";
import type { VhostService } from "../net/vhost_service.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";

/** What a server takes from its surroundings. */
export interface Surroundings {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Every stream keeps keyframes so far back, in ms: an edge whose origin froze finds out after
 * `stall_timeout`, and then wants from the next origin what it missed.
 */
const KEEP_BACK_MS = 3_500;

/** A server that listens. */
export interface RunningServer {
  /** Real addresses, in the order of the configuration. */
  readonly addresses: readonly NetAddress[];
  readonly counts: ServerCounts;
  /** Connections to origins. */
  readonly upstreamCount: number;
  /** Closes everything; settles when all is done. */
  stop(): Promise<void>;
}

/**
 * Starts a server.
 *
 * @throws when it cannot listen on one of its addresses; then it listens on none.
 */
export function startServer(config: Config, surroundings: Surroundings): RunningServer {
  const { network, clock, logger } = surroundings;
  const queue = new FlushQueue(clock);
  const wheels = new FlushWheels(queue, clock);
  const common = {
    queue,
    wheels,
    clock,
    logger,
    network,
    handshake: createHandshakeOptions(clock),
    chunkSize: config.chunkSize,
    edgeId: crypto.randomUUID().slice(0, 8),
  };
  const services = new Map<string, VhostService>();
  for (const vhost of config.vhosts.values()) services.set(vhost.name, createVhost(vhost, common));
  const vhosts = new VhostDirectory(services);
  const { maxConnections } = config;
  const server = new Server({ network, maxConnections, context: { ...common, vhosts } });
  return {
    addresses: listenOnAll(server, config),
    get counts() {
      return server.counts;
    },
    get upstreamCount() {
      return countUpstreams(services);
    },
    async stop() {
      // Clients first: publishers that leave end their pushes in good order.
      await server.stop();
      await vhosts.close();
    },
  };
}

/** Randomness and time for handshakes. */
export function createHandshakeOptions(clock: Clock): HandshakeOptions {
  return {
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    nowMs: Math.trunc(clock.now()),
  };
}

function createVhost(
  vhost: VhostConfig,
  common: Surroundings & {
    readonly queue: FlushQueue;
    readonly wheels: FlushWheels;
    readonly handshake: HandshakeOptions;
    readonly chunkSize: number;
    readonly edgeId: string;
  },
): VhostService {
  const { play } = vhost;
  const hub = new Hub({
    chunkSize: common.chunkSize,
    isAbsoluteTime: play.atc,
    maxLagMs: play.queueLengthMs,
    maxBytes: play.gopMaxBytes,
    keepBackMs: KEEP_BACK_MS,
    maxMessages: play.gopCacheMaxFrames === 0 ? Infinity : play.gopCacheMaxFrames,
  });
  if (vhost.mode === "local") return new LocalVhost({ config: vhost, hub, clock: common.clock });
  const { wheels, logger, clock } = common;
  const { cluster } = vhost;
  const origins = new OriginSet({ vhost: vhost.name, cluster, clock });
  const context = { ...common, cluster, origins, totals: createUpstreamTotals() };
  return new RemoteVhost({ config: vhost, hub, context, wheels, logger });
}

function listenOnAll(server: Server, config: Config): NetAddress[] {
  try {
    return config.listen.map((address) => server.listen(address));
  } catch (error) {
    void server.stop();
    throw error;
  }
}

function countUpstreams(services: ReadonlyMap<string, VhostService>): number {
  let count = 0;
  for (const service of services.values()) {
    if (service instanceof RemoteVhost) count += service.upstreamCount;
  }
  return count;
}
