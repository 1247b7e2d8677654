import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { Joiner, type JoinOptions, originPatienceMs } from "../splice/joiner.ts";
import type { EdgeContext } from "./edge_context.ts";
import { Feed, type FeedListener } from "./feed.ts";
import type { PlayerRequests } from "./player_requests.ts";
import type { PulledSource } from "./pulled_source.ts";

/** Options of {@linkcode FeedMaker}. */
interface FeedMakerOptions {
  readonly context: EdgeContext;
  readonly logger: Logger;
  readonly source: PulledSource;
  readonly requests: PlayerRequests;
  readonly listener: FeedListener;
}

/** Requested beyond the silence, in ms: the next origin may be a little behind. */
const BACKLOG_MARGIN_MS = 1_000;

/** Makes the feeds of one pull, each with what joins it to the stream. */
export class FeedMaker {
  readonly #options: FeedMakerOptions;

  constructor(options: FeedMakerOptions) {
    this.#options = options;
  }

  /** Returns a feed that has not been started. */
  feed(origin: OriginAddress, request: StreamRequest, how: JoinOptions["how"]): Feed {
    const { context, logger, source, requests, listener } = this.#options;
    const { history, silenceMs } = source;
    const hasAlternative = () => context.origins.hasOtherThan(origin);
    return new Feed({
      context,
      logger,
      origin,
      request,
      hasAlternative,
      listener,
      backlogMs: history === null ? 0 : silenceMs + BACKLOG_MARGIN_MS,
      wantsAnswer: hasAlternative() || requests.wantsAnswer,
      joiner: this.joiner(how),
    });
  }

  /** Returns what joins a feed to what was delivered so far; null when nothing was. */
  joiner(how: JoinOptions["how"]): Joiner | null {
    const { history, lastDeliveryMs } = this.#options.source;
    if (history === null) return null;
    return new Joiner(history, lastDeliveryMs, { how, patienceMs: originPatienceMs });
  }
}
