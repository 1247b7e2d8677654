import { describeError, UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { JoinPoint } from "../hub/join_index.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { UpstreamTarget } from "../rtmp/url.ts";
import { MoveRequests } from "./move_requests.ts";
import { OriginLoop } from "./origin_loop.ts";
import type { OriginSet } from "./origin_set.ts";
import { PushJournal } from "./push_journal.ts";
import { PushLeg, type PushLegListener } from "./push_leg.ts";
import { ResumePoint } from "./resume_point.ts";
import type { UpstreamContext } from "./upstream_context.ts";
import type { UpstreamReport } from "./upstream_report.ts";
import type { UpstreamTotals } from "./upstream_snapshot.ts";

/** Options of {@linkcode Pusher}. */
interface PusherOptions {
  /** What it is called in log and reports; `push` when absent. */
  readonly kind?: "push" | "forward";
  readonly context: UpstreamContext;
  readonly origins: OriginSet;
  /** The push adds to them. */
  readonly totals: UpstreamTotals;
  readonly stream: Stream;
  /** Names the stream at the origins, and the edges it came through. Asked for each connection. */
  readonly request: () => StreamRequest;
  /** What origins are asked for, when that is not what `request` says; asked as that is. */
  readonly target?: (request: StreamRequest) => UpstreamTarget | undefined;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /** Whether an origin is not to be used; without this, all may be. */
  readonly isTaken?: (origin: OriginAddress) => boolean;
  /** Whether another push carries the stream, so that this one may be without an origin. */
  readonly isCovered?: () => boolean;
  /** An origin accepted for the first time: the publisher may begin. Called once at most. */
  readonly onAccepted: () => void;
  /**
   * All origins failed, and none has accepted so far. Called after every such round: the pusher
   * tries again unless it is stopped.
   */
  readonly onRefused: (refusal: Refusal) => void;
  /**
   * Calls `answer` as soon as the publisher gives a sign of life: the origin asks for one. Without
   * this, the push itself is one.
   */
  readonly vouch?: (answer: () => void, deny: () => void) => void;
  /** Origins may leave pings unanswered. */
  readonly mayIgnorePings?: boolean;
  /**
   * Hears of each failure. @returns what may be shown of it; null when nothing needs to be. Without
   * this, all of it is.
   */
  readonly judgeFailure?: (failure: unknown) => unknown;
  /** An origin that may have had the stream before has another publisher for it now. */
  readonly onDisplaced: () => void;
}

/** See the diagram at {@linkcode Pusher}. */
type PushState =
  | { readonly type: "idle" }
  /** No origin has accepted yet. */
  | { readonly type: "asking" }
  | { readonly type: "pushing"; readonly active: PushLeg }
  /** The origin was lost; the others are being asked. */
  | { readonly type: "recovering" }
  /** Stopped; `active`, if any, gets what is left. */
  | { readonly type: "finishing"; readonly active: PushLeg | null };

/** The origin in use works, but shall be left. */
const MOVING = new Error("The push moves");

/**
 * How long both connections carry a stream that moves. The servers behind the new one compare some
 * frames of it with what they have before they use it: 16 frames took 0.6 s.
 */
const OVERLAP_MS = 1_000;

/**
 * Carries a stream to an origin, over one {@linkcode PushLeg} after the other. When the origin is
 * lost, the next one gets the headers and everything from the newest keyframe before what the lost
 * one surely has; the publisher notices nothing.
 *
 * A push that {@linkcode move}s keeps its origin until the next one has caught up. Then the first
 * is left without the end of the stream. One of our servers is told, gets the stream as before, and
 * closes the connection when no one watches the stream there: so its players need not move in the
 * same moment, and those that cannot move need not at all.
 *
 * ```
 *                            origin accepts          origin lost
 *    idle ── start() ─► asking ───────────► pushing ────────────► recovering
 *                                              ▲                      │
 *                                              └── origin accepts ────┘
 *
 *    every state ── stop(), leave() ──► finishing
 * ```
 */
export class Pusher implements PushLegListener, Viewer {
  readonly isPassive = true;
  readonly #options: PusherOptions;
  readonly #journal: PushJournal;
  readonly #loop: OriginLoop;
  readonly #resumePoint: ResumePoint;
  #state: PushState = { type: "idle" };
  /** The connection of the running attempt, unless it is the active one. */
  #candidate: PushLeg | null = null;
  /** Where the candidate began in the log; -1 before. */
  #candidateOffset = -1;
  /** Connections that have not ended. */
  readonly #open = new Set<Promise<void>>();
  /** The active origin shall be left for another, and gets the stream until then. */
  #isMoving = false;
  /** It has asked for that. */
  #isAsked = false;
  /** Origins that were left get the stream until they close the connection. */
  readonly #moved = new Set<PushLeg>();
  readonly #moveRequests = new MoveRequests<PushLeg>();
  /** When the candidate had all that the present origin has; null before. */
  #caughtUpMs: number | null = null;
  /** The newest reason that an origin itself gave for refusing the stream. */
  #refusal: UpstreamError | null = null;

  constructor(options: PusherOptions) {
    const { context, origins, stream, totals, logger, isTaken, kind = "push" } = options;
    this.#options = options;
    this.#resumePoint = new ResumePoint(stream, context.room);
    this.#journal = new PushJournal({
      kind,
      totals,
      clock: context.clock,
      logger,
      failureLog: origins.failureLog,
    });
    this.#loop = new OriginLoop({
      origins,
      streamName: stream.name,
      clock: context.clock,
      random: Math.random,
      ...(isTaken === undefined ? {} : { isTaken }),
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: (error) => this.#onRoundFailed(error),
    });
  }

  /** What became of it so far. */
  get report(): UpstreamReport {
    return this.#journal.report;
  }

  /**
   * Dials the first origin. Called once.
   *
   * @returns a promise that settles when the pusher is stopped and the origin has everything
   */
  async start(): Promise<void> {
    const { stream } = this.#options;
    if (this.#state.type === "idle") this.#state = { type: "asking" };
    // Until the last byte is sent: the log keeps what its viewers have not got yet.
    stream.join(this);
    stream.join(this.#resumePoint);
    await this.#loop.run();
    await Promise.all(this.#open);
    stream.leave(this.#resumePoint);
    stream.leave(this);
  }

  /** The publisher is done: the origin gets what is left, then the end of the stream. */
  stop(): void {
    this.#finish(true);
  }

  /**
   * This server stops, the publisher does not: the origin gets what is left, but not the end of the
   * stream, so its players wait for the publisher's return.
   */
  leave(): void {
    this.#finish(false);
  }

  /**
   * Moves to origin `to`, or to the next one when it is null, and stays while that is impossible.
   * Without effect unless an origin gets the stream.
   *
   * @param cause why, for the log
   */
  move(to: OriginAddress | null, cause: string, isAsked = false): void {
    if (this.#state.type !== "pushing" || this.#isMoving) return;
    const { active } = this.#state;
    this.#isMoving = true;
    this.#isAsked = isAsked;
    this.#journal.explain(cause);
    this.#loop.restrictTo(to);
    active.abandon(MOVING);
  }

  /** Ends a pause between two rounds of origins. */
  retry(): void {
    this.#loop.wake();
  }

  /** Where it pushes to, or tries to: two origins while it moves, none between two attempts. */
  get origins(): readonly OriginAddress[] {
    return [this.#active, this.#candidate].flatMap((leg) => leg === null ? [] : [leg.origin]);
  }

  /** Offset of the next byte for the origin; the log keeps the bytes from here on. */
  get cursor(): number {
    const active = this.#active?.cursor ?? -1;
    const candidate = this.#candidate?.cursor ?? -1;
    return active < 0 || candidate < 0 ? Math.max(active, candidate) : Math.min(active, candidate);
  }

  /** Called by the stream; a pusher waits for its origin, not for a source. */
  onLive(): void {}

  onLegStarted(leg: PushLeg): void {
    const { context, onAccepted } = this.#options;
    if (this.#isStopped) return;
    const isFirst = this.#state.type === "asking";
    this.#loop.succeeded();
    this.#journal.accepted(leg.origin);
    if (this.#active === null) this.#activate(leg);
    // Begins the stream, and with it the log's first join point.
    if (isFirst) onAccepted();
    if (this.#isStopped) return;
    if (this.#active === leg) this.#journal.began(leg.origin);
    leg.flush(context.clock.now());
  }

  onLegBegun(leg: PushLeg, offset: number): void {
    if (leg === this.#candidate) this.#candidateOffset = offset;
    if (leg === this.#active) this.#journal.resumed(leg.origin, offset);
  }

  onLegFlushed(leg: PushLeg, nowMs: number): void {
    if (this.#isStopped) return;
    if (leg === this.#candidate && this.#mayTakeOver(leg, nowMs)) this.#switchTo(leg);
    if (leg !== this.#active) return;
    // Without acknowledgements, the log would always keep all that it may.
    if (leg.isAcknowledged) this.#resumePoint.before(leg.sentOffset!);
    if (this.#isMoving) return;
    const request = this.#moveRequests.take(leg, nowMs);
    if (request === null) return;
    const { context, isTaken } = this.#options;
    const to = request.to !== null && isTaken?.(request.to) === true ? null : request.to;
    context.pace.add(() => {
      if (leg === this.#active) this.move(to, "the origin asks to be left", true);
    });
  }

  onLegMoveRequested(leg: PushLeg, to: OriginAddress | null): void {
    if (!this.#moved.has(leg)) this.#moveRequests.add(leg, to);
  }

  onLegDisplaced(): void {
    this.#options.onDisplaced();
  }

  onLegEnded(leg: PushLeg): void {
    const candidate = this.#candidate;
    this.#moved.delete(leg);
    if (leg === candidate) this.#candidate = null;
    if (leg !== this.#active) return;
    this.#state = this.#isStopped ? { type: "finishing", active: null } : { type: "recovering" };
    this.report.lost();
    if (leg.sentOffset !== null) this.#resumePoint.before(leg.sentOffset);
    this.#resumePoint.isAwaited = !this.#isStopped;
    this.#journal.broke(leg.origin, leg.sentOffset);
    if (this.#isStopped || !this.#isMoving) return;
    this.#endMove();
    if (candidate === null || !candidate.hasStarted) return this.#loop.wake();
    this.#activate(candidate);
    if (this.#candidateOffset >= 0) this.#journal.resumed(candidate.origin, this.#candidateOffset);
  }

  get #isStopped(): boolean {
    return this.#state.type === "finishing";
  }

  get #active(): PushLeg | null {
    const state = this.#state;
    return state.type === "pushing" || state.type === "finishing" ? state.active : null;
  }

  async #attempt(origin: OriginAddress): Promise<void> {
    const { context, stream, wheel, logger, vouch, target } = this.#options;
    const request = this.#options.request();
    this.report.attempted(origin);
    const leg: PushLeg = new PushLeg({
      context,
      origin,
      stream,
      request,
      target: target?.(request),
      mayIgnorePings: this.#options.mayIgnorePings,
      wheel,
      logger,
      hasAlternative: () => this.#loop.hasOtherThan(origin),
      beginAt: () => this.#beginPoint(leg),
      listener: this,
      vouch: vouch ?? ((answer) => answer()),
    });
    this.#candidate = leg;
    this.#candidateOffset = -1;
    this.#caughtUpMs = null;
    const ended = leg.start().then(() => {
      this.#open.delete(ended);
    });
    this.#open.add(ended);
    await leg.watch();
  }

  /** Where `leg` continues: after what the active connection has carried, or the lost one. */
  #beginPoint(leg: PushLeg): JoinPoint | null {
    const active = this.#active;
    const isSecond = active !== null && active !== leg;
    const offset = isSecond ? active.sentOffset : this.#journal.resumeOffset;
    if (offset !== null) return this.#resumePoint.before(offset);
    // What the stream delivered before its publisher has joined came from an origin.
    const { stream } = this.#options;
    return stream.isHeld ? null : stream.joinPoint;
  }

  #activate(leg: PushLeg): void {
    if (leg === this.#candidate) this.#candidate = null;
    this.#state = { type: "pushing", active: leg };
    this.#resumePoint.isAwaited = false;
  }

  /**
   * A stream that has nothing to send now can be left to any connection. Otherwise both carry it
   * for a while.
   */
  #mayTakeOver(leg: PushLeg, nowMs: number): boolean {
    if (leg.sentOffset === null && this.#options.stream.joinPoint === null) return true;
    if (!leg.isCaughtUp) return false;
    this.#caughtUpMs ??= nowMs;
    return nowMs - this.#caughtUpMs >= OVERLAP_MS;
  }

  /** `leg` has all that the active connection has. */
  #switchTo(leg: PushLeg): void {
    const before = this.#active!;
    this.#journal.broke(before.origin, before.sentOffset);
    this.#activate(leg);
    if (before.release()) this.#moved.add(before);
    this.#endMove();
    if (this.#candidateOffset >= 0) this.#journal.resumed(leg.origin, this.#candidateOffset);
    else if (this.#journal.resumeOffset === null) this.report.live(leg.origin);
  }

  #endMove(): void {
    this.#isMoving = false;
    this.#isAsked = false;
    this.#caughtUpMs = null;
    this.#loop.restrictTo(null);
  }

  #finish(endsStream: boolean): void {
    if (this.#isStopped) return;
    const active = this.#active;
    this.#state = { type: "finishing", active };
    this.#resumePoint.isAwaited = false;
    this.#loop.stop();
    this.#candidate?.finish(endsStream && active === null);
    active?.finish(endsStream);
    for (const leg of this.#moved) leg.finish(endsStream);
  }

  #onFailed(origin: OriginAddress, failure: unknown): void {
    if (failure === MOVING) return;
    const { judgeFailure } = this.#options;
    const error = judgeFailure === undefined ? failure : judgeFailure(failure);
    if (error === null) return;
    this.#journal.failed(origin, error);
    if (!(error instanceof UpstreamError)) return;
    const { statusCode } = error;
    if (statusCode.startsWith("NetStream.Publish.")) this.#refusal = error;
    // While it moves, the present origin has the stream.
    const hasBeenAccepted = this.#state.type === "recovering";
    if (hasBeenAccepted && statusCode === StatusCode.PUBLISH_BAD_NAME) {
      this.#options.onDisplaced();
    }
  }

  #onRoundFailed(error: unknown): void {
    if (this.#isAsked && this.#options.isCovered?.() === true) this.#active?.release();
    if (this.#state.type !== "asking") return;
    this.#options.onRefused({
      code: this.#refusal?.statusCode ?? StatusCode.PUBLISH_FAILED,
      description: `No origin takes the stream: ${describeError(this.#refusal ?? error)}`,
    });
  }
}
