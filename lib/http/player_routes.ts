import { relative, resolve } from "node:path";
import { etag } from "hono/etag";
import type { VhostConfig } from "../config/config.ts";
import { fillStream } from "../hls/file_names.ts";
import { ipOf } from "../io/address.ts";
import type { LiveStream, LiveStreams } from "../monitor/live_streams.ts";
import { checkAccess } from "../server/access_rules.ts";
import type { Gate } from "../server/gate.ts";
import type { VhostDirectory } from "../server/vhost_directory.ts";
import { bearerOf } from "./bearer.ts";
import { LIST_PAGE, PLAY_PAGE, PLAYER_ASSETS } from "./player_assets.ts";
import { addRoute, createApp, type HttpApp, type RouteContext } from "./routes.ts";
import { partsOf, streamUrlAt } from "./stream_of_request.ts";

/** Options of {@linkcode createPlayerRoutes}. */
interface PlayerRoutesOptions {
  readonly vhosts: VhostDirectory;
  readonly gate: Pick<Gate, "check">;
  readonly live: Pick<LiveStreams, "of" | "find">;
  /** Folder whose files are served. */
  readonly dir: string;
  /** Port to publish to. */
  readonly rtmpPort: number;
}

/** Streams in the list at `/`. */
const MAX_LISTED = 1000;

/** Names that belong to files of HLS. */
const HLS_FILE = /\.(?:m3u8|ts|m4s|mp4)$/;

/** Stands in the pages for what leads from them to `/`. */
const BASE = "{{base}}";

const PLAY_PATH = "/play/";
const STATE_PATH = "/players/state/";

/**
 * Returns the routes of the pages for viewers: `/` shows what is live, `/play/APP/STREAM` plays a
 * stream. What they show they get from `/players/`, below which their files are, too. All links are
 * relative, so the pages work behind a proxy, over TLS and below a path.
 */
export function createPlayerRoutes(options: PlayerRoutesOptions): HttpApp {
  const app = createApp();
  app.use("/players/*", etag());
  addRoute(app, "/", { GET: (c) => answerPage(c, LIST_PAGE, { base: "./", framedBy: "'self'" }) });
  app.get(`${PLAY_PATH}*`, (c, next) => {
    const { path, search } = partsOf(c.req.raw);
    const base = "../".repeat(path.split("/").length - 2);
    const names = path.split("/").filter((name) => name !== "").length - 1;
    // Someone who shortened the address.
    if (names === 0) return Promise.resolve(c.redirect(`${base || "./"}${search}`));
    if (names === 1 || HLS_FILE.test(path)) return next();
    return Promise.resolve(answerPage(c, PLAY_PAGE, { base, framedBy: "*" }));
  });
  for (const [name, { contentType, text }] of PLAYER_ASSETS) {
    addRoute(app, `/players/${name}`, {
      GET: (c) => {
        setHeaders(c, "no-cache");
        return c.body(text, 200, { "content-type": contentType });
      },
    });
  }
  addRoute(app, "/players/streams.json", { GET: (c) => answerStreams(c, options) });
  addRoute(app, `${STATE_PATH}*`, { GET: (c) => answerState(c, options) });
  return app;
}

function setHeaders(c: RouteContext, cacheControl: "no-cache" | "no-store"): void {
  c.header("cache-control", cacheControl);
  c.header("x-content-type-options", "nosniff");
}

function answerPage(
  c: RouteContext,
  html: string,
  { base, framedBy }: { readonly base: string; readonly framedBy: string },
): Response {
  setHeaders(c, "no-cache");
  c.header("content-security-policy", contentPolicy(c, framedBy));
  // Signed links must not reach other servers.
  c.header("referrer-policy", "same-origin");
  return c.html(html.replaceAll(BASE, base));
}

/** Nothing from other hosts, nothing inline. */
function contentPolicy(c: RouteContext, framedBy: string): string {
  // Older browsers do not take 'self' for WebSockets.
  const host = hostOf(c);
  const sockets = host === null ? "" : ` ws://${host} wss://${host}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${sockets}`,
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${framedBy}`,
  ].join("; ");
}

/** Returns the requested host; null if it has characters that are special in headers. */
function hostOf(c: RouteContext): string | null {
  const { host } = new URL(c.req.url);
  return /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/.test(host) ? host : null;
}

/** Lists the live streams of the vhost that the request's host, or its parameter, names. */
function answerStreams(
  c: RouteContext,
  { vhosts, live, dir, rtmpPort }: PlayerRoutesOptions,
): Response {
  setHeaders(c, "no-store");
  const url = streamUrlAt(partsOf(c.req.raw), "app", "stream");
  const config = url && vhosts.find(url.vhost)?.config;
  if (!config?.enabled) return c.json({ access: "none", rtmpPort, total: 0, streams: [] });
  const client = { ip: ipOf(c.env.remote), pageUrl: c.req.header("referer") ?? "" };
  if (isPrivate(config) || checkAccess(config, "play", client) !== null) {
    return c.json({ access: "private", rtmpPort, total: 0, streams: [] });
  }
  const all = live.of(config.name);
  const streams = all.slice(0, MAX_LISTED).map((stream) => describe(stream, config, dir));
  return c.json({ access: "open", rtmpPort, total: all.length, streams });
}

/** Whether a viewer needs more than a stream's name. Then the names are not shown to others. */
function isPrivate({ play: { access }, httpHooks, mode, cluster }: VhostConfig): boolean {
  const { signSecrets, signSecretFile, jwtKeysFile } = access;
  return signSecrets.length > 0 || signSecretFile !== "" || jwtKeysFile !== "" ||
    (httpHooks.enabled && httpHooks.urls.on_play.length > 0) ||
    (mode === "remote" && cluster.tokenTraverse);
}

function describe({ name, video, audio }: LiveStream, config: VhostConfig, dir: string) {
  const [plain = "", params] = name.split("?");
  const slash = plain.lastIndexOf("/");
  const [app, stream] = [plain.slice(0, slash), plain.slice(slash + 1)];
  return {
    app,
    stream,
    params: params ?? "",
    video,
    audio,
    ...mediaPaths(config, dir, app, stream),
  };
}

/** Tells a player where the stream is and whether it is live. */
async function answerState(
  c: RouteContext,
  { gate, live, dir }: PlayerRoutesOptions,
): Promise<Response> {
  setHeaders(c, "no-store");
  const parts = partsOf(c.req.raw);
  const names = decodeParts(parts.path.slice(STATE_PATH.length));
  const app = names?.slice(0, -1).join("/") ?? "";
  const stream = names?.at(-1) ?? "";
  const url = app === "" || stream === "" ? null : streamUrlAt(parts, app, stream);
  if (url === null) return c.json({ state: "unnamed" });
  const verdict = await gate.check({
    action: "play",
    protocol: "http-flv",
    url,
    ip: ipOf(c.env.remote),
    pageUrl: c.req.header("referer") ?? "",
    bearer: bearerOf(c.req.raw),
  });
  if (verdict.type === "refused") {
    return c.json({ state: "refused", reason: verdict.refusal.description });
  }
  const { config } = verdict.service;
  const { flv, hls } = mediaPaths(config, dir, app, stream);
  if (flv === null && hls === null) return c.json({ state: "unserved" });
  const found = live.find(config.name, verdict.request.name);
  const { video, audio } = found ?? { video: null, audio: null };
  const absent = config.mode === "remote" ? "unknown" : "offline";
  return c.json({ state: found === null ? absent : "live", video, audio, flv, hls });
}

function decodeParts(path: string): string[] | null {
  try {
    const names = path.split("/").map(decodeURIComponent);
    return names.some((name) => name === "" || /[/?#\\\p{Cc}]/u.test(name)) ? null : names;
  } catch {
    return null;
  }
}

/** Returns where a stream is, relative to `/` and percent-encoded; null where it is not served. */
function mediaPaths(
  { name, httpRemux, hls }: VhostConfig,
  dir: string,
  app: string,
  stream: string,
) {
  const encode = (path: string) => path.split("/").map(encodeURIComponent).join("/");
  const fill = (template: string) => encode(fillStream(template, { vhost: name, app, stream }));
  const folder = relative(resolve(dir), resolve(hls.path));
  const isServed = hls.enabled && folder !== ".." && !folder.startsWith("../");
  const prefix = folder === "" ? "" : `${encode(folder)}/`;
  return {
    flv: httpRemux.enabled && httpRemux.format === "flv"
      ? fill(httpRemux.mount.replace(/^\//, ""))
      : null,
    hls: isServed ? prefix + fill(hls.playlistFile) : null,
  };
}
