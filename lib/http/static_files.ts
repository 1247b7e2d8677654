/**
 * Files of one folder over HTTP: the playlists and segments of HLS, above all. The only file of this layer
 * that reads files.
 *
 * Nothing outside the folder is ever served: not by dots, however they are written, and not by a link
 * that leads out of it.
 */

import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import { pathOf } from "./request_head.ts";
import { parseRange } from "./range.ts";

/** Content types by the ending of the name; everything else is `application/octet-stream`. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  m3u8: "application/vnd.apple.mpegurl",
  mpd: "application/dash+xml",
  ts: "video/mp2t",
  m4s: "video/iso.segment",
  mp4: "video/mp4",
  m4v: "video/mp4",
  m4a: "audio/mp4",
  aac: "audio/aac",
  mp3: "audio/mpeg",
  flv: "video/x-flv",
  vtt: "text/vtt; charset=utf-8",
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  ico: "image/x-icon",
  txt: "text/plain; charset=utf-8",
  xml: "text/xml; charset=utf-8",
};

/**
 * A live playlist changes with every segment; a cache may answer for a second. While this server is away
 * a cache may go on with the last one (RFC 5861 §4), so that players do not give up over a restart.
 */
const PLAYLIST_CACHE = "public, max-age=1, stale-if-error=30";
/** A segment never changes, and nobody wants it after the window has passed it. */
const SEGMENT_CACHE = "public, max-age=3600, immutable";
/** Players ask for the playlist until its stream begins; all of them together once a second. */
const MISSING_CACHE = "public, max-age=1";
/** Caches ask each time whether it has changed. */
const OTHER_CACHE = "no-cache";

const CACHE_CONTROL: Readonly<Record<string, string>> = {
  m3u8: PLAYLIST_CACHE,
  mpd: PLAYLIST_CACHE,
  ts: SEGMENT_CACHE,
  m4s: SEGMENT_CACHE,
  aac: SEGMENT_CACHE,
};

/** How the name of an init segment of HLS ends; other `.mp4` files may change. */
const INIT_SEGMENT = "-init.mp4";

const READ_BYTES = 64 * 1024;

/** What is served for a path that ends with a slash. */
const INDEX_FILE = "index.html";

/** Options of {@linkcode StaticFiles}. */
export interface StaticFilesOptions {
  /** The folder, which may be made later. */
  readonly dir: string;
  readonly logger: Logger;
}

/** An open file that is about to be served; whoever has it closes it. */
interface OpenFile {
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
  /** In lower case, without its folder. */
  readonly name: string;
}

/** See the file comment. */
export class StaticFiles {
  readonly #options: StaticFilesOptions;

  constructor(options: StaticFilesOptions) {
    this.#options = options;
  }

  /** Answers a GET or HEAD request; any other with 405. */
  async answer(request: Request): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("Files are only read\n", {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const names = readNames(pathOf(request.url));
    const open = names === null ? null : await this.#open(names);
    if (open === null) {
      const headers = { "cache-control": MISSING_CACHE };
      return new Response("There is no such file\n", { status: 404, headers });
    }
    return answerWith(open, request);
  }

  /** The file below the folder, or null when there is none that may be served. */
  async #open(names: readonly string[]): Promise<OpenFile | null> {
    let file: Deno.FsFile | null = null;
    try {
      const dir = await Deno.realPath(this.#options.dir);
      const path = await Deno.realPath(`${dir}/${names.join("/")}`);
      if (!path.startsWith(dir.endsWith("/") ? dir : `${dir}/`)) return null;
      file = await Deno.open(path);
      const info = await file.stat();
      if (info.isFile) return { file, info, name: names.at(-1)!.toLowerCase() };
    } catch (error) {
      if (!isAbsence(error)) this.#report(error, names);
    }
    file?.close();
    return null;
  }

  #report(error: unknown, names: readonly string[]): void {
    this.#options.logger.for("http").warning(`Cannot serve a file: ${describeError(error)}`, {
      path: quotePeerText(names.join("/")),
      dir: this.#options.dir,
    });
  }
}

/**
 * Names of folders and file that a path leads through, decoded; null when one of them is none. Files that
 * begin with a dot are not served, and so neither are `.` and `..`.
 */
function readNames(path: string): string[] | null {
  const parts = path.split("/").slice(1);
  if (parts.at(-1) === "") parts[parts.length - 1] = INDEX_FILE;
  const names: string[] = [];
  for (const part of parts) {
    const name = decode(part);
    if (name === null || name === "" || name.startsWith(".") || /[/\\\0]/.test(name)) return null;
    names.push(name);
  }
  return names;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function endingOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

function cacheControlOf(name: string): string {
  if (name.endsWith(INIT_SEGMENT)) return SEGMENT_CACHE;
  return CACHE_CONTROL[endingOf(name)] ?? OTHER_CACHE;
}

/** There is no such file, or a folder stands where a file is wanted, or the other way round. */
function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory || error instanceof Deno.errors.FilesystemLoop ||
    error instanceof Deno.errors.InvalidData;
}

function answerWith({ file, info, name }: OpenFile, request: Request): Response {
  const { size } = info;
  const modifiedMs = info.mtime?.getTime() ?? 0;
  const etag = `"${size.toString(16)}-${modifiedMs.toString(16)}"`;
  const modified = new Date(modifiedMs).toUTCString();
  const headers = new Headers({
    "accept-ranges": "bytes",
    "cache-control": cacheControlOf(name),
    "etag": etag,
    "last-modified": modified,
    "x-content-type-options": "nosniff",
  });
  if (isFresh(request.headers, etag, modifiedMs)) {
    file.close();
    return new Response(null, { status: 304, headers });
  }
  const range = isRangeWanted(request, etag, modified)
    ? parseRange(request.headers.get("range"), size)
    : null;
  if (range === "unsatisfiable") {
    file.close();
    headers.set("content-range", `bytes */${size}`);
    return new Response(null, { status: 416, headers });
  }
  const { first, last } = range ?? { first: 0, last: size - 1 };
  headers.set("content-type", CONTENT_TYPES[endingOf(name)] ?? "application/octet-stream");
  headers.set("content-length", String(last - first + 1));
  if (range !== null) headers.set("content-range", `bytes ${first}-${last}/${size}`);
  const status = range === null ? 200 : 206;
  if (request.method === "HEAD") {
    file.close();
    return new Response(null, { status, headers });
  }
  return new Response(readBytes(file, first, last - first + 1), { status, headers });
}

/** RFC 9110 §13.1.2 and §13.1.3: the client has this very version; the tag counts more than the time. */
function isFresh(headers: Headers, etag: string, modifiedMs: number): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) {
    return tags.trim() === "*" ||
      tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  }
  const sinceMs = Date.parse(headers.get("if-modified-since") ?? "");
  return Math.floor(modifiedMs / 1000) * 1000 <= sinceMs;
}

/** RFC 9110 §13.1.5: with `If-Range`, a part is only wanted of the version that the client has. */
function isRangeWanted(request: Request, etag: string, modified: string): boolean {
  const version = request.headers.get("if-range");
  return version === null || version === etag || version === modified;
}

/** `count` bytes from `offset` on, read as fast as the client takes them; closes the file. */
function readBytes(file: Deno.FsFile, offset: number, count: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    async start() {
      if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
    },
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(READ_BYTES, left));
      const read = left === 0 ? null : await file.read(buffer);
      if (read !== null) {
        left -= read;
        controller.enqueue(buffer.subarray(0, read));
      }
      if (read !== null && left > 0) return;
      file.close();
      if (left === 0) controller.close();
      else controller.error(new Error(`The file ended ${left} bytes early`));
    },
    cancel() {
      file.close();
    },
  }, { highWaterMark: 0 });
}
