import type { JoinLimits } from "./join_index.ts";

/** Settings of a stream, from its vhost. */
export interface StreamOptions extends JoinLimits {
  /** Chunk size announced to all players, in bytes. */
  readonly chunkSize: number;
  /** Keeps the publisher's timestamps. */
  readonly isAbsoluteTime: boolean;
  /** How far a viewer may lag and still find its bytes in the log, in ms of stream time. */
  readonly maxLagMs: number;
}
