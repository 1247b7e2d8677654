/**
 * A stream by name: at most one source, one log, and the viewers that follow it. It lives while it has
 * either.
 */

import { isSideData } from "../media/flv_tag.ts";
import { isMetadata, stripSetDataFrame } from "../media/metadata.ts";
import { encodeCommandPayload } from "../rtmp/commands.ts";
import {
  CONTROL_MSID,
  Csid,
  MEDIA_MSID,
  MessageType,
  StatusCode,
  UserControlEvent,
} from "../rtmp/constants.ts";
import { userControlPayload } from "../rtmp/control_messages.ts";
import { csidOf } from "../rtmp/encoded_messages.ts";
import { statusCommand } from "../rtmp/status.ts";
import { type HeaderSet, METADATA_TIMESTAMP_MS } from "./header_set.ts";
import { JoinIndex, type JoinLimits, type JoinPoint } from "./join_index.ts";
import type { EndReason, PublishHandle, SourceChange } from "./publisher.ts";
import type { StreamRequest } from "./stream_request.ts";
import { neededFrom, StreamLog, type StreamLogView } from "./stream_log.ts";
import { Timeline, type TimePair } from "./timeline.ts";

/** Settings of a stream, from its vhost. */
export interface StreamOptions extends JoinLimits {
  /** Size all players are told, in bytes. */
  readonly chunkSize: number;
  /** Keeps the publisher's own timestamps. */
  readonly isAbsoluteTime: boolean;
  /** How far a viewer may lag and still find its bytes in the log, in ms of stream time. */
  readonly maxLagMs: number;
}

/** Somebody who follows a stream. */
export interface Viewer {
  /** A source began: a viewer that waits may start now. */
  onLive(): void;
  /** The first picture or sound of a source that began is there, and more may follow in the same turn. */
  onFirstMedia?(): void;
  /** Offset up to which the viewer needs no more bytes, or -1 when it follows nothing yet. */
  readonly cursor: number;
}

/** Somebody who copies a stream elsewhere, and must know of its source what its bytes do not say. */
export interface StreamObserver {
  /** Called in order with the bytes: those before the change are in the log, those after it are not. */
  onSourceChange(change: SourceChange): void;
}

/** Counters of a stream, for people and tests. */
export interface StreamStats {
  /** Media messages appended. */
  messages: number;
  videoMessages: number;
  /** Payload bytes appended. */
  payloadBytes: number;
  /** Bytes that players who have left were sent. */
  sentBytes: number;
}

/** Counters of what has not begun yet. */
export function createStreamStats(): StreamStats {
  return { messages: 0, videoMessages: 0, payloadBytes: 0, sentBytes: 0 };
}

/** See the file comment. */
export class Stream {
  /** `app/stream`. */
  readonly name: string;
  readonly stats: StreamStats = createStreamStats();
  #options: StreamOptions;
  readonly #log: StreamLog;
  readonly #joinIndex: JoinIndex;
  readonly #timeline: Timeline;
  readonly #viewers = new Set<Viewer>();
  readonly #observers = new Set<StreamObserver>();
  /** Called when the stream may have become unused. */
  readonly #onIdle: (stream: Stream) => void;
  #source: Source | null = null;
  /** Players were told that the stream is unpublished. */
  #isUnpublishTold = false;
  /** The source that began has sent no picture and no sound yet. */
  #awaitsMedia = false;

  constructor(name: string, options: StreamOptions, onIdle: (stream: Stream) => void) {
    this.name = name;
    this.#options = options;
    this.#log = new StreamLog(options.chunkSize);
    this.#joinIndex = new JoinIndex(options);
    this.#timeline = new Timeline(options.isAbsoluteTime);
    this.#onIdle = onIdle;
  }

  /** The bytes, for cursors. */
  get log(): StreamLogView {
    return this.#log;
  }

  /** A source feeds it, or it waits for a lost one with bytes to join. */
  get isLive(): boolean {
    return this.#source !== null || this.#joinIndex.newest !== null;
  }

  /** A source feeds it. */
  get hasSource(): boolean {
    return this.#source !== null;
  }

  /** What the source asked for: URL with parameters, edge path. Null without source, or when unknown. */
  get sourceRequest(): StreamRequest | null {
    return this.#source?.request ?? null;
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** Metadata and sequence headers in force now. */
  get headers(): HeaderSet {
    return this.#joinIndex.headers;
  }

  /** Newest place where a viewer may begin, or null: then it waits for the next one. */
  get joinPoint(): JoinPoint | null {
    return this.#joinIndex.newest;
  }

  /** The newest place to begin that lies `backMs` of stream time or more back, else the oldest there is. */
  joinPointBack(backMs: number): JoinPoint | null {
    return this.#joinIndex.before(this.#timeline.nowMs, backMs);
  }

  /** The newest place to begin at or before `offset`, else the oldest there is. */
  joinPointAt(offset: number): JoinPoint | null {
    return this.#joinIndex.atOrBefore(offset);
  }

  /** The bytes a viewer needs before those at `entry`. Shared; not to be changed. */
  preamble(entry: JoinPoint): Uint8Array<ArrayBuffer> {
    return entry.headers.encode(entry.timestampMs, this.#options.chunkSize);
  }

  /**
   * Applies new settings of the same chunk size. Limits count from the next message on, and
   * `isAbsoluteTime` from the next source on: players of this one keep their clock.
   */
  configure(options: StreamOptions): void {
    this.#options = options;
    this.#joinIndex.configure(options);
  }

  /** Adds a viewer; it is told of every source that begins until it leaves. */
  join(viewer: Viewer): void {
    this.#viewers.add(viewer);
  }

  /** Removes a viewer. */
  leave(viewer: Viewer): void {
    if (this.#viewers.delete(viewer) && this.#viewers.size === 0) this.#onIdle(this);
  }

  /** Tells `observer` of every change from now on. */
  observe(observer: StreamObserver): void {
    this.#observers.add(observer);
  }

  /** Tells `observer` no more. */
  unobserve(observer: StreamObserver): void {
    this.#observers.delete(observer);
  }

  /**
   * Begins to feed the stream.
   *
   * @param request who publishes; null when unknown, as for a copy of another event loop's stream
   * @returns null when another source feeds it
   */
  publish(request: StreamRequest | null = null): PublishHandle | null {
    if (this.#source !== null) return null;
    const source = new Source(this, request);
    this.#source = source;
    this.#timeline.beginSource(this.#options.isAbsoluteTime);
    if (this.#isUnpublishTold) this.#tellPublished();
    this.#joinIndex.begin(this.#log.head, this.#timeline.nowMs);
    this.#report({ type: "began" });
    this.#awaitsMedia = true;
    for (const viewer of this.#viewers) viewer.onLive();
    return source;
  }

  /**
   * Goes on with a stream whose source was lost, from another source of the same encode: headers and
   * places to begin stay good, and time goes on as `align` says. `request` as for {@linkcode publish}.
   * @returns null when a source feeds it.
   */
  resume(align: TimePair, request: StreamRequest | null = null): PublishHandle | null {
    if (this.#source !== null) return null;
    this.#source = new Source(this, request);
    this.#timeline.resumeSource(align);
    this.#report({ type: "resumed" });
    return this.#source;
  }

  /** @ignore Called by the source. @returns the message's stream time. */
  append(typeId: number, sourceMs: number, payload: Uint8Array): number {
    const body = typeId === MessageType.DATA_AMF0 ? stripSetDataFrame(payload) : payload;
    const timestampMs = this.#streamTime(typeId, sourceMs, body);
    this.stats.messages++;
    this.stats.payloadBytes += body.length;
    if (typeId === MessageType.VIDEO) this.stats.videoMessages++;
    this.#joinIndex.observe(typeId, timestampMs, body, this.#log.head);
    this.#appendMessage(csidOf(typeId), typeId, MEDIA_MSID, timestampMs, body);
    if (this.#awaitsMedia && !isSideData(typeId, body)) this.#tellFirstMedia();
    return timestampMs;
  }

  /** Waits no longer for a source that is away: players are told. Without effect while one feeds it. */
  unpublish(): void {
    if (this.#source !== null || this.#isUnpublishTold) return;
    this.#report({ type: "unpublished" });
    this.#joinIndex.end();
    this.#tellUnpublished();
  }

  /** @ignore Called by the source. */
  endSource(reason: EndReason): void {
    this.#source = null;
    this.#report({ type: "ended", reason });
    // What it sent last is a still by the time it is back: nobody begins there.
    if (reason !== "lost") this.#joinIndex.end();
    if (reason === "unpublished") this.#tellUnpublished();
    if (this.#viewers.size === 0) this.#onIdle(this);
  }

  #tellFirstMedia(): void {
    this.#awaitsMedia = false;
    for (const viewer of this.#viewers) viewer.onFirstMedia?.();
  }

  #report(change: SourceChange): void {
    for (const observer of this.#observers) observer.onSourceChange(change);
  }

  /**
   * Time to stamp a message with. Encoders and origins stamp data and headers with 0 whenever they send
   * them: those belong to now, and must not be taken for a new clock.
   */
  #streamTime(typeId: number, sourceMs: number, body: Uint8Array): number {
    const timeline = this.#timeline;
    const isData = typeId === MessageType.DATA_AMF0;
    if (isData && isMetadata(body)) return METADATA_TIMESTAMP_MS;
    const isUnstamped = isData && sourceMs === 0;
    if (isUnstamped || !timeline.follows(sourceMs) && isSideData(typeId, body)) {
      return timeline.nowMs;
    }
    return timeline.map(sourceMs);
  }

  // Identical for all players and ordered with the media: so it goes through the log like media.

  #tellUnpublished(): void {
    this.#isUnpublishTold = true;
    this.#appendStatus(StatusCode.PLAY_UNPUBLISH_NOTIFY, `${this.name} is now unpublished`);
    this.#appendEvent(UserControlEvent.STREAM_EOF);
  }

  #tellPublished(): void {
    this.#isUnpublishTold = false;
    this.#appendEvent(UserControlEvent.STREAM_BEGIN);
    this.#appendStatus(StatusCode.PLAY_PUBLISH_NOTIFY, `${this.name} is now published`);
  }

  #appendStatus(code: string, description: string): void {
    const payload = encodeCommandPayload(statusCommand({ level: "status", code, description }));
    const nowMs = this.#timeline.nowMs;
    this.#appendMessage(Csid.COMMAND, MessageType.COMMAND_AMF0, MEDIA_MSID, nowMs, payload);
  }

  #appendEvent(event: number): void {
    const payload = userControlPayload(event, [MEDIA_MSID]);
    const nowMs = this.#timeline.nowMs;
    this.#appendMessage(Csid.CONTROL, MessageType.USER_CONTROL, CONTROL_MSID, nowMs, payload);
  }

  #appendMessage(
    csid: number,
    typeId: number,
    msid: number,
    timestampMs: number,
    payload: Uint8Array,
  ): void {
    const isNewSlab = this.#log.append({ csid, typeId, msid, timestampMs }, payload);
    if (isNewSlab) this.#forget();
  }

  /** Drops what nobody needs. Once per slab, so it may walk viewers. */
  #forget(): void {
    const log = this.#log;
    const joinOffset = this.#joinIndex.oldest?.offset ?? log.head;
    const { maxLagMs } = this.#options;
    log.dropBefore(neededFrom(log, { joinOffset, viewers: this.#viewers, maxLagMs }));
  }
}

/** The handle given to whoever publishes. */
class Source implements PublishHandle {
  readonly request: StreamRequest | null;
  readonly #stream: Stream;
  #isClosed = false;

  constructor(stream: Stream, request: StreamRequest | null) {
    this.#stream = stream;
    this.request = request;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): number {
    return this.#isClosed ? 0 : this.#stream.append(typeId, timestampMs, payload);
  }

  end(reason: EndReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.endSource(reason);
  }
}
