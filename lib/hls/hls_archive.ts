/**
 * The files of one stream: playlist, segments, init segments. They outlive the publisher and the
 * process: the playlist that is there goes on.
 */

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
  withEnding,
} from "./file_names.ts";
import type { HlsFiles } from "./hls_files.ts";
import { parsePlaylist, Playlist, type PlaylistEntry } from "./playlist.ts";
import type { MuxedSegment } from "./segment_mux.ts";
import type { Segment } from "./segmenter.ts";
import { isSameTrack } from "./track.ts";

/** Options of {@linkcode HlsArchive}. */
export interface HlsArchiveOptions {
  readonly names: StreamNames;
  readonly config: HlsConfig;
  readonly files: HlsFiles;
  readonly logger: Logger;
  /** Packs a segment. */
  readonly mux: (segment: Segment) => Promise<MuxedSegment>;
  /** Time of day, in ms since 1970. */
  readonly wallMs: () => number;
}

/** An init segment that is on the disk, and for what. */
interface InitSegment extends Pick<Segment, "video" | "audio"> {
  readonly uri: string;
}

const FIX_DISK =
  "let the server write to the folder that hls_path names, and see that there is room";

/** See the file comment. Its methods must not run beside each other; none of them throws. */
export class HlsArchive {
  readonly #options: HlsArchiveOptions;
  readonly #playlistPath: string;
  readonly #segmentTemplate: string;
  #playlist: Playlist | null = null;
  /** Out of the playlist, but players who have an older one may still ask for them. */
  #retired: PlaylistEntry[] = [];
  #init: InitSegment | null = null;
  /** What went wrong last, told once; empty when all is well. */
  #trouble = "";
  /** A segment is missing before the next one. */
  #hasGap = false;

  constructor(options: HlsArchiveOptions) {
    const { config, names } = options;
    this.#options = options;
    this.#playlistPath = fillStream(config.playlistFile, names);
    this.#segmentTemplate = fillStream(config.segmentFile, names);
  }

  /** Packs a segment, writes it, and the playlist with it. What cannot be written is left out. */
  async add(segment: Segment): Promise<void> {
    const muxed = await this.#mux(segment);
    const isWritten = muxed !== null && await this.#try(() => this.#write(segment, muxed));
    if (!isWritten) this.#hasGap = true;
  }

  /** Says that a segment was lost before it came here. */
  skip(): void {
    this.#hasGap = true;
  }

  /** Removes the files that only a slow player would still want. */
  async close(): Promise<void> {
    await this.#try(() => this.#removeRetired(0));
  }

  /** Removes all files, but for segments where they are to be kept. */
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
      this.#report(`Cannot pack an HLS segment: ${describeError(error)}`, "check the encoder");
      return null;
    }
  }

  async #write(segment: Segment, { media, init }: MuxedSegment): Promise<void> {
    const { files, config, wallMs } = this.#options;
    const { durationMs } = segment;
    const playlist = await this.#open();
    const sequence = playlist.nextSequence;
    const tsPath = fillSegment(this.#segmentTemplate, { sequence, durationMs, wallMs: wallMs() });
    const path = init === null ? tsPath : withEnding(tsPath, ".m4s");
    if (init !== null && !this.#isInitFor(segment)) {
      await this.#writeInit(init, segment, withEnding(tsPath, "-init.mp4"));
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

  /** Bytes would not tell: each init segment has its own time of creation. */
  #isInitFor({ video, audio }: Segment): boolean {
    const init = this.#init;
    return init !== null && isSameTrack(init.video, video) && isSameTrack(init.audio, audio);
  }

  async #writeInit(bytes: Uint8Array, { video, audio }: Segment, path: string): Promise<void> {
    await this.#options.files.write(this.#pathOf(path), bytes);
    this.#init = { uri: this.#uriOf(path), video, audio };
  }

  /** The playlist, from the file if there is one. */
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
      // Higher than all numbers before, though nothing is left of them: caches keep segments for hours,
      // so a name that had another content would show viewers an old stream.
      sequence: Math.floor(wallMs() / 1000),
      discontinuitySequence: 0,
      targetSeconds: Math.ceil(targetMs / 1000),
      entries: [],
    });
  }

  /** Removes the oldest of the retired until those that stay last no longer than `keepMs`. */
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
    // A playlist from before a restart may name anything.
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
      this.#report(`Cannot write HLS files: ${describeError(error)}`, FIX_DISK);
      return false;
    }
    if (this.#trouble !== "") this.#options.logger.info("HLS is written again");
    this.#trouble = "";
    return true;
  }

  /** The stream and its players are unharmed, so a line is enough, and one: segments come all the time. */
  #report(what: string, fix: string): void {
    if (this.#trouble === "") this.#options.logger.warning(what, { fix });
    this.#trouble = what;
  }
}
