import type { HlsConfig } from "../config/config.ts";

/** A segment in a playlist. */
export interface PlaylistEntry {
  /** As in the file. */
  readonly uri: string;
  readonly durationMs: number;
  readonly isDiscontinuity: boolean;
  /** Decodable without the segments before. */
  readonly isIndependent: boolean;
  /** Time of day of its first frame, in ms since 1970; null if unknown. */
  readonly wallMs: number | null;
  /** URI of its init segment; null for transport streams. */
  readonly initUri: string | null;
}

/** Content of a playlist file. */
interface PlaylistState {
  /** Number of the first entry. */
  readonly sequence: number;
  /** Discontinuities before the first entry. */
  readonly discontinuitySequence: number;
  /** Whether no entry will be added. */
  readonly isEnded: boolean;
  readonly entries: readonly PlaylistEntry[];
}

/** Shortest live playlist, in target durations (RFC 8216 §6.2.2). Browsers reject shorter ones. */
const MIN_TARGETS = 3;

const INDEPENDENT = "#EXT-X-INDEPENDENT-SEGMENTS";
const DATE = "#EXT-X-PROGRAM-DATE-TIME:";
const END = "#EXT-X-ENDLIST";

/**
 * Returns the target duration of a playlist in whole seconds. Segments may last half a second
 * longer: a player rounds their durations before it compares them (RFC 8216 §4.3.3.1).
 */
export function targetSecondsOf(
  { fragmentMs, targetDurationRatio }: Pick<HlsConfig, "fragmentMs" | "targetDurationRatio">,
): number {
  return Math.max(1, toSeconds(fragmentMs * targetDurationRatio));
}

function toSeconds(durationMs: number): number {
  return Math.round(durationMs / 1000);
}

/** Options of {@linkcode Playlist}. */
interface PlaylistOptions {
  /** Lower limit of {@linkcode Playlist.windowMs}. */
  readonly windowMs: number;
  /** Configured target duration. */
  readonly targetSeconds: number;
}

/**
 * The playlist of a live stream (RFC 8216): the newest segments, with numbers used only once.
 *
 * The target duration is the configured one. While the playlist lists a longer segment it is that
 * segment's, because no listed segment may exceed it.
 */
export class Playlist {
  readonly #options: PlaylistOptions;
  #sequence: number;
  #discontinuitySequence: number;
  #isEnded: boolean;
  #entries: PlaylistEntry[];

  constructor(options: PlaylistOptions, state: PlaylistState) {
    this.#options = options;
    this.#sequence = state.sequence;
    this.#discontinuitySequence = state.discontinuitySequence;
    this.#isEnded = state.isEnded;
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

  /** Whether players are told that no segment follows. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Old entries are dropped while all together last longer than this. */
  get windowMs(): number {
    return Math.max(this.#options.windowMs, this.#leastMs);
  }

  get #leastMs(): number {
    return MIN_TARGETS * this.targetSeconds * 1000;
  }

  /** The target duration. Players poll the playlist once in this time. */
  get targetSeconds(): number {
    return this.#entries.reduce(
      (longest, { durationMs }) => Math.max(longest, toSeconds(durationMs)),
      this.#options.targetSeconds,
    );
  }

  /** Adds an entry and returns those it pushed out of the window. */
  add(entry: PlaylistEntry): PlaylistEntry[] {
    this.#entries.push(entry);
    const dropped: PlaylistEntry[] = [];
    while (this.#mayDrop(this.#entries[0]!)) dropped.push(this.#shift());
    return dropped;
  }

  /** Tells players that no segment follows. */
  end(): void {
    this.#isEnded = true;
  }

  /** Begins a new list, with numbers that continue. Returns the entries of the old one. */
  restart(): PlaylistEntry[] {
    this.#isEnded = false;
    return Array.from({ length: this.#entries.length }, () => this.#shift());
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
      `#EXT-X-TARGETDURATION:${this.targetSeconds}`,
    ];
    if (this.#entries.every(({ isIndependent }) => isIndependent)) lines.push(INDEPENDENT);
    let initUri: string | null = null;
    for (const entry of this.#entries) {
      if (entry.isDiscontinuity) lines.push("#EXT-X-DISCONTINUITY");
      if (entry.initUri !== null && entry.initUri !== initUri) {
        lines.push(`#EXT-X-MAP:URI="${entry.initUri}"`);
      }
      initUri = entry.initUri;
      if (entry.wallMs !== null) lines.push(DATE + new Date(entry.wallMs).toISOString());
      lines.push(`#EXTINF:${(entry.durationMs / 1000).toFixed(3)},`, entry.uri);
    }
    if (this.#isEnded) lines.push(END);
    return lines.join("\n") + "\n";
  }

  #shift(): PlaylistEntry {
    const oldest = this.#entries.shift()!;
    this.#sequence++;
    if (oldest.isDiscontinuity) this.#discontinuitySequence++;
    return oldest;
  }

  #mayDrop({ durationMs }: PlaylistEntry): boolean {
    const totalMs = this.#totalMs();
    return totalMs > this.windowMs && totalMs - durationMs >= this.#leastMs;
  }

  #totalMs(): number {
    return this.#entries.reduce((total, { durationMs }) => total + durationMs, 0);
  }
}

/**
 * Parses a playlist that {@linkcode Playlist} wrote; returns null if another program wrote it. The
 * target duration is not read: settings may have changed.
 */
export function parsePlaylist(text: string): PlaylistState | null {
  const lines = text.split("\n").map((line) => line.trim());
  const sequence = readNumber(lines, "#EXT-X-MEDIA-SEQUENCE:");
  const targetSeconds = readNumber(lines, "#EXT-X-TARGETDURATION:");
  if (lines[0] !== "#EXTM3U" || sequence === null || targetSeconds === null) return null;
  const discontinuitySequence = readNumber(lines, "#EXT-X-DISCONTINUITY-SEQUENCE:") ?? 0;
  const isEnded = lines.includes(END);
  return { sequence, discontinuitySequence, isEnded, entries: readEntries(lines) };
}

function readEntries(lines: readonly string[]): PlaylistEntry[] {
  const entries: PlaylistEntry[] = [];
  const isIndependent = lines.includes(INDEPENDENT);
  let [durationMs, isDiscontinuity] = [0, false];
  let wallMs: number | null = null;
  let initUri: string | null = null;
  for (const line of lines) {
    if (line === "#EXT-X-DISCONTINUITY") isDiscontinuity = true;
    if (line.startsWith(DATE)) wallMs = readDate(line.slice(DATE.length));
    const map = /^#EXT-X-MAP:URI="([^"]+)"$/.exec(line);
    if (map !== null) initUri = map[1]!;
    const info = /^#EXTINF:(\d{1,6}(?:\.\d{1,6})?),/.exec(line);
    if (info !== null) durationMs = Math.round(Number(info[1]) * 1000);
    if (line === "" || line.startsWith("#")) continue;
    entries.push({ uri: line, durationMs, isDiscontinuity, isIndependent, wallMs, initUri });
    [isDiscontinuity, wallMs] = [false, null];
  }
  return entries;
}

function readDate(text: string): number | null {
  const wallMs = Date.parse(text);
  return Number.isNaN(wallMs) ? null : wallMs;
}

function readNumber(lines: readonly string[], tag: string): number | null {
  const text = lines.find((line) => line.startsWith(tag))?.slice(tag.length) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
