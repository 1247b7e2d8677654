import type { ListenAddress } from "../config/config.ts";

/** One SRV record (RFC 2782). */
export interface ServiceRecord {
  /** Host name of the server. */
  readonly target: string;
  readonly port: number;
  /** Lower ones are used first. */
  readonly priority: number;
  /** Share among those of the same priority; 0 for next to none. */
  readonly weight: number;
}

/** Options of a {@linkcode NameResolver}'s questions. */
export interface ResolveOptions {
  /** The name server to ask; null for those of the system. */
  readonly server: ListenAddress | null;
  readonly signal: AbortSignal;
}

/** Asks the DNS. Rejects when a name has no such records, and when there is no answer. */
export interface NameResolver {
  /** Returns the IPv4 addresses of a name, or its IPv6 addresses when it has none. */
  addresses(name: string, options: ResolveOptions): Promise<readonly string[]>;
  /** Returns the SRV records of a name. */
  services(name: string, options: ResolveOptions): Promise<readonly ServiceRecord[]>;
}
