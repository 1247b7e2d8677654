import { describeError, UpstreamError, type UpstreamRedirect } from "../base/errors.ts";
import { quotePeerText, redactUrl } from "../base/text.ts";
import type { OriginAddress } from "../config/config.ts";
import {
  parseStreamUrl,
  type StreamUrl,
  type UpstreamTarget,
  upstreamTarget,
} from "../rtmp/url.ts";
import type { UpstreamSettings } from "./upstream_context.ts";

/** Longer redirects are refused: what is in them is sent to the next server. In characters. */
const MAX_REDIRECT_LENGTH = 8192;

/** A server, and what it is asked for. */
export interface UpstreamDestination {
  readonly address: OriginAddress;
  readonly target: UpstreamTarget;
}

/** The settings that decide where streams may be led. */
type OriginRules = Pick<UpstreamSettings, "origins" | "redirect">;

/** Whether two addresses are written alike, but for the case of names. */
export function isSameServer(one: OriginAddress, other: OriginAddress): boolean {
  return one.port === other.port && one.hostname.toLowerCase() === other.hostname.toLowerCase();
}

/** Returns the origin of `settings` with this address, or null. */
export function findOrigin(
  address: OriginAddress,
  { origins }: Pick<OriginRules, "origins">,
): OriginAddress | null {
  return origins.find((origin) => isSameServer(origin, address)) ?? null;
}

/** Returns whether another server may lead a stream to `address`. */
export function mayLeadTo(address: OriginAddress, settings: OriginRules): boolean {
  return settings.redirect === "any" || findOrigin(address, settings) !== null;
}

/**
 * Returns the address that a server at `before` asks its client to connect to again. Only the
 * address counts: the stream stays what it is.
 *
 * @param tcUrl absolute, or relative to the present one; empty for the address in use
 * @returns null when it is no address
 */
export function reconnectAddress(tcUrl: string, before: OriginAddress): OriginAddress | null {
  const isAbsolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(tcUrl);
  if (!isAbsolute && !tcUrl.startsWith("//")) return before;
  try {
    const absolute = isAbsolute ? tcUrl : `${before.isSecure ? "rtmps" : "rtmp"}:${tcUrl}`;
    const { schema, host, port } = parseStreamUrl({ tcUrl: absolute, app: "", stream: "" });
    if (schema === "rtmps") return { hostname: host, port, isSecure: true };
    return schema === "rtmp" ? { hostname: host, port } : null;
  } catch {
    return null;
  }
}

/**
 * Returns where the server at `before` redirects to (RTMP 302). Host, port, app and stream are
 * those of the redirect. So is the vhost when the redirect has a `vhost` parameter; a bare host
 * only says where to dial, and the vhost asked for before stays. The stream's parameters stay, too,
 * unless the redirect brings its own.
 *
 * DEVIATION: SRS 7.0 takes host and port only | because that is its bug 1680, which loses the
 * redirect's vhost | test "Upstream asks for the vhost that a redirect names (SRS #1680)"
 *
 * @throws {UpstreamError} when the redirect is not the address of a stream
 */
export function followRedirect(
  redirect: UpstreamRedirect,
  before: UpstreamDestination,
): UpstreamDestination {
  const url = parseRedirect(redirect, before);
  const at = { hostname: url.host, port: url.port };
  const address: OriginAddress = url.schema === "rtmps" ? { ...at, isSecure: true } : at;
  const target = upstreamTarget({
    origin: address,
    request: url,
    vhostTemplate: url.vhost === url.host ? vhostOf(before) ?? url.host : url.vhost,
  });
  const stream = target.stream === url.stream
    ? url.stream + paramsOf(before.target.stream)
    : target.stream;
  return { address, target: { ...target, stream } };
}

function parseRedirect(redirect: UpstreamRedirect, before: UpstreamDestination): StreamUrl {
  const fail = (reason: string, cause?: unknown) =>
    new UpstreamError("command", `Cannot follow the redirect of the origin: ${reason}`, { cause });
  const { tcUrl, stream } = redirect;
  if (tcUrl.length + stream.length > MAX_REDIRECT_LENGTH) throw fail("it is too long");
  let url: StreamUrl;
  try {
    url = parseStreamUrl({ tcUrl, app: "", stream });
  } catch (error) {
    throw fail(describeError(error), error);
  }
  const quoted = quotePeerText(redactUrl(tcUrl));
  if (url.schema !== "rtmp" && url.schema !== "rtmps") {
    throw fail(`the schema of ${quoted} is neither rtmp nor rtmps`);
  }
  // A client that only connects asks for no stream.
  if (url.stream === "" && before.target.stream !== "") throw fail(`${quoted} names no stream`);
  return url;
}

/** The vhost that was asked for; null when the server's own host stands in its place. */
function vhostOf({ address, target }: UpstreamDestination): string | null {
  const { host } = parseStreamUrl({ tcUrl: target.tcUrl, app: target.app, stream: "" });
  return host === address.hostname ? null : host;
}

function paramsOf(streamName: string): string {
  const cut = streamName.search(/[?#]/);
  return cut < 0 ? "" : streamName.slice(cut);
}
