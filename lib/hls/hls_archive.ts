import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { HlsConfig } from "../config/config.ts";
import {
  fillSegment,
  fillStream,
  pathOfUri,
  relativeUri,
  type StreamNames,
  withExtension,
} from "./file_names.ts";
import type { HlsFiles } from "./hls_files.ts";
import { parsePlaylist, Playlist, type PlaylistEntry } from "./playlist.ts";
import type { MuxedSegment } from "./segment_mux.ts";
import type { Segment } from "./segmenter.ts";
import { isSameTrack } from "./track.ts";

/** Options of {@linkcode HlsArchive}. */
interface HlsArchiveOptions {
  readonly names: StreamNames;
  readonly config: HlsConfig;
  readonly files: HlsFiles;
  readonly logger: Logger;
  /** Muxes a segment. Rejects if the packets do not match their codec. */
  readonly mux: (segment: Segment) => Promise<MuxedSegment>;
  /** Returns the time of day, in ms since 1970. */
  readonly wallMs: () => number;
}

/** The newest init segment on the disk, with the tracks it describes. */
interface InitSegment extends Pick<Segment, "video" | "audio"> {
  readonly uri: string;
}

const FIX_DISK = "give the server write access to the hls_path folder, and check its free space";
const FIX_ENCODER = "check the encoder: its frames do not match their sequence header";

/**
 * The files of one stream: playlist, segments, init segments. They outlive the publisher and the
 * process: an existing playlist is continued. Methods never reject; do not run them concurrently.
 */
export class HlsArchive {
  readonly #options: HlsArchiveOptions;
  readonly #playlistPath: string;
  readonly #segmentTemplate: string;
  #playlist: Playlist | null = null;
  /** No longer in the playlist; players with an older copy may still request them. */
  #retired: PlaylistEntry[] = [];
  #init: InitSegment | null = null;
  /** The failure that was logged; empty after a success. */
  #failure = "";
  /** Whether a segment is missing before the next one. */
  #hasGap = false;

  constructor(options: HlsArchiveOptions) {
    const { config, names } = options;
    this.#options = options;
    this.#playlistPath = fillStream(config.playlistFile, names);
    this.#segmentTemplate = fillStream(config.segmentFile, names);
  }

  /** Muxes a segment and writes it and the playlist. On failure the segment is dropped. */
  async add(segment: Segment): Promise<void> {
    const muxed = await this.#mux(segment);
    const isWritten = muxed !== null && await this.#try(() => this.#write(segment, muxed));
    if (!isWritten) this.#hasGap = true;
  }

  /** Records that a segment was dropped before it got here. */
  skip(): void {
    this.#hasGap = true;
  }

  /** Removes the segments that are no longer in the playlist. */
  async close(): Promise<void> {
    await this.#try(() => this.#removeRetired(0));
  }

  /** Removes all files; segments only if `hls_cleanup` is on. */
  async dispose(): Promise<void> {
    await this.#try(async () => {
      const playlist = await this.#open();
      await this.#options.files.remove(this.#pathOf(this.#playlistPath));
      this.#playlist = null;
      if (this.#options.config.cleanup) this.#retired.push(...playlist.entries);
      await this.#removeRetired(0);
    });
  }

  async #mux(segment: Segment): Promise<MuxedSegment | null> {
    try {
      return await this.#options.mux(segment);
    } catch (error) {
      this.#report(`HLS segment dropped: muxing failed: ${describeError(error)}`, FIX_ENCODER);
      return null;
    }
  }

  async #write(segment: Segment, { media, init }: MuxedSegment): Promise<void> {
    const { files, config, wallMs } = this.#options;
    const { durationMs } = segment;
    const playlist = await this.#open();
    const sequence = playlist.nextSequence;
    const tsPath = fillSegment(this.#segmentTemplate, { sequence, durationMs, wallMs: wallMs() });
    const path = init === null ? tsPath : withExtension(tsPath, ".m4s");
    if (init !== null && !this.#isInitFor(segment)) {
      await this.#writeInit(init, segment, withExtension(tsPath, "-init.mp4"));
    }
    const initUri = init && this.#init!.uri;
    await files.write(this.#pathOf(path), media);
    const isFirst = playlist.entries.length === 0;
    const isDiscontinuity = !isFirst && (segment.isDiscontinuity || this.#hasGap);
    this.#hasGap = false;
    const dropped = playlist.add({ uri: this.#uriOf(path), durationMs, isDiscontinuity, initUri });
    await files.write(this.#pathOf(this.#playlistPath), encodeUtf8(playlist.render()));
    if (config.cleanup) this.#retired.push(...dropped);
    await this.#removeRetired(playlist.windowMs);
  }

  /** Compares tracks, not bytes: each init segment contains its time of creation. */
  #isInitFor({ video, audio }: Segment): boolean {
    const init = this.#init;
    return init !== null && isSameTrack(init.video, video) && isSameTrack(init.audio, audio);
  }

  async #writeInit(bytes: Uint8Array, { video, audio }: Segment, path: string): Promise<void> {
    await this.#options.files.write(this.#pathOf(path), bytes);
    this.#init = { uri: this.#uriOf(path), video, audio };
  }

  /** Returns the playlist, read from its file first if there is one. */
  async #open(): Promise<Playlist> {
    this.#playlist ??= await this.#read();
    return this.#playlist;
  }

  async #read(): Promise<Playlist> {
    const { files, config, wallMs } = this.#options;
    const text = await files.read(this.#pathOf(this.#playlistPath));
    const state = text === null ? null : parsePlaylist(text);
    if (state !== null) return new Playlist(config.windowMs, state);
    const targetMs = config.fragmentMs * config.targetDurationRatio;
    return new Playlist(config.windowMs, {
      // Higher than any number used before. Caches keep segments: a reused name would show viewers
      // an old stream.
      sequence: Math.floor(wallMs() / 1000),
      discontinuitySequence: 0,
      targetSeconds: Math.ceil(targetMs / 1000),
      entries: [],
    });
  }

  /** Removes the oldest retired segments until the rest lasts at most `keepMs`. */
  async #removeRetired(keepMs: number): Promise<void> {
    let totalMs = this.#retired.reduce((total, { durationMs }) => total + durationMs, 0);
    while (this.#retired.length > 0 && totalMs > keepMs) {
      const oldest = this.#retired.shift()!;
      totalMs -= oldest.durationMs;
      await this.#remove(oldest.uri);
      if (oldest.initUri !== null && !this.#isInitNeeded(oldest.initUri)) {
        await this.#remove(oldest.initUri);
        if (this.#init?.uri === oldest.initUri) this.#init = null;
      }
    }
  }

  #isInitNeeded(uri: string): boolean {
    const entries = [...this.#retired, ...this.#playlist?.entries ?? []];
    return entries.some(({ initUri }) => initUri === uri);
  }

  async #remove(uri: string): Promise<void> {
    const { files, config } = this.#options;
    // A playlist from before a restart may contain any URI.
    const name = uri.startsWith(config.entryPrefix) ? uri.slice(config.entryPrefix.length) : uri;
    const path = pathOfUri(this.#playlistPath, name);
    if (path !== null) await files.remove(this.#pathOf(path));
  }

  #pathOf(path: string): string {
    return `${this.#options.config.path}/${path}`;
  }

  #uriOf(path: string): string {
    return this.#options.config.entryPrefix + relativeUri(this.#playlistPath, path);
  }

  async #try(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
    } catch (error) {
      this.#report(`HLS write failed: ${describeError(error)}`, FIX_DISK);
      return false;
    }
    if (this.#failure !== "") this.#options.logger.info("HLS writing resumed");
    this.#failure = "";
    return true;
  }

  /** Logs the first of several failures in a row: each segment may fail. */
  #report(what: string, fix: string): void {
    if (this.#failure === "") this.#options.logger.warning(what, { fix });
    this.#failure = what;
  }
}
