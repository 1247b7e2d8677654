import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { JoinPoint } from "../hub/join_index.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { FlushWheel, WheelSeat } from "../io/flush_wheel.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import type { UpstreamTarget } from "../rtmp/url.ts";
import { type PushFraming, reframeForPush } from "./push_framing.ts";
import { SentMarks } from "./sent_marks.ts";
import { Upstream } from "./upstream.ts";
import type { UpstreamContext } from "./upstream_context.ts";
import type { UpstreamListener } from "./upstream_listener.ts";

/** What a {@linkcode PushLeg} reports. */
export interface PushLegListener {
  /** The origin accepted. */
  onLegStarted(leg: PushLeg): void;
  /** The origin gets the stream from log offset `offset` on. */
  onLegBegun(leg: PushLeg, offset: number): void;
  /** Called once per period of the wheel. */
  onLegFlushed(leg: PushLeg, nowMs: number): void;
  /** The origin asks to be left, for `to` or for any other. */
  onLegMoveRequested(leg: PushLeg, to: OriginAddress | null): void;
  /** The origin has a newcomer, and the publisher is away or about to leave: this one leaves. */
  onLegDisplaced(leg: PushLeg): void;
  /** The connection has ended, from either side. */
  onLegEnded(leg: PushLeg): void;
}

/** Options of {@linkcode PushLeg}. */
interface PushLegOptions {
  readonly context: UpstreamContext;
  readonly origin: OriginAddress;
  readonly stream: Stream;
  readonly request: StreamRequest;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  readonly hasAlternative: () => boolean;
  /** As in the options of `Upstream`. */
  readonly target?: UpstreamTarget | undefined;
  /** As in the options of `LinkWatch`. */
  readonly mayIgnorePings?: boolean | undefined;
  /** Returns where it begins; null while it cannot. */
  readonly beginAt: () => JoinPoint | null;
  readonly listener: PushLegListener;
  /**
   * Answers a ping of the origin as soon as the publisher gives a sign of life; calls `deny` when
   * it is away or about to leave.
   */
  readonly vouch: (answer: () => void, deny: () => void) => void;
}

/** What there is once the origin has accepted. */
interface StartedLeg {
  readonly writer: SocketWriter;
  readonly framing: PushFraming;
  readonly seat: WheelSeat;
}

/**
 * One connection of a push: a cursor on the stream's log, whose socket speaks the client's side of
 * RTMP. It begins at the newest join point, or at the one before what other connections have
 * carried to their end.
 */
export class PushLeg implements UpstreamListener, Flushable {
  isQueued = false;
  readonly origin: OriginAddress;
  readonly #options: PushLegOptions;
  readonly #upstream: Upstream;
  #started: StartedLeg | null = null;
  /** Null until there was a join point to begin at. */
  #marks: SentMarks | null = null;
  /** Head of the log at the last flush; -1 before the first after the beginning. */
  #flushedHead = -1;
  #isFinished = false;
  #isReleased = false;
  #ended: Promise<void> = Promise.resolve();
  #abandoned = Promise.withResolvers<never>();

  constructor(options: PushLegOptions) {
    const { context, origin, request, logger, hasAlternative, target, mayIgnorePings = false } =
      options;
    this.origin = origin;
    this.#options = options;
    this.#upstream = new Upstream(context, {
      kind: "publish",
      origin,
      request,
      logger,
      listener: this,
      hasAlternative,
      backlogMs: () => 0,
      mayIgnorePings,
      ...(target === undefined ? {} : { target }),
    });
    this.#abandoned.promise.catch(() => {});
  }

  /** Dials the origin. Called once. @returns a promise that settles with the connection */
  start(): Promise<void> {
    this.#ended = this.#upstream.run().finally(() => {
      this.#started?.seat.leave();
      this.#options.listener.onLegEnded(this);
    });
    return this.#ended.catch(() => {});
  }

  /**
   * Settles when the connection ends: resolves when it was ended here, rejects with the reason
   * otherwise. Also rejects when {@linkcode abandon} is called.
   */
  watch(): Promise<void> {
    return Promise.race([this.#ended, this.#abandoned.promise]);
  }

  /** Sends the watcher to another origin; the connection stays. */
  abandon(reason: Error): void {
    this.#abandoned.reject(reason);
  }

  /**
   * The stream is pushed elsewhere, too. An origin that can be told so is served until it closes
   * the connection; another one is left. Harmless when repeated.
   *
   * @returns whether it is served
   */
  release(): boolean {
    if (this.#isReleased || this.#isFinished) return this.#isReleased;
    this.#isReleased = this.#upstream.tellMoved();
    if (!this.#isReleased) this.finish(false);
    return this.#isReleased;
  }

  /** Sends what is left, then closes the connection. See {@linkcode Upstream.finish}. */
  finish(endsStream: boolean): void {
    this.#isFinished = true;
    this.#upstream.finish(endsStream);
  }

  /** The origin has accepted. */
  get hasStarted(): boolean {
    return this.#started !== null;
  }

  /** The origin surely has everything before this log offset; null before the first byte. */
  get sentOffset(): number | null {
    return this.#marks?.offset ?? null;
  }

  /** The origin acknowledges what it gets: {@linkcode sentOffset} follows the stream. */
  get isAcknowledged(): boolean {
    return this.#marks?.isAcknowledged === true;
  }

  /** Offset of the next byte for the origin, or -1. */
  get cursor(): number {
    return this.#started?.writer.cursor ?? -1;
  }

  /** Everything that the stream had at the last flush is on its way. */
  get isCaughtUp(): boolean {
    return this.#flushedHead >= 0 && this.cursor >= this.#flushedHead;
  }

  onStarted(msid: number, writer: SocketWriter): void {
    const { wheel, context, listener } = this.#options;
    const framing = { msid, chunkSize: context.chunkSize };
    this.#started = { writer, framing, seat: wheel.add(this) };
    listener.onLegStarted(this);
  }

  /** Called by the wheel. */
  flush(nowMs: number): void {
    const started = this.#started;
    if (started === null || this.#isFinished) return;
    const { writer } = started;
    const { log } = this.#options.stream;
    this.#options.listener.onLegFlushed(this, nowMs);
    // Nothing sent yet, or so far behind that the log has dropped what comes next.
    const isLost = writer.cursor < log.tail;
    if (isLost && !writer.isSendingShared) this.#begin(started);
    this.#noteSent(started);
    if (this.#marks !== null) this.#flushedHead = log.head;
    writer.flush(nowMs);
  }

  onAcknowledgement(totalBytes: number): void {
    if (this.#started === null) return;
    // It may cover bytes that were written after the last flush.
    this.#noteSent(this.#started);
    this.#marks?.acknowledge(totalBytes);
  }

  onMedia(): void {}

  onUnpublished(): void {}

  onPing(answer: () => void): void {
    this.#options.vouch(answer, () => this.#makeWay());
  }

  onMoveRequested(to: OriginAddress | null): void {
    this.#options.listener.onLegMoveRequested(this, to);
  }

  /** Our origins ping a push for a newcomer only: that has the name as soon as this has left. */
  #makeWay(): void {
    if (!this.#upstream.isOurs || this.#isFinished) return;
    this.finish(false);
    this.#options.listener.onLegDisplaced(this);
  }

  /** Sends headers and everything from a join point on; does nothing while there is none. */
  #begin({ writer, framing }: StartedLeg): void {
    const { stream, beginAt, listener } = this.#options;
    const isFirst = this.#marks === null;
    // A push that fell too far behind continues with what is newest.
    const entry = isFirst ? beginAt() : stream.joinPoint;
    if (entry === null) return;
    this.#marks = new SentMarks(entry.offset);
    if (isFirst) listener.onLegBegun(this, entry.offset);
    const preamble = reframeForPush(stream.preamble(entry), framing);
    if (preamble.length > 0) writer.send(preamble);
    writer.follow(stream.log, entry.offset, (view) => reframeForPush(view, framing));
  }

  /** Notes how far the log is sent, unless a write is under way: then only its end will tell. */
  #noteSent({ writer }: StartedLeg): void {
    if (!writer.isBusy) this.#marks?.note(writer.cursor, writer.writtenBytes);
  }
}
