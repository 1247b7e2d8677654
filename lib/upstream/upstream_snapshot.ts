/** What is told about connections to origins: for the API and the metrics. An edge fills it in. */

/** Sums over all streams of a vhost since the start; they only grow. */
export interface UpstreamTotals {
  /** Connections to origins begun. */
  attempts: number;
  /** Connections that failed or were lost. */
  failures: number;
  spliced: number;
  restarted: number;
  resumed: number;
  /** Silence at switches, in ms. */
  silenceMs: number;
  lostFrames: number;
  doubledFrames: number;
  lostBytes: number;
}

/** The upstream of a stream at a moment. */
export interface UpstreamSnapshot {
  readonly kind: "pull" | "push";
  readonly state: "connecting" | "live";
  /** `host:port` of the origin that is used, or tried; empty before the first. */
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
}
