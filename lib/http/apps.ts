/** The apps of `http_api` and `http_server`: their routes, and who may use them. */

import type { MiddlewareHandler } from "hono";
import { basicAuth } from "hono/basic-auth";
import { cors } from "hono/cors";
import { isIp } from "../config/address.ts";
import type { HttpApiConfig, HttpAuthConfig, HttpServerConfig } from "../config/config.ts";
import { createHealthRoutes } from "./health_routes.ts";
import type { ServerIdentity } from "./api_answers.ts";
import { createApiRoutes } from "./api_routes.ts";
import { type ConsoleStreams, createConsoleRoutes } from "./console_routes.ts";
import { createMetricsRoutes } from "./metrics_routes.ts";
import { createApp, type HttpApp } from "./routes.ts";
import type { ServerView } from "../monitor/server_view.ts";
import type { HlsAccess } from "./hls_access.ts";
import type { StaticFiles } from "./static_files.ts";

/** Options of {@linkcode createApiApp}. */
interface ApiAppOptions {
  readonly config: HttpApiConfig;
  readonly view: ServerView;
  readonly identity: ServerIdentity;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  readonly isReady: () => boolean;
  /** Where the console page finds streams; null without HTTP-FLV. */
  readonly streams: ConsoleStreams | null;
}

/** Returns the app of `http_api`: API, metrics, health checks, console page. */
export function createApiApp(options: ApiAppOptions): HttpApp {
  const { config: { crossdomain, auth }, view, isReady } = options;
  const app = createApp();
  app.use("/api/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });
  if (crossdomain) app.use("/api/*", allowPages(auth.enabled ? ["GET", "DELETE"] : ["GET"]));
  if (auth.enabled) {
    for (const path of ["/api/*", "/metrics", "/console/*"]) app.use(path, requirePassword(auth));
  } else {
    app.use("/api/*", refuseRebound);
  }
  app.route("/", createApiRoutes(options));
  app.route("/", createMetricsRoutes(view));
  app.route("/", createHealthRoutes(isReady));
  app.route("/", createConsoleRoutes(options.streams));
  return app;
}

/** Options of {@linkcode createFilesApp}. */
interface FilesAppOptions {
  readonly config: HttpServerConfig;
  readonly files: StaticFiles;
  readonly hls: Pick<HlsAccess, "objectionTo">;
  /** Routes that take precedence over files. */
  readonly apps: readonly HttpApp[];
}

/** Returns the app of `http_server`: the mounted apps, then files. */
export function createFilesApp({ config, files, hls, apps }: FilesAppOptions): HttpApp {
  const app = createApp();
  if (config.crossdomain) app.use(allowPages(["GET"]));
  for (const mounted of apps) app.route("/", mounted);
  app.all("*", (c) => files.answer(c.req.raw, (path) => hls.objectionTo(c, path)));
  return app;
}

/**
 * Without a password, only pages opened by IP address or as localhost may close clients: an
 * attacker can point a host name at this server and serve a page under it (DNS rebinding).
 */
const refuseRebound: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header("origin");
  if (c.req.method === "DELETE" && origin !== undefined && !hasSafeHost(origin)) {
    return c.text("Open the page by IP address, or set a password: auth in http_api\n", 403);
  }
  await next();
};

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

/** Compares in constant time. */
function requirePassword({ username, password }: HttpAuthConfig) {
  return basicAuth({ username, password, realm: "edge", invalidUserMessage: "Wrong password\n" });
}
