/** The apps of `http_api` and `http_server`: their routes, and who may use them. */

import type { MiddlewareHandler } from "hono";
import { basicAuth } from "hono/basic-auth";
import { cors } from "hono/cors";
import { timingSafeEqual } from "hono/utils/buffer";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { isIp } from "../config/address.ts";
import type { HttpApiConfig, HttpAuthConfig, HttpServerConfig } from "../config/config.ts";
import { bearerOf } from "./bearer.ts";
import { createHealthRoutes } from "./health_routes.ts";
import type { ServerIdentity } from "./api_answers.ts";
import { createApiRoutes } from "./api_routes.ts";
import { createControlRoutes } from "./control_routes.ts";
import { type ConsoleStreams, createConsoleRoutes } from "./console_routes.ts";
import { ipOf } from "../io/address.ts";
import { readJsonBody } from "./json_body.ts";
import { answerJsonp } from "./jsonp.ts";
import { createMetricsRoutes } from "./metrics_routes.ts";
import { createApp, type HttpApp, type RouteContext } from "./routes.ts";
import type { EventLog } from "../monitor/event_log.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import type { DrainSnapshot, ServerView } from "../monitor/server_view.ts";
import { FailureLog } from "../server/failure_log.ts";
import type { HlsAccess } from "./hls_access.ts";
import type { StaticFiles } from "./static_files.ts";

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Methods that change nothing, or that a browser asks the server about before it sends them. */
const ASKED_METHODS = new Set([...SAFE_METHODS, "DELETE"]);

/** Options of {@linkcode createApiApp}. */
interface ApiAppOptions {
  readonly config: Pick<HttpApiConfig, "listen" | "crossdomain" | "jsonp" | "auth" | "rawApi">;
  readonly view: ServerView;
  /** What the API can make the program do besides closing and moving clients; null for nothing. */
  readonly control: ServerControl | null;
  /** The newest lines of the log; none when absent. */
  readonly events?: EventLog | null;
  readonly identity: ServerIdentity;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  readonly isReady: () => boolean;
  /** Null unless the server drains. */
  readonly drain: () => DrainSnapshot | null;
  /** Where the console page finds streams; null without HTTP-FLV. */
  readonly streams: ConsoleStreams | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Returns the app of `http_api`: API, metrics, health checks, console page. */
export function createApiApp(options: ApiAppOptions): HttpApp {
  const { config: { crossdomain, jsonp, auth }, view, control, isReady } = options;
  const app = createApp();
  app.use("/api/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });
  if (jsonp) app.use("/api/*", answerJsonp);
  if (crossdomain) app.use("/api/*", allowPages(auth.enabled ? ["GET", "DELETE"] : ["GET"]));
  // Foreign pages may close clients only where they are let in, and have the password. They may not
  // post: browsers send that without asking first.
  if (!crossdomain || !auth.enabled) app.use("/api/*", refuseForeign(SAFE_METHODS));
  else app.use("/api/*", refuseForeign(ASKED_METHODS));
  if (auth.enabled) {
    const password = requirePassword(auth, createLoginLog(options));
    for (const path of ["/api/*", "/metrics", "/console/*"]) app.use(path, password);
  } else {
    app.use("/api/*", refuseRebound);
  }
  app.use("/api/v1/raw", refuseForged(auth));
  app.use("/api/*", readJsonBody);
  if (control !== null) app.route("/", createControlRoutes({ ...options, control }));
  app.route("/", createApiRoutes({ ...options, logger: options.logger.for("access") }));
  app.route("/", createMetricsRoutes(view, () => options.drain() !== null));
  app.route("/", createHealthRoutes(isReady));
  app.route("/", createConsoleRoutes(options.streams));
  return app;
}

/** Options of {@linkcode createFilesApp}. */
interface FilesAppOptions {
  readonly config: Pick<HttpServerConfig, "crossdomain">;
  readonly files: StaticFiles;
  readonly hls: Pick<HlsAccess, "objectionTo" | "rewriteOf" | "untilWritten" | "sent">;
  /** Routes that take precedence over files. */
  readonly apps: readonly HttpApp[];
}

/** Returns the app of `http_server`: the mounted apps, then files. */
export function createFilesApp({ config, files, hls, apps }: FilesAppOptions): HttpApp {
  const app = createApp();
  if (config.crossdomain) app.use(allowPages(["GET"]));
  for (const mounted of apps) app.route("/", mounted);
  app.all("*", async (c) => {
    let asked: string | null = null;
    const response = await files.answer(c.req.raw, {
      objectionTo: (path) => hls.objectionTo(c, asked = path),
      rewriteOf: (path) => hls.rewriteOf(c, path),
      untilWritten: (path, isThere) => hls.untilWritten(c, path, isThere),
    });
    const bytes = Number(response.headers.get("content-length") ?? 0);
    if (asked !== null && response.ok && c.req.method === "GET") await hls.sent(c, asked, bytes);
    return response;
  });
  return app;
}

/** Refuses requests of other servers' pages by other methods than these (RFC 6454). */
function refuseForeign(allowed: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    if (!allowed.has(c.req.method) && isForeign(c.req.raw)) {
      return c.text("Pages of other servers may not do this\n", 403);
    }
    await next();
  };
}

/** Whether a page of another server sends the request. */
function isForeign({ headers, url }: Request): boolean {
  const origin = headers.get("origin");
  if (origin === null) return false;
  // Browsers say so over TLS. A proxy in front may have changed the host.
  if (headers.get("sec-fetch-site") === "same-origin") return false;
  return URL.parse(origin)?.host !== URL.parse(url)?.host;
}

/**
 * Without a password, only pages opened by IP address or as localhost may close clients: an
 * attacker can point a host name at this server and serve a page under it (DNS rebinding).
 */
const refuseRebound: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header("origin");
  if (!SAFE_METHODS.has(c.req.method) && origin !== undefined && !hasSafeHost(origin)) {
    return c.text("Open the page by IP address, or set a password: auth in http_api\n", 403);
  }
  await next();
};

/**
 * Refuses SRS's GET that changes something where a page may have caused it. Pages cause GET
 * requests without asking, and without an `Origin`. So a browser has to say that its user typed the
 * address, or that a page of this server asks; it does over TLS and on this machine. Other programs
 * are let in.
 */
function refuseForged({ enabled: hasPassword }: HttpAuthConfig): MiddlewareHandler {
  return async (c, next) => {
    const site = c.req.header("sec-fetch-site");
    const isBrowser = site !== undefined || c.req.header("user-agent")?.startsWith("Mozilla/");
    const isOwnPage = site === "same-origin" && (hasPassword || hasSafeHost(c.req.url));
    if (isBrowser && site !== "none" && !isOwnPage && c.req.query("rpc") === "reload") {
      return c.text("A page may have sent this; use curl, or POST /api/v1/reload\n", 403);
    }
    await next();
  };
}

function hasSafeHost(origin: string): boolean {
  const hostname = URL.parse(origin)?.hostname.replace(/^\[|\]$/g, "") ?? "";
  return hostname === "localhost" || isIp(hostname);
}

/**
 * Admits pages of other hosts. Without a password they may only read: otherwise any page that an
 * operator visits could close clients.
 */
function allowPages(methods: string[]) {
  return cors({
    origin: "*",
    allowMethods: [...methods, "HEAD", "OPTIONS"],
    allowHeaders: ["Authorization", "Range", "If-None-Match", "If-Modified-Since"],
    exposeHeaders: ["Content-Length", "Content-Range", "ETag"],
    maxAge: 600,
  });
}

function createLoginLog({ clock, logger }: Pick<ApiAppOptions, "clock" | "logger">): FailureLog {
  return new FailureLog({
    clock,
    logger: logger.for("http"),
    message: "Login failed: wrong user name or password",
    fix: "block the address if it should not try",
  });
}

/**
 * Compares in constant time.
 *
 * DEVIATION: no parameter follows `Bearer` (RFC 6750 §3) | because SRS sends none | test "The API
 * needs the token when auth is of type bearer"
 */
function requirePassword(auth: HttpAuthConfig, log: FailureLog): MiddlewareHandler {
  const refuse = (message: string) => (c: RouteContext) => {
    // Browsers ask without a password first.
    if (c.req.header("authorization") !== undefined) log.add(ipOf(c.env.remote));
    return message;
  };
  if (auth.type === "bearer") {
    const missing = refuse("Send the header Authorization: Bearer TOKEN\n");
    const wrong = refuse("Wrong token\n");
    return async (c, next) => {
      const token = bearerOf(c.req.raw);
      if (token !== undefined && await timingSafeEqual(token, auth.token)) return await next();
      const headers = { "www-authenticate": "Bearer" };
      return c.text((token === undefined ? missing : wrong)(c), 401, headers);
    };
  }
  const { username, password } = auth;
  return basicAuth({
    ...{ username, password, realm: "edge" },
    invalidUserMessage: refuse("Wrong password\n"),
  });
}
