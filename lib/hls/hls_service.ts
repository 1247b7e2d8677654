/** HLS of a whole server: which streams are written, when, and one after the other. */

import { type CancelTimer, type Clock, nextTurn } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import type { HlsConfig, VhostConfig } from "../config/config.ts";
import type { Stream } from "../hub/stream.ts";
import { fillStream, streamNames } from "./file_names.ts";
import { HlsArchive } from "./hls_archive.ts";
import type { HlsFiles } from "./hls_files.ts";
import { HlsStream } from "./hls_stream.ts";
import { type Segment, Segmenter } from "./segmenter.ts";

/** Options of {@linkcode HlsService}. */
export interface HlsServiceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: HlsFiles;
  /** That of all streams' logs, in bytes. */
  readonly chunkSize: number;
  /** Time of day, in ms since 1970. */
  readonly wallMs: () => number;
}

/** How often streams are read. Little work each time, and segments last for seconds. */
const POLL_MS = 200;

/** A disk that is slower than the stream must not fill the memory. */
const MAX_WAITING_SEGMENTS = 8;

/** The HLS of one stream. */
interface Channel {
  readonly key: string;
  readonly owner: string;
  readonly config: HlsConfig;
  readonly logger: Logger;
  readonly archive: HlsArchive;
  /** Null when nobody publishes. */
  follower: HlsStream | null;
  cancelDispose: CancelTimer | null;
  waiting: number;
}

/** See the file comment. */
export class HlsService {
  readonly #options: HlsServiceOptions;
  /** By the paths of their playlists. */
  readonly #channels = new Map<string, Channel>();
  /** Takes long to load: not with the first segment. */
  readonly #muxer = import("./segment_mux.ts");
  /** Ends when everything that was asked for is done. */
  #work: Promise<void> = Promise.resolve();
  #cancelPoll: CancelTimer | null = null;

  constructor(options: HlsServiceOptions) {
    this.#options = options;
  }

  /** Writes HLS for `stream`, which a publisher of `vhost` begins to feed, until it is unpublished. */
  watch(stream: Stream, { name: vhost, hls: config }: VhostConfig): void {
    const logger = this.#options.logger.for("hls", stream.name);
    const names = streamNames(vhost, stream.name);
    if (names === null) {
      logger.warning("Cannot write HLS: the stream's name is too long for a file", {
        fix: "publish it under a shorter name",
      });
      return;
    }
    const key = `${config.path}/${fillStream(config.playlistFile, names)}`;
    const owner = `${vhost}/${stream.name}`;
    const channel = this.#channels.get(key) ??
      this.#open({
        key,
        owner,
        config,
        logger,
        archive: this.#createArchive(names, config, logger),
      });
    if (channel.owner !== owner) {
      logger.warning(`Cannot write HLS: ${quotePeerText(channel.owner)} writes the same files`, {
        fix: "put [vhost] and [app] into hls_m3u8_file and hls_ts_file",
      });
    } else if (channel.follower === null) {
      this.#follow(channel, stream);
    }
  }

  /** Ends all segments and waits until they are written. Files stay, for a server that comes after. */
  async close(): Promise<void> {
    this.#cancelPoll?.();
    for (const channel of this.#channels.values()) {
      channel.cancelDispose?.();
      channel.follower?.poll();
      channel.follower?.leave();
      this.#enqueue(() => channel.archive.close());
    }
    this.#channels.clear();
    await this.#work;
  }

  #createArchive(
    names: NonNullable<ReturnType<typeof streamNames>>,
    config: HlsConfig,
    logger: Logger,
  ): HlsArchive {
    const { clock, files, wallMs } = this.#options;
    const pause = () => nextTurn(clock);
    const mux = async (segment: Segment) => await (await this.#muxer).muxSegment(segment, pause);
    return new HlsArchive({ names, config, files, logger, mux, wallMs });
  }

  #open(parts: Omit<Channel, "follower" | "cancelDispose" | "waiting">): Channel {
    const channel = { ...parts, follower: null, cancelDispose: null, waiting: 0 };
    this.#channels.set(channel.key, channel);
    return channel;
  }

  #follow(channel: Channel, stream: Stream): void {
    channel.cancelDispose?.();
    channel.cancelDispose = null;
    const segmenter = new Segmenter(channel.config, {
      onSegment: (segment) => this.#add(channel, segment),
      onUnsupported: (codecName) =>
        channel.logger.warning(`HLS goes without ${codecName}: no player would know it`, {
          fix: "publish H.264, HEVC or AV1 with AAC, MP3 or Opus",
        }),
    });
    channel.follower = new HlsStream(stream, segmenter, this.#options.chunkSize);
    channel.logger.info("HLS begins", { playlist: channel.key });
    this.#cancelPoll ??= this.#options.clock.after(POLL_MS, () => this.#poll());
  }

  #poll(): void {
    let isBusy = false;
    for (const channel of this.#channels.values()) {
      channel.follower?.poll();
      if (channel.follower?.isOver) this.#unfollow(channel, channel.follower);
      isBusy ||= channel.follower !== null;
    }
    this.#cancelPoll = isBusy ? this.#options.clock.after(POLL_MS, () => this.#poll()) : null;
  }

  #unfollow(channel: Channel, follower: HlsStream): void {
    follower.leave();
    channel.follower = null;
    const { disposeMs } = channel.config;
    if (disposeMs > 0) {
      channel.cancelDispose = this.#options.clock.after(disposeMs, () => {
        this.#channels.delete(channel.key);
        this.#enqueue(() => channel.archive.dispose());
      });
    } else {
      this.#channels.delete(channel.key);
      this.#enqueue(() => channel.archive.close());
    }
  }

  #add(channel: Channel, segment: Segment): void {
    if (channel.waiting >= MAX_WAITING_SEGMENTS) {
      channel.logger.warning("HLS leaves a segment out: the disk is too slow", {
        fix: "name a folder on a faster disk with hls_path",
      });
      this.#enqueue(() => Promise.resolve(channel.archive.skip()));
      return;
    }
    channel.waiting++;
    this.#enqueue(async () => {
      await channel.archive.add(segment);
      channel.waiting--;
    });
  }

  /** One segment at a time: packing is work in small pieces, of which not too many shall come at once. */
  #enqueue(act: () => Promise<void>): void {
    this.#work = this.#work.then(act);
  }
}
