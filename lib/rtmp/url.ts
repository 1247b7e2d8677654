/**
 * How RTMP clients spell where they want to go, and what an edge says to its origin.
 *
 * A client names app and vhost at `connect` (tcUrl) and the stream at `publish` or `play`, with
 * parameters on either. The rules are those of SRS, so that its users' addresses keep working.
 *
 * Pure functions. Called by the sessions, the edge and the demo client.
 */

import { WireError } from "../base/errors.ts";
import { quotePeerText, redactParams } from "../base/text.ts";
import { DEFAULT_VHOST } from "../config/config.ts";

/** Default port of RTMP. */
export const RTMP_PORT = 1935;

/** The app of an address that names none. */
export const DEFAULT_APP = "__defaultApp__";

/** What a client sent. */
export interface StreamUrlParts {
  /** `tcUrl` of the connect command. */
  readonly tcUrl: string;
  /** `app` of the connect command; counts only when tcUrl has no path. */
  readonly app: string;
  /** Name of the publish or play command, parameters included; empty before there is one. */
  readonly stream: string;
}

/** Where a client wants to go. */
export interface StreamUrl {
  /** In lower case: `rtmp`, `rtmps`. */
  readonly schema: string;
  /** Host that the client dialled; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Vhost the client asks for: parameter `vhost`, else `domain`, else the host. */
  readonly vhost: string;
  /** One or more path parts, `live` or `live/room`. */
  readonly app: string;
  /** Name without parameters and without slash; empty when the client named none. */
  readonly stream: string;
  /** `?query` and `#fragment` as the client wrote them, wherever it put them; or empty. */
  readonly params: string;
}

/** What a client needs to open a stream. */
export interface RtmpTarget {
  /** Host to dial; an IPv6 address without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly tcUrl: string;
  readonly app: string;
  /** Stream name with its parameters. */
  readonly stream: string;
}

/** What an edge needs to build the upstream address. */
export interface UpstreamRequest {
  readonly origin: { readonly hostname: string; readonly port: number };
  /** The client's request, with `vhost` as configured: `DEFAULT_VHOST` after a fallback to it. */
  readonly request: StreamUrl;
  /** Vhost to ask the origin for; `[vhost]` in it stands for the request's. */
  readonly vhostTemplate: string;
}

/** What an edge tells its origin. */
export interface UpstreamTarget {
  readonly tcUrl: string;
  readonly app: string;
  /** Stream name with its parameters. */
  readonly stream: string;
}

interface Authority {
  readonly schema: string;
  readonly host: string;
  readonly port: number;
}

/** A piece of an address cut at its first `?` or `#`. */
interface CutUrl {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  /** With its `#`, or empty. */
  readonly fragment: string;
}

/** Separates parameters; SRS takes all of these for `&`. */
const PARAM_SEPARATORS = /[&,;]+/;

/** A query that says nothing. */
const ONLY_DEFAULT_VHOST = /^\?(vhost|domain)=__defaultVhost__$/;

/**
 * Where a client wants to go, from what it sent. tcUrl and stream are read as one address:
 *
 * - `app...vhost...name` is `app?vhost=name`; parameters of tcUrl go behind those of the stream;
 * - `/_definst_` is dropped; the last path part is the stream, the others are the app;
 * - white space in host, vhost, app and stream is dropped;
 * - without a stream, the last part of a longer app, or what follows the last slash of the parameters, is it.
 *
 * The stream may come out empty, which a `connect` is free to do; refuse it at publish and play. A dot in
 * a stream name means nothing (SRS before 7.0.109 cut the name there).
 *
 * DEVIATION: SRS 7.0 moves whatever lies between the first `?` and the last `/` | because a token with a
 * slash in the stream's own parameters would lose its tail to the stream name | test
 * "parseStreamUrl() leaves a slash in the stream's parameters alone"
 *
 * @throws {WireError} `command.bad_url` when tcUrl has no schema or no usable host and port.
 */
export function parseStreamUrl(parts: StreamUrlParts): StreamUrl {
  const { authority, tail } = cutAuthority(expandVhostMark(parts.tcUrl));
  const named = cutParams(expandVhostMark(parts.stream));
  const base = cutParams(hasPath(tail) ? tail : `/${expandVhostMark(parts.app)}${tail}`);
  const query = joinQueries(named.query, base.query);
  const fragment = named.fragment + base.fragment;
  return {
    ...authority,
    vhost: findVhost(query) ?? authority.host,
    ...splitPath(
      removeSpace(`${base.path}/${named.path}`),
      fragment === "" && ONLY_DEFAULT_VHOST.test(query) ? "" : query + fragment,
    ),
  };
}

/**
 * The key under which a stream is known: `vhost/app/stream`, or `/app/stream` in the default vhost.
 * Neither vhost nor stream contains a slash, so no two streams share a key.
 */
export function streamKey(vhost: string, app: string, stream: string): string {
  return `${vhost === DEFAULT_VHOST ? "" : vhost}/${app}/${stream}`;
}

/**
 * What to dial and to ask for, from an address `rtmp://host[:port]/app[/…]/stream[?params]` that a person
 * wrote or a server redirected to.
 *
 * @throws {WireError} `command.bad_url` when it has another form.
 */
export function parseRtmpUrl(url: string): RtmpTarget {
  const { authority: { schema, host, port }, tail } = cutAuthority(url);
  if (schema !== "rtmp") throw badUrlError(url, "its schema is not rtmp");
  const { path, query, fragment } = cutParams(tail);
  const slash = path.lastIndexOf("/");
  const app = trimSlashes(path.slice(0, Math.max(slash, 0)));
  const name = path.slice(slash + 1);
  if (app === "" || name === "") throw badUrlError(url, "it does not name both app and stream");
  return {
    hostname: host,
    port,
    tcUrl: `rtmp://${formatHost(host, port)}/${app}`,
    app,
    stream: name + query + fragment,
  };
}

/**
 * What an edge sends to its origin for a client's request. The vhost travels in tcUrl, in the place of the
 * host, and leaves the parameters; all other parameters stay as they are, tokens among them.
 *
 * A request that fell back to the default vhost asks for what its client asked for: its `vhost` parameter,
 * else its host when that is a name. Failing both, tcUrl carries the origin's host.
 *
 * DEVIATION: SRS 7.0 skips the vhost template when the client's parameters carry `vhost=` | because that
 * is its bug 2804 | test "upstreamTarget() applies the template when the client's query carries vhost="
 */
export function upstreamTarget(
  { origin, request, vhostTemplate }: UpstreamRequest,
): UpstreamTarget {
  const vhost = vhostTemplate.replaceAll("[vhost]", () => request.vhost);
  const host = (vhost === DEFAULT_VHOST ? findAskedVhost(request) : vhost) ?? origin.hostname;
  return {
    tcUrl: `rtmp://${formatHost(host, origin.port)}/${request.app}`,
    app: request.app,
    stream: request.stream + removeVhostParam(request.params),
  };
}

function cutAuthority(url: string): { authority: Authority; tail: string } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url);
  if (match === null) throw badUrlError(url, "it does not begin with a schema and ://");
  const [, schema = "", hostAndPort = "", tail = ""] = match;
  const place = /^(?:\[([^\]]+)\]|([^:@[\]]+))(?::(\d*))?$/.exec(removeSpace(hostAndPort));
  if (place === null) throw badUrlError(url, "it has no readable host and port");
  const [, ipv6, name = "", digits = ""] = place;
  const port = digits === "" ? defaultPort(schema.toLowerCase()) : Number(digits);
  if (port < 1 || port > 65535) throw badUrlError(url, "its port is not between 1 and 65535");
  return { authority: { schema: schema.toLowerCase(), host: ipv6 ?? name, port }, tail };
}

function hasPath(tail: string): boolean {
  return trimSlashes(cutParams(tail).path) !== "";
}

function defaultPort(schema: string): number {
  switch (schema) {
    case "rtmp":
      return RTMP_PORT;
    case "rtmps":
    case "https":
      return 443;
    default:
      return 80;
  }
}

/** Flash clients could not put a query into tcUrl, so SRS let them write it this way. */
function expandVhostMark(url: string): string {
  return url.replaceAll("...vhost...", "?vhost=");
}

function cutParams(url: string): CutUrl {
  const pathEnd = indexOrEnd(url, /[?#]/);
  const queryEnd = indexOrEnd(url, /#/);
  return {
    path: url.slice(0, pathEnd),
    query: url.slice(pathEnd, queryEnd),
    fragment: url.slice(queryEnd),
  };
}

function indexOrEnd(text: string, pattern: RegExp): number {
  const index = text.search(pattern);
  return index < 0 ? text.length : index;
}

function joinQueries(first: string, second: string): string {
  return first === "" || second === "" ? first + second : `${first}&${second.slice(1)}`;
}

/** App and stream of a path; a stream that the path does not name may hide in the parameters. */
function splitPath(
  path: string,
  params: string,
): { app: string; stream: string; params: string } {
  const parts = path.split("/").filter((part) => part !== "_definst_");
  const stream = parts.pop() ?? "";
  const app = trimSlashes(parts.join("/"));
  if (stream !== "") return { app: app || DEFAULT_APP, stream, params };
  const appSlash = app.lastIndexOf("/");
  if (appSlash >= 0) return splitPath(app, params);
  const paramSlash = params.lastIndexOf("/");
  return {
    app: app || DEFAULT_APP,
    stream: paramSlash < 0 ? "" : params.slice(paramSlash + 1),
    params: paramSlash < 0 ? params : params.slice(0, paramSlash),
  };
}

/** The vhost a query asks for; `null` when it asks for none or for the default one. */
function findVhost(query: string): string | null {
  const vhost = findParam(query, "vhost") ?? findParam(query, "domain");
  return vhost === DEFAULT_VHOST ? null : vhost;
}

/** Value of a vhost parameter without white space and slashes; `null` when it is missing or empty. */
function findParam(query: string, key: string): string | null {
  const prefix = `${key}=`;
  const found = query.slice(1).split(PARAM_SEPARATORS).find((param) => param.startsWith(prefix));
  return removeSpace(found?.slice(prefix.length) ?? "").replaceAll("/", "") || null;
}

function findAskedVhost(request: StreamUrl): string | null {
  const asked = findParam(cutParams(request.params).query, "vhost");
  if (asked !== null && asked !== DEFAULT_VHOST) return asked;
  return isIpAddress(request.host) ? null : request.host;
}

function removeVhostParam(params: string): string {
  const { query, fragment } = cutParams(params);
  // Parameters at the even places, between them what separates them.
  const pieces = query.slice(1).split(/([&,;]+)/);
  let kept = "";
  for (let i = 0; i < pieces.length; i += 2) {
    const param = pieces[i]!;
    if (param.startsWith("vhost=")) continue;
    kept += kept === "" ? param : pieces[i - 1]! + param;
  }
  return (kept === "" ? "" : `?${kept}`) + fragment;
}

function isIpAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function formatHost(host: string, port: number): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === RTMP_PORT ? name : `${name}:${port}`;
}

function removeSpace(text: string): string {
  return text.replace(/[ \t\r\n]+/g, "");
}

/** Without a pattern: one that is anchored at the end takes quadratic time on a long row of slashes. */
function trimSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === "/") start += 1;
  while (end > start && path[end - 1] === "/") end -= 1;
  return path.slice(start, end);
}

function badUrlError(url: string, reason: string): WireError {
  return new WireError(
    "command.bad_url",
    `Cannot read RTMP address ${quotePeerText(redactParams(url))}: ${reason}`,
    { fix: "use the form rtmp://host[:port]/app/stream" },
  );
}
