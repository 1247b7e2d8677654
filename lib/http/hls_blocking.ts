import type { CancelTimer, Clock } from "../base/clock.ts";

/** A position in a live playlist (RFC 8216bis §6.2.5.2). */
export interface PlaylistPosition {
  /** Media sequence number. */
  readonly sequence: number;
  /** Part of that segment, from 0; null for the whole segment. */
  readonly part: number | null;
}

/** How a wait ended. Only after `ready` there is what was waited for. */
export type WaitResult = "ready" | "late" | "busy";

/** Options of {@linkcode HlsBlocking}. */
interface HlsBlockingOptions {
  readonly clock: Clock;
  /** Returns when a file was last written, or null if there is none. Never rejects. */
  readonly modifiedMs: (path: string) => Promise<number | null>;
  /** Returns the text of a file, or null if there is none. Never rejects. */
  readonly read: (path: string) => Promise<string | null>;
}

interface Wait {
  readonly isReady: (playlist: string) => boolean;
  readonly untilMs: number;
  readonly resolve: (result: WaitResult) => void;
}

/** How often playlists are looked at while requests wait for them. */
const LOOK_MS = 40;

/** Requests that may wait at a time. */
const MAX_WAITS = 5000;

/**
 * Requests that wait for a playlist to grow. It is its file that is watched, because another worker
 * may write it; one look serves all that wait for it.
 */
export class HlsBlocking {
  readonly #options: HlsBlockingOptions;
  /** By path of the playlist. */
  readonly #waits = new Map<string, { modifiedMs: number | null; readonly waits: Set<Wait> }>();
  #count = 0;
  #cancel: CancelTimer | null = null;

  constructor(options: HlsBlockingOptions) {
    this.#options = options;
  }

  /** Requests that wait now. */
  get count(): number {
    return this.#count;
  }

  /** Waits until the playlist at `path` meets a condition, for that long at most. */
  async until(
    path: string,
    isReady: (playlist: string) => boolean,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<WaitResult> {
    const modifiedMs = await this.#options.modifiedMs(path);
    const text = await this.#options.read(path);
    if (text === null || isReady(text)) return "ready";
    if (this.#count >= MAX_WAITS || signal.aborted) return "busy";
    const { promise, resolve } = Promise.withResolvers<WaitResult>();
    const wait = { isReady, untilMs: this.#options.clock.now() + timeoutMs, resolve };
    const watched = this.#waits.get(path) ?? { modifiedMs, waits: new Set<Wait>() };
    this.#waits.set(path, watched);
    watched.waits.add(wait);
    this.#count++;
    const onAbort = () => this.#end(path, wait, "busy");
    signal.addEventListener("abort", onAbort);
    this.#schedule();
    const result = await promise;
    signal.removeEventListener("abort", onAbort);
    return result;
  }

  #schedule(): void {
    this.#cancel ??= this.#options.clock.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    await Promise.all([...this.#waits].map(([path, watched]) => this.#lookAt(path, watched)));
    this.#cancel = null;
    if (this.#count > 0) this.#schedule();
  }

  async #lookAt(
    path: string,
    watched: { modifiedMs: number | null; readonly waits: ReadonlySet<Wait> },
  ): Promise<void> {
    const { clock, modifiedMs, read } = this.#options;
    const changedMs = await modifiedMs(path);
    const text = changedMs === watched.modifiedMs ? "" : await read(path);
    watched.modifiedMs = changedMs;
    for (const wait of [...watched.waits]) {
      // A playlist that is gone is not there: the request finds that out by itself.
      if (text === null || (text !== "" && wait.isReady(text))) this.#end(path, wait, "ready");
      else if (clock.now() >= wait.untilMs) this.#end(path, wait, "late");
    }
  }

  #end(path: string, wait: Wait, result: WaitResult): void {
    const watched = this.#waits.get(path);
    if (watched?.waits.delete(wait)) this.#count--;
    if (watched?.waits.size === 0) this.#waits.delete(path);
    wait.resolve(result);
  }
}

/** What a playlist has. */
interface PlaylistExtent {
  /** Number of the segment that is not complete yet. */
  readonly nextSequence: number;
  /** Parts of that segment. */
  readonly openParts: number;
  /** Parts of the segment before; 0 if they are not listed. */
  readonly lastParts: number;
  readonly isEnded: boolean;
}

/** Reads how far a playlist is. */
export function extentOf(playlist: string): PlaylistExtent {
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(playlist)?.[1] ?? 0);
  const segments = playlist.split(/^#EXTINF:/m);
  const partsOf = (text: string) => text.match(/^#EXT-X-PART:/gm)?.length ?? 0;
  return {
    nextSequence: first + segments.length - 1,
    openParts: partsOf(segments.at(-1)!),
    lastParts: partsOf(segments.at(-2) ?? ""),
    isEnded: /^#EXT-X-ENDLIST/m.test(playlist),
  };
}

/** Whether a playlist has a position, or more, or will have no more. */
export function reaches(playlist: string, { sequence, part }: PlaylistPosition): boolean {
  const { nextSequence, openParts, lastParts, isEnded } = extentOf(playlist);
  if (isEnded || sequence < nextSequence - 1) return true;
  if (sequence > nextSequence) return false;
  if (sequence === nextSequence) return part !== null && part < openParts;
  // A part after the last one is the first one of the next segment.
  return part === null || part < Math.max(1, lastParts) || openParts > 0;
}
