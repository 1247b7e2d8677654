/**
 * Where a player may begin in a stream's log, and what it must be given first: metadata and sequence
 * headers in force at that place. The GOP cache is nothing but this index plus the log's retention.
 */

import { concatBytes } from "../base/bytes.ts";
import { diffU32 } from "../base/u32.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "../media/flv_tag.ts";
import { headerKey } from "../media/header_key.ts";
import { isClearDataFrame, isMetadata } from "../media/metadata.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { Csid, MEDIA_MSID, MessageType } from "../rtmp/constants.ts";

/** A place in the log where decoding can begin. */
export interface JoinEntry {
  /** Offset of its first message. */
  readonly offset: number;
  readonly timestampMs: number;
  /** Headers in force there; compare with {@linkcode JoinPoint.headers} by identity. */
  readonly headers: HeaderSet;
}

/** What is retained for joiners. */
export interface JoinLimits {
  /** Most bytes from the newest entry on; beyond, it is no entry any more. */
  readonly maxBytes: number;
  /** Most messages from the newest entry on (SRS `gop_cache_max_frames`). */
  readonly maxMessages: number;
  /** Older entries are kept so far back, in ms of stream time, for edges that take a stream over. */
  readonly keepBackMs: number;
}

/** In a stream without pictures every sound could be an entry; one in this time is enough. */
const AUDIO_ENTRY_MS = 500;

/** So many audio messages after the last picture make a stream audio-only (SRS uses the same number). */
const AUDIO_ONLY_AFTER = 115;

/** Metadata and sequence headers that were in force together. Never changes once made. */
export class HeaderSet {
  /** Message bodies by {@linkcode headerKey}, in the order in which they came. */
  readonly #bodies: ReadonlyMap<string, { readonly typeId: number; readonly payload: Uint8Array }>;
  #cached: { readonly timestampMs: number; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;

  constructor(
    bodies: ReadonlyMap<string, { readonly typeId: number; readonly payload: Uint8Array }> =
      new Map(),
  ) {
    this.#bodies = bodies;
  }

  /** This set with one header replaced or added; `payload` is copied. */
  with(key: string, typeId: number, payload: Uint8Array): HeaderSet {
    const bodies = new Map(this.#bodies);
    bodies.delete(key);
    bodies.set(key, { typeId, payload: payload.slice() });
    return new HeaderSet(bodies);
  }

  /** This set without one header. */
  without(key: string): HeaderSet {
    const bodies = new Map(this.#bodies);
    bodies.delete(key);
    return new HeaderSet(bodies);
  }

  /** Headers in the set. */
  get size(): number {
    return this.#bodies.size;
  }

  /** Body of the header `key`, see {@linkcode headerKey}, or null. Shared; not to be changed. */
  payloadOf(key: string): Uint8Array | null {
    return this.#bodies.get(key)?.payload ?? null;
  }

  /** Whether there is a header `key`, whatever its bytes. */
  hasKey(key: string): boolean {
    return this.#bodies.has(key);
  }

  /** Whether the header `key` is there with just these bytes. */
  has(key: string, payload: Uint8Array): boolean {
    const body = this.#bodies.get(key)?.payload;
    return body !== undefined && body.length === payload.length &&
      body.every((byte, index) => byte === payload[index]);
  }

  /**
   * The headers as wire bytes: sequence headers stamped `timestampMs`, so that a joiner's time only goes
   * forward, and metadata stamped {@linkcode METADATA_TIMESTAMP_MS}. Shared: everybody who joins at the
   * same entry gets the same array.
   */
  encode(timestampMs: number, chunkSize: number): Uint8Array<ArrayBuffer> {
    if (this.#cached?.timestampMs === timestampMs) return this.#cached.bytes;
    const parts: Uint8Array[] = [];
    for (const { typeId, payload } of this.#bodies.values()) {
      const stampMs = typeId === MessageType.DATA_AMF0 ? METADATA_TIMESTAMP_MS : timestampMs;
      const header = { csid: csidOf(typeId), typeId, msid: MEDIA_MSID, timestampMs: stampMs };
      parts.push(encodeMessage(header, payload, chunkSize));
    }
    this.#cached = { timestampMs, bytes: concatBytes(parts) };
    return this.#cached.bytes;
  }
}

/**
 * Whether a message says something about others rather than being a picture or a sound: metadata, cue
 * points, sequence headers.
 */
export function isAside(typeId: number, payload: Uint8Array): boolean {
  if (typeId === MessageType.VIDEO) {
    const kind = classifyVideo(payload);
    return kind === VideoKind.sequenceHeader || kind === VideoKind.metadata;
  }
  if (typeId === MessageType.AUDIO) {
    const kind = classifyAudio(payload);
    return kind === AudioKind.sequenceHeader || kind === AudioKind.channelConfig;
  }
  return true;
}

/** The chunk stream that messages of a type travel on. */
export function csidOf(typeId: number): number {
  if (typeId === MessageType.AUDIO) return Csid.AUDIO;
  return typeId === MessageType.VIDEO ? Csid.VIDEO : Csid.DATA;
}

/**
 * Time of all metadata, whenever it comes: ffmpeg takes metadata with any other time for subtitles and
 * adds a stream to its output. SRS and nginx-rtmp stamp 0 too.
 */
export const METADATA_TIMESTAMP_MS = 0;

/** Key of the metadata in a {@linkcode HeaderSet}. */
export const METADATA_KEY = "metadata";

/** Most headers kept of one source: tracks are few, and a hostile publisher could make them up. */
const MAX_HEADERS = 32;

/** A longer one is passed on but not kept for joiners: real ones have some hundred bytes. */
const MAX_HEADER_BYTES = 256 * 1024;

/** See the file comment. */
export class JoinPoint {
  readonly #limits: JoinLimits;
  #headers = new HeaderSet();
  /** Oldest first; all between them is in the log. */
  #entries: JoinEntry[] = [];
  /** Messages from the newest entry on. */
  #entryMessages = 0;
  #audioSinceVideo = 0;

  constructor(limits: JoinLimits) {
    this.#limits = limits;
  }

  /** Headers in force at the head of the log. */
  get headers(): HeaderSet {
    return this.#headers;
  }

  /** The newest place to begin, or null when joiners must wait for the next. */
  get newest(): JoinEntry | null {
    return this.#entries.at(-1) ?? null;
  }

  /** The oldest place to begin that is still kept, or null. */
  get oldest(): JoinEntry | null {
    return this.#entries[0] ?? null;
  }

  /** The newest place at or before `offset`, else the oldest. */
  atOrBefore(offset: number): JoinEntry | null {
    return this.#entries.findLast((entry) => entry.offset <= offset) ?? this.oldest;
  }

  /** The newest place that is `backMs` of stream time or more before `nowMs`, else the oldest. */
  before(nowMs: number, backMs: number): JoinEntry | null {
    const entry = this.#entries.findLast(({ timestampMs }) =>
      diffU32(nowMs, timestampMs) >= backMs
    );
    return entry ?? this.oldest;
  }

  /** A source begins at `offset`: earlier headers and places are not its own. */
  begin(offset: number, timestampMs: number): void {
    this.end();
    // Whoever waits for the stream gets it from its first message, which needs nothing before it.
    this.#addEntry(offset, timestampMs);
  }

  /** The source is over: nobody can join until the next begins. */
  end(): void {
    this.#headers = new HeaderSet();
    this.#entries = [];
    this.#entryMessages = 0;
    this.#audioSinceVideo = 0;
  }

  /** Takes note of a message that is about to be appended at `offset`. */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  observe(typeId: number, timestampMs: number, payload: Uint8Array, offset: number): void {
    if (typeId === MessageType.VIDEO) {
      this.#observeVideo(timestampMs, payload, offset);
    } else if (typeId === MessageType.AUDIO) {
      this.#observeAudio(timestampMs, payload, offset);
    } else {
      this.#observeData(payload);
    }
    this.#entryMessages++;
    this.#forgetOversized(offset);
  }

  #observeVideo(timestampMs: number, payload: Uint8Array, offset: number): void {
    switch (classifyVideo(payload)) {
      case VideoKind.keyframe:
        this.#audioSinceVideo = 0;
        this.#addEntry(offset, timestampMs);
        break;
      case VideoKind.frame:
        this.#audioSinceVideo = 0;
        break;
      case VideoKind.sequenceHeader:
      case VideoKind.metadata:
        this.#audioSinceVideo = 0;
        this.#setHeader(headerKey(MessageType.VIDEO, payload), MessageType.VIDEO, payload);
    }
  }

  #observeAudio(timestampMs: number, payload: Uint8Array, offset: number): void {
    const kind = classifyAudio(payload);
    if (kind === AudioKind.sequenceHeader || kind === AudioKind.channelConfig) {
      this.#setHeader(headerKey(MessageType.AUDIO, payload), MessageType.AUDIO, payload);
    } else if (++this.#audioSinceVideo > AUDIO_ONLY_AFTER) {
      const { newest } = this;
      if (newest === null || diffU32(timestampMs, newest.timestampMs) >= AUDIO_ENTRY_MS) {
        this.#addEntry(offset, timestampMs);
      }
    }
  }

  #observeData(payload: Uint8Array): void {
    if (isMetadata(payload)) {
      this.#setHeader(METADATA_KEY, MessageType.DATA_AMF0, payload);
    } else if (isClearDataFrame(payload)) {
      this.#headers = this.#headers.without(METADATA_KEY);
    }
  }

  #setHeader(key: string, typeId: number, payload: Uint8Array): void {
    // Encoders that repeat a header unchanged make no new version of it.
    if (payload.length > MAX_HEADER_BYTES || this.#headers.has(key, payload)) return;
    if (this.#headers.size >= MAX_HEADERS && !this.#headers.hasKey(key)) return;
    this.#headers = this.#headers.with(key, typeId, payload);
  }

  #addEntry(offset: number, timestampMs: number): void {
    this.#entries.push({ offset, timestampMs, headers: this.#headers });
    this.#entryMessages = 0;
    // The second one reaches back far enough: the first is not needed.
    while (this.#entries.length > 1 && this.#reachesBack(this.#entries[1]!, timestampMs)) {
      this.#entries.shift();
    }
  }

  /** An encoder that sends no more keyframes must not make the log grow for ever. */
  #forgetOversized(offset: number): void {
    const { maxBytes, maxMessages } = this.#limits;
    while (this.#entries.length > 0 && offset - this.#entries[0]!.offset > maxBytes) {
      this.#entries.shift();
    }
    if (this.#entryMessages > maxMessages) this.#entries = [];
  }

  #reachesBack(entry: JoinEntry, nowMs: number): boolean {
    return diffU32(nowMs, entry.timestampMs) >= this.#limits.keepBackMs;
  }
}
