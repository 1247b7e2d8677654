import type { OriginAddress, VhostConfig } from "../config/config.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type {
  DiscoveryReport,
  UpstreamConnections,
  UpstreamSnapshot,
  UpstreamTotals,
} from "../upstream/upstream_snapshot.ts";

/** A publisher that waits for its answer: `onAccepted` or `onRefused`, once, maybe at once. */
export interface PublishAnswer {
  onAccepted(handle: PublishHandle): void;
  onRefused(refusal: Refusal): void;
  /** Another publisher has the stream now; the handle is closed. Only after `onAccepted`. */
  onReplaced(): void;
  /**
   * It stands by for the publisher that feeds the stream, or feeds the stream in place of another
   * from now on, because of `cause`. Only after `onAccepted`.
   */
  onRole?(role: PublisherRole, cause: string): void;
  /**
   * Asks the publisher for a sign of life.
   *
   * @param onAlive Called once, later, when there is one.
   * @param onLeaving Called later in place of that when it was asked to connect elsewhere: a
   * newcomer is probably itself.
   * @returns cancels; harmless when repeated or late.
   */
  probe(onAlive: () => void, onLeaving?: () => void): () => void;
}

/** What an accepted publisher does: feeds the stream, or is the reserve of the one that does. */
export type PublisherRole = "feeding" | "reserve";

/** How a publisher left. */
export type Departure =
  /** It ended the stream. */
  | "stopped"
  /** Its connection is lost; it may return. */
  | "lost";

/** A publish that was requested. */
export interface PublishTicket {
  /** The publisher left before or after the answer. Ends the handle. Harmless when repeated. */
  leave(departure: Departure): void;
}

/** A check of a client that is under way. */
export interface ClientCheck {
  /** Stops the check: no answer follows. Harmless when repeated or late. */
  cancel(): void;
}

/** A name that is kept for a publisher until it publishes. */
export interface NameReservation {
  /** Whether the name was granted at once. Otherwise the answer follows. */
  readonly isGranted: boolean;
  /** Frees the name for others, or stops waiting for it. Harmless when repeated. */
  release(): void;
}

/** Which upstream connections of a vhost to move. */
export type UpstreamSelector =
  | { readonly type: "all" }
  /** Those of one stream, `app/stream`. */
  | { readonly type: "stream"; readonly name: string }
  /** Those to one origin. */
  | { readonly type: "origin"; readonly origin: OriginAddress };

/** The connections of a vhost to other servers. */
export interface VhostUpstreams {
  /** Connections open or being made. */
  readonly count: number;
  /** What there is now, for reports. */
  readonly connections: UpstreamConnections;
  /** Sums since the start of the server. */
  readonly totals: Readonly<UpstreamTotals>;
  /** The names that stand for origins. */
  readonly discoveries: readonly DiscoveryReport[];
  /** The connections of stream `name`, open or being made. */
  of(name: string): readonly UpstreamSnapshot[];
  /**
   * Moves live connections to another origin: a new one is made, and has caught up, before the old
   * one is left. So players and publishers notice nothing. While no other origin has the stream,
   * the old connection stays. Many are spread over time.
   *
   * @param to where; without it the next origin, or the same address when there is no other
   * @returns how many are to move
   * @throws {UpstreamError} when `to` is no origin of the vhost, unless `cluster.redirect` is `any`
   */
  move(selector: UpstreamSelector, to?: OriginAddress): number;
}

/** A vhost as clients use it: an origin (`LocalVhost`) or an edge (`RemoteVhost`). */
export interface VhostService {
  /** The settings in force; {@linkcode configure} replaces them, so ask at use and keep no copy. */
  readonly config: VhostConfig;
  /**
   * Applies new settings of the same vhost. Streams and their clients stay; each setting counts
   * from its next use on. `config.name` and `config.mode` must be those of before.
   */
  configure(config: VhostConfig): void;
  /** Its connections to other servers; null for a vhost that makes none. */
  upstreams(): VhostUpstreams | null;
  /**
   * Checks a client before its play or publish is answered.
   *
   * @param onAnswer Called once, after this has returned: with the objection, or null.
   * @returns null when there is nothing to check; then `onAnswer` is not called.
   */
  check(
    request: StreamRequest,
    client: ConnectRequest,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null;
  /**
   * Reserves the name for a new publisher, before anything else is asked about it: a live publisher
   * keeps its name, a dead one is evicted, and of two newcomers the second waits for what becomes
   * of the first. Release the reservation after {@linkcode publish}, or when it does not follow.
   *
   * @param onRoom Called once, after this has returned, unless the name is granted at once.
   */
  reserve(request: StreamRequest, onRoom: (hasRoom: boolean) => void): NameReservation;
  /**
   * Adds a player to the stream. The caller checks `stream.isLive`; if it is false, `viewer.onLive`
   * is called as soon as the stream is live.
   */
  play(request: StreamRequest, viewer: Viewer): Stream;
  /** Removes a player. */
  leave(stream: Stream, viewer: Viewer): void;
  /** Requests to feed the stream. */
  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket;
  /** Ends upstream connections and timers gracefully. Do not use the vhost afterwards. */
  close(): Promise<void>;
}
