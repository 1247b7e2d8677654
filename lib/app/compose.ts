/** Puts a server together from its configuration: the one place that knows all the parts. */

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { stableId } from "../base/stable_id.ts";
import { Ticker } from "../base/ticker.ts";
import type { Config, VhostConfig } from "../config/config.ts";
import { type UpstreamDeps, WATCH_PERIOD_MS } from "../upstream/upstream_context.ts";
import { RemoteVhost } from "../edge/remote_vhost.ts";
import { diskFiles } from "../hls/hls_files.ts";
import { HlsService } from "../hls/hls_service.ts";
import { FlvService } from "../http/flv_service.ts";
import type { ServerView } from "../monitor/server_view.ts";
import { Hub } from "../hub/hub.ts";
import type { StreamOptions } from "../hub/stream.ts";
import { ClientLimits } from "../server/client_limits.ts";
import type { ClientSource } from "../server/client_report.ts";
import { FlushQueue } from "../io/flush_queue.ts";
import { FlushWheels } from "../io/flush_wheel.ts";
import { LocalVhost } from "../origin/local_vhost.ts";
import { ReadBuffers } from "../io/read_buffers.ts";
import { Server, type ServerCounts } from "../server/server.ts";
import type { NetAddress, Network } from "../io/transport.ts";
import { VhostDirectory } from "../server/vhost_directory.ts";
import type { VhostService } from "../server/vhost_service.ts";
import { WorkTurns } from "../io/work_turns.ts";
import { HookClient, type HookFetch } from "../server/hook_client.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";
import { Bridge } from "../threads/bridge.ts";
import type { BridgePort } from "../threads/bridge_link.ts";
import type { CreateHttp, HttpListeners } from "./http_listeners.ts";
import { type LiveVhost, LiveView } from "../monitor/live_view.ts";

/** The place of a server that is one of several event loops of a process. */
export interface LoopPlace {
  /** Number of the loop, from 0. */
  readonly index: number;
  readonly count: number;
  /** Id of the process among edges. */
  readonly edgeId: string;
  /** The other loops there are already. */
  readonly neighbours: readonly { readonly index: number; readonly port: BridgePort }[];
}

/** What a server takes from its surroundings. */
export interface Surroundings {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Given when the server is one of several event loops. */
  readonly loop?: LoopPlace;
  /** Given when the configuration asks for HTTP; without it there is none. */
  readonly createHttp?: CreateHttp | undefined;
  /** What HTTP callbacks go out with; the runtime's own unless given. */
  readonly hookFetch?: HookFetch;
}

/**
 * Every stream keeps keyframes so far back, in ms: an edge whose origin froze finds out after
 * `stall_timeout`, and then wants from the next origin what it missed.
 */
const KEEP_BACK_MS = 3_500;

/** How often a stream is copied to the other event loops that play it, in ms. */
const COPY_PERIOD_MS = 20;

/** A server that listens. */
export interface RunningServer {
  /** Real addresses, in the order of the configuration. */
  readonly addresses: readonly NetAddress[];
  /** Real addresses of HTTP; those of the API first. */
  readonly httpAddresses: readonly NetAddress[];
  /** What the API shows; null when there is none. */
  readonly view: ServerView | null;
  readonly counts: ServerCounts;
  /** Connections to origins. */
  readonly upstreamCount: number;
  /** Joins it with the other event loops of the process; null when it is the only one. */
  readonly bridge: Bridge | null;
  /** Closes everything; settles when all is done. */
  stop(): Promise<void>;
}

/**
 * Starts a server.
 *
 * @throws when it cannot listen on one of its addresses; then it listens on none.
 */
export function startServer(config: Config, surroundings: Surroundings): RunningServer {
  const { network, clock, logger, loop, createHttp } = surroundings;
  const queue = new FlushQueue(clock);
  const wheels = new FlushWheels(queue, clock);
  const turns = new WorkTurns(clock);
  const edgeId = loop?.edgeId ?? crypto.randomUUID().slice(0, 8);
  const bridge = createBridge(config, { clock, wheels, loop });
  const identity = { serverId: stableId(edgeId), serviceId: edgeId };
  const hooks = new HookClient({
    ...surroundings,
    server: identity,
  });
  const hls = createHls(config, surroundings);
  const common = {
    queue,
    wheels,
    turns,
    clock,
    ticker: new Ticker(clock, WATCH_PERIOD_MS),
    logger,
    network,
    handshake: createHandshakeOptions(clock),
    chunkSize: config.chunkSize,
    edgeId,
    hls,
    bridge,
  };
  const liveVhosts = Array.from(config.vhosts.values(), (vhost) => createVhost(vhost, common));
  const vhosts = createDirectory(liveVhosts, bridge);
  const limits = new ClientLimits(config, surroundings);
  const loopName = loop === undefined ? "" : `w${loop.index}`;
  const context = { ...common, vhosts, hooks, buffers: new ReadBuffers() };
  const server = new Server({ network, limit: limits, idPrefix: `${loopName}c`, context });
  const flv = new FlvService({ ...context, idPrefix: `${loopName}h` });
  const clients: ClientSource[] = [server, flv];
  const view = config.httpApi.enabled
    ? new LiveView({ clock, queue, vhosts: liveVhosts, clients, limits })
    : null;
  let isStopping = false;
  let http: HttpListeners | null = null;
  const stop = async () => {
    isStopping = true;
    // Clients first: publishers that leave end their pushes in good order.
    flv.stop();
    await server.stop();
    await bridge?.sayBye();
    await vhosts.close();
    bridge?.close();
    await hls?.close();
    await hooks.close();
    // Last, for it tells that the server stops.
    await http?.stop();
    limits.stop();
    view?.stop();
  };
  let addresses: NetAddress[];
  try {
    addresses = config.listen.map((address) => server.listen(address));
    http = createHttp?.({
      config,
      clock,
      logger,
      // Of several event loops none shows itself: `worker_pool.ts` shows what they are together.
      view: loop === undefined ? view : null,
      identity: { ...identity, pid: Deno.pid },
      flv: { vhosts, service: flv },
      isReady: () => !isStopping,
      network,
      limit: limits,
    }) ?? null;
    http?.start();
  } catch (error) {
    void stop();
    throw error;
  }
  return {
    addresses,
    httpAddresses: http?.addresses ?? [],
    view,
    bridge,
    get counts() {
      return server.counts;
    },
    get upstreamCount() {
      return countUpstreams(liveVhosts);
    },
    stop,
  };
}

/** Randomness and time for handshakes. */
export function createHandshakeOptions(clock: Clock): HandshakeOptions {
  return {
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    nowMs: Math.trunc(clock.now()),
  };
}

/** Joined with the loops that are there already; null when this is the only one. */
function createBridge(
  { chunkSize }: Config,
  { clock, wheels, loop }: {
    readonly clock: Clock;
    readonly wheels: FlushWheels;
    readonly loop: LoopPlace | undefined;
  },
): Bridge | null {
  if (loop === undefined) return null;
  const { index, count, neighbours } = loop;
  const wheel = wheels.for(COPY_PERIOD_MS);
  const bridge = new Bridge({ index, count, chunkSize, wheel, clock });
  for (const neighbour of neighbours) bridge.connect(neighbour.index, neighbour.port);
  return bridge;
}

/** Null when no vhost writes HLS. */
function createHls(config: Config, { clock, logger }: Surroundings): HlsService | null {
  if (![...config.vhosts.values()].some(({ hls }) => hls.enabled)) return null;
  const { chunkSize } = config;
  return new HlsService({ clock, logger, chunkSize, files: diskFiles, wallMs: Date.now });
}

/** What clients come in by: the vhosts themselves, or with a way to other event loops before them. */
function createDirectory(vhosts: readonly LiveVhost[], bridge: Bridge | null): VhostDirectory {
  const services = new Map<string, VhostService>();
  for (const { service, copies } of vhosts) {
    const door = bridge === null || copies === null ? service : bridge.wrap(service, copies);
    services.set(service.config.name, door);
  }
  return new VhostDirectory(services);
}

/** How the streams of a vhost are kept. */
function streamOptions({ play }: VhostConfig, chunkSize: number): StreamOptions {
  return {
    chunkSize,
    isAbsoluteTime: play.atc,
    maxLagMs: play.queueLengthMs,
    maxBytes: play.gopMaxBytes,
    keepBackMs: KEEP_BACK_MS,
    maxMessages: play.gopCacheMaxFrames === 0 ? Infinity : play.gopCacheMaxFrames,
  };
}

function createVhost(
  vhost: VhostConfig,
  common: UpstreamDeps & {
    readonly wheels: FlushWheels;
    readonly hls: HlsService | null;
    readonly bridge: Bridge | null;
  },
): LiveVhost {
  const { bridge, chunkSize, clock, hls, logger, wheels } = common;
  const hub = new Hub(streamOptions(vhost, chunkSize));
  const copies = bridge === null ? null : new Hub(streamOptions(vhost, chunkSize));
  const service = vhost.mode === "local"
    ? new LocalVhost({ config: vhost, hub, clock })
    : new RemoteVhost({ config: vhost, hub, deps: common, wheels, logger });
  hub.observe({
    onSourceChange(stream, { type }) {
      if (type === "began" && service.config.hls.enabled) hls?.watch(stream, service.config);
    },
  });
  return { hub, copies, service };
}

function countUpstreams(vhosts: readonly LiveVhost[]): number {
  return vhosts.reduce((sum, { service }) => sum + (service.upstreams()?.count ?? 0), 0);
}
