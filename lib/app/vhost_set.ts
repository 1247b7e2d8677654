import { type Logger, withoutWarnings } from "../base/log.ts";
import type { VhostConfig } from "../config/config.ts";
import { diskFiles as recordedFiles } from "../dvr/dvr_files.ts";
import { DvrService, type RecordedFile } from "../dvr/dvr_service.ts";
import { RemoteVhost } from "../edge/remote_vhost.ts";
import { Forward } from "../forward/forward.ts";
import { diskFiles } from "../hls/hls_files.ts";
import { type CompleteSegment, HlsService } from "../hls/hls_service.ts";
import { Hub } from "../hub/hub.ts";
import type { StreamOptions } from "../hub/stream_options.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import type { LiveVhost } from "../monitor/live_view.ts";
import { LocalVhost } from "../origin/local_vhost.ts";
import type { ClientSource } from "../server/client_report.ts";
import { SlateStore } from "../server/slate_store.ts";
import { VhostDirectory } from "../server/vhost_directory.ts";
import type { VhostService } from "../server/vhost_service.ts";
import type { Bridge } from "../threads/bridge.ts";
import type { UpstreamDeps } from "../upstream/upstream_context.ts";
import type { ConfigPlan } from "./config_plan.ts";
import { type HandoverTarget, HandoverVhost } from "./handover_vhost.ts";

/** Options of {@linkcode VhostSet}. */
interface VhostSetOptions extends UpstreamDeps {
  readonly logger: Logger;
  readonly wheels: FlushWheels;
  /** Links to the other workers; null when there are none. */
  readonly bridge: Bridge | null;
  /** As in the options of `Forward`. */
  readonly askDestinations: (
    config: VhostConfig,
    request: StreamRequest,
  ) => Promise<readonly string[] | null>;
  /** A recording is complete. */
  readonly onRecorded: (file: RecordedFile) => void;
  /** An HLS segment is complete. */
  readonly onSegment: (segment: CompleteSegment) => void;
}

/**
 * How far back every stream keeps keyframes, in ms. An edge notices after `stall_timeout` that its
 * origin froze, and asks the next origin for what it missed.
 */
const KEEP_BACK_MS = 3_500;

/** Why the clients of a vhost are closed, in the log. */
const REMOVED = "vhost was removed from the configuration";
const REPLACED = "vhost changed its mode";

/** The vhosts of a server. They can be added, configured and removed while it runs. */
export class VhostSet {
  /** The vhosts that clients use: with several workers, bridged ones. */
  readonly directory: VhostDirectory;
  /** The files of `play.fallback`. */
  readonly slates = new SlateStore();
  readonly #options: VhostSetOptions;
  readonly #services = new Map<string, VhostService>();
  readonly #live = new Map<string, LiveVhost>();
  /** What is being recorded. */
  readonly recordings: DvrService;
  readonly #hls: HlsService;
  /** The other processes of a replacement. */
  #handover: HandoverTarget | null = null;

  constructor(options: VhostSetOptions) {
    const { clock, logger, chunkSize, onRecorded: onFile, onSegment } = options;
    const basics = { clock, logger, chunkSize, wallMs: Date.now };
    this.#options = options;
    const hasOther = () => this.#handover !== null;
    this.#hls = new HlsService({ ...basics, files: diskFiles, hasOther, onSegment });
    this.recordings = new DvrService({ ...basics, files: recordedFiles, onFile });
    this.directory = new VhostDirectory(this.#services);
  }

  /** The settings in force, by vhost. */
  get settings(): ReadonlyMap<string, VhostConfig> {
    return new Map(Array.from(this.#services, ([name, { config }]) => [name, config]));
  }

  /** The vhosts in order of their addition. */
  get live(): IterableIterator<LiveVhost> {
    return this.#live.values();
  }

  /** Connections to origins, open or being made. */
  get upstreamCount(): number {
    let count = 0;
    for (const { service, forward } of this.#live.values()) {
      count += (service.upstreams()?.count ?? 0) + (forward?.count ?? 0);
    }
    return count;
  }

  /** Adds a vhost, in place of one of the same name. */
  add(config: VhostConfig): void {
    const { bridge } = this.#options;
    const vhost = this.#create(config);
    this.#live.set(config.name, vhost);
    const { service, mirrors } = vhost;
    const bridged = bridge === null || mirrors === null ? service : bridge.wrap(service, mirrors);
    this.#services.set(config.name, bridged);
    this.#hls.prepare(config.hls);
    this.recordings.prepare(config.dvr);
  }

  /**
   * Adds, then configures, then removes vhosts, so that no client is without one in between. All of
   * it happens before this returns; the promise resolves when the removed vhosts are closed.
   *
   * @param clients Sources whose clients of removed vhosts are closed.
   */
  async apply(plan: ConfigPlan, clients: readonly ClientSource[]): Promise<void> {
    const removed = plan.removed.map(({ name }) => this.#live.get(name)!);
    for (const config of plan.added) this.add(config);
    for (const config of plan.changed) this.#configure(config);
    await Promise.all(removed.map((vhost) => this.#remove(vhost, clients)));
  }

  /** Closes all vhosts. {@linkcode closeFiles} follows, because there is a last part to write. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#live.values(), closeVhost));
  }

  /** Writes the last HLS segments, and completes recordings. */
  async closeFiles(): Promise<void> {
    await Promise.all([this.#hls.close(), this.recordings.close()]);
  }

  /** As {@linkcode HandoverVhost.takeOver}, for all vhosts that are origins. */
  takeOver(target: HandoverTarget | null): void {
    this.#handover = target;
    for (const { service } of this.#live.values()) {
      if (service instanceof HandoverVhost) service.takeOver(target);
    }
  }

  /** As {@linkcode HandoverVhost.takeNoMore}, for all of them. */
  takeNoMore(): void {
    for (const { service } of this.#live.values()) {
      if (service instanceof HandoverVhost) service.takeNoMore();
    }
  }

  #configure(config: VhostConfig): void {
    const { service, hub, mirrors, forward } = this.#live.get(config.name)!;
    const options = streamOptions(config, this.#options.chunkSize);
    service.configure(config);
    hub.configure(options);
    mirrors?.configure(options);
    forward?.configure(config);
    this.#hls.prepare(config.hls);
    const streams = [...hub.streams()].filter(({ name }) => !isPulled(service, name));
    this.recordings.configure(service, streams);
  }

  async #remove(vhost: LiveVhost, clients: readonly ClientSource[]): Promise<void> {
    const { service } = vhost;
    const { name } = service.config;
    const isReplaced = this.#live.get(name) !== vhost;
    if (!isReplaced) {
      this.#live.delete(name);
      this.#services.delete(name);
    }
    this.#options.bridge?.unwrap(service);
    for (const source of clients) source.closeClients(name, isReplaced ? REPLACED : REMOVED);
    await closeVhost(vhost);
    this.recordings.release(service);
  }

  #create(config: VhostConfig): LiveVhost {
    const { bridge, chunkSize, clock, logger, wheels } = this.#options;
    const options = streamOptions(config, chunkSize);
    const hub = new Hub(options);
    const mirrors = bridge === null ? null : new Hub(options);
    const slates = { store: this.slates, logger };
    const createEdge = (edgeConfig: VhostConfig) => {
      const isOwn = edgeConfig === config;
      const edge = new RemoteVhost({
        slates: isOwn ? slates : undefined,
        config: edgeConfig,
        hub,
        deps: this.#options,
        wheels,
        // Another process of a replacement ends when its last client leaves.
        logger: isOwn ? logger : withoutWarnings(logger),
      });
      edge.start();
      return edge;
    };
    const local = config.mode === "local" ? new LocalVhost({ config, hub, clock, slates }) : null;
    const origin = local === null ? null : new HandoverVhost({
      local,
      createEdge: (target) => createEdge(handoverConfig(local.config, target)),
      configFor: (target) => handoverConfig(local.config, target),
    });
    origin?.takeOver(this.#handover);
    const forward = local === null ? null : new Forward({
      ...{ config, hub, wheels, logger },
      deps: this.#options,
      vouch: (...asked) => local.vouch(...asked),
      ask: this.#options.askDestinations,
      isPulled: (name) => origin?.isPulled(name) === true,
    });
    forward?.start();
    const service = origin ?? createEdge(config);
    hub.observe({
      onSourceChange: (stream, { type }) => {
        this.#options.bridge?.onLiveChanged();
        // The process that they come from writes those.
        if (isPulled(service, stream.name)) return this.#hls.yield(stream, service);
        if (type !== "began" && type !== "resumed") return;
        this.#hls.watch(stream, service);
        if (!stream.isOnSlate) this.recordings.watch(stream, service);
      },
      onSourceSwitch: ({ name }, { how, silenceMs, lostFrames, doubledFrames }) => {
        logger.for("hub", name).info("Publish switched", {
          vhost: config.name,
          silence_ms: silenceMs,
          lost_frames: lostFrames,
          doubled_frames: doubledFrames,
          how,
        });
      },
      onClockChange: ({ name }, { track, kind, byMs }) => {
        logger.for("hub", name).info(`Clock corrected: ${CLOCK_CHANGES[kind]}`, {
          vhost: config.name,
          track,
          by_ms: byMs,
        });
      },
    });
    return { hub, mirrors, service, forward };
  }
}

/** Whether a stream comes from the process that is replaced. */
function isPulled(service: VhostService, name: string): boolean {
  return service instanceof HandoverVhost && service.isPulled(name);
}

async function closeVhost({ service, forward }: LiveVhost): Promise<void> {
  await Promise.all([service.close(), forward?.close()]);
}

/** Longest time between two questions for a stream that the other process does not have, in ms. */
const HANDOVER_RETRY_MS = 500;

/** The settings by which a process pulls from those that it replaces, or that replace it. */
function handoverConfig(config: VhostConfig, { addresses }: HandoverTarget): VhostConfig {
  const cluster = {
    ...config.cluster,
    ...{ origins: addresses, vhost: config.name, lingerMs: 0 },
    ...{ retryMinMs: HANDOVER_RETRY_MS, retryMaxMs: HANDOVER_RETRY_MS },
  };
  return { ...config, mode: "remote", cluster };
}

const CLOCK_CHANGES = {
  leap: "it leapt",
  apart: "audio and video began far apart",
  unstamped: "timestamps stand still",
} as const;

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
