import type { StreamUrl } from "../rtmp/url.ts";

/** The publisher behind a {@linkcode StreamRequest}, as callbacks name it. */
export interface RequestingClient {
  /** Its id in the log, `c12`. */
  readonly id: string;
  /** IP address without port. */
  readonly ip: string;
  /** As its `connect` said, without stream keys. */
  readonly tcUrl: string;
  readonly pageUrl: string;
}

/** A client's request for one stream, after the checks that need no stream. */
export interface StreamRequest {
  /** What it asked for, with parameters; `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
  /** `app/stream`, with `?vhost=…` where an edge asks for the vhost that the client names. */
  readonly name: string;
  /**
   * Ids of the edges it came through, the nearest to the client first; see `upstream/edge_path.ts`.
   */
  readonly edgePath: readonly string[];
  /** How far back an edge that takes the stream over wants it, in ms; 0 for the newest keyframe. */
  readonly backlogMs: number;
  /**
   * Of a push: which broadcast it carries. Only the edge that a publisher is connected to makes
   * one, so a push with the id of another is the same one over another connection. Secret; absent
   * for other clients.
   */
  readonly broadcastId?: string | undefined;
  /**
   * Of a play: refuse it at once when the stream is not here, in place of waiting for a publisher.
   * An edge asks so that has another origin to ask.
   */
  readonly wantsAnswer?: boolean | undefined;
  /** Of a play: an edge only asks whether the stream is here, and leaves with the first media. */
  readonly isProbe?: boolean | undefined;
  /** The publisher; absent for players, and for what this server asks for itself. */
  readonly client?: RequestingClient;
}
