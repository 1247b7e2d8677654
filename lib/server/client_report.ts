/** What is told about a client: for the API and the metrics, whatever protocol the client speaks. */

/** A client that plays or publishes, or waits to do so. */
export interface ClientReport {
  /** Its id in the log, `c12`. */
  readonly id: string;
  /** Names of SRS. */
  readonly type: "rtmp-play" | "fmle-publish" | "flv-play";
  /** Name of the configured vhost. */
  readonly vhost: string;
  /** `app/stream`. */
  readonly stream: string;
  /** IP address. */
  readonly ip: string;
  /** Addresses as the client wrote them, without parameters, which often are tokens; or empty. */
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  /** A player that waits for the stream. */
  readonly isHeld: boolean;
  /** How long it has been connected, in ms. */
  readonly ageMs: number;
  /** Bytes that came from it. */
  readonly receivedBytes: number;
  /** Bytes that its socket took, from when it asked for the stream if it plays. */
  readonly sentBytes: number;
  /** How often it was taken to a newer keyframe, because it lagged. */
  readonly skips: number;
}

/** Sums over all clients since the start; they only grow. */
export interface ClientTotals {
  /** Clients that connected. */
  readonly connections: number;
  /** Connections refused at any listener, because there were too many. */
  readonly refused: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly skips: number;
}

/** Sums over the clients of one source. Refused clients reach none. */
export type SourceTotals = Omit<ClientTotals, "refused">;

/** Serves clients: the RTMP server, HTTP-FLV. */
export interface ClientSource {
  /** Clients that play, publish or wait for it. */
  clientReports(nowMs: number): ClientReport[];
  readonly clientTotals: SourceTotals;
  /** Closes a client. @returns false when it has none with this id. */
  kick(id: string): boolean;
}
