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
    const { context, logger, requests, listener } = this.#options;
    const hasAlternative = () => context.origins.hasOtherThan(origin);
    return new Feed({
      context,
      logger,
      origin,
      request,
      hasAlternative,
      listener,
      backlogMs: () => this.#backlogMs,
      wantsAnswer: hasAlternative() || requests.wantsAnswer,
      joiner: this.joiner(how),
    });
  }

  /** Returns what joins a feed to what was delivered so far; null when nothing was. */
  joiner(how: JoinOptions["how"]): Joiner | null {
    const { history, lastDeliveryMs } = this.#options.source;
    if (history === null) return null;
    const reachMs = this.#backlogMs;
    return new Joiner(history, lastDeliveryMs, { how, patienceMs: originPatienceMs, reachMs });
  }

  /** What is asked for beyond what origins send anyway, in ms; an edge below may lack it, too. */
  get #backlogMs(): number {
    const { source: { history, silenceMs }, requests } = this.#options;
    if (history === null) return requests.backlogMs;
    // Nothing from before the stream began here would be recognised.
    return silenceMs + Math.min(BACKLOG_MARGIN_MS, Math.round(history.spanMs / 2));
  }
}
