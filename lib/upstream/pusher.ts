/**
 * Carries a stream that is published on this edge to an origin: one more cursor on the stream's log,
 * whose socket speaks the client's side of RTMP. When the origin is lost, the next one is given headers
 * and everything from the newest keyframe on that comes before what the lost one surely has; the publisher
 * notices nothing.
 */

import { describeError, UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import { formatAddress } from "../io/address.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { FlushWheel, WheelSeat } from "../io/flush_wheel.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import { OriginLoop } from "./origin_loop.ts";
import type { OriginSet } from "./origin_set.ts";
import { type PushFraming, reframeForPush } from "./push_framing.ts";
import { SentMarks } from "./sent_marks.ts";
import { Upstream, type UpstreamListener } from "./upstream.ts";
import type { UpstreamContext } from "./upstream_context.ts";
import { UpstreamReport } from "./upstream_report.ts";
import type { UpstreamTotals } from "./upstream_snapshot.ts";

/** Options of {@linkcode Pusher}. */
export interface PusherOptions {
  readonly context: UpstreamContext & {
    readonly origins: OriginSet;
    /** Added to by every push. */
    readonly totals: UpstreamTotals;
  };
  readonly stream: Stream;
  readonly request: StreamRequest;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /** An origin accepted for the first time: the publisher may begin. Called once at most. */
  readonly onAccepted: () => void;
  /** All origins refused before any accepted. Called once at most; the pusher is over. */
  readonly onRefused: (refusal: Refusal) => void;
  /** An origin that may have taken the stream before says that somebody else publishes it now. */
  readonly onDisplaced: () => void;
}

/** The origin that takes the stream now. */
interface Taker {
  readonly writer: SocketWriter;
  readonly framing: PushFraming;
  readonly seat: WheelSeat;
  /** Null until there was a place to begin. */
  marks: SentMarks | null;
}

/** See the file comment. */
export class Pusher implements UpstreamListener, Viewer, Flushable {
  isQueued = false;
  /** Settles when it was stopped and the origin has got everything. */
  readonly ended: Promise<void>;
  readonly report: UpstreamReport;
  readonly #options: PusherOptions;
  readonly #loop: OriginLoop;
  #upstream: Upstream | null = null;
  #origin: OriginAddress | null = null;
  #taker: Taker | null = null;
  /** How far the origins before surely got, or -1. */
  #sentOffset = -1;
  /** Where the origin before was left, when, and why; for the log. */
  #lastOrigin: OriginAddress | null = null;
  #lostAtMs = 0;
  #cause = "";
  /** The newest reason that an origin itself gave for taking no stream. */
  #refusal: UpstreamError | null = null;
  #isAccepted = false;
  #isStopped = false;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.report = new UpstreamReport("push", options.context.totals, options.context.clock);
    this.#loop = new OriginLoop({
      origins: options.context.origins,
      streamName: options.stream.name,
      clock: options.context.clock,
      random: Math.random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: (error) => this.#onRoundFailed(error),
    });
    // From now on until the last byte is sent: the log keeps for its viewers what they have not got yet.
    options.stream.join(this);
    this.ended = this.#loop.run().then(() => options.stream.leave(this));
  }

  /** Offset of the next byte for the origin; the log keeps the bytes from here on. */
  get cursor(): number {
    return this.#taker?.writer.cursor ?? -1;
  }

  /** Called by the stream, which the pusher knows of. */
  onLive(): void {}

  /** The publisher is done: the origin gets what is left, then the end. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#loop.stop();
    this.#upstream?.finish();
  }

  onStarted(msid: number): void {
    const { wheel, context, logger } = this.#options;
    if (this.#isStopped) return;
    this.#loop.succeeded();
    if (!this.#isAccepted) {
      this.#isAccepted = true;
      // Begins the stream, and with it the log's first place to send from.
      this.#options.onAccepted();
      if (this.#isStopped) return;
    }
    if (this.#sentOffset < 0) {
      this.report.live(this.#origin!);
      logger.info("Push started", { origin: formatAddress(this.#origin!) });
    }
    const { writer } = this.#upstream!;
    const framing = { msid, chunkSize: context.chunkSize };
    this.#taker = { writer, framing, seat: wheel.add(this), marks: null };
    this.flush(context.clock.now());
  }

  /** Called by the wheel. */
  flush(nowMs: number): void {
    if (this.#taker === null || this.#isStopped) return;
    const { writer } = this.#taker;
    // Nothing sent yet, or so far behind that the log has forgotten what comes next.
    const isLost = writer.cursor < this.#options.stream.log.tail;
    if (isLost && !writer.isSendingShared) this.#begin(this.#taker);
    this.#noteSent(this.#taker);
    writer.flush(nowMs);
  }

  onAcknowledgement(totalBytes: number): void {
    if (this.#taker === null) return;
    // It may be about the newest bytes, which no flush has come after.
    this.#noteSent(this.#taker);
    this.#taker.marks?.acknowledge(totalBytes);
  }

  onMedia(): void {}

  onUnpublished(): void {}

  async #attempt(origin: OriginAddress): Promise<void> {
    const { context, request } = this.#options;
    this.#origin = origin;
    this.report.attempted(origin);
    this.#upstream = new Upstream(context, {
      kind: "publish",
      origin,
      request,
      listener: this,
      hasAlternative: () => context.origins.hasOtherThan(origin),
      backlogMs: 0,
    });
    try {
      await this.#upstream.run();
    } finally {
      this.#endTaker(origin);
    }
  }

  #endTaker(origin: OriginAddress): void {
    const taker = this.#taker;
    if (taker === null) return;
    taker.seat.leave();
    this.#taker = null;
    this.report.lost();
    if (taker.marks === null) return;
    this.#sentOffset = taker.marks.offset;
    this.#lastOrigin = origin;
    this.#lostAtMs = this.#options.context.clock.now();
  }

  /** Sends headers and everything from a place to begin at; none may be there yet. */
  #begin(taker: Taker): void {
    const { stream } = this.#options;
    const { writer, framing } = taker;
    // One that fell too far behind goes on with what is newest.
    const isResumed = taker.marks === null && this.#sentOffset >= 0;
    const entry = isResumed ? stream.joinPointAt(this.#sentOffset) : stream.joinPoint;
    if (entry === null) return;
    taker.marks = new SentMarks(entry.offset);
    if (isResumed) this.#reportResumed(entry.offset);
    const preamble = reframeForPush(stream.preamble(entry), framing);
    if (preamble.length > 0) writer.send(preamble);
    writer.follow(stream.log, entry.offset, (view) => reframeForPush(view, framing));
  }

  #reportResumed(offset: number): void {
    const to = this.#origin!;
    const silenceMs = Math.round(this.#options.context.clock.now() - this.#lostAtMs);
    const lostBytes = Math.max(0, offset - this.#sentOffset);
    const none = { lostFrames: 0, doubledFrames: 0 };
    this.report.switched({ to, how: "resumed", silenceMs, lostBytes, ...none });
    this.#options.logger.info("Push switched", {
      from: formatAddress(this.#lastOrigin!),
      to: formatAddress(to),
      cause: this.#cause,
      silence_ms: silenceMs,
      lost_bytes: lostBytes,
      how: "resumed",
    });
    this.#cause = "";
  }

  /** Notes how far the log is sent; in mid-write nobody knows, but the write before is noted. */
  #noteSent({ writer, marks }: Taker): void {
    if (!writer.isBusy) marks?.note(writer.cursor, writer.writtenBytes);
  }

  #onFailed(origin: OriginAddress, error: unknown): void {
    const reason = describeError(error);
    this.#cause ||= reason;
    this.report.failed(reason);
    this.#options.logger.warning(`Origin takes no stream: ${reason}`, {
      origin: formatAddress(origin),
    });
    if (!(error instanceof UpstreamError)) return;
    const { statusCode } = error;
    if (statusCode.startsWith("NetStream.Publish.")) this.#refusal = error;
    if (this.#isAccepted && statusCode === StatusCode.PUBLISH_BAD_NAME) this.#options.onDisplaced();
  }

  #onRoundFailed(error: unknown): void {
    if (this.#isAccepted || this.#isStopped) return;
    this.stop();
    this.#options.onRefused({
      code: this.#refusal?.statusCode ?? StatusCode.PUBLISH_FAILED,
      description: `No origin takes the stream: ${describeError(this.#refusal ?? error)}`,
    });
  }
}
