/** Sums over all upstream connections of a vhost since the start; they only grow. */
export interface UpstreamTotals {
  /** Connections begun, without probes. */
  attempts: number;
  /** Connections that only asked whether an origin has a stream. */
  probes: number;
  /** Connections that failed or were lost. */
  failures: number;
  /** Those of them that an origin refused with a status. */
  refusals: number;
  /** Switches without a gap, with the very next frame. */
  spliced: number;
  /** Switches to another encode, at a keyframe. */
  restarted: number;
  /** Pushes resumed at an origin. */
  resumed: number;
  /** Silence at switches, in ms. */
  silenceMs: number;
  /** Frames that players never got; an estimate by time. */
  lostFrames: number;
  /** Frames that players got twice. */
  doubledFrames: number;
  /** Bytes of pushes that no origin acknowledged and that were no longer kept for the next one. */
  lostBytes: number;
}

/** The upstream connections of a vhost at a moment. */
export interface UpstreamConnections {
  /** Open or being dialled: every connection to an origin, with players or without. */
  readonly open: number;
  /** Streams and clients that wait for a connection, because of a limit. */
  readonly waiting: number;
  /** Pulls without players. */
  readonly lingering: number;
}

/** What is known of a name that stands for origins. */
export interface DiscoveryReport {
  /** As in the configuration: `dns:host:port`, `srv:name`. */
  readonly name: string;
  /** `host:port` of each origin; empty before the first answer. */
  readonly addresses: readonly string[];
  /** Time since the newest answer, in ms. */
  readonly ageMs: number;
  /** Why the newest question failed; empty when it did not. */
  readonly lastError: string;
}

/**
 * What a stream needs another server for: to come from it, to come from a second one as well
 * (`standby`), to go to it, to be copied to it.
 */
export type UpstreamKind = "pull" | "standby" | "push" | "forward";

/**
 * What is known of the origins that a pull would switch to. `ready`: one carries the stream.
 * `unknown`: none is down or lacks it as far as is known. `missing`: it does not have the stream.
 * `refused`: it refused the request of the newest player. `down`: it could not be reached. `none`:
 * the pull has no other origin.
 */
export const RESERVE_STATES = ["ready", "unknown", "missing", "refused", "down", "none"] as const;

/** The best of the other origins of a pull. */
export interface ReserveSnapshot {
  readonly state: (typeof RESERVE_STATES)[number];
  /** `host:port`; empty for `none`. */
  readonly origin: string;
  /** How long ago that was found out, in ms; null for `unknown` and `none`. */
  readonly ageMs: number | null;
}

/** The upstream connection of a stream at a moment. */
export interface UpstreamSnapshot {
  readonly kind: UpstreamKind;
  readonly state: "connecting" | "live";
  /** `host:port` of the origin that is used or tried; empty before the first. */
  readonly origin: string;
  /** How long the state has lasted, in ms. */
  readonly sinceMs: number;
  readonly attempts: number;
  readonly switches: number;
  /** Why the newest attempt failed or the newest connection was lost; empty when none was. */
  readonly lastError: string;
  /** Silence at the newest switch, in ms. */
  readonly lastSilenceMs: number;
  readonly lostFrames: number;
  readonly doubledFrames: number;
  readonly lostBytes: number;
  /** Absent unless an origin feeds a pull. */
  readonly reserve?: ReserveSnapshot;
}
