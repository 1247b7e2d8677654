import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { MoveRequests } from "../upstream/move_requests.ts";
import type { EdgeContext } from "./edge_context.ts";
import { Failback } from "./failback.ts";
import type { Feed } from "./feed.ts";

/** What is to be done about the origin that feeds a stream. */
type WatchAction =
  /** Try the next one; this one may send again. */
  | { readonly type: "abandon"; readonly reason: UpstreamError }
  /** It asks to be left, for `to` or any other. */
  | { readonly type: "move"; readonly to: OriginAddress | null }
  /** Return to the origin that the stream prefers. */
  | { readonly type: "return"; readonly to: OriginAddress };

/** What is known of a pull. */
interface PullView {
  readonly isMoving: boolean;
  readonly isLeaving: boolean;
  readonly isFeeding: boolean;
  /** A standby delivers what the active origin does not. */
  readonly isCovered: boolean;
  /** Null for none. */
  readonly preferred: OriginAddress | null;
}

/** Watches the origin that feeds a stream: whether it is silent, and whether it asks to be left. */
export class PullWatch {
  readonly #context: EdgeContext;
  /** Decides when the pull returns to the origin that its stream prefers. */
  readonly failback: Failback;
  readonly #moveRequests = new MoveRequests<Feed>();
  /** It is silent, so dials are limited; `granted`: the first one is not. */
  #pacing: "off" | "granted" | "on" = "off";

  constructor(context: EdgeContext) {
    this.#context = context;
    this.failback = new Failback(context);
  }

  /** The origin of `feed` asks to be left, for `to` or any other. */
  addMoveRequest(feed: Feed, to: OriginAddress | null): void {
    this.#moveRequests.add(feed, to);
  }

  /** The other origins are asked, because the active one is silent or for another reason. */
  left(isSilent: boolean): void {
    this.#pacing = isSilent ? "granted" : "off";
  }

  /** Returns whether another origin may be dialled now, though `active` may send again. */
  mayDial({ origin }: Feed): boolean {
    const pacing = this.#pacing;
    if (pacing === "granted") this.#pacing = "on";
    return pacing !== "on" || this.#context.origins.silentDials.tryTake(origin, true);
  }

  /**
   * Returns what to do about `active`, or null. Called every 100 ms.
   *
   * @param nowMs everything was read that had arrived until then
   * @param pull `isLeaving`: the others are being tried already
   */
  check(active: Feed, nowMs: number, pull: PullView): WatchAction | null {
    const { isMoving, isLeaving, isFeeding, isCovered, preferred } = pull;
    const request = isMoving ? null : this.#moveRequests.take(active, nowMs);
    if (request !== null) return { type: "move", to: request.to };
    const { origins } = this.#context;
    if (isLeaving || isCovered || !origins.hasOtherThan(active.origin)) return null;
    const silentMs = active.silentMs(nowMs);
    const limitMs = this.#limitMs(active, isFeeding, silentMs);
    if (silentMs < limitMs) {
      return isFeeding && this.failback.isDue(active.origin, preferred, nowMs)
        ? { type: "return", to: preferred! }
        : null;
    }
    if (!origins.silentDials.tryTake(active.origin, false)) return null;
    return { type: "abandon", reason: new UpstreamError("media", `Silent for ${limitMs} ms`) };
  }

  #limitMs({ gaps }: Feed, isFeeding: boolean, silentMs: number): number {
    const { stallTimeoutMs, isStallAuto, startTimeoutMs } = this.#context.settings();
    // Without a publisher, silence is expected; but it may have returned at another origin.
    if (!isFeeding) return startTimeoutMs;
    return isStallAuto ? Math.round(gaps.limitMs(silentMs)) : stallTimeoutMs;
  }
}
