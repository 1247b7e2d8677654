import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import type { HlsConfig, VhostConfig } from "../config/config.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { fillStream, MASTER_ENDING, type StreamNames, streamNames } from "./file_names.ts";
import { HlsArchive } from "./hls_archive.ts";
import type { HlsFiles } from "./hls_files.ts";
import { HlsStream } from "./hls_stream.ts";
import type { ListedSegment } from "./listed_segment.ts";
import { masterEntriesOf, MasterPlaylists } from "./master_playlists.ts";
import type { Part } from "./part.ts";
import { RenditionReports } from "./rendition_reports.ts";
import { type LoadCmaf, SegmentMuxer } from "./segment_mux.ts";
import { type Omission, type Segment, Segmenter } from "./segmenter.ts";

/** Options of {@linkcode HlsService}. */
interface HlsServiceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: HlsFiles;
  /** Chunk size of all streams' logs, in bytes. */
  readonly chunkSize: number;
  /** Returns the time of day, in ms since 1970. */
  readonly wallMs: () => number;
  /** Whether another process, which replaces this one, may continue a playlist. */
  readonly hasOther: () => boolean;
  /** A segment is complete. */
  readonly onSegment: (segment: CompleteSegment) => void;
}

/** A segment of a stream that players can have. */
export interface CompleteSegment {
  readonly vhost: HlsVhost;
  /** Who publishes; null if unknown. */
  readonly request: StreamRequest | null;
  readonly segment: ListedSegment;
}

/** What HLS needs of a vhost: its settings in force. */
interface HlsVhost {
  readonly config: VhostConfig;
}

/** How often streams are read. Segments last for seconds. */
const POLL_MS = 200;
/** The same while a stream has parts, which last for 400 ms. */
const PARTS_POLL_MS = 40;

/** How long reading them may take at once, in ms. */
const TURN_MS = 2;

/** Segments of a stream that may wait for the disk. More would fill the memory. */
const MAX_WAITING_SEGMENTS = 8;
/** The same for parts. */
const MAX_WAITING_PARTS = 40;

/**
 * A publisher that returns within this time continues the playlist: an encoder that is restarted
 * does not end it.
 */
const END_AFTER_MS = 3000;

/** By how much another process may write its first segment later than the stream's time says. */
const OTHER_MARGIN_MS = 1000;

/** The HLS of one stream under one version of its settings. */
interface Channel {
  /** Path of the playlist. */
  readonly key: string;
  /** `vhost/app/stream`. */
  readonly owner: string;
  readonly config: HlsConfig;
  readonly logger: Logger;
  readonly archive: HlsArchive;
  /** Who publishes, or did last; null if unknown. */
  request: StreamRequest | null;
  /** Null while no one publishes. */
  follower: HlsStream | null;
  /** Ends the playlist, later removes the files; null while a source feeds the stream. */
  cancelCleanup: CancelTimer | null;
  waiting: number;
  waitingParts: number;
  /** Whether a part of the present segment was dropped, and so all that follow. */
  isDropping: boolean;
}

/**
 * Writes the HLS files of all streams of a server. Settings are read when a publish begins, so a
 * change applies to the next publish of a stream.
 */
export class HlsService {
  readonly #options: HlsServiceOptions;
  /** By the paths of their playlists. */
  readonly #channels = new Map<string, Channel>();
  readonly #masters: MasterPlaylists;
  readonly #reports = new RenditionReports();
  #cmaf: ReturnType<LoadCmaf> | null = null;
  /** Resolves when all work queued so far is done. */
  #work: Promise<void> = Promise.resolve();
  #cancelPoll: CancelTimer | null = null;
  #isClosed = false;

  constructor(options: HlsServiceOptions) {
    this.#options = options;
    this.#masters = new MasterPlaylists(options.files);
  }

  /**
   * Prepares for a vhost with HLS. Loading the CMAF muxer blocks the event loop for 50 to 150 ms,
   * so this loads it at once if the vhost writes nothing but CMAF. Otherwise the first stream that
   * needs CMAF loads it; most servers never do.
   */
  prepare({ enabled, useFmp4 }: HlsConfig): void {
    if (enabled && useFmp4) void this.#loadCmaf();
  }

  /** Writes HLS for `stream`, which a source begins to feed, if the vhost's settings ask for it. */
  watch(stream: Stream, vhost: HlsVhost): void {
    const { name, hls: config } = vhost.config;
    const owner = `${name}/${stream.name}`;
    const current = this.#followedBy(owner);
    // With unchanged settings, a publisher that returns continues its channel.
    if (current?.config === config) {
      current.request = stream.sourceRequest;
      return;
    }
    if (current !== undefined) this.#unfollow(current);
    if (!config.enabled) return;
    const logger = this.#options.logger.for("hls", stream.name);
    const names = streamNames(name, stream.name);
    if (names === null) {
      return logger.warning("HLS skipped: stream name is too long for a file", {
        fix: "publish it under a shorter name",
      });
    }
    if (`${stream.name}.m3u8`.endsWith(MASTER_ENDING)) {
      return logger.warning("HLS skipped: the playlist would have the name of a master playlist", {
        fix: "publish it under a name that does not end in .master",
      });
    }
    const channel = this.#open(owner, names, vhost, logger);
    if (channel !== null) this.#follow(channel, stream);
  }

  /** Leaves the files of `stream` to the process that it now comes from. */
  yield(stream: Stream, vhost: HlsVhost): void {
    const channel = this.#followedBy(`${vhost.config.name}/${stream.name}`);
    if (channel === undefined) return;
    this.#enqueue(() => channel.archive.yield());
    channel.follower?.leave();
    this.#channels.delete(channel.key);
  }

  /** Ends all segments and waits until they are written. Files stay for the next server. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPoll?.();
    for (const channel of this.#channels.values()) {
      channel.follower?.leave();
      this.#close(channel);
    }
    await this.#work;
  }

  #followedBy(owner: string): Channel | undefined {
    for (const channel of this.#channels.values()) {
      if (channel.owner === owner && channel.follower !== null) return channel;
    }
    return undefined;
  }

  /** Returns the channel for these settings; null if another stream writes the same files. */
  #open(
    owner: string,
    names: StreamNames,
    vhost: HlsVhost,
    logger: Logger,
  ): Channel | null {
    const { hls: config } = vhost.config;
    const key = `${config.path}/${fillStream(config.playlistFile, names)}`;
    const known = this.#channels.get(key);
    if (known !== undefined && known.owner !== owner) {
      logger.warning(`HLS skipped: ${quotePeerText(known.owner)} writes the same files`, {
        fix: "put [vhost] and [app] into hls_m3u8_file and hls_ts_file",
      });
      return null;
    }
    if (known?.config === config) return known;
    if (known !== undefined) this.#close(known);
    const archive = this.#createArchive(names, { owner, config, logger }, (segment) => {
      this.#options.onSegment({ vhost, request: channel.request, segment });
    });
    const channel: Channel = {
      ...{ key, owner, config, logger, archive },
      request: null,
      follower: null,
      cancelCleanup: null,
      waiting: 0,
      waitingParts: 0,
      isDropping: false,
    };
    this.#channels.set(key, channel);
    return channel;
  }

  #createArchive(
    names: StreamNames,
    { owner, config, logger }: Pick<Channel, "owner" | "config" | "logger">,
    onSegment: (segment: ListedSegment) => void,
  ): HlsArchive {
    const { clock, files, wallMs } = this.#options;
    const [vhost = "", ...parts] = owner.split("/");
    const masterEntries = masterEntriesOf(parts.join("/"), config.variants, (name) => {
      const others = streamNames(vhost, name);
      return others && fillStream(config.playlistFile, others);
    });
    let isSkipReported = false;
    const onFrameSkipped = () => {
      if (isSkipReported) return;
      isSkipReported = true;
      logger.warning("HLS omits an AAC frame: it is longer than the 8184 bytes that ADTS permits", {
        fix: "check the encoder, or set hls_use_fmp4 on",
      });
    };
    const muxer = new SegmentMuxer({ clock, loadCmaf: () => this.#loadCmaf(), onFrameSkipped });
    const mux = muxer.mux.bind(muxer);
    const masters = { masters: this.#masters, reports: this.#reports, masterEntries };
    return new HlsArchive({ names, config, files, logger, mux, wallMs, onSegment, ...masters });
  }

  #loadCmaf(): ReturnType<LoadCmaf> {
    return this.#cmaf ??= import("./cmaf_mux.ts");
  }

  #follow(channel: Channel, stream: Stream): void {
    const { config, logger } = channel;
    channel.request = stream.sourceRequest;
    channel.cancelCleanup?.();
    channel.cancelCleanup = null;
    const segmenter = new Segmenter(config, {
      onSegment: (segment) => this.#add(channel, segment),
      onPart: (part) => this.#addPart(channel, part),
      onTracks: (tracks) => this.#enqueue(() => channel.archive.expect(tracks)),
      onOmitted: (codecName, reason) => logOmission(logger, codecName, reason),
      onLongGop: (gopMs) => logLongGop(logger, gopMs, config),
      onTimeStands: () =>
        logger.warning("HLS waits: timestamps of the stream stand still", {
          fix: "make the encoder send timestamps that advance",
        }),
    });
    channel.follower = new HlsStream(stream, segmenter, this.#options.chunkSize);
    channel.follower.start();
    logger.info("HLS started", { playlist: channel.key });
    this.#cancelPoll ??= this.#options.clock.after(this.#pollMs, () => this.#poll());
  }

  get #pollMs(): number {
    for (const { follower, config } of this.#channels.values()) {
      if (follower !== null && config.isLowLatency) return PARTS_POLL_MS;
    }
    return POLL_MS;
  }

  /** Reads all streams, each as often as the others, until nothing is left. */
  #poll(channels: readonly Channel[] = [...this.#channels.values()]): void {
    const { clock } = this.#options;
    const untilMs = clock.now() + TURN_MS;
    const queue = [...channels];
    let index = 0;
    for (; index < queue.length && clock.now() < untilMs; index++) {
      const channel = queue[index]!;
      const { follower } = channel;
      if (follower === null) continue;
      if (!follower.readPart()) queue.push(channel);
      else if (follower.isOver) this.#unfollow(channel);
    }
    if (index < queue.length) return clock.yield(() => this.#poll(queue.slice(index)));
    const isBusy = [...this.#channels.values()].some(({ follower }) => follower !== null);
    this.#cancelPoll = isBusy && !this.#isClosed
      ? clock.after(this.#pollMs, () => this.#poll())
      : null;
  }

  #unfollow(channel: Channel): void {
    channel.follower?.leave();
    channel.follower = null;
    const { disposeMs } = channel.config;
    const afterMs = this.#endAfterMs(channel.config);
    const endMs = disposeMs === 0 ? afterMs : Math.min(afterMs, disposeMs);
    channel.cancelCleanup = this.#options.clock.after(endMs, () => {
      this.#enqueue(() => channel.archive.end());
      if (disposeMs === 0) this.#close(channel);
      else this.#disposeAfter(channel, disposeMs - endMs);
    });
  }

  /** A publisher that returns to another process is seen in its first segment. */
  #endAfterMs({ fragmentMs, audioOverflowRatio }: HlsConfig): number {
    if (!this.#options.hasOther()) return END_AFTER_MS;
    return END_AFTER_MS + fragmentMs * audioOverflowRatio + OTHER_MARGIN_MS;
  }

  #disposeAfter(channel: Channel, delayMs: number): void {
    channel.cancelCleanup = this.#options.clock.after(delayMs, () => {
      this.#channels.delete(channel.key);
      this.#enqueue(() => channel.archive.dispose());
    });
  }

  /** Forgets a channel; its files stay. */
  #close(channel: Channel): void {
    channel.cancelCleanup?.();
    this.#channels.delete(channel.key);
    this.#enqueue(() => channel.archive.close());
  }

  #addPart(channel: Channel, part: Part): void {
    if (part.isFirst) channel.isDropping = false;
    if (channel.isDropping || channel.waitingParts >= MAX_WAITING_PARTS) {
      channel.isDropping = true;
      return;
    }
    channel.waitingParts++;
    const cutWallMs = this.#options.wallMs();
    this.#enqueue(async () => {
      await channel.archive.addPart(part, cutWallMs);
      channel.waitingParts--;
    });
  }

  #add(channel: Channel, segment: Segment): void {
    if (channel.waiting >= MAX_WAITING_SEGMENTS || channel.isDropping) {
      channel.logger.warning("HLS segment dropped: disk too slow", {
        fix: "set hls_path to a folder on a faster disk",
      });
      this.#enqueue(() => Promise.resolve(channel.archive.skip()));
      return;
    }
    channel.waiting++;
    const cutWallMs = this.#options.wallMs();
    this.#enqueue(async () => {
      await channel.archive.add(segment, cutWallMs);
      channel.waiting--;
    });
  }

  /** Muxes one segment at a time so that it cannot hog the event loop. */
  #enqueue(act: () => Promise<void>): void {
    this.#work = this.#work.then(act);
  }
}

function logOmission(logger: Logger, codecName: string, reason: Omission): void {
  switch (reason) {
    case "unsupported":
      return logger.warning(`HLS omits ${codecName}: no HLS player supports it`, {
        fix: "publish H.264, HEVC or AV1 with AAC, MP3 or Opus",
      });
    case "damaged header":
      return logger.warning(`HLS omits ${codecName}: its sequence header is damaged`, {
        fix: "check the encoder",
      });
    case "no header":
      return logger.warning(`HLS omits ${codecName}: its sequence header is missing`, {
        fix: "make the encoder send a sequence header before the first frame",
      });
    case "no keyframe":
      return logger.warning(`HLS has no ${codecName}: there is no keyframe to start with`, {
        fix: "make the encoder send a keyframe every hls_fragment or more often",
      });
    default:
      return reason satisfies never;
  }
}

function logLongGop(logger: Logger, gopMs: number, { fragmentMs }: HlsConfig): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  logger.warning(`GOP is ${seconds(gopMs)}, longer than hls_fragment, ${seconds(fragmentMs)}`, {
    fix: "set the keyframe interval of the encoder to hls_fragment or less, or raise hls_fragment",
  });
}
