import { stripParams } from "../base/text.ts";
import type { Audience } from "../hub/viewer.ts";
import type { Admission, GateClient } from "./admission.ts";
import type { MoveCounts, MoveSelector } from "./move_clients.ts";

/** A client that plays or publishes, or waits to, over any protocol: for API and metrics. */
export interface ClientReport {
  /** Its id in the log, `c12`. */
  readonly id: string;
  /** Names of SRS. */
  readonly type: "rtmp-play" | "fmle-publish" | "flv-play" | "hls-play";
  /** Name of the configured vhost. */
  readonly vhost: string;
  /** `app/stream`. */
  readonly stream: string;
  /** IP address. */
  readonly ip: string;
  /** Addresses as the client wrote them, or empty. Without parameters, which often hold tokens. */
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  /** The edge that it is; null for other clients. */
  readonly edge: EdgeClient | null;
  /** The player waits for the stream. */
  readonly isHeld: boolean;
  /** The publisher stands by for the one that feeds the stream. */
  readonly isReserve: boolean;
  /** How long it has been connected, in ms. */
  readonly ageMs: number;
  /** Bytes received from it. */
  readonly receivedBytes: number;
  /** Bytes its socket took; for a player, since it asked for the stream. */
  readonly sentBytes: number;
  /** How often it lagged too far and skipped to a newer keyframe. */
  readonly skips: number;
}

/** An edge that plays or publishes. */
export interface EdgeClient {
  /** Differs with each start of its process. */
  readonly id: string;
  /** Its `server_name`; the id where it has none. */
  readonly name: string;
  /** What it reported of the players behind it: claims. Null when nothing, or too long ago. */
  readonly audience: Audience | null;
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
  /**
   * Clients that play, publish or wait for a stream.
   *
   * @param ids Only these; all when absent.
   */
  clientReports(nowMs: number, ids?: ReadonlySet<string>): ClientReport[];
  readonly clientTotals: SourceTotals;
  /**
   * Closes a client.
   *
   * @param reason Why, for the log.
   * @returns false when it has none with this id.
   */
  kick(id: string, reason: string): boolean;
  /**
   * Asks clients to connect again, elsewhere or here. They are served until they leave.
   *
   * @param target The `tcUrl` to send them to, with or without an app; null for the address that
   * they used.
   */
  move(selector: MoveSelector, target: string | null): MoveCounts;
  /** Closes the clients that play or publish in a vhost, or wait to: it is removed. */
  closeClients(vhost: string, reason: string): void;
}

/** The part of a report that says who the client is and what it asked for. */
export function describeClient(
  { id, ip, connect }: GateClient,
  { service, request }: Admission,
): Pick<ClientReport, "id" | "vhost" | "stream" | "ip" | "tcUrl" | "pageUrl" | "swfUrl"> {
  return {
    id,
    vhost: service.config.name,
    stream: request.name,
    ip,
    tcUrl: stripParams(connect.tcUrl),
    pageUrl: stripParams(connect.pageUrl),
    swfUrl: stripParams(connect.swfUrl),
  };
}
