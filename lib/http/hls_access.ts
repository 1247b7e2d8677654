import { relative } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { HlsConfig, VhostConfig } from "../config/config.ts";
import { targetSecondsOf } from "../hls/playlist.ts";
import { fillStream, pathOfUri, streamNames } from "../hls/file_names.ts";
import { streamOfFile } from "../hls/stream_of_file.ts";
import { ipOf } from "../io/address.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import { cutParams, withoutParams } from "../rtmp/url_params.ts";
import type { Gate } from "../server/gate.ts";
import { type HlsSignatures, withoutSignature } from "../server/hls_signatures.ts";
import type { VhostDirectory } from "../server/vhost_directory.ts";
import { signPlaylist } from "../hls/sign_playlist.ts";
import { bearerOf } from "./bearer.ts";
import {
  extentOf,
  HlsBlocking,
  type PlaylistPosition,
  reaches,
  type WaitResult,
} from "./hls_blocking.ts";
import type { HlsRequest, HlsSessions } from "./hls_sessions.ts";
import type { RouteContext } from "./routes.ts";
import { modifiedMsOf, readTextOf, realPathOf } from "./static_files.ts";

/** What {@linkcode HlsAccess} works with. */
export interface HlsAccessOptions {
  readonly vhosts: VhostDirectory;
  readonly gate: Pick<Gate, "check" | "checkRules">;
  readonly signatures: Pick<HlsSignatures, "isSigned" | "signerOf" | "signLike">;
  readonly hlsSessions: Pick<HlsSessions, "objectionTo" | "sent">;
  readonly clock: Clock;
}

/** A stream that a file may belong to. */
interface FileStream {
  readonly config: VhostConfig;
  /** `app/stream`; if the path does not tell it, the file's path. */
  readonly name: string;
  readonly isStreamKnown: boolean;
  readonly isPlaylist: boolean;
  readonly isMaster: boolean;
  /** Path of the file, relative to `hls_path`. */
  readonly file: string;
}

/** Who asks for a file, and for which stream. */
type HlsClient = Pick<HlsRequest, "url" | "ip" | "pageUrl" | "bearer">;

/** How long a request may wait, in target durations (RFC 8216bis §6.2.5.2). */
const WAIT_TARGETS = 3;

/** A request for a later segment than the one after the next is a mistake. */
const MAX_AHEAD = 1;

/** Parameters by which players say what they wait for (RFC 8216bis §6.2.5). */
const DIRECTIVES = ["_HLS_msn", "_HLS_part", "_HLS_skip"];

const HINT = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="';

/** Added to the time for which a session lasts: requests may be late. */
const SESSION_MARGIN_MS = 5000;

/**
 * Decides who may have an HLS file, by asking the gate about its stream: for every request the
 * vhost's own rules, for every playlist its credentials, and once per session the HTTP callbacks.
 * Where players need credentials, segments need the signature that the playlist gives them.
 *
 * The file's path tells which vhost wrote it, not the `Host` header, which clients can invent. A
 * file that several vhosts may have written, because their templates lack `[vhost]`, is subject to
 * the rules of all of them that are enabled.
 */
export class HlsAccess {
  readonly #options: HlsAccessOptions;
  readonly #blocking: HlsBlocking;
  /** By `hls_path`, once the folder exists. */
  readonly #realFolders = new Map<string, string>();

  constructor(options: HlsAccessOptions) {
    this.#options = options;
    const { clock } = options;
    this.#blocking = new HlsBlocking({ clock, modifiedMs: modifiedMsOf, read: readTextOf });
  }

  /**
   * Returns why the client may not have a file; null when it may, or when it is not an HLS file.
   *
   * @param path Without symbolic links: an alias of a file is subject to the same rules.
   */
  async objectionTo(c: RouteContext, path: string): Promise<string | null> {
    const streams = await this.#streamsOf(path);
    const enabled = streams.filter(({ config }) => config.enabled);
    for (const stream of enabled.length > 0 ? enabled : streams) {
      const objection = await this.#objectionOf(stream, clientOf(c, stream));
      if (objection !== null) return objection;
    }
    return null;
  }

  /** Notes that a client was sent a file that it might have, or a part of it. */
  async sent(c: RouteContext, path: string, bytes: number): Promise<void> {
    const stream = (await this.#streamsOf(path)).find(({ config }) => config.enabled);
    if (stream === undefined || stream.isMaster) return;
    this.#options.hlsSessions.sent(requestOf(stream, clientOf(c, stream)), bytes);
  }

  /**
   * Waits until a playlist of low-latency HLS has the position that the request names, or until a
   * part that the playlist promises is written (RFC 8216bis §6.2.5.2).
   *
   * @param path Where the file is, or would be; the client may have it.
   * @returns what to answer in place of the file, or null.
   */
  async untilWritten(c: RouteContext, path: string, isThere: boolean): Promise<Response | null> {
    const found = (await this.#streamsOf(path)).find(({ config }) =>
      config.enabled && config.hls.isLowLatency
    );
    if (found === undefined || found.isMaster || (isThere && !found.isPlaylist)) return null;
    const { config: { hls, name: vhost }, name, file, isPlaylist } = found;
    const { signal } = c.env;
    const timeoutMs = WAIT_TARGETS * targetSecondsOf(hls) * 1000;
    if (!isPlaylist) {
      const names = streamNames(vhost, name);
      const folder = await this.#realFolder(hls.path);
      if (names === null || folder === null) return null;
      const playlist = `${folder}/${fillStream(hls.playlistFile, names)}`;
      const part = encodeURIComponent(file.slice(file.lastIndexOf("/") + 1));
      // Written, or no longer promised.
      const isReady = (text: string) =>
        !new RegExp(`^${HINT}[^"]*${escape(part)}"`, "m").test(text);
      return answerTo(await this.#blocking.until(playlist, isReady, timeoutMs, signal));
    }
    const position = readPosition(c);
    if (position === null) return null;
    const text = await readTextOf(path) ?? "";
    const isAhead = position !== "invalid" &&
      position.sequence > extentOf(text).nextSequence + MAX_AHEAD;
    if (position === "invalid" || isAhead) {
      const headers = { "cache-control": "no-store" };
      return new Response("The playlist will not have this position soon\n", {
        status: 400,
        headers,
      });
    }
    const isReady = (text: string) => reaches(text, position);
    return answerTo(await this.#blocking.until(path, isReady, timeoutMs, signal));
  }

  /**
   * Returns what makes of a playlist the one that players get; null when they get it as it is.
   *
   * @param path Without symbolic links.
   */
  async rewriteOf(
    c: RouteContext,
    path: string,
  ): Promise<((playlist: string) => string) | null> {
    const streams = await this.#streamsOf(path);
    const playlists = streams.filter(({ config, isPlaylist }) => config.enabled && isPlaylist);
    for (const { config, name, file, isMaster } of playlists) {
      if (isMaster) return this.#passOn(config, name, file, queryOf(c.req.url));
      const sign = this.#options.signatures.signerOf(config.name);
      if (sign !== null) return (text) => signPlaylist(text, { path: file, hls: config.hls, sign });
    }
    return null;
  }

  /**
   * Passes the parameters of a request on to the playlists that a master playlist names. Where they
   * sign another stream, that stream's own signature replaces theirs: who may watch one rendition
   * may watch all.
   */
  #passOn(
    { name: vhost, hls }: VhostConfig,
    name: string,
    file: string,
    query: string,
  ): ((playlist: string) => string) | null {
    if (query === "") return null;
    const queryFor = (uri: string): string => {
      const path = pathOfUri(file, uri);
      const stream = path === null ? null : streamOfFile(vhost, hls, path)?.stream ?? null;
      if (stream === null || stream === name) return query;
      const { app, stream: own } = urlOf(vhost, stream);
      return this.#options.signatures.signLike(query, { action: "play", vhost, app, stream: own });
    };
    return (text) => text.replace(/^(?!#).+$/gm, (uri) => `${uri}${queryFor(uri)}`);
  }

  async #objectionOf(
    stream: FileStream,
    client: HlsClient,
  ): Promise<string | null> {
    const { gate, signatures } = this.#options;
    const { config, isPlaylist, isMaster, file } = stream;
    const asked = { action: "play", protocol: "hls", ...client } as const;
    const verdict = isPlaylist ? await gate.check(asked) : gate.checkRules(asked);
    if (verdict.type === "refused") return verdict.refusal.description;
    const { params } = client.url;
    if (!isPlaylist && !signatures.isSigned(config, { path: file, params, ip: client.ip })) {
      return "The URL of the segment is not signed; take it from the playlist";
    }
    const request = requestOf(stream, client);
    // Others have sessions only to be counted.
    if (!request.isAsked && (!isPlaylist || isMaster)) return null;
    return await this.#options.hlsSessions.objectionTo(request);
  }

  /** The streams, one per vhost at most, that the file may belong to. */
  async #streamsOf(path: string): Promise<FileStream[]> {
    const streams: FileStream[] = [];
    for (const { config } of this.#options.vhosts) {
      const folder = config.hls.enabled ? await this.#realFolder(config.hls.path) : null;
      if (folder === null) continue;
      const file = relative(folder, path);
      if (file.startsWith("../")) continue;
      const found = streamOfFile(config.name, config.hls, file);
      if (found === null) continue;
      const { stream, isPlaylist, isMaster = false } = found;
      // If the stream is unknown the file stands for it: the rules of the vhost apply.
      streams.push({
        ...{ config, file, isPlaylist, isMaster },
        name: stream ?? file,
        isStreamKnown: stream !== null,
      });
    }
    return streams;
  }

  async #realFolder(path: string): Promise<string | null> {
    const known = this.#realFolders.get(path);
    if (known !== undefined) return known;
    const real = await realPathOf(path);
    if (real !== null) this.#realFolders.set(path, real);
    return real;
  }
}

/** Returns the position that a request waits for; null if it waits for none. */
function readPosition(c: RouteContext): PlaylistPosition | "invalid" | null {
  const [sequence, part] = [c.req.query("_HLS_msn"), c.req.query("_HLS_part")];
  if (sequence === undefined) return part === undefined ? null : "invalid";
  const isNumber = (text: string) => /^\d{1,12}$/.test(text);
  if (!isNumber(sequence) || (part !== undefined && !isNumber(part))) return "invalid";
  return { sequence: Number(sequence), part: part === undefined ? null : Number(part) };
}

/** Returns the answer when a wait was in vain; null when the file can be served. */
function answerTo(result: WaitResult): Response | null {
  if (result === "ready") return null;
  const headers = { "cache-control": "no-store", "retry-after": "1" };
  const text = result === "late" ? "Not written in time\n" : "Too many requests wait\n";
  return new Response(text, { status: 503, headers });
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function queryOf(url: string): string {
  return cutParams(url).query;
}

function urlOf(vhost: string, name: string): Omit<StreamUrl, "params"> {
  const slash = name.lastIndexOf("/");
  const app = name.slice(0, Math.max(0, slash));
  return { schema: "http", host: vhost, port: 80, vhost, app, stream: name.slice(slash + 1) };
}

function clientOf(c: RouteContext, { config, name }: FileStream): HlsClient {
  // What a player waits for does not make it another viewer.
  const params = withoutParams(/[?#].*$/.exec(c.req.url)?.[0] ?? "", DIRECTIVES);
  return {
    url: { ...urlOf(config.name, name), params },
    ip: ipOf(c.env.remote),
    pageUrl: c.req.header("referer") ?? c.req.header("origin") ?? "",
    bearer: bearerOf(c.req.raw),
  };
}

function requestOf(stream: FileStream, client: HlsClient): HlsRequest {
  const { config, isStreamKnown, isPlaylist } = stream;
  const params = isPlaylist ? client.url.params : withoutSignature(client.url.params);
  const url = { ...client.url, params };
  const keepMs = sessionMs(config.hls);
  return { ...client, url, isStreamKnown, isPlaylist, isAsked: needsSession(config), keepMs };
}

/** Whether viewers are asked about, or limited. */
function needsSession({ httpHooks: { enabled, urls }, play, maxStreams }: VhostConfig): boolean {
  if (play.maxPlayersPerStream > 0 || play.maxPlayersPerIp > 0 || maxStreams > 0) return true;
  return enabled && Object.values(urls).some((list) => list.length > 0);
}

/**
 * Returns how long a session lasts after its last request, in ms. A player requests something once
 * per target duration, and at least once per segment.
 */
function sessionMs(config: HlsConfig): number {
  const longestMs = config.fragmentMs * config.audioOverflowRatio;
  return Math.max(2000 * targetSecondsOf(config), longestMs) + SESSION_MARGIN_MS;
}
