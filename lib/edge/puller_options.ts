import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamFeeder } from "../splice/stream_feeder.ts";
import type { EdgeContext } from "./edge_context.ts";
import type { PlayerRequests } from "./player_requests.ts";

/** Options of a `Puller`. */
export interface PullerOptions {
  readonly context: EdgeContext;
  readonly feeder: StreamFeeder;
  readonly logger: Logger;
  /** Whether an origin is not to be asked, because the stream is pushed there. */
  readonly isAvoided: (origin: OriginAddress) => boolean;
  /** What origins are asked with. */
  readonly requests: PlayerRequests;
  /** As of `PulledSource`. */
  readonly isSlateNext: () => boolean;
  /** Media arrives, for the first time since the start or since a loss. */
  readonly onMedia: () => void;
  /** No origin feeds the stream; the next one is being dialled. */
  readonly onLost: () => void;
  /** No origin feeds the stream; `isCertain` if all have said that they do not have it. */
  readonly onMissing: (isCertain: boolean) => void;
}
