/**
 * Many HLS players that do not decode: they make the requests of players, at the times of players.
 */

import { parsePlaylist } from "../../lib/hls/playlist.ts";
import { delay } from "../helpers/until.ts";

type Playlist = NonNullable<ReturnType<typeof parsePlaylist>>;

/** A playlist as a player received it. */
interface SeenPlaylist {
  /** Time of the request, in ms since 1970. */
  readonly sentMs: number;
  readonly text: string;
}

/** A player starts this many segments before the end of a live playlist (RFC 8216 §6.3.3). */
const START_SEGMENTS = 3;

/** Pause after a failure. */
const RETRY_MS = 500;

/** One player. */
class HlsPlayer {
  /** Numbers of the segments it received, in order. */
  readonly segments: number[] = [];
  readonly #url: string;
  readonly #crowd: HlsCrowd;
  #text = "";

  constructor(url: string, crowd: HlsCrowd) {
    this.#url = url;
    this.#crowd = crowd;
  }

  async run(): Promise<void> {
    while (!this.#crowd.isOver) await delay(await this.#poll());
  }

  /**
   * Reads the playlist and its new segments. @returns the time to wait before the next poll, in ms
   */
  async #poll(): Promise<number> {
    const sentMs = Date.now();
    const bytes = await this.#crowd.get(this.#url);
    if (bytes === null) return RETRY_MS;
    const text = new TextDecoder().decode(bytes);
    this.#crowd.playlists.push({ sentMs, text });
    const playlist = parsePlaylist(text);
    if (playlist === null) throw new Error(`No playlist: ${text}`);
    await this.#fetchNew(playlist);
    // RFC 8216 §6.3.4: wait half as long when nothing has changed.
    const targetSeconds = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(text)![1]);
    const waitMs = targetSeconds * (text === this.#text ? 500 : 1000);
    this.#text = text;
    return Math.max(0, sentMs + waitMs - Date.now());
  }

  async #fetchNew({ sequence, entries }: Playlist): Promise<void> {
    const newest = this.segments.at(-1) ?? sequence + entries.length - START_SEGMENTS - 1;
    for (const [index, { uri }] of entries.entries()) {
      if (sequence + index <= newest) continue;
      const bytes = await this.#crowd.get(new URL(uri, this.#url).href);
      // Try again with the next playlist; later segments are useless without this one.
      if (bytes === null) return;
      this.segments.push(sequence + index);
    }
  }
}

/** A group of HLS players that start together. */
export class HlsCrowd implements AsyncDisposable {
  /** All unsuccessful answers. */
  readonly failures: string[] = [];
  readonly playlists: SeenPlaylist[] = [];
  /**
   * Sizes in bytes of each fetched file, by URL; more than one if players received different ones.
   */
  readonly sizes = new Map<string, Set<number>>();
  readonly players: readonly HlsPlayer[];
  readonly #runs: Promise<unknown>;
  #isOver = false;

  /** Starts `count` players at once. */
  constructor(url: string, count: number) {
    this.players = Array.from({ length: count }, () => new HlsPlayer(url, this));
    this.#runs = Promise.all(this.players.map((player) => player.run()));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Number of the newest segment that every player has, or -1. */
  get newest(): number {
    return Math.min(...this.players.map(({ segments }) => segments.at(-1) ?? -1));
  }

  /** Waits for all players to finish. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#runs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Fetches a whole file; records the reason and returns null on failure. */
  async get(url: string): Promise<Uint8Array | null> {
    try {
      const response = await fetch(url);
      const bytes = await response.bytes();
      if (response.status === 200) {
        this.#note(url, bytes.length);
        return bytes;
      }
      this.failures.push(`${response.status} for ${url}`);
    } catch (error) {
      this.failures.push(`${error} for ${url}`);
    }
    return null;
  }

  #note(url: string, size: number): void {
    const sizes = this.sizes.get(url) ?? new Set();
    this.sizes.set(url, sizes.add(size));
  }
}
