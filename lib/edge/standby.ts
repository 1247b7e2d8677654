import { backoffMs } from "../base/backoff.ts";
import { UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { Joined } from "../splice/joiner.ts";
import { Merge } from "../splice/merge.ts";
import { MergeLeg } from "../splice/merge_leg.ts";
import { isSameServer } from "../upstream/redirect.ts";
import { UpstreamReport } from "../upstream/upstream_report.ts";
import type { ReserveSnapshot, UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { EdgeContext } from "./edge_context.ts";
import type { Feed } from "./feed.ts";
import type { FeedMaker } from "./feed_maker.ts";
import type { PlayerRequests } from "./player_requests.ts";
import type { PulledSource } from "./pulled_source.ts";

/** Options of {@linkcode Standby}. */
interface StandbyOptions {
  readonly context: EdgeContext;
  readonly logger: Logger;
  readonly source: PulledSource;
  readonly feeds: FeedMaker;
  readonly requests: PlayerRequests;
  readonly isAvoided: (origin: OriginAddress) => boolean;
  readonly deliver: (typeId: number, timestampMs: number, payload: Uint8Array) => void;
  /** Called with a number of frames that neither origin had. */
  readonly onLost: (frames: number) => void;
}

/** See the diagram at {@linkcode Standby}. */
type State =
  | { readonly type: "waiting"; readonly untilMs: number }
  | { readonly type: "joining" | "merged"; readonly feed: Feed };

/** An origin that carries another encode is asked again after this time, in ms. */
const COLD_MS = 60_000;

/** So often it is compared, before it is taken for another encode. */
const MAX_TRIES = 3;

/** Longest pause after a second origin has failed, in ms. */
const LONGEST_PAUSE_MS = 5_000;

/**
 * The second upstream of a pull, with `standby on`. Once it is aligned, each message is delivered
 * when it first arrives, from whichever; when the active origin is lost, this one is left.
 *
 * ```
 *             the pause is over              same encode
 *    waiting ───────────────────► joining ────────────────► merged
 *      ▲ ▲                           │                        │
 *      │ └── lost, another encode ───┘                        │
 *      └──────────── lost, silent, or active from now on ─────┘
 * ```
 */
export class Standby {
  readonly #options: StandbyOptions;
  readonly #report: UpstreamReport;
  #state: State = { type: "waiting", untilMs: 0 };
  /** Null while the active origin alone feeds the stream, on its own clock. */
  #merge: Merge | null = null;
  readonly #legs = new Map<Feed, MergeLeg>();
  #failures = 0;
  #triesLeft = 0;

  constructor(options: StandbyOptions) {
    this.#options = options;
    const { totals, clock } = options.context;
    this.#report = new UpstreamReport("standby", totals, clock);
  }

  /** The second upstream now; null while it is off, or there is no second origin. */
  get snapshot(): UpstreamSnapshot | null {
    if (!this.#options.context.config().cluster.standby) return null;
    const snapshot = this.#report.snapshot();
    return snapshot.attempts === 0 ? null : snapshot;
  }

  get isMerged(): boolean {
    return this.#state.type === "merged";
  }

  /** The origin that would take over at once; null for none. */
  get reserve(): ReserveSnapshot | null {
    const state = this.#state;
    if (state.type !== "merged") return null;
    return { state: "ready", origin: formatAddress(state.feed.origin), ageMs: 0 };
  }

  has(feed: Feed): boolean {
    return this.#state.type !== "waiting" && this.#state.feed === feed;
  }

  /** Called every 100 ms. `active` feeds the stream; everything was read until `nowMs`. */
  check(active: Feed, nowMs: number): void {
    this.#merge?.check(nowMs);
    const state = this.#state;
    const { context, source } = this.#options;
    if (!context.config().cluster.standby) return this.#drop(Infinity);
    if (state.type === "waiting") {
      if (nowMs >= state.untilMs && source.isFeeding) this.#dial(active, nowMs);
    } else if (this.#legs.get(state.feed)?.isForeign) {
      this.#keepCold(state.feed);
    } else if (isSilent(state.feed, nowMs) && !isSilent(active, nowMs)) {
      this.#report.failed(state.feed.origin, new UpstreamError("media", "Silent"));
      this.#drop(this.#pauseMs());
    }
  }

  /** The second origin asks to be left: it stops, or another takes its place. */
  leave(): void {
    this.#drop(this.#pauseMs());
  }

  /** Whether the active origin is silent, and this one is not. */
  isNeeded(active: Feed, nowMs: number): boolean {
    const state = this.#state;
    return state.type === "merged" && isSilent(active, nowMs) && !isSilent(state.feed, nowMs);
  }

  /** Takes a message of the active origin. @returns false when it is to be delivered as it is */
  offerActive(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): boolean {
    const leg = this.#legs.get(feed);
    if (this.#merge === null || leg === undefined) return false;
    this.#merge.offer(leg, typeId, timestampMs, payload, feed.lastMediaMs);
    return true;
  }

  /** Takes a message of the second origin. */
  offer(active: Feed, feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.offerActive(feed, typeId, timestampMs, payload)) return;
    const joined = feed.joiner?.offer(typeId, timestampMs, payload, feed.lastMediaMs) ?? null;
    if (joined === null) return;
    if (joined.align === null && --this.#triesLeft > 0) {
      // It may have begun before what was delivered. From here on it may match.
      feed.joiner = this.#options.feeds.joiner("merge");
      return;
    }
    if (joined.align === null) return this.#keepCold(feed);
    this.#join(active, feed, joined);
  }

  /** The second origin has ended. */
  ended(feed: Feed, error: unknown): void {
    const { context: { origins }, source, logger } = this.#options;
    if (!this.has(feed)) return;
    if (error !== null) {
      this.#report.failed(feed.origin, error);
      origins.failed(feed.origin, error, feed.beganMs);
      origins.places.noteFailure(feed.origin, source.streamName, error);
      logger.debug("Standby lost", { origin: formatAddress(feed.origin) });
    }
    this.#drop(this.#pauseMs());
  }

  /**
   * The active origin is lost, or left for `to` (null: for any).
   *
   * @returns the one that feeds the stream; null when that cannot be the second one
   */
  takeOver(active: Feed, to: OriginAddress | null): Feed | null {
    const state = this.#state;
    if (state.type !== "merged") return null;
    if (to !== null && !isSameServer(state.feed.origin, to)) return null;
    const leg = this.#legs.get(active);
    this.#legs.delete(active);
    if (leg !== undefined) this.#merge!.remove(leg);
    this.#state = { type: "waiting", untilMs: 0 };
    this.#report.lost();
    return state.feed;
  }

  /** What was merged is over: another broadcast, or another origin on its own clock. */
  reset(): void {
    this.#drop(0);
    this.#merge = null;
    this.#legs.clear();
  }

  #dial(active: Feed, nowMs: number): void {
    const { context: { origins }, source, feeds, requests, isAvoided } = this.#options;
    const lacks = (origin: OriginAddress) => origins.places.lacks(origin, source.streamName);
    const others = origins.all.filter((origin) => origin !== active.origin && !isAvoided(origin));
    const origin = others.length === 0 ? null : origins.choose(others, true, lacks);
    const request = origin === null ? null : requests.bestFor(origin);
    if (origin === null || request === null) return this.#wait(nowMs + LONGEST_PAUSE_MS);
    const feed = feeds.feed(origin, request, "merge");
    this.#state = { type: "joining", feed };
    this.#triesLeft = MAX_TRIES;
    this.#report.attempted(origin);
    feed.start();
  }

  #join(active: Feed, feed: Feed, { align, messages }: Joined): void {
    const { source, deliver, onLost, logger, context: { origins } } = this.#options;
    const history = source.history!;
    const shiftOf = (typeId: number) => source.shiftOf(typeId);
    if (this.#merge === null) {
      this.#merge = new Merge({ history, shiftOf, deliver, onLost });
      const first = MergeLeg.atHead(history, shiftOf);
      this.#legs.set(active, first);
      this.#merge.add(first);
    }
    const leg = MergeLeg.aligned(history, align!);
    this.#legs.set(feed, leg);
    this.#merge.add(leg);
    this.#state = { type: "merged", feed };
    this.#failures = 0;
    this.#report.live(feed.origin);
    origins.succeeded(feed.origin);
    origins.places.note(feed.origin, source.streamName, "carried");
    logger.info("Standby ready", { origin: formatAddress(feed.origin) });
    for (const message of messages) {
      this.#merge.offer(
        leg,
        message.typeId,
        message.timestampMs,
        message.payload,
        feed.lastMediaMs,
      );
    }
  }

  /** It can take over at a keyframe only, for which it need not be connected. */
  #keepCold(feed: Feed): void {
    const origin = formatAddress(feed.origin);
    this.#options.logger.warning(
      "Standby carries another encode, and would take over at a keyframe: " +
        "feed both origins from one encoder for a switch without a gap",
      { origin },
    );
    this.#drop(COLD_MS);
  }

  #pauseMs(): number {
    const { minMs } = this.#options.context.origins.backoff;
    return backoffMs(this.#failures++, { minMs, maxMs: LONGEST_PAUSE_MS }, Math.random());
  }

  #drop(pauseMs: number): void {
    const state = this.#state;
    if (state.type === "waiting" && pauseMs === Infinity) return;
    this.#wait(this.#options.context.clock.now() + Math.min(pauseMs, COLD_MS));
    if (state.type === "waiting") return;
    const leg = this.#legs.get(state.feed);
    this.#legs.delete(state.feed);
    if (leg !== undefined) this.#merge?.remove(leg);
    this.#report.lost();
    state.feed.finish();
  }

  #wait(untilMs: number): void {
    this.#state = { type: "waiting", untilMs };
  }
}

function isSilent(feed: Feed, readUntilMs: number): boolean {
  const silentMs = feed.silentMs(readUntilMs);
  return silentMs > feed.gaps.limitMs(silentMs);
}
