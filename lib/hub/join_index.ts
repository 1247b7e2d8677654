import { diffU32 } from "../base/u32.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type Header, HeaderSet, keyInHeaders } from "./header_set.ts";
import type { Track } from "./timeline.ts";

/** A message in a stream's log at which decoding can start: a join point. */
export interface JoinPoint {
  /** Offset of the message in the log. */
  readonly offset: number;
  /** Stream time, u32. */
  readonly timestampMs: number;
  /** Headers that a player needs before it; compare with other sets by identity. */
  readonly headers: HeaderSet;
}

/** How much is kept for players that join. */
export interface JoinLimits {
  /** Bytes after a join point beyond which it is dropped. */
  readonly maxBytes: number;
  /** Messages after the newest join point beyond which all are dropped: `gop_cache_max_frames`. */
  readonly maxMessages: number;
  /** How far back join points are kept, in ms of stream time, for edges that take a stream over. */
  readonly keepBackMs: number;
}

const NO_HEADERS = new HeaderSet();

/** In an audio-only stream every frame could be a join point; one per this time is enough. */
const AUDIO_JOIN_PERIOD_MS = 500;

/** Audio messages without a video frame that make a stream audio-only. SRS uses the same number. */
const AUDIO_ONLY_AFTER = 115;

/**
 * Knows where players can join a stream and which headers they need there. It stores offsets only:
 * together with the retention of the log it is the GOP cache.
 */
export class JoinIndex {
  #limits: JoinLimits;
  /** All headers of the source. */
  #known = new HeaderSet();
  /** Those that joiners get: not those of the silent track. */
  #headers = this.#known;
  #silent: Track | null = null;
  /** Keys of the headers in the log since the newest join point. */
  readonly #sincePoint = new Set<string>();
  /** Offset of the newest frame of each track; -1 before the first. */
  #lastFrame = { audio: -1, video: -1 };
  /** Oldest first; the log holds everything from the first one on. */
  #points: JoinPoint[] = [];
  /** Messages since the newest join point. */
  #pointMessages = 0;
  #audioSinceVideo = 0;
  /** Players get nothing of it, for now. */
  /** Stream time of the newest keyframe; -1 before the first. */
  #keyframeAtMs = -1;
  #keyframeMs = 0;
  #isHidden = false;

  constructor(limits: JoinLimits) {
    this.#limits = limits;
  }

  /** Applies new limits, from the next message on. */
  configure(limits: JoinLimits): void {
    this.#limits = limits;
  }

  /** Headers in force at the head of the log, without those of a silent track. */
  get headers(): HeaderSet {
    return this.#isHidden ? NO_HEADERS : this.#headers;
  }

  /** Time between the newest two keyframes of the source in ms; 0 before there are two. */
  get keyframeMs(): number {
    return this.#keyframeMs;
  }

  /** The newest join point; null if players must wait for the next one. */
  get newest(): JoinPoint | null {
    return this.#shown.at(-1) ?? null;
  }

  /** The oldest join point that is kept, or null. */
  get oldest(): JoinPoint | null {
    return this.#shown[0] ?? null;
  }

  /** Returns the newest join point at or before `offset`, else the oldest. */
  atOrBefore(offset: number): JoinPoint | null {
    return this.#shown.findLast((point) => point.offset <= offset) ?? this.oldest;
  }

  /** Returns the newest join point `backMs` or more before stream time `nowMs`, else the oldest. */
  before(nowMs: number, backMs: number): JoinPoint | null {
    const point = this.#shown.findLast(({ timestampMs }) => diffU32(nowMs, timestampMs) >= backMs);
    return point ?? this.oldest;
  }

  /** Starts a new source at `offset`. Drops headers and join points of the source before. */
  begin(offset: number, timestampMs: number): void {
    this.end();
    // Waiting players get the stream from its first message, which needs nothing before it.
    this.#addPoint(offset, timestampMs);
  }

  /** Ends the source: no one can join until the next {@linkcode begin}. */
  end(): void {
    this.#known = new HeaderSet();
    this.#headers = this.#known;
    this.#silent = null;
    this.#sincePoint.clear();
    this.#lastFrame = { audio: -1, video: -1 };
    this.#points = [];
    this.#pointMessages = 0;
    this.#audioSinceVideo = 0;
    this.#isHidden = false;
    this.#keyframeAtMs = -1;
    this.#keyframeMs = 0;
  }

  get #shown(): readonly JoinPoint[] {
    return this.#isHidden ? [] : this.#points;
  }

  /** Lets no one join until {@linkcode show} or {@linkcode begin}. */
  hideAll(): void {
    this.#isHidden = true;
  }

  /** Lets players join again. @returns whether they could not */
  show(): boolean {
    const wasHidden = this.#isHidden;
    this.#isHidden = false;
    return wasHidden;
  }

  /** Promises joiners no more of `track`, which is silent, until {@linkcode reveal}. */
  hide(track: Track): void {
    this.#silent = track;
    this.#headers = this.#known.withoutTrack(track);
    const hidden = new Map([[this.#known, this.#headers]]);
    this.#points = this.#points.map((point) => {
      if (point.offset <= this.#lastFrame[track]) return point;
      const headers = hidden.get(point.headers) ?? point.headers.withoutTrack(track);
      hidden.set(point.headers, headers);
      return { ...point, headers };
    });
  }

  /**
   * The silent track is back.
   *
   * @returns the headers that players who joined meanwhile need before its next frame.
   */
  reveal(): Header[] {
    const missing = this.#silent === null ? [] : [...this.#known.ofTrack(this.#silent)];
    this.#silent = null;
    this.#headers = this.#known;
    return missing.filter(([key]) => !this.#sincePoint.has(key)).map(([, header]) => header);
  }

  /** Records a message that is about to be appended at `offset`. */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  observe(typeId: number, timestampMs: number, payload: Uint8Array, offset: number): void {
    if (typeId === MessageType.VIDEO) {
      this.#observeVideo(timestampMs, payload, offset);
    } else if (typeId === MessageType.AUDIO) {
      this.#observeAudio(timestampMs, payload, offset);
    } else {
      this.#noteHeader(typeId, payload);
    }
    this.#pointMessages++;
    this.#dropOversized(offset);
  }

  /**
   * Drops the oldest points as long as the one after them reaches back far enough.
   *
   * @returns the oldest one that is kept, or null
   */
  dropOld(nowMs: number): JoinPoint | null {
    while (this.#points.length > 1 && this.#reachesBack(this.#points[1]!, nowMs)) {
      this.#points.shift();
    }
    return this.oldest;
  }

  #observeVideo(timestampMs: number, payload: Uint8Array, offset: number): void {
    switch (classifyVideo(payload)) {
      case VideoKind.keyframe:
        this.#audioSinceVideo = 0;
        this.#noteKeyframe(timestampMs);
        this.#lastFrame.video = offset;
        this.#addPoint(offset, timestampMs);
        break;
      case VideoKind.frame:
        this.#audioSinceVideo = 0;
        this.#lastFrame.video = offset;
        break;
      case VideoKind.sequenceHeader:
      case VideoKind.metadata:
        this.#audioSinceVideo = 0;
        this.#noteHeader(MessageType.VIDEO, payload);
    }
  }

  #noteKeyframe(timestampMs: number): void {
    if (this.#keyframeAtMs >= 0) this.#keyframeMs = diffU32(timestampMs, this.#keyframeAtMs);
    this.#keyframeAtMs = timestampMs;
  }

  #observeAudio(timestampMs: number, payload: Uint8Array, offset: number): void {
    const kind = classifyAudio(payload);
    if (kind === AudioKind.sequenceHeader || kind === AudioKind.channelConfig) {
      return this.#noteHeader(MessageType.AUDIO, payload);
    }
    if (kind === AudioKind.frame) this.#lastFrame.audio = offset;
    if (++this.#audioSinceVideo > AUDIO_ONLY_AFTER || this.#silent === "video") {
      const { newest } = this;
      if (newest === null || diffU32(timestampMs, newest.timestampMs) >= AUDIO_JOIN_PERIOD_MS) {
        this.#addPoint(offset, timestampMs);
      }
    }
  }

  #noteHeader(typeId: number, payload: Uint8Array): void {
    const key = keyInHeaders(typeId, payload);
    const known = this.#known.after(typeId, payload);
    // Only keys that are kept: a hostile publisher can invent any number.
    if (key !== null && known.payloadOf(key) !== null) this.#sincePoint.add(key);
    if (known === this.#known) return;
    this.#known = known;
    this.#headers = this.#silent === null ? known : known.withoutTrack(this.#silent);
  }

  #addPoint(offset: number, timestampMs: number): void {
    this.#sincePoint.clear();
    this.#points.push({ offset, timestampMs, headers: this.#headers });
    this.#pointMessages = 0;
    this.dropOld(timestampMs);
  }

  /** Keeps an encoder that sends no more keyframes from growing the log without end. */
  #dropOversized(offset: number): void {
    const { maxBytes, maxMessages } = this.#limits;
    while (this.#points.length > 0 && offset - this.#points[0]!.offset > maxBytes) {
      this.#points.shift();
    }
    if (this.#pointMessages > maxMessages) this.#points = [];
  }

  #reachesBack(point: JoinPoint, nowMs: number): boolean {
    return diffU32(nowMs, point.timestampMs) >= this.#limits.keepBackMs;
  }
}
