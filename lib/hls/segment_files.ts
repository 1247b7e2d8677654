import { encodeUtf8 } from "../base/bytes.ts";
import type { HlsConfig } from "../config/config.ts";
import { pathOfUri, relativeUri } from "./file_names.ts";
import type { HlsFiles } from "./hls_files.ts";
import { partPath } from "./open_segment.ts";
import type { PlaylistEntry } from "./playlist.ts";
import { PART_MS } from "./part.ts";

/** Parts of a segment are at least this part of their longest duration, but for the last one. */
const SHORTEST_PART = 0.5;

/** After such a pause of the stream, another process may have continued the playlist. */
const PAUSE_MS = 5000;

/** The files of one playlist, and their URIs in it. */
export class SegmentFiles {
  readonly #files: HlsFiles;
  readonly #config: HlsConfig;
  readonly #playlistPath: string;
  /** No longer in the playlist; players with an older copy may still request them. */
  #retired: PlaylistEntry[] = [];
  /** The playlist as it was written last, and when, in ms since 1970; null before. */
  #written: { readonly text: string; readonly wallMs: number } | null = null;
  #isYielded = false;

  /** @param playlistPath Relative to `hls_path`, as all paths here. */
  constructor(files: HlsFiles, config: HlsConfig, playlistPath: string) {
    this.#files = files;
    this.#config = config;
    this.#playlistPath = playlistPath;
  }

  /** Returns the text of the playlist; null if there is none. */
  readPlaylist(): Promise<string | null> {
    return this.#files.read(this.#pathOf(this.#playlistPath));
  }

  async writePlaylist(text: string, wallMs: number): Promise<void> {
    await this.write(this.#playlistPath, encodeUtf8(text));
    this.#written = { text, wallMs };
  }

  async removePlaylist(): Promise<void> {
    await this.#remove(this.#playlistPath);
  }

  /** Whether the files are left to another process. */
  get isYielded(): boolean {
    return this.#isYielded;
  }

  /** Leaves the files to another process. */
  yield(): void {
    this.#isYielded = true;
  }

  /**
   * Whether another process, which has replaced this one, has written the playlist since. Then the
   * files are left to it for good.
   */
  async isTaken(): Promise<boolean> {
    const text = this.#written === null ? null : await this.readPlaylist();
    this.#isYielded ||= text !== null && text !== this.#written?.text;
    return this.#isYielded;
  }

  /** The same, for every segment and part: looks only after a pause. */
  async isTakenBy(wallMs: number): Promise<boolean> {
    const isLate = this.#written !== null && wallMs - this.#written.wallMs > PAUSE_MS;
    return this.#isYielded || (isLate && await this.isTaken());
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    await this.#files.write(this.#pathOf(path), content);
  }

  uriOf(path: string): string {
    return this.#config.entryPrefix + relativeUri(this.#playlistPath, path);
  }

  /** Keeps entries for players that have an older playlist, if they are to be removed at all. */
  retire(entries: readonly PlaylistEntry[]): void {
    if (this.#config.cleanup) this.#retired.push(...entries);
  }

  /**
   * Removes the oldest retired segments until the rest lasts at most `keepMs`.
   *
   * @param listed Entries of the playlist, whose init segments are kept.
   * @returns URIs of the init segments that were removed.
   */
  async removeRetired(keepMs: number, listed: readonly PlaylistEntry[]): Promise<string[]> {
    const removed: string[] = [];
    let totalMs = this.#retired.reduce((total, { durationMs }) => total + durationMs, 0);
    while (this.#retired.length > 0 && totalMs > keepMs) {
      const oldest = this.#retired.shift()!;
      totalMs -= oldest.durationMs;
      await this.#removeUri(oldest.uri);
      if (this.#config.isLowLatency) await this.#removeParts(oldest);
      const { initUri } = oldest;
      const isNeeded = [...this.#retired, ...listed].some((entry) => entry.initUri === initUri);
      if (initUri === null || isNeeded) continue;
      await this.#removeUri(initUri);
      removed.push(initUri);
    }
    return removed;
  }

  /** Of an entry that was read from a file, the parts are not known. */
  async #removeParts({ uri, parts, durationMs }: PlaylistEntry): Promise<void> {
    const count = parts?.length ?? Math.ceil(durationMs / (PART_MS * SHORTEST_PART));
    for (let index = 0; index < count; index++) {
      const own = parts?.[index]?.uri ?? partPath(uri.replace(/\.\w+$/, ""), index);
      await this.#removeUri(own);
    }
  }

  async #removeUri(uri: string): Promise<void> {
    const { entryPrefix } = this.#config;
    // A playlist from before a restart may contain any URI.
    const name = uri.startsWith(entryPrefix) ? uri.slice(entryPrefix.length) : uri;
    const path = pathOfUri(this.#playlistPath, name);
    if (path !== null) await this.#remove(path);
  }

  async #remove(path: string): Promise<void> {
    await this.#files.remove(this.#pathOf(path));
  }

  #pathOf(path: string): string {
    return `${this.#config.path}/${path}`;
  }
}
