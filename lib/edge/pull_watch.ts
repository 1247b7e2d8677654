import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { MoveRequests } from "../upstream/move_requests.ts";
import type { EdgeContext } from "./edge_context.ts";
import type { Feed } from "./feed.ts";

/** What is to be done about the origin that feeds a stream. */
type WatchAction =
  /** Try the next one; this one may send again. */
  | { readonly type: "abandon"; readonly reason: UpstreamError }
  /** It asks to be left, for `to` or any other. */
  | { readonly type: "move"; readonly to: OriginAddress | null };

/** Watches the origin that feeds a stream: whether it is silent, and whether it asks to be left. */
export class PullWatch {
  readonly #context: EdgeContext;
  readonly #moveRequests = new MoveRequests<Feed>();

  constructor(context: EdgeContext) {
    this.#context = context;
  }

  /** The origin of `feed` asks to be left, for `to` or any other. */
  addMoveRequest(feed: Feed, to: OriginAddress | null): void {
    this.#moveRequests.add(feed, to);
  }

  /** Returns what to do about `active`, or null. */
  check(active: Feed, nowMs: number, isMoving: boolean, isFeeding: boolean): WatchAction | null {
    const request = isMoving ? null : this.#moveRequests.take(active, nowMs);
    if (request !== null) return { type: "move", to: request.to };
    const { origins, settings } = this.#context;
    if (!origins.hasOtherThan(active.origin)) return null;
    const { stallTimeoutMs, startTimeoutMs } = settings();
    // Without a publisher, silence is expected; but it may have returned at another origin.
    const limitMs = isFeeding ? stallTimeoutMs : startTimeoutMs;
    if (nowMs - active.lastMediaMs < limitMs) return null;
    return { type: "abandon", reason: new UpstreamError("media", `Silent for ${limitMs} ms`) };
  }
}
