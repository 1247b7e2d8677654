import { ReadBuffers } from "../io/read_buffers.ts";
import { ReadPacer } from "../io/read_pacer.ts";
import { WorkTurns } from "../io/work_turns.ts";
import { createHandshakeOptions, startServer } from "../app/compose.ts";
import { loadHttp } from "../app/load_http.ts";
import type { Clock } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import type { DrainConfig } from "../config/drain_config.ts";
import { silentLogger } from "../base/log.ts";
import { Ticker } from "../base/ticker.ts";
import { defaultConfig, parseConfig } from "../config/parse_config.ts";
import { FlushQueue } from "../io/flush_queue.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import type { Network } from "../io/transport.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { csidOf } from "../rtmp/encoded_messages.ts";
import { parseRtmpUrl, parseStreamUrl } from "../rtmp/url.ts";
import { MovePace } from "../upstream/move_pace.ts";
import { OutageRoom } from "../upstream/outage_room.ts";
import { DialGate } from "../upstream/dial_gate.ts";
import { Upstream } from "../upstream/upstream.ts";
import {
  type UpstreamContext,
  type UpstreamSettings,
  WATCH_PERIOD_MS,
} from "../upstream/upstream_context.ts";
import type { UpstreamListener } from "../upstream/upstream_listener.ts";
import { BreakableNetwork } from "./breakable_network.ts";
import type { MediaMessage } from "./frame_check.ts";
import type {
  DemoNetwork,
  DemoPlayer,
  DemoPublisher,
  DemoServer,
  DemoServerOptions,
} from "./demo_parts.ts";

/** Any port. */
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** The scene of restarts waits for nothing but the edges that move. */
const DEMO_DRAIN: DrainConfig = {
  isForced: false,
  startWaitMs: 0,
  finalWaitMs: 0,
  timeoutMs: 3_000,
};

/** Settings of the encoder and the players. */
const CLIENT_SETTINGS: UpstreamSettings = {
  vhost: "[vhost]",
  debugSrsUpnode: false,
  enhancedRtmp: true,
  origins: [],
  redirect: "origins",
  tlsCa: "",
  insecure: false,
  connectTimeoutMs: 3_000,
  startTimeoutMs: 5_000,
  stallTimeoutMs: 2_000,
  isStallAuto: false,
};

/** More than the demo has. */
const MAX_CLIENTS = 10_000;

/** A client that a server has accepted. */
interface DemoClient {
  readonly writer: SocketWriter;
  /** Message stream id of its stream. */
  readonly msid: number;
  /** Finishes what is under way and disconnects. */
  close(): Promise<void>;
}

/** Real servers, encoders and players for the demo, on free ports of this machine. */
export class LocalDemoNetwork implements DemoNetwork {
  readonly #config = defaultConfig();
  readonly #network: Network;
  readonly #clock: Clock;
  /** Shared by the encoder and the players. */
  readonly #context: UpstreamContext;

  constructor(network: Network, clock: Clock) {
    this.#network = network;
    this.#clock = clock;
    const queue = new FlushQueue(clock);
    const turns = new WorkTurns(clock);
    this.#context = {
      settings: () => CLIENT_SETTINGS,
      network,
      queue,
      clock,
      turns,
      pacer: new ReadPacer(clock, turns, queue),
      buffers: new ReadBuffers(),
      ticker: new Ticker(clock, WATCH_PERIOD_MS),
      handshake: createHandshakeOptions(clock),
      chunkSize: this.#config.chunkSize,
      edgeId: null,
      gate: new DialGate({ clock, logger: silentLogger, maxUpstreams: () => MAX_CLIENTS }),
      pace: new MovePace(clock, Math.random),
      room: new OutageRoom(),
    };
  }

  async startServer(options: DemoServerOptions): Promise<DemoServer> {
    const network = options.mayBeLost ? new BreakableNetwork(this.#network) : null;
    const start = async (port: number) => {
      const config = configOf(options, port);
      const createHttp = await loadHttp(config);
      return startServer(config, {
        network: network ?? this.#network,
        clock: this.#clock,
        logger: silentLogger,
        ...(createHttp !== undefined && { createHttp }),
      });
    };
    let server = await start(0);
    const { port } = server.addresses[0]!;
    const web = server.httpAddresses[0];
    let killed: Promise<void> | null = null;
    return {
      port,
      webUrl: web === undefined ? null : `http://127.0.0.1:${web.port}`,
      stats: () => ({ viewers: server.counts.players, upstreams: server.upstreamCount }),
      async stop() {
        network?.thaw();
        await (killed ?? server.stop());
      },
      async restart() {
        await server.drain({ cause: "demo", target: null, timeoutMs: null, isReplaced: false });
        await server.stop();
        server = await start(port);
      },
      async lose(how) {
        if (how === "freeze") return network!.freeze();
        network!.kill();
        killed = server.stop();
        await killed;
      },
      async heal() {
        network!.thaw();
        if (killed !== null) server = await start(port);
        killed = null;
      },
    };
  }

  async publish(url: string): Promise<DemoPublisher> {
    const { chunkSize } = this.#context;
    const { writer, msid, close } = await this.#open("publish", url, () => {});
    return {
      push(typeId, timestampMs, payload) {
        const header = { csid: csidOf(typeId), typeId, msid, timestampMs };
        writer.send(encodeMessage(header, payload, chunkSize));
      },
      close,
    };
  }

  async play(url: string, onMessage: (message: MediaMessage) => void): Promise<DemoPlayer> {
    const { close } = await this.#open("play", url, onMessage);
    return { close };
  }

  /** Resolves when the server accepts the play or publish. */
  async #open(
    kind: "play" | "publish",
    url: string,
    onMessage: (message: MediaMessage) => void,
  ): Promise<DemoClient> {
    const { hostname, port, tcUrl, app, stream } = parseRtmpUrl(url);
    const accepted = Promise.withResolvers<Pick<DemoClient, "msid" | "writer">>();
    const listener: UpstreamListener = {
      onStarted: (msid, writer) => accepted.resolve({ msid, writer }),
      onMedia: (typeId, timestampMs, payload) => onMessage({ typeId, timestampMs, payload }),
      onUnpublished() {},
      onAcknowledgement() {},
    };
    const streamUrl = parseStreamUrl({ tcUrl, app, stream });
    const upstream = new Upstream(this.#context, {
      kind,
      origin: { hostname, port },
      request: { url: streamUrl, name: `${app}/${stream}`, edgePath: [], backlogMs: 0 },
      listener,
      logger: silentLogger,
      hasAlternative: () => true,
      backlogMs: () => 0,
    });
    const ended = upstream.run();
    ended.catch(accepted.reject);
    return {
      ...await accepted.promise,
      async close() {
        upstream.finish();
        await ended.catch(() => {});
      },
    };
  }
}

/** @param port 0 for any */
function configOf({ origins, cluster, hasWeb = false }: DemoServerOptions, port: number): Config {
  const edge = origins.length === 0
    ? ""
    : `cluster { mode remote; origin ${origins.join(" ")};${
      cluster === undefined ? "" : ` ${cluster};`
    } }`;
  const text = `listen 1935; http_server { players on; }
    vhost __defaultVhost__ { min_latency on; http_remux { enabled on; } ${edge} }`;
  const { config } = parseConfig(text, "demo.conf", { readFile: () => undefined });
  return {
    ...config,
    listen: [{ ...LOOPBACK, port }],
    drain: DEMO_DRAIN,
    httpApi: { ...config.httpApi, enabled: hasWeb, listen: [LOOPBACK] },
    httpServer: { ...config.httpServer, enabled: hasWeb, listen: [LOOPBACK] },
  };
}
