import { describeError, UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { FlushWheel, WheelSeat } from "../io/flush_wheel.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import { formatAddress } from "../io/address.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import { OriginLoop } from "./origin_loop.ts";
import type { OriginSet } from "./origin_set.ts";
import { type PushFraming, reframeForPush } from "./push_framing.ts";
import { SentMarks } from "./sent_marks.ts";
import { Upstream } from "./upstream.ts";
import type { UpstreamContext } from "./upstream_context.ts";
import type { UpstreamListener } from "./upstream_listener.ts";
import { UpstreamReport } from "./upstream_report.ts";
import type { UpstreamTotals } from "./upstream_snapshot.ts";

/** Options of {@linkcode Pusher}. */
interface PusherOptions {
  readonly context: UpstreamContext;
  readonly origins: OriginSet;
  /** The push adds to them. */
  readonly totals: UpstreamTotals;
  readonly stream: Stream;
  /** Names the stream at the origins, and the edges it came through. Asked for each connection. */
  readonly request: () => StreamRequest;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /**
   * What to do when all origins failed and none has accepted yet: `refuse` stops the pusher,
   * `retry` continues until {@linkcode Pusher.stop}. Once an origin has accepted, it always
   * retries.
   */
  readonly whenRoundFails: "refuse" | "retry";
  /** An origin accepted for the first time: the publisher may begin. Called once at most. */
  readonly onAccepted: () => void;
  /** The pusher stopped because no origin accepted. Called once at most, only with `refuse`. */
  readonly onRefused: (refusal: Refusal) => void;
  /** An origin that may have had the stream before says that another publisher has it now. */
  readonly onDisplaced: () => void;
}

/** A push to an origin that accepted. */
interface ActivePush {
  readonly writer: SocketWriter;
  readonly framing: PushFraming;
  readonly seat: WheelSeat;
  /** Null until there was a join point to begin at. */
  marks: SentMarks | null;
}

/** See the diagram at {@linkcode Pusher}. */
type PushState =
  | { readonly type: "idle" }
  /** No origin has accepted yet. */
  | { readonly type: "asking" }
  | { readonly type: "pushing"; readonly push: ActivePush }
  /** The origin was lost; the others are being asked. */
  | { readonly type: "recovering" }
  /** Stopped; `push`, if any, gets what is left. */
  | { readonly type: "finishing"; readonly push: ActivePush | null };

/** Where a push broke off. */
interface BrokenPush {
  readonly origin: OriginAddress;
  readonly atMs: number;
  /** The origin surely has everything before this log offset. */
  readonly offset: number;
}

/**
 * Carries a stream to an origin: one more cursor on the stream's log, whose socket speaks the
 * client's side of RTMP. When the origin is lost, the next one gets the headers and everything from
 * the newest keyframe before what the lost one surely has; the publisher notices nothing.
 *
 * ```
 *                            origin accepts          origin lost
 *    idle ── start() ─► asking ───────────► pushing ────────────► recovering
 *                         │                    ▲                      │
 *                         │                    └── origin accepts ────┘
 *                         │ a round fails, `whenRoundFails` is `refuse`
 *                         ▼
 *                     finishing ◄── stop(), leave() ── every state
 * ```
 */
export class Pusher implements UpstreamListener, Viewer, Flushable {
  isQueued = false;
  readonly report: UpstreamReport;
  readonly #options: PusherOptions;
  readonly #loop: OriginLoop;
  #state: PushState = { type: "idle" };
  /** The attempt that runs, and its origin. */
  #upstream: Upstream | null = null;
  #origin: OriginAddress | null = null;
  /** The newest push that was lost; the next one resumes it. */
  #broken: BrokenPush | null = null;
  /** Why the stream needs another origin; for the log. */
  #cause = "";
  /** Origins whose failure was logged since one accepted. */
  readonly #loggedFailures = new Set<OriginAddress>();
  /** The newest reason that an origin itself gave for refusing the stream. */
  #refusal: UpstreamError | null = null;

  constructor(options: PusherOptions) {
    const { context, origins, stream, totals } = options;
    this.#options = options;
    this.report = new UpstreamReport("push", totals, context.clock);
    this.#loop = new OriginLoop({
      origins,
      streamName: stream.name,
      clock: context.clock,
      random: Math.random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: (error) => this.#onRoundFailed(error),
    });
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
    await this.#loop.run();
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

  /** Where it pushes to, or tries to; null before the first attempt. */
  get origin(): OriginAddress | null {
    return this.#origin;
  }

  /** Offset of the next byte for the origin; the log keeps the bytes from here on. */
  get cursor(): number {
    return this.#push?.writer.cursor ?? -1;
  }

  /** Called by the stream; a pusher waits for its origin, not for a source. */
  onLive(): void {}

  onStarted(msid: number, writer: SocketWriter): void {
    const { wheel, context, logger, onAccepted } = this.#options;
    if (this.#isStopped) return;
    const isFirst = this.#state.type === "asking";
    const framing = { msid, chunkSize: context.chunkSize };
    const push = { writer, framing, seat: wheel.add(this), marks: null };
    this.#state = { type: "pushing", push };
    this.#loop.succeeded();
    this.#loggedFailures.clear();
    // Begins the stream, and with it the log's first join point.
    if (isFirst) onAccepted();
    if (this.#isStopped) return;
    if (this.#broken === null) {
      this.#cause = "";
      this.report.live(this.#origin!);
      logger.info("Push started", { origin: formatAddress(this.#origin!) });
    }
    this.flush(context.clock.now());
  }

  /** Called by the wheel. */
  flush(nowMs: number): void {
    if (this.#state.type !== "pushing") return;
    const { push } = this.#state;
    const { writer } = push;
    // Nothing sent yet, or so far behind that the log has dropped what comes next.
    const isLost = writer.cursor < this.#options.stream.log.tail;
    if (isLost && !writer.isSendingShared) this.#begin(push);
    this.#noteSent(push);
    writer.flush(nowMs);
  }

  onAcknowledgement(totalBytes: number): void {
    const push = this.#push;
    if (push === null) return;
    // It may cover bytes that were written after the last flush.
    this.#noteSent(push);
    push.marks?.acknowledge(totalBytes);
  }

  onMedia(): void {}

  onUnpublished(): void {}

  get #isStopped(): boolean {
    return this.#state.type === "finishing";
  }

  get #push(): ActivePush | null {
    const state = this.#state;
    return state.type === "pushing" || state.type === "finishing" ? state.push : null;
  }

  async #attempt(origin: OriginAddress): Promise<void> {
    const { context, logger, origins, request } = this.#options;
    this.#origin = origin;
    this.report.attempted(origin);
    this.#upstream = new Upstream(context, {
      kind: "publish",
      origin,
      request: request(),
      listener: this,
      logger,
      hasAlternative: () => origins.hasOtherThan(origin),
      backlogMs: 0,
    });
    try {
      await this.#upstream.run();
    } finally {
      this.#endPush(origin);
    }
  }

  #finish(endsStream: boolean): void {
    if (this.#isStopped) return;
    this.#state = { type: "finishing", push: this.#push };
    this.#loop.stop();
    this.#upstream?.finish(endsStream);
  }

  #endPush(origin: OriginAddress): void {
    const push = this.#push;
    if (push === null) return;
    push.seat.leave();
    this.#state = this.#isStopped ? { type: "finishing", push: null } : { type: "recovering" };
    this.report.lost();
    if (push.marks === null) return;
    const atMs = this.#options.context.clock.now();
    this.#broken = { origin, atMs, offset: push.marks.offset };
  }

  /** Sends headers and everything from a join point on; does nothing while there is none. */
  #begin(push: ActivePush): void {
    const { stream } = this.#options;
    const { writer, framing } = push;
    // A push that fell too far behind continues with what is newest.
    const broken = push.marks === null ? this.#broken : null;
    const entry = broken === null ? stream.joinPoint : stream.joinPointAt(broken.offset);
    if (entry === null) return;
    push.marks = new SentMarks(entry.offset);
    if (broken !== null) this.#reportResumed(broken, entry.offset);
    const preamble = reframeForPush(stream.preamble(entry), framing);
    if (preamble.length > 0) writer.send(preamble);
    writer.follow(stream.log, entry.offset, (view) => reframeForPush(view, framing));
  }

  #reportResumed(broken: BrokenPush, offset: number): void {
    const to = this.#origin!;
    const silenceMs = Math.round(this.#options.context.clock.now() - broken.atMs);
    const lostBytes = Math.max(0, offset - broken.offset);
    const none = { lostFrames: 0, doubledFrames: 0 };
    this.report.switched({ to, how: "resumed", silenceMs, lostBytes, ...none });
    this.#options.logger.info("Push switched", {
      from: formatAddress(broken.origin),
      to: formatAddress(to),
      cause: this.#cause,
      silence_ms: silenceMs,
      lost_bytes: lostBytes,
      how: "resumed",
    });
    this.#cause = "";
  }

  /** Notes how far the log is sent, unless a write is under way: then only its end will tell. */
  #noteSent({ writer, marks }: ActivePush): void {
    if (!writer.isBusy) marks?.note(writer.cursor, writer.writtenBytes);
  }

  #onFailed(origin: OriginAddress, error: unknown): void {
    const reason = describeError(error);
    this.#cause ||= reason;
    this.report.failed(reason);
    this.#logFailure(origin, reason);
    if (!(error instanceof UpstreamError)) return;
    const { statusCode } = error;
    if (statusCode.startsWith("NetStream.Publish.")) this.#refusal = error;
    const hasBeenAccepted = this.#state.type === "pushing" || this.#state.type === "recovering";
    if (hasBeenAccepted && statusCode === StatusCode.PUBLISH_BAD_NAME) {
      this.#options.onDisplaced();
    }
  }

  /** Warns once per origin until one accepts: a dead origin must not fill the log. */
  #logFailure(origin: OriginAddress, reason: string): void {
    const { logger } = this.#options;
    const fields = { origin: formatAddress(origin) };
    if (this.#loggedFailures.has(origin)) {
      logger.debug(`Push failed again: ${reason}`, fields);
    } else {
      logger.warning(`Push failed: ${reason}`, fields);
    }
    this.#loggedFailures.add(origin);
  }

  #onRoundFailed(error: unknown): void {
    const { whenRoundFails, onRefused } = this.#options;
    if (this.#state.type !== "asking" || whenRoundFails === "retry") return;
    this.stop();
    onRefused({
      code: this.#refusal?.statusCode ?? StatusCode.PUBLISH_FAILED,
      description: `No origin takes the stream: ${describeError(this.#refusal ?? error)}`,
    });
  }
}
