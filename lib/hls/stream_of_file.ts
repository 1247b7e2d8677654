import type { HlsConfig } from "../config/config.ts";
import { streamNames } from "./file_names.ts";

/** An HLS file that a vhost may have written. */
interface HlsFile {
  /** `app/stream`; null when the path does not tell, as with the template `[stream][seq].ts`. */
  readonly stream: string | null;
  /** False for a segment. */
  readonly isPlaylist: boolean;
  /** Whether it is a master playlist. */
  readonly isMaster?: true;
}

/** What placeholders other than names stand for, see `fillSegment`. */
const PATTERNS: Readonly<Record<string, string>> = {
  seq: "\\d+",
  duration: "\\d+",
  timestamp: "\\d+",
  "2006": "\\d{4}",
  "01": "\\d{2}",
  "02": "\\d{2}",
  "15": "\\d{2}",
  "04": "\\d{2}",
  "05": "\\d{2}",
  "999": "\\d{3}",
};

/** A segment, a CMAF segment, its part or its init segment, complete or being written. */
const SEGMENT_ENDING = "(?:\\.ts|(?:\\.part\\d+)?\\.m4s|-init\\.mp4)(?:\\.tmp)?";
const PLAYLIST_ENDING = "\\.m3u8(?:\\.tmp)?";
const MASTER_ENDING = "\\.master\\.m3u8(?:\\.tmp)?";

/** By vhost, template and ending. There are few: three per vhost. */
const patterns = new Map<string, readonly RegExp[]>();

/**
 * Finds the stream that a playlist or segment belongs to: the inverse of `fillStream` and
 * `fillSegment`.
 *
 * @param vhost Name of the configured vhost.
 * @param path Relative to the vhost's `hls_path`.
 * @returns null when the vhost does not write files with such a path.
 */
export function streamOfFile(vhost: string, config: HlsConfig, path: string): HlsFile | null {
  const { playlistFile, segmentFile } = config;
  const ofMaster = match(vhost, playlistFile, MASTER_ENDING, path);
  if (ofMaster !== undefined) return { stream: ofMaster, isPlaylist: true, isMaster: true };
  const ofPlaylist = match(vhost, playlistFile, PLAYLIST_ENDING, path);
  if (ofPlaylist !== undefined) return { stream: ofPlaylist, isPlaylist: true };
  const ofSegment = match(vhost, segmentFile, SEGMENT_ENDING, path);
  return ofSegment === undefined ? null : { stream: ofSegment, isPlaylist: false };
}

/** @returns undefined when the path does not match, null when it tells no stream. */
function match(
  vhost: string,
  template: string,
  ending: string,
  path: string,
): string | null | undefined {
  const [longest, shortest] = patternsOf(vhost, template, ending).map((pattern) =>
    nameIn(pattern.exec(path)?.groups, vhost)
  );
  // If the path can be read in two ways, it does not tell the stream.
  return longest === shortest ? longest : null;
}

/** @returns undefined when the path does not match, null when it tells no stream. */
function nameIn(
  groups: Readonly<Record<string, string>> | undefined,
  vhost: string,
): string | null | undefined {
  if (groups === undefined) return undefined;
  const { app, stream } = groups;
  if (app === undefined || stream === undefined) return null;
  const name = unescapeName(`${app}/${stream}`);
  const names = name === null ? null : streamNames(vhost, name);
  return names?.app === app && names.stream === stream ? name : null;
}

function unescapeName(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** One pattern that makes names as long as possible, and one that makes them short. */
function patternsOf(vhost: string, template: string, ending: string): readonly RegExp[] {
  const key = `${vhost}\n${template}\n${ending}`;
  let found = patterns.get(key);
  if (found === undefined) {
    found = ["+", "+?"].map((some) => compile(vhost, template, ending, some));
    patterns.set(key, found);
  }
  return found;
}

function compile(vhost: string, template: string, ending: string, some: string): RegExp {
  const named = new Map<string, string>([
    ["app", `[^/]${some}(?:/[^/]${some})*`],
    ["stream", `[^/]${some}`],
  ]);
  const base = template.replace(/^(?:\.\/)+/, "").replace(/\.[^./]*$/, "");
  const source = base.split(/\[(\w+)\]/).map((part, index) => {
    if (index % 2 === 0) return escapePattern(part);
    if (part === "vhost") return escapePattern(streamNames(vhost, "a/b")?.vhost ?? "");
    const pattern = named.get(part);
    if (pattern === undefined) return PATTERNS[part] ?? escapePattern(`[${part}]`);
    // A second placeholder of the same name stands for the same text.
    named.set(part, `\\k<${part}>`);
    return pattern.startsWith("\\k") ? pattern : `(?<${part}>${pattern})`;
  });
  return new RegExp(`^${source.join("")}${ending}$`);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
