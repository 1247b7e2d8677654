/** Addresses as written in configuration files and on command lines. */

/** A host and, if written, a port. The port is not checked yet. */
interface HostPort {
  readonly hostname: string;
  readonly port: string | undefined;
}

/** An IP address and a port; port 0 stands for any free one. */
interface SocketAddress {
  readonly hostname: string;
  readonly port: number;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** Returns whether `text` is an IPv6 address without brackets or zone. */
export function isIpv6(text: string): boolean {
  return /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) && URL.canParse(`http://[${text}]/`);
}

/** Returns whether `text` is an IPv4 address of four decimal numbers, or an IPv6 address. */
export function isIp(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** Returns whether `text` is a range such as `10.0.0.0/8` or `fd00::/8`. */
export function isCidr(text: string): boolean {
  const slash = text.indexOf("/");
  const [address, prefix] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash < 0 || !/^\d{1,3}$/.test(prefix)) return false;
  return (isIpv4(address) && Number(prefix) <= 32) || (isIpv6(address) && Number(prefix) <= 128);
}

/**
 * Returns whether `text` is a host name: parts of letters, digits, `-` and `_`, joined by dots, and
 * not only digits.
 */
export function isHostName(text: string): boolean {
  const isFormed = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
  return text.length <= 253 && isFormed.test(text) && !/^[\d.]+$/.test(text);
}

/** Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address without checking it. */
export function splitHostPort(text: string): HostPort {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed) return { hostname: bracketed[1]!, port: bracketed[2] };
  const colon = text.indexOf(":");
  if (colon < 0 || colon !== text.lastIndexOf(":")) return { hostname: text, port: undefined };
  return { hostname: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** Returns whether `hostname` is an address that only this machine reaches. */
export function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1" || hostname.startsWith("::ffff:127.");
}

/**
 * Returns whether a listener at `wide` takes all clients of one at `narrow`, so that the system
 * refuses to open both. `[::]` takes IPv4 as well (measured on Linux; elsewhere both may open).
 */
export function coversAddress(wide: SocketAddress, narrow: SocketAddress): boolean {
  if (wide.port !== narrow.port) return false;
  if (wide.hostname === narrow.hostname) return true;
  if (wide.port === 0) return false;
  return wide.hostname === "::" || (wide.hostname === "0.0.0.0" && isIpv4(narrow.hostname));
}

/** Returns whether the system refuses to open listeners at both addresses. */
export function addressesOverlap(a: SocketAddress, b: SocketAddress): boolean {
  return coversAddress(a, b) || coversAddress(b, a);
}

/** Parses a decimal port. Returns undefined when it is not in `min`…65535. */
export function parsePort(text: string, min: number): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  return port >= min && port <= 65535 ? port : undefined;
}

/** Returns the shortest form of an IP address, so that equal addresses are equal texts. */
export function canonicalIp(hostname: string): string {
  return isIpv6(hostname) ? new URL(`http://[${hostname}]/`).hostname.slice(1, -1) : hostname;
}
