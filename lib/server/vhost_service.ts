/**
 * What a connection needs of a vhost, whether it is an origin (`local_vhost.ts`) or an edge
 * (`edge/remote_vhost.ts`).
 */

import type { VhostConfig } from "../config/config.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { UpstreamSnapshot, UpstreamTotals } from "../upstream/upstream_snapshot.ts";

/** A publisher, who waits for an answer first: one of the first two is called once, maybe at once. */
export interface PublishAnswer {
  onAccepted(handle: PublishHandle): void;
  onRefused(refusal: Refusal): void;
  /** Another publisher has the stream now; the handle is closed. Only after `onAccepted`. */
  onReplaced(): void;
  /** When the publisher was heard last, by the clock of the vhost, in ms. */
  readonly lastHeardMs: number;
}

/** How a publisher left. */
export type Departure =
  /** It said that it stops. */
  | "stopped"
  /** Its connection is lost; it may return. */
  | "lost";

/** A publish that was asked for. */
export interface PublishTicket {
  /** The publisher left before or after the answer. Ends the handle. Harmless when repeated. */
  leave(departure: Departure): void;
}

/** A client that is being checked. */
export interface ClientCheck {
  /** The client has left, or is no longer of interest. Harmless when repeated or late. */
  cancel(): void;
}

/** The connections of a vhost to other servers. */
export interface VhostUpstreams {
  /** Connections open or being made. */
  readonly count: number;
  /** Sums since the start of the server. */
  readonly totals: Readonly<UpstreamTotals>;
  /** The connections of stream `name`, open or being made. */
  of(name: string): readonly UpstreamSnapshot[];
}

/** See the file comment. */
export interface VhostService {
  /** The settings in force; {@linkcode configure} replaces them, so ask at use and keep no copy. */
  readonly config: VhostConfig;
  /**
   * Applies new settings of the same vhost. Streams and their clients stay; each setting counts from
   * its next use on. `config.name` and `config.mode` must be those of before.
   */
  configure(config: VhostConfig): void;
  /** Its connections to other servers; null for a vhost that makes none. */
  upstreams(): VhostUpstreams | null;
  /**
   * Looks at a client before its play or publish is answered. Null when there is nothing to find out;
   * otherwise `onAnswer` is called once, later: with why the client is not let in, or null.
   */
  check(
    request: StreamRequest,
    client: ConnectRequest,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null;
  /**
   * Adds a player to the stream. The caller looks at `stream.isLive`; when that is false,
   * `viewer.onLive` is called as soon as it is not.
   */
  play(request: StreamRequest, viewer: Viewer): Stream;
  /** Removes a player. */
  leave(stream: Stream, viewer: Viewer): void;
  /** Asks to feed the stream. */
  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket;
  /** Ends upstream connections and timers, in good order; the vhost is not used afterwards. */
  close(): Promise<void>;
}
