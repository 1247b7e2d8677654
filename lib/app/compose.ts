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
import { Gate } from "../server/gate.ts";
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

/** Which of several worker threads a server is. */
export interface ThreadSlot {
  /** Number of the worker, from 0. */
  readonly index: number;
  /** Number of workers. */
  readonly count: number;
  /** Identifies the process to other servers. */
  readonly edgeId: string;
  /** The workers that are running already. */
  readonly peers: readonly { readonly index: number; readonly port: BridgePort }[];
}

/** What a server is given by the program, or by a test. */
export interface ServerDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Present when the server is one of several worker threads. */
  readonly thread?: ThreadSlot;
  /** Present when the configuration asks for HTTP. */
  readonly createHttp?: CreateHttp | undefined;
  /** Sends HTTP callbacks; the runtime's `fetch` unless a test replaces it. */
  readonly hookFetch?: HookFetch;
}

/**
 * How far back every stream keeps keyframes, in ms. An edge notices after `stall_timeout` that its
 * origin froze, and asks the next origin for what it missed.
 */
const KEEP_BACK_MS = 3_500;

/** How often streams are sent to the mirrors in other workers, in ms. */
const MIRROR_PERIOD_MS = 20;

/** A server that listens. */
export interface RunningServer {
  /** Real addresses, in the order of the configuration. */
  readonly addresses: readonly NetAddress[];
  /** Real addresses of HTTP, those of the API first. */
  readonly httpAddresses: readonly NetAddress[];
  /** What the API reads; null without an API. */
  readonly view: ServerView | null;
  readonly counts: ServerCounts;
  /** Connections to origins. */
  readonly upstreamCount: number;
  /** The links to the other workers; null when there are none. */
  readonly bridge: Bridge | null;
  /** Stops gracefully. Resolves when everything is closed. */
  stop(): Promise<void>;
}

/**
 * Starts a server from its configuration.
 *
 * @throws when an address cannot be listened on; then the server listens on none.
 */
export function startServer(config: Config, deps: ServerDeps): RunningServer {
  const { network, clock, logger, thread, createHttp } = deps;
  const queue = new FlushQueue(clock);
  const wheels = new FlushWheels(queue, clock);
  const turns = new WorkTurns(clock);
  const edgeId = thread?.edgeId ?? crypto.randomUUID().slice(0, 8);
  const bridge = createBridge(config, { clock, wheels, thread });
  const identity = { serverId: stableId(edgeId), serviceId: edgeId };
  const hooks = new HookClient({
    ...deps,
    server: identity,
  });
  const hls = createHls(config, deps);
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
  const limits = new ClientLimits(config, deps);
  const threadName = thread === undefined ? "" : `w${thread.index}`;
  const gate = new Gate({ vhosts, hooks, edgeId });
  const context = { ...common, gate, buffers: new ReadBuffers() };
  const server = new Server({ network, limit: limits, idPrefix: `${threadName}c`, context });
  const flv = new FlvService({ ...context, idPrefix: `${threadName}h` });
  const clients: ClientSource[] = [server, flv];
  const view = config.httpApi.enabled
    ? new LiveView({ clock, queue, vhosts: () => liveVhosts, clients, limits })
    : null;
  view?.start();
  let isStopping = false;
  let http: HttpListeners | null = null;
  const stop = async () => {
    isStopping = true;
    // Clients first: publishers that leave end their pushes gracefully.
    flv.stop();
    await server.stop();
    await bridge?.announceStop();
    await vhosts.close();
    bridge?.close();
    await hls.close();
    await hooks.close();
    // Last: until then it reports that the server stops.
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
      // A worker serves no API: the main thread does, for all workers together.
      view: thread === undefined ? view : null,
      identity: { ...identity, pid: Deno.pid },
      streams: { vhosts, gate, service: flv },
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

/** Connected to the workers that are running already; null when there is one event loop. */
function createBridge(
  { chunkSize }: Config,
  { clock, wheels, thread }: {
    readonly clock: Clock;
    readonly wheels: FlushWheels;
    readonly thread: ThreadSlot | undefined;
  },
): Bridge | null {
  if (thread === undefined) return null;
  const { index, count, peers } = thread;
  const wheel = wheels.for(MIRROR_PERIOD_MS);
  const bridge = new Bridge({ index, count, chunkSize, wheel, clock });
  for (const peer of peers) bridge.connect(peer.index, peer.port);
  return bridge;
}

function createHls(config: Config, { clock, logger }: ServerDeps): HlsService {
  const { chunkSize } = config;
  const hls = new HlsService({ clock, logger, chunkSize, files: diskFiles, wallMs: Date.now });
  if ([...config.vhosts.values()].some((vhost) => vhost.hls.enabled)) hls.start();
  return hls;
}

/** The vhosts that clients use: with several workers, bridged ones. */
function createDirectory(vhosts: readonly LiveVhost[], bridge: Bridge | null): VhostDirectory {
  const services = new Map<string, VhostService>();
  for (const { service, mirrors } of vhosts) {
    const bridged = bridge === null || mirrors === null ? service : bridge.wrap(service, mirrors);
    services.set(service.config.name, bridged);
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
    readonly hls: HlsService;
    readonly bridge: Bridge | null;
  },
): LiveVhost {
  const { bridge, chunkSize, clock, hls, logger, wheels } = common;
  const hub = new Hub(streamOptions(vhost, chunkSize));
  const mirrors = bridge === null ? null : new Hub(streamOptions(vhost, chunkSize));
  const service = vhost.mode === "local"
    ? new LocalVhost({ config: vhost, hub, clock })
    : new RemoteVhost({ config: vhost, hub, deps: common, wheels, logger });
  hub.observe({
    onSourceChange(stream, { type }) {
      if (type === "began") hls.watch(stream, service);
    },
  });
  return { hub, mirrors, service };
}

function countUpstreams(vhosts: readonly LiveVhost[]): number {
  return vhosts.reduce((sum, { service }) => sum + (service.upstreams()?.count ?? 0), 0);
}
