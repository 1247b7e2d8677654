/** Address of an origin. */
export interface OriginAddress {
  /** Host name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** 1…65535. When the file names only a host: 1935, or 443 with TLS. */
  readonly port: number;
  /** Present for `rtmps://`: the connection is TLS. */
  readonly isSecure?: true;
  /** The name in its certificate, where it is not `hostname`. */
  readonly certificateName?: string;
}

/** A name whose addresses are origins; no address to connect to itself. */
export interface OriginName {
  /** Whether to ask for A and AAAA records (`dns:`) or for SRV records (`srv:`). */
  readonly discovery: "dns" | "srv";
  readonly hostname: string;
  /** Port of each address; 0 for `srv`, whose records bring their own. */
  readonly port: number;
  /** As of {@linkcode OriginAddress}. */
  readonly isSecure?: true;
}

/** An origin that a name stands for. */
export interface DiscoveredOrigin extends OriginAddress {
  /** The name: text of its {@linkcode OriginName}. */
  readonly group: string;
  /** Its share of the streams relative to others; above 0. */
  readonly weight: number;
  /** Used while those with lower tiers fail. */
  readonly tier: number;
}
