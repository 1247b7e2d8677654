/** A segment in a playlist. */
export interface PlaylistEntry {
  /** As in the file. */
  readonly uri: string;
  readonly durationMs: number;
  readonly isDiscontinuity: boolean;
  /** URI of its init segment; null for transport streams. */
  readonly initUri: string | null;
}

/** Content of a playlist file. */
export interface PlaylistState {
  /** Number of the first entry. */
  readonly sequence: number;
  /** Discontinuities before the first entry. */
  readonly discontinuitySequence: number;
  /** Longest segment a player must expect, in whole seconds. */
  readonly targetSeconds: number;
  readonly entries: readonly PlaylistEntry[];
}

/** Shortest live playlist, in target durations (RFC 8216 §6.2.2). Browsers reject shorter ones. */
const MIN_TARGETS = 3;

/** The playlist of a live stream (RFC 8216): the newest segments, with numbers used only once. */
export class Playlist {
  readonly #windowMs: number;
  #sequence: number;
  #discontinuitySequence: number;
  #targetSeconds: number;
  #entries: PlaylistEntry[];

  /** @param windowMs Lower limit of {@linkcode Playlist.windowMs}. */
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

  /** Old entries are dropped while all together last longer than this. */
  get windowMs(): number {
    return Math.max(this.#windowMs, this.#leastMs);
  }

  get #leastMs(): number {
    return MIN_TARGETS * this.#targetSeconds * 1000;
  }

  /** Adds an entry and returns those it pushed out of the window. */
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

  /** Returns the text of the file. */
  render(): string {
    const hasInit = this.#entries.some(({ initUri }) => initUri !== null);
    const lines = [
      "#EXTM3U",
      // EXT-X-MAP needs version 6.
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

/** Parses a playlist that {@linkcode Playlist} wrote; returns null if another program wrote it. */
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
