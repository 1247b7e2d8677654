import { DEFAULT_VHOST } from "./config.ts";

/**
 * Returns the name of the vhost for a host as a client or a configuration writes it. Host names
 * have no case (RFC 4343), and neither a final dot nor a port tells vhosts apart.
 */
export function vhostNameOf(host: string): string {
  const name = (/^([^:]*):\d*$/.exec(host)?.[1] ?? host).toLowerCase();
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  return bare === DEFAULT_VHOST.toLowerCase() ? DEFAULT_VHOST : bare;
}
