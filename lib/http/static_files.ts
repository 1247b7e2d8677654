import { createHash } from "node:crypto";
import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import { filePathsOf, MASTER_ENDING } from "../hls/file_names.ts";
import { pathOf } from "./request_head.ts";
import { parseRange } from "./range.ts";

/** Content types by extension. Everything else is `application/octet-stream`. */
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
 * A live playlist changes with every segment, so a cache may keep it for a second. While this
 * server is down, a cache may keep serving the last one (RFC 5861, section 4), so that players
 * survive a restart.
 */
const PLAYLIST_CACHE = "public, max-age=1, stale-if-error=30";
/** A segment never changes, and players stop requesting it when it has left the window. */
const SEGMENT_CACHE = "public, max-age=3600, immutable";
/** Players poll the playlist until its stream starts; a cache lets one request a second through. */
const MISSING_CACHE = "public, max-age=1";
/** Caches must revalidate. */
const OTHER_CACHE = "no-cache";

const CACHE_CONTROL: Readonly<Record<string, string>> = {
  m3u8: PLAYLIST_CACHE,
  mpd: PLAYLIST_CACHE,
  ts: SEGMENT_CACHE,
  m4s: SEGMENT_CACHE,
  aac: SEGMENT_CACHE,
};

/**
 * Ending of a playlist. It may change several times a second, while `Last-Modified` has whole ones
 * (RFC 9110, section 8.8.2.2): only its tag tells versions apart.
 */
const PLAYLIST_ENDING = ".m3u8";

/** Ending of an HLS init segment. Other `.mp4` files may change. */
const INIT_SEGMENT = "-init.mp4";

/** Name of a part of a segment, which players request before it is written. */
const PART_FILE = /^[^.\\][^\\]*\.part\d+\.m4s$/;

const READ_BYTES = 64 * 1024;

/** Served for a path that ends with a slash. */
const INDEX_FILE = "index.html";

/** Options of {@linkcode StaticFiles}. */
interface StaticFilesOptions {
  /** The folder. It need not exist yet. */
  readonly dir: string;
  readonly logger: Logger;
}

/** An open file about to be served. Its holder closes it. */
interface OpenFile {
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
  /** As requested, in lower case, without folders. */
  readonly name: string;
}

/** What applies to the files of a request. Paths have no symbolic links. */
interface FileRules {
  /**
   * Waits for what the request asks for, if that is being written: for a playlist to grow, or for
   * the next part of a segment.
   *
   * @param path Where the file is, or would be.
   * @returns what to answer in place of the file, or null.
   */
  untilWritten(path: string, isThere: boolean): Promise<Response | null>;
  /** Returns why the client may not have a file, or null. */
  objectionTo(path: string): Promise<string | null>;
  /** Returns what makes of a playlist the one that clients get; null if they get it as it is. */
  rewriteOf(path: string): Promise<((playlist: string) => string) | null>;
}

/**
 * Serves the files of one folder, above all HLS playlists and segments.
 *
 * Nothing outside the folder is ever served: neither by dots, in any notation, nor by a symbolic
 * link that points out of it.
 */
export class StaticFiles {
  readonly #options: StaticFilesOptions;

  constructor(options: StaticFilesOptions) {
    this.#options = options;
  }

  /** Answers a GET or HEAD request if the rules permit; others with 405. */
  async answer(request: Request, rules: FileRules): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("Files are read-only\n", {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const parts = readParts(pathOf(request.url));
    let path = parts === null ? null : await this.#locate(parts);
    const asked = path ?? (parts === null ? null : await this.#expectedPart(parts));
    const objection = asked === null ? null : await rules.objectionTo(asked);
    if (objection !== null) {
      // Not for caches: another client may be admitted.
      const headers = { "cache-control": "no-store" };
      return new Response(`${objection}\n`, { status: 403, headers });
    }
    const instead = asked === null ? null : await rules.untilWritten(asked, path !== null);
    if (instead !== null) return instead;
    path ??= asked === null ? null : await realPathOf(asked);
    const open = path === null ? null : await this.#open(path, parts!.at(-1)!);
    if (open === null) {
      const headers = { "cache-control": MISSING_CACHE };
      return new Response("File not found\n", { status: 404, headers });
    }
    const rewrite = open.name.endsWith(PLAYLIST_ENDING) ? await rules.rewriteOf(path!) : null;
    return rewrite === null
      ? answerWith(open, request)
      : await answerRewritten(open, request, rewrite);
  }

  /** Returns the path of an existing file below the folder, without symbolic links, or null. */
  async #locate(parts: readonly string[]): Promise<string | null> {
    const name = parts.at(-1)!;
    // The playlist of a group of renditions is a master playlist, unless a stream has its name.
    const master = name.replace(/(?<!\.master)\.m3u8$/, MASTER_ENDING);
    const others = master === name ? [] : filePathsOf([...parts.slice(0, -1), master]);
    for (const path of [...filePathsOf(parts), ...others]) {
      const found = await this.#find(path);
      if (found !== null) return found;
    }
    return null;
  }

  /** Returns where a part of a segment would be, below the folder. */
  async #expectedPart(parts: readonly string[]): Promise<string | null> {
    if (!PART_FILE.test(parts.at(-1)!)) return null;
    const folder = await this.#find(parts.slice(0, -1).join("/"));
    return folder === null ? null : `${folder}/${parts.at(-1)}`;
  }

  async #find(path: string): Promise<string | null> {
    try {
      const dir = await Deno.realPath(this.#options.dir);
      const found = await Deno.realPath(`${dir}/${path}`);
      return found.startsWith(dir.endsWith("/") ? dir : `${dir}/`) ? found : null;
    } catch (error) {
      return this.#onFailed(error, path);
    }
  }

  async #open(path: string, name: string): Promise<OpenFile | null> {
    let file: Deno.FsFile | null = null;
    try {
      file = await Deno.open(path);
      const info = await file.stat();
      if (info.isFile) return { file, info, name: name.toLowerCase() };
    } catch (error) {
      this.#onFailed(error, path);
    }
    file?.close();
    return null;
  }

  #onFailed(error: unknown, path: string): null {
    if (isAbsence(error)) return null;
    this.#options.logger.for("http").warning(`Cannot serve a file: ${describeError(error)}`, {
      path: quotePeerText(path),
      dir: this.#options.dir,
      fix: "let the server read the folder that dir of http_server names",
    });
    return null;
  }
}

/** Returns the path without symbolic links, or null if nothing is there or it cannot be read. */
export async function realPathOf(path: string): Promise<string | null> {
  return await Deno.realPath(path).catch(() => null);
}

/** Returns when a file was last written, in ms since 1970; null if there is none. */
export async function modifiedMsOf(path: string): Promise<number | null> {
  return await Deno.stat(path).then(({ mtime }) => mtime?.getTime() ?? 0).catch(() => null);
}

/** Returns the text of a file; null if there is none. */
export async function readTextOf(path: string): Promise<string | null> {
  return await Deno.readTextFile(path).catch(() => null);
}

/** Returns the decoded parts of a URL's path; null if one of them cannot be part of a name. */
function readParts(path: string): string[] | null {
  const parts = path.split("/").slice(1);
  if (parts.at(-1) === "") parts[parts.length - 1] = INDEX_FILE;
  const names: string[] = [];
  for (const part of parts) {
    const name = decode(part);
    if (name === null || name === "" || /[/\0]/.test(name)) return null;
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

/** Whether there is no such file: also for a folder in place of a file, and the reverse. */
function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory || error instanceof Deno.errors.FilesystemLoop ||
    error instanceof Deno.errors.InvalidData;
}

/** Answers with a playlist that differs from its file. Ranges of it are not served. */
async function answerRewritten(
  { file, info, name }: OpenFile,
  request: Request,
  rewrite: (playlist: string) => string,
): Promise<Response> {
  const text = rewrite(await new Response(readBytes(file, 0, info.size)).text());
  const bytes = encodeUtf8(text);
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  const headers = new Headers({
    "cache-control": cacheControlOf(name),
    "content-type": CONTENT_TYPES["m3u8"]!,
    etag,
    "x-content-type-options": "nosniff",
  });
  if (isFresh(request.headers, etag, Infinity)) return new Response(null, { status: 304, headers });
  headers.set("content-length", String(bytes.length));
  return new Response(request.method === "HEAD" ? null : bytes, { status: 200, headers });
}

function answerWith({ file, info, name }: OpenFile, request: Request): Response {
  const { size } = info;
  const modifiedMs = info.mtime?.getTime() ?? 0;
  const etag = `"${size.toString(16)}-${modifiedMs.toString(16)}"`;
  const modified = name.endsWith(PLAYLIST_ENDING) ? null : new Date(modifiedMs).toUTCString();
  const headers = new Headers({
    "accept-ranges": "bytes",
    "cache-control": cacheControlOf(name),
    "etag": etag,
    ...(modified === null ? {} : { "last-modified": modified }),
    "x-content-type-options": "nosniff",
  });
  if (isFresh(request.headers, etag, modified === null ? Infinity : modifiedMs)) {
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

/**
 * Whether the client has this version already (RFC 9110, sections 13.1.2 and 13.1.3). The tag takes
 * precedence over the time.
 */
function isFresh(headers: Headers, etag: string, modifiedMs: number): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) {
    return tags.trim() === "*" ||
      tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  }
  const sinceMs = Date.parse(headers.get("if-modified-since") ?? "");
  return Math.floor(modifiedMs / 1000) * 1000 <= sinceMs;
}

/** Whether `Range` applies: with `If-Range`, only to that version (RFC 9110, section 13.1.5). */
function isRangeWanted(request: Request, etag: string, modified: string | null): boolean {
  const version = request.headers.get("if-range");
  return version === null || version === etag || version === modified;
}

/** Reads `count` bytes from `offset` at the pace of the client, and closes the file. */
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
