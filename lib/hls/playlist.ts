/** The playlist of a live stream (RFC 8216): the newest segments, with numbers that never come again. */

/** A segment in a playlist. */
export interface PlaylistEntry {
  /** As written in the playlist. */
  readonly uri: string;
  readonly durationMs: number;
  readonly isDiscontinuity: boolean;
  /** Init segment it needs, as written in the playlist; null for transport streams. */
  readonly initUri: string | null;
}

/** What a playlist file says. */
export interface PlaylistState {
  /** Number of the first entry. */
  readonly sequence: number;
  /** Discontinuities before the first entry. */
  readonly discontinuitySequence: number;
  /** Longest segment a player has to expect, in whole seconds. */
  readonly targetSeconds: number;
  readonly entries: readonly PlaylistEntry[];
}

/** The least that a live playlist names, in target durations (RFC 8216 §6.2.2): browsers give up on less. */
const MIN_TARGETS = 3;

/** See the file comment. */
export class Playlist {
  readonly #windowMs: number;
  #sequence: number;
  #discontinuitySequence: number;
  #targetSeconds: number;
  #entries: PlaylistEntry[];

  /** @param windowMs what {@linkcode Playlist.windowMs} is at least */
  constructor(windowMs: number, state: PlaylistState) {
    this.#windowMs = windowMs;
    this.#sequence = state.sequence;
    this.#discontinuitySequence = state.discontinuitySequence;
    this.#targetSeconds = state.targetSeconds;
    this.#entries = [...state.entries];
  }

  /** Number of the next entry. */
  get nextSequence(): number {
    return this.#sequence + this.#entries.length;
  }

  /** The entries, oldest first. */
  get entries(): readonly PlaylistEntry[] {
    return this.#entries;
  }

  /** Entries are dropped from the front while they last longer than this altogether. */
  get windowMs(): number {
    return Math.max(this.#windowMs, this.#leastMs);
  }

  get #leastMs(): number {
    return MIN_TARGETS * this.#targetSeconds * 1000;
  }

  /** Adds an entry. @returns those that left the window. */
  add(entry: PlaylistEntry): PlaylistEntry[] {
    this.#targetSeconds = Math.max(this.#targetSeconds, Math.ceil(entry.durationMs / 1000));
    this.#entries.push(entry);
    const dropped: PlaylistEntry[] = [];
    while (this.#mayDrop(this.#entries[0]!)) {
      const oldest = this.#entries.shift()!;
      this.#sequence++;
      if (oldest.isDiscontinuity) this.#discontinuitySequence++;
      dropped.push(oldest);
    }
    return dropped;
  }

  /** The text of the file. */
  render(): string {
    const hasInit = this.#entries.some(({ initUri }) => initUri !== null);
    const lines = [
      "#EXTM3U",
      // EXT-X-MAP needs 6.
      `#EXT-X-VERSION:${hasInit ? 6 : 3}`,
      `#EXT-X-MEDIA-SEQUENCE:${this.#sequence}`,
      `#EXT-X-DISCONTINUITY-SEQUENCE:${this.#discontinuitySequence}`,
      `#EXT-X-TARGETDURATION:${this.#targetSeconds}`,
    ];
    let initUri: string | null = null;
    for (const entry of this.#entries) {
      if (entry.isDiscontinuity) lines.push("#EXT-X-DISCONTINUITY");
      if (entry.initUri !== null && entry.initUri !== initUri) {
        lines.push(`#EXT-X-MAP:URI="${entry.initUri}"`);
      }
      initUri = entry.initUri;
      lines.push(`#EXTINF:${(entry.durationMs / 1000).toFixed(3)},`, entry.uri);
    }
    return lines.join("\n") + "\n";
  }

  #mayDrop({ durationMs }: PlaylistEntry): boolean {
    const totalMs = this.#totalMs();
    return totalMs > this.windowMs && totalMs - durationMs >= this.#leastMs;
  }

  #totalMs(): number {
    return this.#entries.reduce((total, { durationMs }) => total + durationMs, 0);
  }
}

/** What a playlist that {@linkcode Playlist} wrote says; null when another program wrote it. */
export function parsePlaylist(text: string): PlaylistState | null {
  const lines = text.split("\n").map((line) => line.trim());
  const sequence = readNumber(lines, "#EXT-X-MEDIA-SEQUENCE:");
  const targetSeconds = readNumber(lines, "#EXT-X-TARGETDURATION:");
  if (lines[0] !== "#EXTM3U" || sequence === null || targetSeconds === null) return null;
  const discontinuitySequence = readNumber(lines, "#EXT-X-DISCONTINUITY-SEQUENCE:") ?? 0;
  return { sequence, discontinuitySequence, targetSeconds, entries: readEntries(lines) };
}

function readEntries(lines: readonly string[]): PlaylistEntry[] {
  const entries: PlaylistEntry[] = [];
  let [durationMs, isDiscontinuity] = [0, false];
  let initUri: string | null = null;
  for (const line of lines) {
    if (line === "#EXT-X-DISCONTINUITY") isDiscontinuity = true;
    const map = /^#EXT-X-MAP:URI="([^"]+)"$/.exec(line);
    if (map !== null) initUri = map[1]!;
    const info = /^#EXTINF:(\d{1,6}(?:\.\d{1,6})?),/.exec(line);
    if (info !== null) durationMs = Math.round(Number(info[1]) * 1000);
    if (line === "" || line.startsWith("#")) continue;
    entries.push({ uri: line, durationMs, isDiscontinuity, initUri });
    isDiscontinuity = false;
  }
  return entries;
}

function readNumber(lines: readonly string[], tag: string): number | null {
  const text = lines.find((line) => line.startsWith(tag))?.slice(tag.length) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
