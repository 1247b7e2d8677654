import { matchesAny } from "../config/address_match.ts";

/** A host with an optional port, without characters that mean something in a URL. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * Returns the request as the client sent it to a reverse proxy: with the scheme and host that
 * `X-Forwarded-Proto` and `X-Forwarded-Host` state. Headers of other clients than `trusted` ones,
 * and values that are no scheme or host, have no effect.
 *
 * @param ip Address of the client of this server, without port.
 * @param trusted Addresses and CIDR ranges.
 */
export function withForwarded(request: Request, ip: string, trusted: readonly string[]): Request {
  const { headers, url } = request;
  const scheme = firstOf(headers.get("x-forwarded-proto"));
  const host = firstOf(headers.get("x-forwarded-host"));
  if ((scheme === "" && host === "") || !matchesAny(trusted, ip)) return request;
  const [, ownScheme, ownHost, rest] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (ownScheme === undefined) return request;
  const isHost = HOST.test(host);
  const target = [
    scheme === "http" || scheme === "https" ? scheme : ownScheme,
    "://",
    isHost ? host : ownHost,
    rest,
  ].join("");
  if (!URL.canParse(target)) return request;
  const changed = new Headers(headers);
  if (isHost) changed.set("host", host);
  return new Request(target, { method: request.method, headers: changed });
}

/** Each proxy on the way appends its value, so the first one is the client's. */
function firstOf(header: string | null): string {
  return (header ?? "").split(",")[0]!.trim().toLowerCase();
}
