import type { StreamUrl } from "../rtmp/url.ts";

/** A client's wish for one stream, after the checks that need no stream. */
export interface StreamRequest {
  /** Where it wants to go; `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
  /** `app/stream`. */
  readonly name: string;
  /** Ids of the edges that the wish came through, the nearest to the client first; see `upstream/edge_path.ts`. */
  readonly edgePath: readonly string[];
  /** An edge that takes the stream over wants it from so far back, in ms; 0 from the newest keyframe. */
  readonly backlogMs: number;
}
