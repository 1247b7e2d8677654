import type { HlsConfig } from "../config/config.ts";

/** A part of a segment in a playlist. */
interface PartEntry {
  readonly uri: string;
  readonly durationMs: number;
  readonly isIndependent: boolean;
}

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
  /** With low latency; absent when the entry was read from a file. */
  readonly parts?: readonly PartEntry[];
}

/** The segment that is being written in parts. */
type OpenEntry = Pick<PlaylistEntry, "isDiscontinuity" | "wallMs" | "initUri">;

/** How far another rendition is. */
export interface RenditionReport {
  readonly uri: string;
  readonly lastSequence: number;
  /** Null if the newest segment has no parts yet. */
  readonly lastPart: number | null;
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
  /** How long a part may last in ms, unless one frame lasts longer; null without low latency. */
  readonly partMs?: number | null;
}

/** Parts are listed for segments that are so near to the end, in target durations (§4.4.4.9). */
const PARTS_TARGETS = 3;

/** How far players stay behind, in durations of a part (§4.4.3.8). */
const PART_HOLD_BACK = 3;

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
  #open: OpenEntry & { readonly parts: PartEntry[] } | null = null;
  #hintUri: string | null = null;
  #longestPartMs = 0;

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

  /** A frame that lasts longer than a part should is a whole part. */
  get #partTargetMs(): number | null {
    const { partMs = null } = this.#options;
    return partMs === null ? null : Math.max(partMs, this.#longestPartMs);
  }

  /** Parts of the segment that is being written. */
  get openParts(): number {
    return this.#open?.parts.length ?? 0;
  }

  /** Time of day at which the segment that is being written begins, in ms since 1970. */
  get openWallMs(): number | null {
    return this.#open?.wallMs ?? null;
  }

  /** Begins a segment in parts. */
  open(entry: OpenEntry): void {
    this.#open = { ...entry, parts: [] };
  }

  /** Adds a part to the segment that was begun. */
  addPart(part: PartEntry): void {
    this.#open?.parts.push(part);
    this.#longestPartMs = Math.max(this.#longestPartMs, part.durationMs);
  }

  /** Sets the URI of the part that players may request already. */
  hint(uri: string | null): void {
    this.#hintUri = uri;
  }

  /** Returns the parts of the segment that was begun, which then is none. */
  takeParts(): readonly PartEntry[] {
    const parts = this.#open?.parts ?? [];
    this.#open = null;
    return parts;
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
    this.#open = null;
    this.#hintUri = null;
    this.#isEnded = true;
  }

  /** Begins a new list, with numbers that continue. Returns the entries of the old one. */
  restart(): PlaylistEntry[] {
    this.#isEnded = false;
    this.#longestPartMs = 0;
    return Array.from({ length: this.#entries.length }, () => this.#shift());
  }

  /** Returns the text of the file. @param reports Of the other renditions. */
  render(reports: readonly RenditionReport[] = []): string {
    const hasInit = this.#entries.some(({ initUri }) => initUri !== null) || this.#open !== null;
    const lines = [
      "#EXTM3U",
      // EXT-X-MAP needs version 6.
      `#EXT-X-VERSION:${hasInit ? 6 : 3}`,
      `#EXT-X-MEDIA-SEQUENCE:${this.#sequence}`,
      `#EXT-X-DISCONTINUITY-SEQUENCE:${this.#discontinuitySequence}`,
      `#EXT-X-TARGETDURATION:${this.targetSeconds}`,
    ];
    const partMs = this.#isEnded ? null : this.#partTargetMs;
    if (partMs !== null) {
      const holdBack = seconds(PART_HOLD_BACK * partMs);
      lines.push(`#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${holdBack}`);
      lines.push(`#EXT-X-PART-INF:PART-TARGET=${seconds(partMs)}`);
    }
    if (this.#entries.every(({ isIndependent }) => isIndependent)) lines.push(INDEPENDENT);
    let initUri: string | null = null;
    let behindMs = totalMs(this.#entries) + totalMs(this.#open?.parts ?? []);
    for (const entry of this.#entries) {
      lines.push(...headOf(entry, initUri));
      initUri = entry.initUri;
      behindMs -= entry.durationMs;
      const isNear = behindMs < PARTS_TARGETS * this.targetSeconds * 1000;
      if (partMs !== null && isNear) lines.push(...(entry.parts ?? []).map(partLine));
      lines.push(`#EXTINF:${seconds(entry.durationMs)},`, entry.uri);
    }
    if (partMs !== null) {
      if (this.#open !== null && this.#open.parts.length > 0) {
        lines.push(...headOf(this.#open, initUri), ...this.#open.parts.map(partLine));
      }
      if (this.#hintUri !== null) {
        lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${this.#hintUri}"`);
      }
      lines.push(...reports.map(reportLine));
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
    const listedMs = totalMs(this.#entries);
    return listedMs > this.windowMs && listedMs - durationMs >= this.#leastMs;
  }
}

function totalMs(entries: readonly { readonly durationMs: number }[]): number {
  return entries.reduce((total, { durationMs }) => total + durationMs, 0);
}

/** The tags before a segment or its parts. */
function headOf({ isDiscontinuity, initUri, wallMs }: OpenEntry, before: string | null): string[] {
  return [
    ...(isDiscontinuity ? ["#EXT-X-DISCONTINUITY"] : []),
    ...(initUri !== null && initUri !== before ? [`#EXT-X-MAP:URI="${initUri}"`] : []),
    ...(wallMs === null ? [] : [DATE + new Date(wallMs).toISOString()]),
  ];
}

function partLine({ uri, durationMs, isIndependent }: PartEntry): string {
  const independent = isIndependent ? ",INDEPENDENT=YES" : "";
  return `#EXT-X-PART:DURATION=${seconds(durationMs)},URI="${uri}"${independent}`;
}

function reportLine({ uri, lastSequence, lastPart }: RenditionReport): string {
  const part = lastPart === null ? "" : `,LAST-PART=${lastPart}`;
  return `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastSequence}${part}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
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
