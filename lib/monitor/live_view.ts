import type { CancelTimer, Clock } from "../base/clock.ts";
import type { DvrService } from "../dvr/dvr_service.ts";
import type { DelayHistogram } from "../base/delay_histogram.ts";
import { LoopDelay } from "../base/loop_delay.ts";
import { RATE_SAMPLE_MS, RateWindow } from "../base/rate_window.ts";
import type {
  DelaySnapshot,
  EndedStream,
  ServerSnapshot,
  ServerView,
  StreamSnapshot,
  VhostSnapshot,
} from "./server_view.ts";
import type { Forward } from "../forward/forward.ts";
import type { Hub } from "../hub/hub.ts";
import { qualifiedName } from "../hub/qualified_name.ts";
import type { Stream } from "../hub/stream.ts";
import type { ClientReport, ClientSource, ClientTotals } from "../server/client_report.ts";
import { addMoves, type MoveCounts, type MoveSelector } from "../server/move_clients.ts";
import type { ClientLimits } from "../server/client_limits.ts";
import type { Ban, Bans } from "../server/bans.ts";
import type { HookClient } from "../server/hook_client.ts";
import type { RefusalCounts } from "../server/refusal_counts.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { VhostService } from "../server/vhost_service.ts";
import { Audiences } from "./audiences.ts";
import { ProcessMeter } from "./process_meter.ts";
import { RateTable } from "./rate_table.ts";
import { describeAudio, describeEncoder, describeVideo } from "./stream_codecs.ts";

/** A vhost and its streams. */
export interface LiveVhost {
  readonly service: VhostService;
  /** Streams owned by this worker. */
  readonly hub: Hub;
  /** Mirrors of the streams of other workers; null when there are none. */
  readonly mirrors: Hub | null;
  /** Copies for other servers; null for an edge. */
  readonly forward: Forward | null;
}

/** Options of {@linkcode LiveView}. */
interface LiveViewOptions {
  readonly clock: Clock;
  /** Returns the present vhosts. */
  readonly vhosts: () => Iterable<LiveVhost>;
  readonly clients: readonly ClientSource[];
  /** Refuses connections. */
  readonly limits: Pick<ClientLimits, "refusedCount" | "use">;
  /** Counts what the gate refuses. */
  readonly refusals: Readonly<RefusalCounts>;
  /** The recordings that are under way. */
  readonly recordings: Pick<DvrService, "reportOf" | "totalsOf">;
  readonly bans: Bans;
  /** Counts what never became a client. */
  readonly probes: { readonly handshakeFailures: number };
  /** Counts callbacks without an answer. */
  readonly hooks: Pick<HookClient, "failureCounts">;
  /** Counts the writes. */
  readonly queue: FlushQueue;
  /** Of the merged reads. */
  readonly readDelays: DelayHistogram;
}

/** Why a client is closed, in the log. */
const KICKED = "kicked over the API";

/** The view of the server in this event loop. Samples rates from `start()` to `stop()`. */
export class LiveView implements ServerView {
  readonly #options: LiveViewOptions;
  readonly #loopDelay: LoopDelay;
  readonly #process: ProcessMeter;
  readonly #serverRate = new RateWindow();
  readonly #vhostRates = new RateTable();
  readonly #streamRates = new RateTable();
  readonly #clientRates = new RateTable();
  /** Of video messages. */
  readonly #frameRates = new RateTable();
  readonly #rateTables = [
    this.#vhostRates,
    this.#streamRates,
    this.#clientRates,
    this.#frameRates,
  ];
  #cancel: CancelTimer | null = null;
  #kicks = 0;

  constructor(options: LiveViewOptions) {
    const { clock } = options;
    this.#options = options;
    this.#loopDelay = new LoopDelay(clock);
    this.#process = new ProcessMeter(clock.now());
  }

  /** Begins to sample rates and timer delays. Harmless when repeated. */
  start(): void {
    if (this.#cancel !== null) return;
    this.#loopDelay.start();
    this.#process.start(this.#options.clock.now());
    this.#cancel = this.#scheduleSample();
  }

  snapshot(): Promise<ServerSnapshot> {
    const { clock, queue, readDelays, probes, hooks } = this.#options;
    const vhosts = [...this.#options.vhosts()];
    const nowMs = clock.now();
    const clients = this.#clientReports(nowMs);
    const audiences = new Audiences(clients);
    return Promise.resolve({
      process: this.#process.snapshot(nowMs),
      totals: this.#clientTotals(),
      connections: this.#options.limits.use,
      refusals: { ...this.#options.refusals },
      incidents: { kicks: this.#kicks, handshakeFailures: probes.handshakeFailures },
      callbackFailures: { ...hooks.failureCounts },
      bans: this.#options.bans.count,
      rate: this.#serverRate.kbps,
      loopDelay: describeDelays(this.#loopDelay.delays),
      readDelay: describeDelays(readDelays),
      flushes: { count: queue.flushCount, busyMs: queue.busyMs },
      vhosts: vhosts.map((vhost) => this.#describeVhost(vhost, audiences)),
      streams: vhosts.flatMap((vhost) => this.#describeStreams(vhost, audiences, nowMs)),
      ended: vhosts.flatMap(endedIn),
      clients: clients.map((client) => ({ ...client, rate: this.#clientRates.of(client.id) })),
    });
  }

  kick(clientId: string): Promise<boolean> {
    const isKicked = this.#options.clients.some((source) => source.kick(clientId, KICKED));
    if (isKicked) this.#kicks++;
    return Promise.resolve(isKicked);
  }

  ban(bans: readonly Ban[]): Promise<void> {
    this.#options.bans.add(bans);
    return Promise.resolve();
  }

  lift(ip: string): Promise<boolean> {
    return Promise.resolve(this.#options.bans.lift(ip));
  }

  bans(): Promise<readonly Ban[]> {
    return Promise.resolve(this.#options.bans.list());
  }

  move(selector: MoveSelector, target: string | null): Promise<MoveCounts> {
    const counts = this.#options.clients.map((source) => source.move(selector, target));
    return Promise.resolve(addMoves(counts));
  }

  /** Stops sampling. */
  stop(): void {
    this.#loopDelay.stop();
    this.#cancel?.();
    this.#cancel = null;
  }

  #clientReports(nowMs: number): ClientReport[] {
    return this.#options.clients.flatMap((source) => source.clientReports(nowMs));
  }

  #clientTotals(): ClientTotals {
    const { clients, limits } = this.#options;
    const refused = limits.refusedCount;
    const sum = { connections: 0, refused, receivedBytes: 0, sentBytes: 0, skips: 0 };
    for (const { clientTotals } of clients) {
      sum.connections += clientTotals.connections;
      sum.receivedBytes += clientTotals.receivedBytes;
      sum.sentBytes += clientTotals.sentBytes;
      sum.skips += clientTotals.skips;
    }
    return sum;
  }

  #describeVhost(vhost: LiveVhost, audiences: Audiences): VhostSnapshot {
    const { service, hub, forward } = vhost;
    const { name, enabled, mode, hls } = service.config;
    const { messages, payloadBytes, slates, splices, restarts, lostFrames, doubledFrames } =
      hub.totals;
    const upstreams = service.upstreams();
    return {
      name,
      enabled,
      mode,
      receivedBytes: payloadBytes,
      sentBytes: sentBytesOf(vhost, audiences),
      messages,
      slates,
      publishers: { splices, restarts, lostFrames, doubledFrames },
      rate: this.#vhostRates.of(name),
      recordings: { ...this.#options.recordings.totalsOf(name) },
      hlsFragmentMs: hls.enabled ? hls.fragmentMs : null,
      upstreams: upstreams === null ? null : { ...upstreams.totals, ...upstreams.connections },
      discoveries: upstreams?.discoveries ?? [],
      forward: service.config.forward.enabled && forward !== null ? { ...forward.totals } : null,
    };
  }

  #describeStreams(live: LiveVhost, audiences: Audiences, nowMs: number): StreamSnapshot[] {
    const { service, forward } = live;
    const vhost = service.config.name;
    const upstreams = service.upstreams();
    return streamsOf(live).map(({ stream, isOwner }) => {
      const { stats, name, headers } = stream;
      const { players, publisherId, reserveId, sentBytes } = audiences.of(vhost, name);
      return {
        vhost,
        name,
        isOwner,
        isActive: stream.hasSource && !stream.isOnSlate,
        isOnSlate: stream.isOnSlate,
        players,
        audience: stream.audience(nowMs),
        publisherId,
        reserveId,
        videoMessages: stats.videoMessages,
        messages: stats.messages,
        receivedBytes: stats.payloadBytes,
        sentBytes: stats.sentBytes + sentBytes,
        rate: this.#streamRates.of(qualifiedName(vhost, name)),
        health: {
          encoder: describeEncoder(headers),
          frameRate: hundredths(this.#frameRates.firstPerSecond(qualifiedName(vhost, name))),
          keyframeMs: stream.keyframeMs,
          clockChanges: stats.clockChanges,
          lostFrames: stats.lostFrames,
          doubledFrames: stats.doubledFrames,
        },
        video: describeVideo(headers),
        audio: describeAudio(headers),
        recording: this.#options.recordings.reportOf(stream),
        upstreams: [...upstreams?.of(name) ?? [], ...forward?.of(name) ?? []],
      };
    });
  }

  #scheduleSample(): CancelTimer {
    const { clock } = this.#options;
    return clock.after(RATE_SAMPLE_MS, () => {
      this.#sample(clock.now());
      this.#cancel = this.#scheduleSample();
    });
  }

  #sample(nowMs: number): void {
    this.#process.sample(nowMs);
    const { receivedBytes, sentBytes } = this.#clientTotals();
    this.#serverRate.sample(nowMs, receivedBytes, sentBytes);
    const clients = this.#clientReports(nowMs);
    for (const { id, receivedBytes, sentBytes } of clients) {
      this.#clientRates.sample(id, nowMs, receivedBytes, sentBytes);
    }
    const audiences = new Audiences(clients);
    for (const vhost of this.#options.vhosts()) this.#sampleVhost(vhost, audiences, nowMs);
    for (const table of this.#rateTables) table.endRound();
  }

  #sampleVhost(live: LiveVhost, audiences: Audiences, nowMs: number): void {
    const vhost = live.service.config.name;
    const { payloadBytes } = live.hub.totals;
    this.#vhostRates.sample(vhost, nowMs, payloadBytes, sentBytesOf(live, audiences));
    for (const { stream: { name, stats } } of streamsOf(live)) {
      const sentBytes = stats.sentBytes + audiences.of(vhost, name).sentBytes;
      const key = qualifiedName(vhost, name);
      this.#streamRates.sample(key, nowMs, stats.payloadBytes, sentBytes);
      this.#frameRates.sample(key, nowMs, stats.videoMessages, 0);
    }
  }
}

/** Bytes sent to the players of a vhost, present and past. */
function sentBytesOf({ service, hub, mirrors }: LiveVhost, audiences: Audiences): number {
  const past = hub.totals.sentBytes + (mirrors?.totals.sentBytes ?? 0);
  return past + audiences.sentBytesIn(service.config.name);
}

/** The streams of a vhost that have ended, the newest first. */
function endedIn({ service, hub, mirrors }: LiveVhost): EndedStream[] {
  const hubs = [
    { hub, isOwner: true },
    ...(mirrors === null ? [] : [{ hub: mirrors, isOwner: false }]),
  ];
  return hubs.flatMap(({ hub, isOwner }) =>
    Array.from(hub.ended, ([name, stats]) => ({
      vhost: service.config.name,
      name,
      isOwner,
      videoMessages: stats.videoMessages,
      receivedBytes: stats.payloadBytes,
      sentBytes: stats.sentBytes,
      lostFrames: stats.lostFrames,
      doubledFrames: stats.doubledFrames,
    })).reverse()
  );
}

/** The streams of a vhost, and whether this worker owns them. */
function streamsOf({ hub, mirrors }: LiveVhost): { stream: Stream; isOwner: boolean }[] {
  return [
    ...Array.from(hub.streams(), (stream) => ({ stream, isOwner: true })),
    ...Array.from(mirrors?.streams() ?? [], (stream) => ({ stream, isOwner: false })),
  ];
}

function describeDelays({ boundsSeconds, counts, sumSeconds }: DelayHistogram): DelaySnapshot {
  return { boundsSeconds, counts, sumSeconds };
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
