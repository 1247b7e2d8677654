/**
 * Names of files and what playlists call them. Stream names come from peers: whatever they are, a file
 * lies below the configured folder, and two streams never share one.
 */

import { encodeUtf8 } from "../base/bytes.ts";

/** Values of the placeholders that are the same for all files of a stream; safe as parts of a path. */
export interface StreamNames {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}

/** Values of the placeholders that differ from segment to segment. */
export interface SegmentNames {
  /** `[seq]` */
  readonly sequence: number;
  /** `[duration]` */
  readonly durationMs: number;
  /** `[timestamp]` and the parts of the date, UTC. */
  readonly wallMs: number;
}

/** Longest part of a path, in bytes: file systems take 255, and an ending is added. */
const MAX_PART_BYTES = 160;

/**
 * Safe names for the stream `app/stream`, or null when one is empty or too long. Apps may have several
 * parts, which become folders.
 */
export function streamNames(vhost: string, name: string): StreamNames | null {
  const parts = name.split("/").map(safePart);
  const safeVhost = safePart(vhost);
  if (safeVhost === null || parts.length < 2 || parts.includes(null)) return null;
  // A folder must not take the place of a file, so folders have no ending.
  const app = parts.slice(0, -1).map((part) => part!.replaceAll(".", "%2E")).join("/");
  return { vhost: safeVhost, app, stream: parts.at(-1)! };
}

/**
 * `text` as one part of a path: letters, digits and a few marks stay, all else becomes `%XX`, and so does
 * a dot at the front, so there are neither `..` nor hidden files. Different texts stay different.
 */
function safePart(text: string): string | null {
  const safe = text.replace(/[^\p{L}\p{N}._~@+=,-]|^\./gu, percentEncode);
  return safe === "" || encodeUtf8(safe).length > MAX_PART_BYTES ? null : safe;
}

function percentEncode(text: string): string {
  return [...encodeUtf8(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}

/** A path from a template with `[vhost]`, `[app]` and `[stream]`. */
export function fillStream(template: string, { vhost, app, stream }: StreamNames): string {
  return fill(template.replace(/^(?:\.\/)+/, ""), { vhost, app, stream });
}

/** The same path with `[seq]`, `[duration]`, `[timestamp]` and the parts of the date filled in too. */
export function fillSegment(template: string, names: SegmentNames): string {
  const date = new Date(names.wallMs).toISOString();
  return fill(template, {
    seq: String(names.sequence),
    duration: String(Math.round(names.durationMs)),
    timestamp: String(Math.round(names.wallMs)),
    // The layout of Go's reference time, as in SRS.
    "2006": date.slice(0, 4),
    "01": date.slice(5, 7),
    "02": date.slice(8, 10),
    "15": date.slice(11, 13),
    "04": date.slice(14, 16),
    "05": date.slice(17, 19),
    "999": date.slice(20, 23),
  });
}

/** A name's value may look like a placeholder, so every template is gone through once. */
function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(
    /\[(\w+)\]/g,
    (whole, name) => Object.hasOwn(values, name) ? values[name]! : whole,
  );
}

/** `path` with another ending: `live/show-7.ts` with `.m4s` is `live/show-7.m4s`. */
export function withEnding(path: string, ending: string): string {
  return path.replace(/\.[^./]*$/, "") + ending;
}

/** How the playlist at `playlistPath` names the file at `path`; both are relative to one folder. */
export function relativeUri(playlistPath: string, path: string): string {
  const from = playlistPath.split("/").slice(0, -1);
  const to = path.split("/");
  let common = 0;
  while (common < from.length && common < to.length - 1 && from[common] === to[common]) common++;
  const up = from.slice(common).map(() => "..");
  return [...up, ...to.slice(common).map(encodeURIComponent)].join("/");
}

/** The file that the playlist at `playlistPath` calls `uri`, or null when that lies outside the folder. */
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
