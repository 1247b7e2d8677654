/**
 * The console page at `/console/`: its files, and where it finds streams. Everything else it gets
 * from the API at the same address.
 */

import { etag } from "hono/etag";
import type { Config, ListenAddress } from "../config/config.ts";
import { CONSOLE_ASSETS } from "./console_assets.ts";
import type { PageAsset } from "./page_asset.ts";
import { pathOf } from "./request_head.ts";
import { addRoute, createApp, type HttpApp, type RouteContext } from "./routes.ts";

/** Where the page finds HTTP-FLV streams; served as `/console/config.json`. */
export interface ConsoleStreams {
  /** Port of `http_server`; null when it shares the address of the API. */
  readonly port: number | null;
  /** `/[app]/[stream].flv` by vhost name, for vhosts that serve HTTP-FLV. */
  readonly mounts: Readonly<Record<string, string>>;
}

/**
 * Returns what the page needs to know of a configuration; null if it serves no HTTP-FLV.
 *
 * @param api Addresses of the page.
 * @param files Addresses of `http_server` that speak the same protocol, HTTP or HTTPS.
 */
export function describeConsoleStreams(
  { vhosts }: Pick<Config, "vhosts">,
  api: readonly ListenAddress[],
  files: readonly ListenAddress[],
): ConsoleStreams | null {
  const [first] = files;
  if (first === undefined) return null;
  const hasAddress = (port: number, hostname: string) =>
    files.some((other) => other.port === port && other.hostname === hostname);
  const isShared = api.every(({ port, hostname }) => hasAddress(port, hostname));
  const mounts: Record<string, string> = {};
  for (const { name, enabled, httpRemux } of vhosts.values()) {
    if (enabled && httpRemux.enabled && httpRemux.format === "flv") mounts[name] = httpRemux.mount;
  }
  return { port: isShared ? null : first.port, mounts };
}

/** Returns the routes of the page, its files and its `config.json`. */
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

/** Redirects `/console/` of another address to the page at the API's address. */
export function createConsoleRedirect(apiPort: number): HttpApp {
  const app = createApp();
  addRoute(app, "/console", {
    GET: (c) => c.redirect(`${schemeOf(c)}://${hostOf(c) ?? "127.0.0.1"}:${apiPort}/console/`),
  });
  return app;
}

function answer(
  c: RouteContext,
  { contentType, text }: PageAsset,
  streams: ConsoleStreams | null,
): Response {
  // The page's links are relative, so that a proxy may serve it below a path.
  if (pathOf(c.req.url) === "/console") return c.redirect("console/");
  setHeaders(c);
  c.header("content-security-policy", contentPolicy(c, streams));
  c.header("referrer-policy", "same-origin");
  return c.body(text, 200, { "content-type": contentType });
}

function setHeaders(c: RouteContext): void {
  // Revalidated each time, which costs a 304: a page never mixes two versions.
  c.header("cache-control", "no-cache");
  c.header("x-content-type-options", "nosniff");
}

/** Nothing from other hosts, nothing inline, and no framing by other pages. */
function contentPolicy(c: RouteContext, streams: ConsoleStreams | null): string {
  const host = hostOf(c);
  const port = streams?.port ?? null;
  const other = host === null || port === null ? "" : ` ${schemeOf(c)}://${host}:${port}`;
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

function schemeOf(c: RouteContext): "http" | "https" {
  return c.req.url.startsWith("https:") ? "https" : "http";
}

/** Returns the requested host without the port; null if it has characters special in headers. */
function hostOf(c: RouteContext): string | null {
  const { hostname } = new URL(c.req.url);
  return /^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(hostname) ? hostname : null;
}
