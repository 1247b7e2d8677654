/**
 * The console page at `/console/`: files that are part of the program, and where the page finds the
 * streams. All else it knows comes from the API at the same address.
 */

import { etag } from "hono/etag";
import type { Config } from "../config/config.ts";
import { CONSOLE_ASSETS, type ConsoleAsset } from "./console_assets.ts";
import { pathOf } from "./request_head.ts";
import { addRoute, createApp, type HttpApp, type RouteContext } from "./routes.ts";

/** Where the page finds streams as HTTP-FLV; answered as `/console/config.json`. */
export interface ConsoleStreams {
  /** Port of `http_server`; null when it answers where the API does. */
  readonly port: number | null;
  /** `/[app]/[stream].flv` by the vhosts' names; those that serve no HTTP-FLV are not there. */
  readonly mounts: Readonly<Record<string, string>>;
}

/** What the page is told of a configuration; null when it serves no HTTP-FLV. */
export function describeConsoleStreams(config: Config): ConsoleStreams | null {
  const { httpApi, httpServer } = config;
  const [first] = httpServer.listen;
  if (!httpServer.enabled || first === undefined) return null;
  const hasAddress = (port: number, hostname: string) =>
    httpServer.listen.some((other) => other.port === port && other.hostname === hostname);
  const isShared = httpApi.listen.every(({ port, hostname }) => hasAddress(port, hostname));
  const mounts: Record<string, string> = {};
  for (const { name, enabled, httpRemux } of config.vhosts.values()) {
    if (enabled && httpRemux.enabled) mounts[name] = httpRemux.mount;
  }
  return { port: isShared ? null : first.port, mounts };
}

/** The page, its files and its `config.json`. */
export function createConsoleRoutes(streams: ConsoleStreams | null): HttpApp {
  const app = createApp();
  app.use("/console/*", etag());
  for (const [name, asset] of CONSOLE_ASSETS) {
    addRoute(app, name === "" ? "/console" : `/console/${name}`, {
      GET: (c) => answer(c, asset, streams),
    });
  }
  addRoute(app, "/console/config.json", {
    GET: (c) => {
      setHeaders(c);
      return c.json({ streams });
    },
  });
  return app;
}

/** `/console/` of another address than the API's leads to the page there. */
export function createConsoleRedirect(apiPort: number): HttpApp {
  const app = createApp();
  addRoute(app, "/console", {
    GET: (c) => c.redirect(`http://${hostOf(c) ?? "127.0.0.1"}:${apiPort}/console/`),
  });
  return app;
}

function answer(
  c: RouteContext,
  { contentType, text }: ConsoleAsset,
  streams: ConsoleStreams | null,
): Response {
  // The page's links are relative, so that it may be served below a path of a proxy.
  if (pathOf(c.req.url) === "/console") return c.redirect("console/");
  setHeaders(c);
  c.header("content-security-policy", contentPolicy(c, streams));
  c.header("referrer-policy", "same-origin");
  return c.body(text, 200, { "content-type": contentType });
}

function setHeaders(c: RouteContext): void {
  // Asked for each time, which costs a 304: the next version's page is never a mixture of two.
  c.header("cache-control", "no-cache");
  c.header("x-content-type-options", "nosniff");
}

/** Nothing from anywhere else, nothing inline, and no page may hold this one in a frame. */
function contentPolicy(c: RouteContext, streams: ConsoleStreams | null): string {
  const host = hostOf(c);
  const port = streams?.port ?? null;
  const other = host === null || port === null ? "" : ` http://${host}:${port}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${other}`,
    "media-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/**
 * The host that the client asked for, without the port; null when it has signs that a header reads.
 */
function hostOf(c: RouteContext): string | null {
  const { hostname } = new URL(c.req.url);
  return /^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(hostname) ? hostname : null;
}
