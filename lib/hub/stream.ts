import { Role, roleOf } from "../media/flv_tag.ts";
import { stripSetDataFrame } from "../media/metadata.ts";
import { MEDIA_MSID, MessageType } from "../rtmp/constants.ts";
import { csidOf } from "../rtmp/encoded_messages.ts";
import { AudienceMeter } from "./audience_meter.ts";
import { type HeaderSet, METADATA_TIMESTAMP_MS } from "./header_set.ts";
import { JoinIndex, type JoinPoint } from "./join_index.ts";
import { LiveTracks, trackOf, type TrackState } from "./live_tracks.ts";
import type {
  EndReason,
  PublishHandle,
  SourceChange,
  SourceSwitch,
  StreamObserver,
} from "./publisher.ts";
import { SingleTrackView } from "./single_track_view.ts";
import { Source } from "./source.ts";
import type { StreamRequest } from "./stream_request.ts";
import type { StreamOptions } from "./stream_options.ts";
import { createStreamStats, type StreamStats } from "./stream_stats.ts";
import {
  beginNotices,
  type Notice,
  publishedNotices,
  unpublishedNotices,
} from "./stream_notices.ts";
import type { StreamLogView } from "./message_log.ts";
import { neededFrom, StreamLog } from "./stream_log.ts";
import { dataTimeOf, mediaTimeOf } from "./stream_time.ts";
import { type ClockChange, Timeline, type TimePair, type Track } from "./timeline.ts";
import type { Audience, Viewer } from "./viewer.ts";

const WAITING = { type: "waiting" } as const;
const UNPUBLISHED = { type: "unpublished" } as const;

/** See {@linkcode Stream}. */
type StreamState =
  | typeof WAITING
  | { readonly type: "fed"; readonly source: Source }
  | typeof UNPUBLISHED;

/** Called when the stream may be unused. */
type OnIdle = (stream: Stream) => void;

/**
 * A stream by name: at most one source, one log, and the viewers that follow it. Exists while it
 * has a source or viewers.
 *
 * ```
 *              publish, resume        end: unpublished
 *      ┌─────────┐ ───────▶ ┌─────┐ ─────────────▶ ┌─────────────┐
 * ────▶│ waiting │          │ fed │                │ unpublished │
 *      └─────────┘ ◀─────── └─────┘ ◀───────────── └─────────────┘
 *           │   end: lost, away       publish, resume     ▲
 *           └─────────────────────────────────────────────┘
 *                             unpublish
 * ```
 *
 * Players learn in the log that the stream was unpublished and, after that, published again. Of a
 * source that is lost or away they learn nothing, because it may return. A StreamBegin marks where
 * another source begins, so that edges forget the headers of the one before; players ignore it.
 * Headers and join points survive the end of a `lost` source; those of one that is `away` are kept
 * for a source that continues it, and hidden until then.
 */
export class Stream {
  /** `app/stream`. */
  readonly name: string;
  /** Counters, those of earlier streams of this name included. */
  readonly stats: StreamStats;
  /** Counts what may change the audience: viewers, and what those report that stand for others. */
  audienceRevision = 0;
  /** Its log for players that take one track of each kind. */
  readonly singleTrack: SingleTrackView;
  #options: StreamOptions;
  readonly #log: StreamLog;
  readonly #joinIndex: JoinIndex;
  readonly #timeline: Timeline;
  readonly #tracks = new LiveTracks();
  readonly #viewers = new Set<Viewer>();
  readonly #observers = new Set<StreamObserver>();
  readonly #onIdle: OnIdle;
  #state: StreamState = WAITING;
  /** Whether no frame has arrived since a source last began. */
  #awaitsMedia = false;
  #holds = 0;
  readonly #meter = new AudienceMeter();

  constructor(name: string, options: StreamOptions, onIdle: OnIdle, stats = createStreamStats()) {
    this.name = name;
    this.stats = stats;
    this.#options = options;
    this.#log = new StreamLog(options.chunkSize);
    this.singleTrack = new SingleTrackView(options.chunkSize);
    this.#joinIndex = new JoinIndex(options);
    this.#timeline = new Timeline({
      isAbsolute: options.isAbsoluteTime,
      onClockChange: (change) => this.#reportClock(change),
    });
    this.#onIdle = onIdle;
  }

  /** The log, for cursors. */
  get log(): StreamLogView {
    return this.#log;
  }

  /** Whether players can join: a source feeds it, or it waits for a lost one with join points. */
  get isLive(): boolean {
    return this.hasSource || this.#joinIndex.newest !== null;
  }

  /** Whether a source feeds it. */
  get hasSource(): boolean {
    return this.#state.type === "fed";
  }

  /** A slate feeds it. */
  get isOnSlate(): boolean {
    return this.#state.type === "fed" && this.#state.source.isSlate;
  }

  /** Whether anyone watches. */
  get hasAudience(): boolean {
    return this.#viewers.values().some(({ isPassive }) => isPassive !== true);
  }

  /** Whether {@linkcode hold} keeps it. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** The source's request: URL with parameters, edge path. Null without source, or if unknown. */
  get sourceRequest(): StreamRequest | null {
    return this.#state.type === "fed" ? this.#state.source.request : null;
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** Returns who watches it, through all levels of edges. Walks all viewers. */
  audience(nowMs: number): Audience {
    const { stats } = this;
    return this.#meter.measure(nowMs, { viewers: this.#viewers, log: this.#log, stats });
  }

  /** Returns what is known of `track` since the source began. */
  trackState(track: Track): TrackState {
    return this.#tracks.stateOf(track);
  }

  /** Metadata and sequence headers in force now, without those of a silent track. */
  get headers(): HeaderSet {
    return this.#joinIndex.headers;
  }

  /** Time between its newest two keyframes, in ms; 0 if unknown. */
  get keyframeMs(): number {
    return this.#joinIndex.keyframeMs;
  }

  /** The newest join point, or null: then viewers wait for the next. */
  get joinPoint(): JoinPoint | null {
    return this.#joinIndex.newest;
  }

  /** Returns the newest join point at least `backMs` back in stream time, else the oldest. */
  joinPointBack(backMs: number): JoinPoint | null {
    return this.#joinIndex.before(this.#timeline.nowMs, backMs);
  }

  /** Returns the newest join point at or before `offset`, else the oldest. */
  joinPointAt(offset: number): JoinPoint | null {
    return this.#joinIndex.atOrBefore(offset);
  }

  /** Returns the headers that a viewer needs before the bytes at `point`. Shared: do not change. */
  preamble(point: JoinPoint): Uint8Array<ArrayBuffer> {
    return point.headers.encode(point.timestampMs, this.#options.chunkSize);
  }

  /**
   * Applies new settings with the same chunk size. Limits apply from the next message on, and
   * `isAbsoluteTime` from the next source on, so that players keep their clock.
   */
  configure(options: StreamOptions): void {
    this.#options = options;
    this.#joinIndex.configure(options);
  }

  /** Adds a viewer. It hears of each source that begins until it leaves. */
  join(viewer: Viewer): void {
    this.#viewers.add(viewer);
    this.audienceRevision++;
  }

  /** Removes a viewer. */
  leave(viewer: Viewer): void {
    this.audienceRevision++;
    if (this.#viewers.delete(viewer) && this.#viewers.size === 0) this.#onIdle(this);
  }

  /** Reports all later changes to `observer`. */
  observe(observer: StreamObserver): void {
    this.#observers.add(observer);
  }

  /** Ends the reports to `observer`. */
  unobserve(observer: StreamObserver): void {
    this.#observers.delete(observer);
  }

  /**
   * Starts to feed the stream.
   *
   * @param request The publisher's; null if unknown, as for a mirror.
   * @returns null if another source feeds it
   */
  publish(request: StreamRequest | null = null, isSlate = false): PublishHandle | null {
    if (this.#state.type === "fed") return null;
    const hadSource = this.#state.type === "waiting" && this.#log.head > 0;
    if (hadSource) this.#appendNotices(beginNotices());
    const source = this.#startSource(request, isSlate);
    this.#begin();
    return source;
  }

  /** What the source sends from now on is another publisher's. No effect without a source. */
  restart(): void {
    if (this.#state.type !== "fed") return;
    this.#report({ type: "ended", reason: "away" });
    this.#appendNotices(beginNotices());
    this.#begin();
  }

  /**
   * The source that feeds the stream gives way to the next one, which begins in the same turn or
   * {@linkcode hold}s the stream. No effect without a source.
   */
  giveWay(): void {
    if (this.#state.type !== "fed") return;
    this.#state.source.detach();
    this.#state = WAITING;
    this.#report({ type: "ended", reason: "lost" });
  }

  /**
   * Continues a stream whose source was lost, or is away, from another source of the same encode:
   * headers and join points stay valid, and time continues as `align` says.
   *
   * @returns null if another source feeds it
   */
  resume(align: TimePair, request: StreamRequest | null = null): PublishHandle | null {
    if (this.#state.type === "fed") return null;
    const source = this.#startSource(request);
    this.#timeline.resumeSource(align);
    const isShownAgain = this.#joinIndex.show();
    this.#report({ type: "resumed" });
    if (!isShownAgain) return source;
    for (const viewer of this.#viewers) if (viewer.cursor < 0) viewer.onLive();
    return source;
  }

  /** @ignore Called by the source. Returns the stream time of the message. */
  append(typeId: number, sourceMs: number, payload: Uint8Array, arrivalMs: number): number {
    const isData = typeId === MessageType.DATA_AMF0;
    const body = isData ? stripSetDataFrame(payload) : payload;
    const role = roleOf(typeId, body);
    const timestampMs = isData
      ? dataTimeOf(this.#timeline, sourceMs, body)
      : mediaTimeOf(this.#timeline, trackOf(typeId), sourceMs, role, arrivalMs);
    const { stats } = this;
    stats.messages++;
    stats.payloadBytes += body.length;
    if (typeId === MessageType.VIDEO) stats.videoMessages++;
    if (!isData) this.#noteTrack(trackOf(typeId), timestampMs, role, arrivalMs);
    this.#joinIndex.observe(typeId, timestampMs, body, this.#log.head);
    this.singleTrack.observe(typeId, body);
    this.#appendMessage(csidOf(typeId), typeId, MEDIA_MSID, timestampMs, body);
    if (this.#awaitsMedia && role !== Role.side) this.#tellFirstMedia();
    return timestampMs;
  }

  /** Stops waiting for a source and tells players so. No effect while a source feeds it. */
  unpublish(): void {
    if (this.#state.type !== "waiting") return;
    this.#state = UNPUBLISHED;
    this.#report({ type: "unpublished" });
    this.#joinIndex.end();
    this.#appendNotices(unpublishedNotices(this.name));
  }

  /** @ignore Called by the source. */
  endSource(reason: EndReason): void {
    this.#state = reason === "unpublished" ? UNPUBLISHED : WAITING;
    this.#report({ type: "ended", reason });
    // By the time the source returns, its last frames are a still: no player may join there.
    if (reason === "away") this.#joinIndex.hideAll();
    if (reason !== "unpublished") return this.#checkIdle();
    this.#joinIndex.end();
    this.#appendNotices(unpublishedNotices(this.name));
    this.#checkIdle();
  }

  /** Counts and reports how another publisher joined. */
  noteSwitch(change: SourceSwitch): void {
    const { stats } = this;
    if (change.how === "spliced") stats.splices++;
    else stats.restarts++;
    stats.lostFrames += change.lostFrames;
    stats.doubledFrames += change.doubledFrames;
    for (const observer of this.#observers) observer.onSourceSwitch?.(change);
  }

  /** Keeps the stream, without source and viewers too, for a source that is at hand. */
  hold(): void {
    this.#holds++;
  }

  /** Ends one {@linkcode hold}. */
  release(): void {
    this.#holds--;
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#viewers.size === 0) this.#onIdle(this);
  }

  #begin(): void {
    this.#tracks.begin();
    this.#timeline.beginSource(this.#options.isAbsoluteTime);
    this.#joinIndex.begin(this.#log.head, this.#timeline.nowMs);
    this.#report({ type: "began" });
    this.#awaitsMedia = true;
    for (const viewer of this.#viewers) viewer.onLive();
  }

  #startSource(request: StreamRequest | null, isSlate = false): Source {
    const wasUnpublished = this.#state.type === "unpublished";
    const source = new Source(this, request, isSlate);
    this.#state = { type: "fed", source };
    if (wasUnpublished) this.#appendNotices(publishedNotices(this.name));
    return source;
  }

  /** Keeps joiners from waiting for a track that is silent, and gives them its headers later. */
  #noteTrack(track: Track, timestampMs: number, role: Role, arrivalMs: number): void {
    if (role === Role.side) return this.#tracks.noteHeader(track);
    if (role !== Role.frame) return;
    const change = this.#tracks.noteFrame(track, arrivalMs);
    if (change === "other silent") this.#joinIndex.hide(track === "audio" ? "video" : "audio");
    if (change !== "returned") return;
    for (const { typeId, payload } of this.#joinIndex.reveal()) {
      const stampMs = typeId === MessageType.DATA_AMF0 ? METADATA_TIMESTAMP_MS : timestampMs;
      this.#appendMessage(csidOf(typeId), typeId, MEDIA_MSID, stampMs, payload);
    }
  }

  #tellFirstMedia(): void {
    this.#awaitsMedia = false;
    for (const viewer of this.#viewers) viewer.onFirstMedia?.();
  }

  #reportClock(change: ClockChange): void {
    this.stats.clockChanges++;
    for (const observer of this.#observers) observer.onClockChange?.(change);
  }

  #report(change: SourceChange): void {
    for (const observer of this.#observers) observer.onSourceChange(change);
  }

  /** Notices are the same for all players and ordered with the media, so they are in the log. */
  #appendNotices(notices: readonly Notice[]): void {
    const nowMs = this.#timeline.nowMs;
    for (const { csid, typeId, msid, payload } of notices) {
      this.#appendMessage(csid, typeId, msid, nowMs, payload);
    }
  }

  #appendMessage(
    csid: number,
    typeId: number,
    msid: number,
    timestampMs: number,
    payload: Uint8Array,
  ): void {
    this.#log.viewerCount = this.#viewers.size;
    if (this.#log.append({ csid, typeId, msid, timestampMs }, payload)) this.#dropUnneeded();
  }

  /** Drops bytes that are not needed. Runs once per slab, so it may walk viewers. */
  #dropUnneeded(): void {
    const log = this.#log;
    const joinOffset = this.#joinIndex.dropOld(this.#timeline.nowMs)?.offset ?? log.head;
    const { maxLagMs } = this.#options;
    log.dropBefore(neededFrom(log, { joinOffset, viewers: this.#viewers, maxLagMs }));
  }
}
