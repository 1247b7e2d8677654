import type { CancelTimer } from "../base/clock.ts";
import { UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { OriginLoop } from "../upstream/origin_loop.ts";
import type { UpstreamReport } from "../upstream/upstream_report.ts";
import { askInTurn } from "./ask_in_turn.ts";
import type { EdgeContext } from "./edge_context.ts";
import type { Feed, FeedListener } from "./feed.ts";
import { FeedMaker } from "./feed_maker.ts";
import { blameRequest, type PlayerRequests } from "./player_requests.ts";
import { PullEnd } from "./pull_end.ts";
import { PullJournal } from "./pull_journal.ts";
import { PullState } from "./pull_state.ts";
import { PullWatch } from "./pull_watch.ts";
import { PulledSource } from "./pulled_source.ts";
import { AVOIDED, isQuiet, MOVING, PACED, STILL_SILENT } from "./quiet_errors.ts";
import { Race } from "./race.ts";
import type { Joined, JoinOptions } from "../splice/joiner.ts";
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
  /** As of {@linkcode PulledSource}. */
  readonly isSlateNext: () => boolean;
  /** Media arrives, for the first time since the start or since a loss. */
  readonly onMedia: () => void;
  /** No origin feeds the stream; the next one is being dialled. */
  readonly onLost: () => void;
  /** No origin feeds the stream; `isCertain` if all have said that they do not have it. */
  readonly onMissing: (isCertain: boolean) => void;
}

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
  readonly #state = new PullState();
  readonly #feeds: FeedMaker;
  readonly #end: PullEnd;
  #cancelWatch: CancelTimer | null = null;
  /** The active origin is silent, has ended the stream or shall be left: the others are asked. */
  #isLeaving = false;
  /** It is silent, so dials are limited; `granted`: the first one is not. */
  #pacing: "off" | "granted" | "on" = "off";
  /** It is to be left though it works, and feeds the stream until another has caught up. */
  #isMoving = false;
  /** Those that were overtaken by the candidate. */
  readonly #race: Race;
  readonly #watch: PullWatch;
  /** An origin has refused all requests, so another player's may end a pause. */
  #lacksRequest = false;

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
    this.#loop = new OriginLoop({
      origins,
      streamName: feeder.stream.name,
      clock,
      random: Math.random,
      lacks: (origin) => origins.places.lacks(origin, feeder.stream.name),
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
    const { active, candidate } = this.#state;
    if (active === null || candidate !== null || this.#isMoving) return;
    this.#isMoving = true;
    this.#journal.moving(cause);
    this.#loop.restrictTo(to);
    this.#leave(active, MOVING);
  }

  /** A player joined. */
  onRequest(): void {
    if (this.#lacksRequest) this.#loop.wake();
  }

  onFeedMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (feed === this.#state.active) return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    if (feed !== this.#state.candidate && !this.#race.has(feed)) return;
    if (feed.joiner === null) {
      this.#activate(feed, null);
      return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    }
    const joined = feed.joiner.offer(typeId, timestampMs, payload, feed.lastMediaMs);
    if (joined !== null) this.#activate(feed, joined);
  }

  onFeedUnpublished(feed: Feed, isCertain: boolean): void {
    if (feed !== this.#state.active) return;
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
    if (feed !== this.#state.active) {
      if (feed.joiner !== null) feed.joiner = this.#feeds.joiner(this.#how);
      return;
    }
    this.#stayWith(feed);
    this.#end.clear();
    feed.joiner = null;
    this.#source.restart();
    if (this.#isMoving && candidate !== null) candidate.joiner = this.#feeds.joiner(this.#how);
  }

  onFeedMoveRequested(feed: Feed, to: OriginAddress | null): void {
    this.#watch.addMoveRequest(feed, to);
  }

  onFeedEnded(feed: Feed, error: unknown): void {
    if (this.#race.remove(feed)) return this.#onOvertakenEnded(feed, error);
    const { active, candidate } = this.#state;
    if (feed === candidate) this.#state.endCandidate();
    if (feed !== active) return;
    this.#state.activeLost();
    this.#endMove();
    this.#journal.report.lost();
    this.#source.interrupt();
    this.#options.onLost();
  }

  /**
   * Tries one origin, with one request after the other while it refuses them, and stays with the
   * one that feeds the stream. Rejects when another is needed.
   */
  async #attempt(origin: OriginAddress): Promise<void> {
    const active = this.#state.active;
    // It won in the pause before this attempt, or sends again.
    if (active !== null && !this.#isLeaving) {
      this.#loop.returnedTo(active.origin);
      return await this.#stay();
    }
    await askInTurn({
      requests: this.#options.requests,
      origin,
      ask: (request) => this.#ask(origin, request),
      onRefused: (error) => this.#onFailed(origin, error),
      onNoneLeft: () => this.#lacksRequest = true,
      isStopped: () => this.#state.isStopped,
    });
  }

  async #ask(origin: OriginAddress, request: StreamRequest): Promise<void> {
    const active = this.#state.active;
    if (this.#options.isAvoided(origin)) throw AVOIDED;
    // Not an UpstreamError: the origin was not asked, so nothing new is known of its health.
    if (active?.origin === origin && !this.#isMoving) throw STILL_SILENT;
    if (active !== null && !this.#takeDial(active)) throw PACED;
    const overtaken = this.#race.take(origin);
    const candidate = overtaken ?? this.#feeds.feed(origin, request, this.#how);
    this.#state.try(candidate);
    if (overtaken === null) {
      this.#journal.report.attempted(origin);
      candidate.start();
    }
    await this.#race.run(candidate, () => this.#overtake(candidate));
    // The candidate was ended here, because another has something: stay with that one.
    await this.#stay();
  }

  /** @returns whether another origin may be dialled though `active` may send again */
  #takeDial({ origin }: Feed): boolean {
    const pacing = this.#pacing;
    if (pacing === "granted") this.#pacing = "on";
    return pacing !== "on" || this.#options.context.origins.silentDials.tryTake(origin, true);
  }

  get #how(): JoinOptions["how"] {
    return this.#isMoving ? "beside" : "after";
  }

  async #stay(): Promise<void> {
    for (let feed = this.#state.active; feed !== null; feed = this.#state.active) {
      await feed.watch();
    }
  }

  /** @returns whether the next origin is asked beside `candidate`, which has not answered */
  #overtake(candidate: Feed): boolean {
    if (candidate !== this.#state.candidate || this.#isMoving || !this.#loop.hasNext) return false;
    this.#state.endCandidate();
    return true;
  }

  /** One that was overtaken has nothing. */
  #onOvertakenEnded({ origin, request, beganMs }: Feed, error: unknown): void {
    if (error === null) return;
    this.#options.context.origins.failed(origin, error, beganMs);
    blameRequest(this.#options.requests, request, origin, error);
    this.#onFailed(origin, error);
  }

  /** Asks the other origins; `active` stays connected. */
  #leave(active: Feed, reason: Error): void {
    this.#isLeaving = true;
    this.#pacing = "off";
    active.abandon(reason);
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
    if (!this.#isLeaving || this.#isMoving) return;
    this.#isLeaving = false;
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
    if (!this.#isMoving) return;
    this.#isMoving = false;
    this.#loop.restrictTo(null);
    this.#loop.wake();
  }

  /** From now on `feed` feeds the stream. */
  #activate(feed: Feed, joined: Joined | null): void {
    const { silenceMs } = this.#source;
    const { active: before, candidate } = this.#state;
    this.#state.activate(feed);
    this.#isMoving = false;
    this.#isLeaving = false;
    this.#loop.restrictTo(null);
    before?.finish();
    if (candidate !== feed) candidate?.finish();
    this.#race.settle(feed);
    this.#options.requests.granted(feed.request);
    this.#lacksRequest = false;
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
    this.#journal.failed(origin, error);
  }

  #onRoundFailed(): void {
    // Players who had the stream were let in before: origins that refuse all of them may recover.
    if (this.#journal.hasBeenLive) this.#options.requests.forgive();
    this.#end.settle();
    if (this.#state.active !== null) return;
    const { context: { origins }, feeder, onMissing } = this.#options;
    onMissing(origins.places.isMissing(origins.all, feeder.stream.name));
  }

  #check(nowMs: number): void {
    const { active, candidate } = this.#state;
    if (active === null || candidate !== null) return;
    const [isMoving, isLeaving] = [this.#isMoving, this.#isLeaving];
    const { isFeeding } = this.#source;
    const action = this.#watch.check(active, nowMs, { isMoving, isLeaving, isFeeding });
    if (action?.type === "abandon") {
      this.#leave(active, action.reason);
      this.#pacing = "granted";
    }
    if (action?.type !== "move") return;
    this.#options.context.pace.add(() => {
      if (this.#state.active === active) this.move(action.to, "the origin asks to be left");
    });
  }
}
