import type { CancelTimer } from "../base/clock.ts";
import { UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { OriginLoop } from "../upstream/origin_loop.ts";
import type { UpstreamReport } from "../upstream/upstream_report.ts";
import { askInTurn, NO_REQUEST } from "./ask_in_turn.ts";
import type { EdgeContext } from "./edge_context.ts";
import { Feed, type FeedListener } from "./feed.ts";
import type { PlayerRequests } from "./player_requests.ts";
import { PullJournal } from "./pull_journal.ts";
import { PullWatch } from "./pull_watch.ts";
import { PulledSource } from "./pulled_source.ts";
import { type Joined, Joiner, originPatienceMs } from "../splice/joiner.ts";
import type { StreamFeeder } from "../splice/stream_feeder.ts";

/** Options of {@linkcode Puller}. */
interface PullerOptions {
  readonly context: EdgeContext;
  readonly feeder: StreamFeeder;
  readonly logger: Logger;
  /** Whether an origin is not to be asked, because the stream is pushed there. */
  readonly isAvoided: (origin: OriginAddress) => boolean;
  /** What origins are asked with. */
  readonly requests: PlayerRequests;
  /** Media arrives, for the first time since the start or since a loss. */
  readonly onMedia: () => void;
  /** No origin feeds the stream; the next one is being dialled. */
  readonly onLost: () => void;
}

/** See the diagram at {@linkcode Puller}. */
type PullState =
  | { readonly type: "idle" }
  /** `candidate` is null between two attempts. */
  | { readonly type: "connecting"; readonly candidate: Feed | null }
  | { readonly type: "live"; readonly active: Feed }
  /** `active` is silent or shall be left, or its stream has ended there: another is tried. */
  | { readonly type: "switching"; readonly active: Feed; readonly candidate: Feed }
  | { readonly type: "stopped" };

/** The stream is pushed to the origin. */
const AVOIDED = new Error("The stream is pushed there");

/** The active origin works, but shall be left. */
const MOVING = new Error("The pull moves");

/** Errors that say nothing of the origin. */
const QUIET_ERRORS: readonly unknown[] = [NO_REQUEST, MOVING, AVOIDED];

/** Requested beyond the silence, in ms: the next origin may be a little behind. */
const BACKLOG_MARGIN_MS = 1_000;

/**
 * Pulls a stream from the origins into the hub while it is wanted.
 *
 * The next origin after a loss is spliced on, so that nothing is lost or doubled where both carry
 * the same encode. An origin that is merely silent is kept while the next one is tried: whichever
 * has something new first feeds the stream, and the other is left. So a publisher's pause changes
 * nothing, and an origin's hiccup costs nothing.
 *
 * An origin that refuses one player's request is asked with the next player's.
 *
 * A pull that {@linkcode move}s is fed by the active origin until another has caught up with it.
 *
 * ```
 *                            first media
 *    idle ── start() ─► connecting ────► live ── silent, unpublished, move() ─► switching
 *                        ▲ ▲              │ ▲                                 │ │
 *                        │ └──── lost ────┘ └── either has something new, ────┘ │
 *                        │                      or the candidate is lost        │
 *                        └───────────────── the active one is lost ─────────────┘
 *
 *    every state ── stop() ──► stopped
 * ```
 */
export class Puller implements FeedListener {
  readonly #journal: PullJournal;
  readonly #options: PullerOptions;
  readonly #loop: OriginLoop;
  readonly #source: PulledSource;
  #state: PullState = { type: "idle" };
  /** What an origin said of the stream's end, while the others are being asked. */
  #end: "none" | "likely" | "certain" = "none";
  #cancelWatch: CancelTimer | null = null;
  /** The active origin shall be left for another, and feeds the stream until then. */
  #isMoving = false;
  readonly #watch: PullWatch;
  /** An origin has refused all requests, so another player's may end a pause. */
  #lacksRequest = false;

  constructor(options: PullerOptions) {
    const { context, feeder, logger } = options;
    const { clock, origins, totals } = context;
    this.#options = options;
    this.#watch = new PullWatch(context);
    this.#journal = new PullJournal({ totals, clock, logger, failureLog: origins.failureLog });
    this.#source = new PulledSource({ feeder, clock, request: () => this.#active!.request });
    this.#loop = new OriginLoop({
      origins,
      streamName: feeder.stream.name,
      clock,
      random: Math.random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: () => this.#onRoundFailed(),
    });
  }

  get report(): UpstreamReport {
    return this.#journal.report;
  }

  /**
   * Dials the first origin. Called once.
   *
   * @returns a promise that settles when the puller is stopped and its last connection has ended
   */
  start(): Promise<void> {
    if (this.#state.type === "idle") {
      this.#state = { type: "connecting", candidate: null };
      this.#cancelWatch = this.#options.context.ticker.add((nowMs) => this.#check(nowMs));
    }
    return this.#loop.run();
  }

  /** Ends the upstream connections; the stream waits for another source. */
  stop(): void {
    const [active, candidate] = [this.#active, this.#candidate];
    this.#state = { type: "stopped" };
    this.#cancelWatch?.();
    this.#loop.stop();
    candidate?.finish();
    active?.finish();
    this.#source.stop();
  }

  /**
   * Moves to origin `to`, or to the next one when it is null, and stays while that is impossible.
   * Without effect unless an origin feeds the stream.
   *
   * @param cause why, for the log
   */
  move(to: OriginAddress | null, cause: string): void {
    if (this.#state.type !== "live" || this.#isMoving) return;
    const { active } = this.#state;
    this.#isMoving = true;
    this.#journal.moving(cause);
    this.#loop.restrictTo(to);
    active.abandon(MOVING);
  }

  /** A player joined. */
  onRequest(): void {
    if (this.#lacksRequest) this.#loop.wake();
  }

  onFeedMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (feed === this.#active) return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    if (feed !== this.#candidate) return;
    if (feed.joiner === null) {
      this.#activate(feed, null);
      return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    }
    const joined = feed.joiner.offer(typeId, timestampMs, payload, feed.lastMediaMs);
    if (joined !== null) this.#activate(feed, joined);
  }

  onFeedUnpublished(feed: Feed, isCertain: boolean): void {
    if (feed !== this.#active) return;
    this.#end = isCertain ? "certain" : "likely";
    this.#endMove();
    if (!this.#options.context.origins.hasOtherThan(feed.origin)) return this.#endStream();
    // Another origin may still carry it: players are told when none does.
    const statusCode = StatusCode.PLAY_UNPUBLISH_NOTIFY;
    feed.abandon(new UpstreamError("play", "The stream has ended", { statusCode }));
  }

  onFeedSourceBegan(feed: Feed): void {
    // What a candidate sent so far does not tell what it carries now.
    const candidate = this.#candidate;
    if (feed === candidate && feed.joiner !== null) feed.joiner = this.#createJoiner();
    if (feed !== this.#active) return;
    this.#stayWith(feed);
    this.#end = "none";
    feed.joiner = null;
    this.#source.restart();
    if (this.#isMoving && candidate !== null) candidate.joiner = this.#createJoiner();
  }

  onFeedMoveRequested(feed: Feed, to: OriginAddress | null): void {
    this.#watch.addMoveRequest(feed, to);
  }

  onFeedEnded(feed: Feed): void {
    const [active, candidate] = [this.#active, this.#candidate];
    if (feed === candidate) {
      this.#state = active === null
        ? { type: "connecting", candidate: null }
        : { type: "live", active };
    }
    if (feed !== active) return;
    this.#state = { type: "connecting", candidate };
    this.#endMove();
    this.#journal.report.lost();
    this.#source.interrupt();
    this.#options.onLost();
  }

  /** Feeds the stream, or did last and is still connected. */
  get #active(): Feed | null {
    const state = this.#state;
    return state.type === "live" || state.type === "switching" ? state.active : null;
  }

  /** Is being tried. */
  get #candidate(): Feed | null {
    const state = this.#state;
    return state.type === "connecting" || state.type === "switching" ? state.candidate : null;
  }

  /**
   * Tries one origin, with one request after the other while it refuses them, and stays with the
   * one that feeds the stream. Rejects when another is needed.
   */
  async #attempt(origin: OriginAddress): Promise<void> {
    await askInTurn({
      requests: this.#options.requests,
      origin,
      ask: (request) => this.#ask(origin, request),
      onRefused: (error) => this.#onFailed(origin, error),
      onNoneLeft: () => this.#lacksRequest = true,
      isStopped: () => this.#state.type === "stopped",
    });
  }

  async #ask(origin: OriginAddress, request: StreamRequest): Promise<void> {
    const active = this.#active;
    if (this.#options.isAvoided(origin)) throw AVOIDED;
    // Not an UpstreamError: the origin was not asked, so nothing new is known of its health.
    if (active?.origin === origin && !this.#isMoving) throw new Error("Still silent");
    this.#journal.report.attempted(origin);
    const candidate = this.#createFeed(origin, request);
    this.#state = active === null
      ? { type: "connecting", candidate }
      : { type: "switching", active, candidate };
    candidate.start();
    await candidate.watch();
    // The candidate was ended here, because the silent origin sends again: stay with that one.
    for (let feed = this.#active; feed !== null; feed = this.#active) await feed.watch();
  }

  #createFeed(origin: OriginAddress, request: StreamRequest): Feed {
    const { context, logger } = this.#options;
    const { history, silenceMs } = this.#source;
    return new Feed({
      context,
      logger,
      origin,
      request,
      hasAlternative: () => context.origins.hasOtherThan(origin),
      listener: this,
      backlogMs: history === null ? 0 : silenceMs + BACKLOG_MARGIN_MS,
      joiner: this.#createJoiner(),
    });
  }

  #createJoiner(): Joiner | null {
    const { history, lastDeliveryMs } = this.#source;
    if (history === null) return null;
    const how = this.#isMoving ? "beside" : "after";
    return new Joiner(history, lastDeliveryMs, { how, patienceMs: originPatienceMs });
  }

  #onActiveMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#stayWith(feed);
    if (feed.joiner !== null && !feed.joiner.isNew(typeId, timestampMs, payload)) return;
    if (feed.joiner?.isDone) feed.joiner = null;
    if (!this.#source.isFeeding && !this.#begin()) return;
    this.#deliver(typeId, timestampMs, payload);
  }

  /** The active feed sends again: the one being tried is left. */
  #stayWith(feed: Feed): void {
    if (this.#state.type !== "switching" || this.#isMoving) return;
    const { candidate } = this.#state;
    this.#state = { type: "live", active: feed };
    candidate.finish();
    this.#loop.returnedTo(feed.origin);
  }

  /** There is nothing to move any longer: all origins are tried, without a pause. */
  #endMove(): void {
    if (!this.#isMoving) return;
    this.#isMoving = false;
    this.#loop.restrictTo(null);
    this.#loop.wake();
  }

  /** From now on `feed` feeds the stream. */
  #activate(feed: Feed, joined: Joined | null): void {
    const { silenceMs } = this.#source;
    const before = this.#active;
    this.#state = { type: "live", active: feed };
    this.#isMoving = false;
    this.#loop.restrictTo(null);
    before?.finish();
    this.#options.requests.granted(feed.request);
    this.#lacksRequest = false;
    this.#loop.succeeded();
    const isSpliced = joined !== null && joined.align !== null;
    const frameMs = this.#source.history?.frameMs ?? 0;
    const doubledFrames = joined?.doubledFrames ?? 0;
    this.#journal.activated(feed.origin, { isSpliced, silenceMs, frameMs, doubledFrames });
    if (joined === null) return;
    if (joined.align === null) {
      feed.joiner = null;
      if (!this.#begin()) return;
    } else {
      this.#source.resume(joined.align);
      if (!this.#proceed()) return;
    }
    for (const { typeId, timestampMs, payload } of joined.messages) {
      this.#deliver(typeId, timestampMs, payload);
    }
  }

  #begin(): boolean {
    this.#source.begin();
    return this.#proceed();
  }

  /** The source feeds the stream. @returns false when that made the last player leave */
  #proceed(): boolean {
    if (this.#state.type === "stopped") {
      this.#source.stop();
      return false;
    }
    this.#options.onMedia();
    return true;
  }

  #deliver(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#source.isFeeding) this.#end = "none";
    this.#source.deliver(typeId, timestampMs, payload);
  }

  #onFailed(origin: OriginAddress, error: unknown): void {
    if (!QUIET_ERRORS.includes(error)) this.#journal.failed(origin, error);
  }

  #onRoundFailed(): void {
    // Players who had the stream were let in before: origins that refuse all of them may recover.
    if (this.#journal.hasBeenLive) this.#options.requests.forgive();
    if (this.#end !== "none") this.#endStream();
  }

  /** The publisher stopped or is lost: its stream may return, as another encode. */
  #endStream(): void {
    const { context, logger } = this.#options;
    const graceMs = this.#end === "certain" ? 0 : context.config().publish.graceMs;
    this.#end = "none";
    logger.info("Stream ended at the origin", { players_wait_ms: graceMs });
    this.#source.end(graceMs);
  }

  #check(nowMs: number): void {
    if (this.#state.type !== "live") return;
    const { active } = this.#state;
    const action = this.#watch.check(active, nowMs, this.#isMoving, this.#source.isFeeding);
    if (action?.type === "abandon") active.abandon(action.reason);
    if (action?.type !== "move") return;
    this.#options.context.pace.add(() => {
      if (this.#active === active) this.move(action.to, "the origin asks to be left");
    });
  }
}
