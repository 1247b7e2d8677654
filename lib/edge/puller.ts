import type { CancelTimer } from "../base/clock.ts";
import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { OriginLoop } from "../upstream/origin_loop.ts";
import type { UpstreamReport } from "../upstream/upstream_report.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { Feed, FeedListener } from "./feed.ts";
import { RETURN_MS } from "./failback.ts";
import { FeedMaker } from "./feed_maker.ts";
import { PullAsking } from "./pull_asking.ts";
import { PullEnd } from "./pull_end.ts";
import { PullJournal } from "./pull_journal.ts";
import { PullState } from "./pull_state.ts";
import type { PullerOptions } from "./puller_options.ts";
import { PullWatch } from "./pull_watch.ts";
import { PulledSource } from "./pulled_source.ts";
import { isQuiet, MOVING } from "./quiet_errors.ts";
import { Race } from "./race.ts";
import { Reserve } from "./reserve.ts";
import { Standby } from "./standby.ts";
import type { Joined } from "../splice/joiner.ts";

/**
 * Pulls a stream from the origins into the hub while it is wanted.
 *
 * The next origin after a loss is spliced on, so that nothing is lost or doubled where both carry
 * the same encode. An origin that is merely silent is kept while the next one is tried: whichever
 * has something new first feeds the stream, and the other is left. So a publisher's pause changes
 * nothing, and an origin's hiccup costs nothing.
 *
 * An origin that has not answered for a moment is overtaken: the next one is asked beside it, and
 * the first that has something feeds the stream.
 *
 * An origin that refuses one player's request is asked with the next player's.
 *
 * A pull that {@linkcode move}s is fed by the active origin until another has caught up with it.
 */
export class Puller implements FeedListener {
  readonly #journal: PullJournal;
  readonly #options: PullerOptions;
  readonly #loop: OriginLoop;
  readonly #source: PulledSource;
  /** Returns what feeds the stream now, or null. */
  readonly feeding = (): Feed | null => this.#source.isFeeding ? this.#state.active : null;
  readonly #state = new PullState();
  readonly #feeds: FeedMaker;
  readonly #end: PullEnd;
  readonly #standby: Standby;
  readonly #reserve: Reserve;
  #cancelWatch: CancelTimer | null = null;
  /** Those that were overtaken by the candidate. */
  readonly #race: Race;
  readonly #watch: PullWatch;
  readonly #asking: PullAsking;

  constructor(options: PullerOptions) {
    const { context, feeder, logger } = options;
    const { clock, origins, totals } = context;
    this.#options = options;
    this.#watch = new PullWatch(context);
    this.#race = new Race(clock, origins.places, feeder.stream.name);
    this.#journal = new PullJournal({ totals, clock, logger, failureLog: origins.failureLog });
    this.#source = new PulledSource({
      feeder,
      clock,
      isSlateNext: options.isSlateNext,
      request: () => this.#state.active!.request,
    });
    const source = this.#source;
    const { requests } = options;
    this.#feeds = new FeedMaker({ context, logger, source, requests, listener: this });
    this.#end = new PullEnd(context, source, logger);
    this.#standby = new Standby({
      ...{ context, logger, source, requests },
      feeds: this.#feeds,
      isAvoided: options.isAvoided,
      deliver: (...message) => this.#deliver(...message),
      onLost: (frames) => this.report.missed(frames),
    });
    this.#asking = new PullAsking({
      origins,
      requests,
      isAvoided: options.isAvoided,
      state: this.#state,
      feeds: this.#feeds,
      race: this.#race,
      watch: this.#watch,
      journal: this.#journal,
      loop: () => this.#loop,
      onFailed: (origin, error) => this.#onFailed(origin, error),
    });
    this.#loop = new OriginLoop({
      origins,
      streamName: feeder.stream.name,
      clock,
      random: Math.random,
      lacks: (origin) => origins.places.lacks(origin, feeder.stream.name),
      attempt: (origin) => this.#asking.attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: () => this.#onRoundFailed(),
    });
    const order = () => this.#loop.order;
    this.#reserve = new Reserve({ context, streamName: feeder.stream.name, requests, order });
  }

  get report(): UpstreamReport {
    return this.#journal.report;
  }

  /** Whether the stream has ended at an origin, which will say when it returns. */
  get hasEnded(): boolean {
    return this.#state.active !== null && this.#source.hasEnded;
  }

  /** The pull now, with what is known of its other origins, and the second one of `standby`. */
  get snapshots(): UpstreamSnapshot[] {
    const pull = this.report.snapshot();
    const { active } = this.#state;
    if (active === null) return [pull];
    const { reserve, snapshot } = this.#standby;
    const found = { ...pull, reserve: reserve ?? this.#reserve.snapshot(active.origin) };
    return snapshot === null ? [found] : [found, snapshot];
  }

  /**
   * Dials the first origin. Called once.
   *
   * @returns a promise that settles when the puller is stopped and its last connection has ended
   */
  start(): Promise<void> {
    if (this.#state.isIdle) {
      this.#state.begin();
      this.#cancelWatch = this.#options.context.ticker.add((nowMs) => this.#check(nowMs));
    }
    return this.#loop.run();
  }

  /** Ends the upstream connections; the stream waits for another source. */
  stop(): void {
    const { active, candidate } = this.#state;
    this.#state.stop();
    this.#cancelWatch?.();
    this.#loop.stop();
    this.#race.finish();
    this.#standby.reset();
    this.#reserve.stop();
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
  move(to: OriginAddress | null, cause: string, isReturn = false): void {
    const { active, candidate } = this.#state;
    if (active === null || candidate !== null || this.#state.isMoving) return;
    if (this.#takeOver(active, cause, to)) return active.finish();
    this.#state.move = isReturn ? "return" : "asked";
    this.#state.movingSinceMs = this.#options.context.clock.now();
    this.#journal.moving(cause);
    this.#loop.restrictTo(to);
    this.#leave(active, MOVING);
  }

  /** A player joined. */
  onRequest(): void {
    this.#asking.onRequest();
  }

  onFeedMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    const { active } = this.#state;
    if (feed === active) return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    if (active !== null && this.#standby.has(feed)) {
      return this.#standby.offer(active, feed, typeId, timestampMs, payload);
    }
    if (feed !== this.#state.candidate && !this.#race.has(feed)) return;
    if (feed.joiner === null) {
      this.#activate(feed, null);
      return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    }
    const joined = feed.joiner.offer(typeId, timestampMs, payload, feed.lastMediaMs);
    if (joined !== null) this.#activate(feed, joined);
  }

  onFeedUnpublished(feed: Feed, isCertain: boolean): void {
    if (this.#standby.has(feed)) return feed.finish();
    if (feed !== this.#state.active) return;
    if (this.#takeOver(feed, "The stream has ended")) return feed.finish();
    this.#end.note(isCertain);
    this.#endMove();
    if (!this.#options.context.origins.hasOtherThan(feed.origin)) return this.#end.settle();
    // Another origin may still carry it: players are told when none does.
    const statusCode = StatusCode.PLAY_UNPUBLISH_NOTIFY;
    this.#leave(feed, new UpstreamError("play", "The stream has ended", { statusCode }));
  }

  onFeedSourceBegan(feed: Feed): void {
    // What a candidate sent so far does not tell what it carries now.
    const candidate = this.#state.candidate;
    if (this.#standby.has(feed)) return this.#standby.reset();
    if (feed !== this.#state.active) {
      if (feed.joiner !== null) feed.joiner = this.#feeds.joiner(this.#state.how);
      return;
    }
    this.#stayWith(feed);
    this.#end.clear();
    feed.joiner = null;
    this.#standby.reset();
    this.#source.restart();
    if (this.#state.isMoving && candidate !== null) {
      candidate.joiner = this.#feeds.joiner(this.#state.how);
    }
  }

  onFeedMoveRequested(feed: Feed, to: OriginAddress | null): void {
    if (this.#standby.has(feed)) return this.#standby.leave();
    this.#watch.addMoveRequest(feed, to);
  }

  onFeedEnded(feed: Feed, error: unknown): void {
    if (this.#race.remove(feed)) return this.#asking.overtakenEnded(feed, error);
    this.#standby.ended(feed, error);
    const { active, candidate } = this.#state;
    if (feed === candidate) this.#state.endCandidate();
    if (feed !== active || this.#takeOver(feed, error)) return;
    this.#standby.reset();
    this.#state.activeLost();
    this.#endMove();
    this.#journal.report.lost();
    this.#source.interrupt();
    this.#options.onLost();
  }

  /** The active origin is lost or left. @returns whether the standby feeds the stream now */
  #takeOver(active: Feed, cause: unknown, to: OriginAddress | null = null): boolean {
    const next = this.#state.isStopped ? null : this.#standby.takeOver(active, to);
    if (next === null) return false;
    this.#state.activate(next);
    this.#journal.covered(active.origin, cause, next.origin);
    this.#options.requests.granted(next.request);
    return true;
  }

  /** Asks the other origins; `active` stays connected. */
  #leave(active: Feed, reason: Error, isSilent = false): void {
    this.#watch.left(isSilent);
    this.#state.isLeaving = true;
    active.abandon(reason);
  }

  #onActiveMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#stayWith(feed);
    if (feed.joiner !== null && !feed.joiner.isNew(typeId, timestampMs, payload)) return;
    if (feed.joiner?.isDone) feed.joiner = null;
    if (!this.#source.isFeeding && !this.#begin()) return;
    if (this.#standby.offerActive(feed, typeId, timestampMs, payload)) return;
    this.#deliver(typeId, timestampMs, payload);
  }

  /** The active feed sends again: the one being tried is left. */
  #stayWith(feed: Feed): void {
    if (!this.#state.isLeaving || this.#state.isMoving) return;
    this.#state.isLeaving = false;
    this.#race.finish();
    this.#loop.wake();
    const { candidate } = this.#state;
    if (candidate === null) return;
    this.#state.endCandidate();
    candidate.finish();
    this.#loop.returnedTo(feed.origin);
  }

  /** There is nothing to move any longer: all origins are tried, without a pause. */
  #endMove(): void {
    if (!this.#state.isMoving) return;
    this.#state.move = "none";
    this.#loop.restrictTo(null);
    this.#loop.wake();
  }

  /** From now on `feed` feeds the stream. */
  #activate(feed: Feed, joined: Joined | null): void {
    const { silenceMs } = this.#source;
    const { active: before, candidate } = this.#state;
    this.#standby.reset();
    this.#state.activate(feed);
    this.#watch.failback.activated(this.#state.move === "return");
    this.#state.move = "none";
    this.#state.isLeaving = false;
    this.#loop.restrictTo(null);
    before?.finish();
    if (candidate !== feed) candidate?.finish();
    this.#race.settle(feed);
    this.#options.requests.granted(feed.request);
    this.#asking.lacksRequest = false;
    this.#loop.succeeded(feed.origin);
    // It may have won in a pause.
    this.#loop.wake();
    const frameMs = this.#source.history?.frameMs ?? 0;
    this.#journal.activated(feed.origin, { joined, silenceMs, frameMs });
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
    if (this.#state.isStopped) {
      this.#source.stop();
      return false;
    }
    this.#options.onMedia();
    return true;
  }

  #deliver(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#source.isFeeding) this.#end.clear();
    this.#source.deliver(typeId, timestampMs, payload);
  }

  #onFailed(origin: OriginAddress, error: unknown): void {
    if (isQuiet(error)) return;
    const { context: { origins }, feeder } = this.#options;
    origins.places.noteFailure(origin, feeder.stream.name, error);
    // The stream is well where it is.
    if (this.#state.move === "return") return;
    this.#journal.failed(origin, error);
  }

  #onRoundFailed(): void {
    if (this.#state.move === "return") return this.#endReturn();
    // Players who had the stream were let in before: origins that refuse all of them may recover.
    if (this.#journal.hasBeenLive) this.#options.requests.forgive();
    this.#end.settle();
    if (this.#state.active !== null) return;
    const { context: { origins }, feeder, onMissing } = this.#options;
    onMissing(origins.places.isMissing(origins.all, feeder.stream.name));
  }

  #check(nowMs: number): void {
    const { active, candidate } = this.#state;
    if (this.#state.move === "return" && nowMs - this.#state.movingSinceMs >= RETURN_MS) {
      candidate?.finish();
      return this.#endReturn();
    }
    if (active === null || candidate !== null) return;
    this.#standby.check(active, nowMs);
    if (!this.#standby.isMerged) this.#reserve.check(active.origin, nowMs);
    if (this.#standby.isNeeded(active, nowMs)) {
      if (this.#takeOver(active, new UpstreamError("media", "Silent"))) active.finish();
      return;
    }
    const { preferred } = this.#loop;
    const action = this.#watch.check(active, nowMs, {
      isMoving: this.#state.isMoving,
      isLeaving: this.#state.isLeaving,
      isFeeding: this.#source.isFeeding,
      isCovered: this.#standby.isMerged,
      preferred: preferred !== null && this.#options.isAvoided(preferred) ? null : preferred,
    });
    if (action?.type === "abandon") {
      this.#leave(active, action.reason, true);
    }
    if (action?.type !== "move" && action?.type !== "return") return;
    const isReturn = action.type === "return";
    const cause = isReturn ? "the preferred origin is back" : "the origin asks to be left";
    this.#options.context.pace.add(() => {
      if (this.#state.active === active) this.move(action.to, cause, isReturn);
    });
  }

  /** The preferred origin does not have the stream, or is too far behind. */
  #endReturn(): void {
    this.#watch.failback.failed();
    this.#state.move = "none";
    this.#state.isLeaving = false;
    this.#loop.restrictTo(null);
    this.#journal.stayed();
  }
}
