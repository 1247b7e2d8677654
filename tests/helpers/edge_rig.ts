import { ReadBuffers } from "../../lib/io/read_buffers.ts";
import { mergedReadsOf, ReadPacer } from "../../lib/io/read_pacer.ts";
import { WorkTurns } from "../../lib/io/work_turns.ts";
import { Ticker } from "../../lib/base/ticker.ts";
import type { ClusterConfig, VhostConfig } from "../../lib/config/config.ts";
import type { EdgeContext } from "../../lib/edge/edge_context.ts";
import { type UpstreamDeps, WATCH_PERIOD_MS } from "../../lib/upstream/upstream_context.ts";
import { DEFAULT_VHOST } from "../../lib/config/config.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { DialGate } from "../../lib/upstream/dial_gate.ts";
import { MovePace } from "../../lib/upstream/move_pace.ts";
import { OutageRoom } from "../../lib/upstream/outage_room.ts";
import { OriginSet } from "../../lib/upstream/origin_set.ts";
import { createUpstreamTotals } from "../../lib/upstream/upstream_report.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { Stream } from "../../lib/hub/stream.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheels } from "../../lib/io/flush_wheel.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { FakeClock } from "./fake_clock.ts";
import { CollectedLog } from "./local_server.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { ScriptedOrigin } from "./scripted_origin.ts";

/** Ports of {@linkcode EdgeRig.a} and {@linkcode EdgeRig.b}. */
export const PORT_A = 19_001;
export const PORT_B = 19_002;

/** The defaults of the configuration, with one origin. */
export const CLUSTER: ClusterConfig = {
  origins: [{ hostname: "origin.example", port: PORT_A }],
  dnsServer: null,
  originSelect: "ordered",
  push: 1,
  vhost: "[vhost]",
  debugSrsUpnode: false,
  enhancedRtmp: true,
  tokenTraverse: false,
  redirect: "origins",
  tlsCa: "",
  insecure: false,
  maxUpstreams: 2_000,
  connectTimeoutMs: 3_000,
  startTimeoutMs: 5_000,
  stallTimeoutMs: 2_000,
  isStallAuto: false,
  failbackMs: 0,
  probeMs: 0,
  standby: false,
  lingerMs: 10_000,
  retryMinMs: 100,
  retryMaxMs: 5_000,
};

const VHOST = defaultConfig().vhosts.get(DEFAULT_VHOST)!;

/** Origins `a` and `b`, for the constructor of {@linkcode EdgeRig}. */
export const TWO_ORIGINS = [
  { hostname: "a.example", port: PORT_A },
  { hostname: "b.example", port: PORT_B },
];

/** Size of the chunks written. */
export const CHUNK_SIZE = 60_000;

/** A connection is dialled, accepted and fed in far fewer. */
const SETTLE_ROUNDS = 20;

/** What the parts of an edge depend on, in memory and on a clock that a test moves. */
export class EdgeRig {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly queue = new FlushQueue(this.clock);
  readonly wheels = new FlushWheels(this.queue, this.clock);
  readonly turns = new WorkTurns(this.clock);
  readonly log = new CollectedLog();
  readonly a = new ScriptedOrigin(this.network, PORT_A);
  readonly b = new ScriptedOrigin(this.network, PORT_B);
  /** The settings; a test may replace them. */
  config: VhostConfig;
  readonly deps: UpstreamDeps;
  readonly context: EdgeContext;

  constructor(options: Partial<ClusterConfig> = {}) {
    const cluster = { ...CLUSTER, ...options };
    this.config = { ...VHOST, cluster };
    this.deps = {
      network: this.network,
      queue: this.queue,
      clock: this.clock,
      turns: this.turns,
      pacer: new ReadPacer(this.clock, this.turns, this.queue),
      buffers: new ReadBuffers(),
      ticker: new Ticker(this.clock, WATCH_PERIOD_MS),
      handshake: { random: (length) => new Uint8Array(length).fill(9), nowMs: 0 },
      chunkSize: CHUNK_SIZE,
      edgeId: "edge0001",
    };
    this.context = {
      ...this.deps,
      config: () => this.config,
      settings: () => this.config.cluster,
      mergedReads: () => mergedReadsOf(this.config),
      origins: new OriginSet({ vhost: "v", settings: cluster, clock: this.clock }),
      gate: new DialGate({
        clock: this.clock,
        logger: this.log.logger,
        maxUpstreams: () => this.config.cluster.maxUpstreams,
      }),
      pace: new MovePace(this.clock, () => 0),
      room: new OutageRoom(),
      totals: createUpstreamTotals(),
    };
  }

  /** Settles all that needs no time: a whole handshake and more. */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await this.clock.settle();
  }

  /** Advances the clock by `ms`, and settles all that follows. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }
}

/** Stream options that tests may set. */
export interface TestStreamOptions {
  readonly maxLagMs?: number;
  readonly maxMessages?: number;
  readonly keepBackMs?: number;
}

/** Returns a stream `live/show` without a hub. */
export function createStream(options: TestStreamOptions = {}): Stream {
  const { maxLagMs = 30_000, maxMessages = 2_500, keepBackMs = 0 } = options;
  const limits = { maxBytes: 64 * 1024 * 1024, maxMessages, keepBackMs };
  return new Stream(
    "live/show",
    { chunkSize: CHUNK_SIZE, isAbsoluteTime: false, maxLagMs, ...limits },
    () => {},
  );
}

/** Returns a hub whose streams keep all that they get, nearly. */
export function createHub(): Hub {
  return new Hub({
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 64 * 1024 * 1024,
    maxMessages: 2_500,
    keepBackMs: 0,
  });
}

/** Returns a request for `live/show`, or for another name with parameters, e.g. `show?token=1`. */
export function requestFor(name = "show", edgePath: readonly string[] = []): StreamRequest {
  const url = parseStreamUrl({ tcUrl: "rtmp://edge.example/live", app: "live", stream: name });
  return { url, name: `${url.app}/${url.stream}`, edgePath, backlogMs: 0 };
}
