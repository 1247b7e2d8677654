/** Network addresses as text. */

import type { OriginAddress } from "../config/config.ts";
import type { OriginName } from "../config/origin_address.ts";
import type { NetAddress } from "./transport.ts";

/** Returns `host:port`, with brackets around an IPv6 host. */
export function formatAddress(address: NetAddress): string {
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Returns an origin as it is written in a configuration: `host:port`, `rtmps://host:port`,
 * `dns:host:port` or `srv:name`.
 */
export function formatOrigin(origin: OriginAddress | OriginName): string {
  const schema = origin.isSecure === true ? "rtmps://" : "";
  if (!("discovery" in origin)) return `${schema}${formatAddress(origin)}`;
  const { discovery, hostname } = origin;
  return `${discovery}:${schema}${discovery === "srv" ? hostname : formatAddress(origin)}`;
}

/** Returns `203.0.113.9` for `::ffff:203.0.113.9`: an IPv4 client of an IPv6 listener. */
export function withoutMapping(hostname: string): string {
  return hostname.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** Returns the IP address of `host:port` or `[host]:port`, without port and brackets. */
export function ipOf(remote: string): string {
  return remote.slice(0, remote.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
