/**
 * Paths of HLS files, and their URIs in playlists. Peers choose stream names, yet every path stays
 * below the configured folder, and different streams get different paths.
 */

import { encodeUtf8 } from "../base/bytes.ts";
import { removeSpace } from "../rtmp/url_params.ts";

/** Placeholders that are the same for all files of a stream. Safe as parts of a path. */
export interface StreamNames {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}

/** Placeholders that differ from segment to segment. */
interface SegmentNames {
  /** `[seq]` */
  readonly sequence: number;
  /** `[duration]` */
  readonly durationMs: number;
  /** `[timestamp]` and the parts of the date (UTC), in ms since 1970. */
  readonly wallMs: number;
}

/** Longest part of a path. File systems take 255 bytes, and an extension is added. */
const MAX_PART_BYTES = 160;

/**
 * Returns safe names for the stream `app/stream`; null if a part is empty or too long. The parts of
 * an app become folders.
 */
export function streamNames(vhost: string, name: string): StreamNames | null {
  const parts = name.split("/").map(safePart);
  const safeVhost = safePart(vhost);
  if (safeVhost === null || parts.length < 2 || parts.includes(null)) return null;
  const app = parts.slice(0, -1).map((part) => folderOf(part!)).join("/");
  return { vhost: safeVhost, app, stream: parts.at(-1)! };
}

/** A folder must never have the name of a file, so folders have no extension. */
function folderOf(safe: string): string {
  return safe.replaceAll(".", "%2E");
}

const PLAYLIST_ENDING = ".m3u8";

/** Stands in place of the ending of a playlist for its master playlist: `show.master.m3u8`. */
export const MASTER_ENDING = ".master.m3u8";

/** Paths with more parts than this are not read as names of streams. */
const MAX_PARTS = 16;

/**
 * Returns where the file of a URL may be, the likeliest path first. A playlist is named after its
 * stream: `/v1.0/cam(1).m3u8` is `v1%2E0/cam%281%29.m3u8`. A segment is named as the playlist names
 * it, but players take the folder from the URL of the playlist. Folders above `hls_path` keep their
 * names.
 *
 * @param parts Parts of the URL's path, decoded; none is empty or contains a slash.
 */
export function filePathsOf(parts: readonly string[]): string[] {
  const file = parts.at(-1)!;
  const isPlaylist = file.endsWith(PLAYLIST_ENDING);
  const safe = parts.length > MAX_PARTS ? null : [
    ...parts.slice(0, -1).map(safeFolder),
    isPlaylist ? safePlaylist(file) : file,
  ];
  const paths = new Set<string>();
  for (let kept = 0; safe !== null && kept < parts.length; kept++) {
    const mixed = [...parts.slice(0, kept), ...safe.slice(kept)];
    if (mixed.every(isFileName)) paths.add(mixed.join("/"));
  }
  if (!parts.every(isFileName)) return [...paths];
  const path = parts.join("/");
  return isPlaylist ? [...paths.add(path)] : [...new Set([path, ...paths])];
}

function safeFolder(part: string): string | null {
  const safe = safePart(removeSpace(part));
  return safe && folderOf(safe);
}

function safePlaylist(file: string): string | null {
  const safe = safePart(removeSpace(file.slice(0, -PLAYLIST_ENDING.length)));
  return safe && safe + PLAYLIST_ENDING;
}

/** Whether a file may have this name. Hidden files are not served, nor `.` and `..`. */
function isFileName(part: string | null): boolean {
  return part !== null && !part.startsWith(".") && !part.includes("\\");
}

/**
 * Returns `text` as one part of a path. Letters, digits and a few marks stay; all else becomes
 * `%XX`. So does a leading dot: there is neither `..` nor a hidden file. Different texts stay
 * different.
 */
function safePart(text: string): string | null {
  const safe = text.replace(/[^\p{L}\p{N}._~@+=,-]|^\./gu, percentEncode);
  return safe === "" || encodeUtf8(safe).length > MAX_PART_BYTES ? null : safe;
}

function percentEncode(text: string): string {
  return [...encodeUtf8(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}

/** Fills `[vhost]`, `[app]` and `[stream]` into a template. */
export function fillStream(template: string, { vhost, app, stream }: StreamNames): string {
  return fill(template.replace(/^(?:\.\/)+/, ""), { vhost, app, stream });
}

/** Fills `[seq]`, `[duration]`, `[timestamp]` and the parts of the date into a template. */
export function fillSegment(template: string, names: SegmentNames): string {
  const numbers = {
    seq: String(names.sequence),
    duration: String(Math.round(names.durationMs)),
  };
  return fillTime(fill(template, numbers), names.wallMs);
}

/** Fills `[timestamp]` and the parts of the date, in UTC, into a template. */
export function fillTime(template: string, wallMs: number): string {
  const date = new Date(wallMs).toISOString();
  return fill(template, {
    timestamp: String(Math.round(wallMs)),
    // SRS names the parts of the date by Go's reference time.
    "2006": date.slice(0, 4),
    "01": date.slice(5, 7),
    "02": date.slice(8, 10),
    "15": date.slice(11, 13),
    "04": date.slice(14, 16),
    "05": date.slice(17, 19),
    "999": date.slice(20, 23),
  });
}

/** Replaces in one pass, because a value may look like a placeholder. */
function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(
    /\[(\w+)\]/g,
    (whole, name) => Object.hasOwn(values, name) ? values[name]! : whole,
  );
}

/** Returns `path` with another extension: `live/show-7.ts` with `.m4s` is `live/show-7.m4s`. */
export function withExtension(path: string, extension: string): string {
  return path.replace(/\.[^./]*$/, "") + extension;
}

/** Returns the URI of the file at `path` in the playlist; both paths are relative to one folder. */
export function relativeUri(playlistPath: string, path: string): string {
  const from = playlistPath.split("/").slice(0, -1);
  const to = path.split("/");
  let common = 0;
  while (common < from.length && common < to.length - 1 && from[common] === to[common]) common++;
  const up = from.slice(common).map(() => "..");
  return [...up, ...to.slice(common).map(encodeURIComponent)].join("/");
}

/** Returns the path of a URI in the playlist; null if it leads out of the folder. */
export function pathOfUri(playlistPath: string, uri: string): string | null {
  const parts = playlistPath.split("/").slice(0, -1);
  for (const part of uri.split("/")) {
    const name = decodePart(part);
    if (name === null) return null;
    if (name !== "..") parts.push(name);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}

function decodePart(part: string): string | null {
  try {
    const name = decodeURIComponent(part);
    return name === "" || name === "." || /[/\\\0]/.test(name) ? null : name;
  } catch {
    return null;
  }
}
