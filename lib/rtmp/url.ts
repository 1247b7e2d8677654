/**
 * URLs of streams: as RTMP clients write them, and as an edge sends them to its origin.
 *
 * A client names app and vhost at `connect` (tcUrl) and the stream at `publish` or `play`, both
 * with optional parameters. The rules are those of SRS, so that URLs written for it work.
 */

import { WireError } from "../base/errors.ts";
import { quotePeerText, redactUrl, withoutUserInfo } from "../base/text.ts";
import { DEFAULT_VHOST } from "../config/config.ts";
import { vhostNameOf } from "../config/vhost_name.ts";
import { cutParams, findParam, removeSpace, withoutParams } from "./url_params.ts";

const RTMP_PORT = 1935;
const RTMPS_PORT = 443;

/** The app of a URL without one. */
const DEFAULT_APP = "__defaultApp__";

/** What a client sent. */
interface StreamUrlParts {
  /** `tcUrl` of the connect command; empty if the client sent none. */
  readonly tcUrl: string;
  /** `app` of the connect command. Used only for what tcUrl lacks: its path, its parameters. */
  readonly app: string;
  /** Name in the publish or play command, with parameters; empty before that command. */
  readonly stream: string;
}

/** The stream that a client requests. */
export interface StreamUrl {
  /** In lower case: `rtmp`, `rtmps`. */
  readonly schema: string;
  /**
   * Host that the client connected to, as {@linkcode vhostNameOf} writes it; IPv6 without brackets.
   * Empty if the client did not say.
   */
  readonly host: string;
  readonly port: number;
  /** Requested vhost: parameter `vhost`, else `domain`, else the host, else the default vhost. */
  readonly vhost: string;
  /** One or more path parts, `live` or `live/room`. */
  readonly app: string;
  /** Name without parameters or slashes; empty when the client named none. */
  readonly stream: string;
  /** `?query` and `#fragment` as the client wrote them, from tcUrl and stream; or empty. */
  readonly params: string;
}

/** What a client needs to open a stream. */
interface RtmpTarget {
  /** Host to connect to; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly tcUrl: string;
  readonly app: string;
  /** Stream name with its parameters. */
  readonly stream: string;
}

/** What {@linkcode upstreamTarget} needs. */
interface UpstreamRequest {
  readonly origin: { readonly hostname: string; readonly port: number; readonly isSecure?: true };
  /** The client's request, with `vhost` as configured: `DEFAULT_VHOST` after a fallback to it. */
  readonly request: StreamUrl;
  /** Vhost to request from the origin. `[vhost]` stands for that of the request. */
  readonly vhostTemplate: string;
}

/** What an edge sends to its origin. */
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

/** Parameters that name a vhost. */
const VHOST_PARAMS = ["vhost", "domain"];

/** A query without information. */
const ONLY_DEFAULT_VHOST = /^\?(vhost|domain)=__defaultVhost__$/;

/** `...vhost...`, also with white space in it. */
const VHOST_MARK = new RegExp([..."...vhost..."].join("[ \\t\\r\\n]*").replaceAll(".", "\\."), "g");

/** What a client without tcUrl connects to: the app says enough. */
const NO_AUTHORITY: Authority = { schema: "rtmp", host: "", port: RTMP_PORT };

/**
 * Parses what a client sent. tcUrl and stream are read as one URL:
 *
 * - `app...vhost...name` means `app?vhost=name`. Parameters of tcUrl follow those of the stream.
 * - User and password are dropped. Host names are compared without case, final dot and port.
 * - Without tcUrl, the app in the default vhost is meant, or in the one that a parameter names.
 * - `/_definst_` is dropped. The last path part is the stream; the others are the app.
 * - White space in host, vhost, app and stream is dropped.
 * - Without a stream, the last part of an app with several parts is the stream, or else the part
 *   after the last slash of the parameters.
 *
 * The stream may be empty, which is valid at `connect`; callers must refuse it at publish and play.
 * A dot in a stream name has no meaning (SRS before 7.0.109 cut the name there).
 *
 * DEVIATION: SRS 7.0 moves everything between the first `?` and the last `/` | because the end of a
 * token with a slash in the stream's parameters would become part of the stream name | test
 * "parseStreamUrl() keeps a slash in the stream's parameters"
 *
 * @throws {WireError} `command.bad_url` when tcUrl has no schema or no valid host and port, or when
 *   tcUrl and app are empty
 */
export function parseStreamUrl(parts: StreamUrlParts): StreamUrl {
  const app = expandVhostMark(parts.app);
  const { authority, tail } = parts.tcUrl === "" && app !== ""
    ? { authority: NO_AUTHORITY, tail: "" }
    : cutAuthority(expandVhostMark(parts.tcUrl));
  const named = cutParams(expandVhostMark(parts.stream));
  const base = cutParams(hasPath(tail) ? tail : `/${app}${tail}`);
  const query = joinQueries(named.query, base.query || cutParams(app).query);
  const fragment = named.fragment + base.fragment;
  return {
    ...authority,
    vhost: findVhost(query) ?? (authority.host || DEFAULT_VHOST),
    ...splitPath(
      removeSpace(`${base.path}/${named.path}`),
      fragment === "" && ONLY_DEFAULT_VHOST.test(query) ? "" : query + fragment,
    ),
  };
}

/**
 * Returns the key of a stream: `vhost/app/stream`, or `/app/stream` in the default vhost. Keys are
 * unique, because neither vhost nor stream contains a slash.
 */
export function streamKey(vhost: string, app: string, stream: string): string {
  return `${vhost === DEFAULT_VHOST ? "" : vhost}/${app}/${stream}`;
}

/**
 * Parses a URL `rtmp://host[:port]/app[/…]/stream[?params]` that a user wrote or a server
 * redirected to.
 *
 * @throws {WireError} `command.bad_url` when it has another form
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
 * Returns what an edge sends to its origin for a client's request. The vhost replaces the host in
 * tcUrl, and `vhost` and `domain` are removed from the parameters: an origin would take the vhost
 * from there. All other parameters, including tokens, are unchanged.
 *
 * A request that fell back to the default vhost requests the vhost that {@linkcode clientVhost}
 * returns. Without one, tcUrl has the origin's host.
 *
 * DEVIATION: SRS 7.0 skips the vhost template when the client's parameters contain `vhost=` |
 * because that is a bug of SRS, number 2804 in its tracker | test "upstreamTarget() applies the
 * template when the client's query contains vhost="
 */
export function upstreamTarget(
  { origin, request, vhostTemplate }: UpstreamRequest,
): UpstreamTarget {
  const vhost = vhostTemplate.replaceAll("[vhost]", () => request.vhost);
  const host = vhost === DEFAULT_VHOST
    ? clientVhost(request, vhostTemplate) ?? origin.hostname
    : vhost;
  return {
    tcUrl: origin.isSecure === true
      ? `rtmps://${formatHost(host, origin.port, RTMPS_PORT)}/${request.app}`
      : `rtmp://${formatHost(host, origin.port)}/${request.app}`,
    app: request.app,
    stream: request.stream + withoutParams(request.params, VHOST_PARAMS),
  };
}

/**
 * Returns the vhost that an edge asks its origins for because the client named it: parameter
 * `vhost`, else `domain`, else the host if that is a name. Null when the configuration alone
 * decides what is asked, so that it is the same for all clients.
 *
 * @param request with `vhost` as configured
 */
export function clientVhost(request: StreamUrl, vhostTemplate: string): string | null {
  if (vhostTemplate !== "[vhost]" || request.vhost !== DEFAULT_VHOST) return null;
  const asked = findVhost(cutParams(request.params).query);
  if (asked !== null) return asked;
  return request.host === "" || isIpAddress(request.host) ? null : request.host;
}

function cutAuthority(url: string): { authority: Authority; tail: string } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(withoutUserInfo(url));
  if (match === null) throw badUrlError(url, "it does not start with a schema and ://");
  const [, schema = "", hostAndPort = "", tail = ""] = match;
  const text = removeSpace(hostAndPort);
  const parts = isBareIpv6(text)
    ? ["", text]
    : /^(?:\[([^\]]+)\]|([^:@[\]]+))(?::(\d*))?$/.exec(text);
  if (parts === null) throw badUrlError(url, "it has no valid host and port");
  const [, ipv6, name = "", digits = ""] = parts;
  const port = digits === "" ? defaultPort(schema.toLowerCase()) : Number(digits);
  if (port < 1 || port > 65535) throw badUrlError(url, "its port is not between 1 and 65535");
  const host = ipv6?.toLowerCase() ?? vhostNameOf(name);
  if (host === "") throw badUrlError(url, "it has no valid host and port");
  return { authority: { schema: schema.toLowerCase(), host, port }, tail };
}

/** Whether an authority is an IPv6 address without the brackets that RFC 3986 §3.2.2 requires. */
function isBareIpv6(text: string): boolean {
  return text.split(":", 3).length === 3 && URL.canParse(`http://[${text}]`);
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
      return RTMPS_PORT;
    default:
      return 80;
  }
}

/**
 * SRS's form for Flash clients, which could not send a query in tcUrl. White space in it is dropped
 * as in names; else a server that is sent the name without it would see another vhost.
 */
function expandVhostMark(url: string): string {
  return url.replace(VHOST_MARK, "?vhost=");
}

function joinQueries(first: string, second: string): string {
  return first === "" || second === "" ? first + second : `${first}&${second.slice(1)}`;
}

/** Splits app and stream. A stream that is missing in the path may be in the parameters. */
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
  if (paramSlash < 0) return { app: app || DEFAULT_APP, stream: "", params };
  const named = cutParams(params.slice(paramSlash + 1));
  return {
    app: app || DEFAULT_APP,
    stream: removeSpace(named.path),
    params: params.slice(0, paramSlash) + named.query + named.fragment,
  };
}

/** Returns the vhost that a query requests; `null` for none or the default vhost. */
function findVhost(query: string): string | null {
  const named = findParam(query, "vhost") ?? findParam(query, "domain");
  const vhost = vhostNameOf(named ?? DEFAULT_VHOST);
  return vhost === DEFAULT_VHOST ? null : vhost;
}

function isIpAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function formatHost(host: string, port: number, usualPort = RTMP_PORT): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === usualPort ? name : `${name}:${port}`;
}

/** Not a regular expression: one anchored at the end takes quadratic time on many slashes. */
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
    `Cannot read RTMP URL ${quotePeerText(shortened(redactUrl(url)))}: ${reason}`,
    { fix: "use the form rtmp://host[:port]/app/stream" },
  );
}

/** Cuts a URL behind its app: users write stream keys there. */
function shortened(url: string): string {
  const [, schema = "", rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(url) ?? [];
  return schema + rest.replace(/^([^/]*\/[^/]*\/).+/s, "$1…");
}
