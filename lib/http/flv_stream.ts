/**
 * A stream in FLV framing, in the chunks of a chunked body (`chunked.ts`). It is made when the first viewer
 * over HTTP comes, from the stream's newest keyframe on, and shared by all of them: they are cursors on its
 * log, as RTMP's players are on the hub's.
 *
 * It follows the hub's log with a cursor of its own, which moves when a viewer is about to be written to.
 * So a message costs the same with one viewer or with a thousand.
 */

import { concatBytes } from "../base/bytes.ts";
import type { HttpRemuxConfig } from "../config/config.ts";
import { METADATA_KEY } from "../hub/header_set.ts";
import type { JoinPoint } from "../hub/join_index.ts";
import { type EncodedMessage, payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { Stream } from "../hub/stream.ts";
import { neededFrom, type StreamLogView } from "../hub/stream_log.ts";
import { encodeFlvHeader, encodeFlvTag, type FlvTag, type FlvTracks } from "../media/flv_file.ts";
import type { PlayedStream } from "../server/player_sink.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import { toChunk } from "./chunked.ts";
import { FlvLog } from "./flv_log.ts";
import { tracksInMetadata } from "./metadata_tracks.ts";

/** Options of {@linkcode FlvStream}. */
export interface FlvStreamOptions {
  /** Chunk size of the hub's log, in bytes. */
  readonly chunkSize: number;
  readonly remux: HttpRemuxConfig;
  /** How far a viewer may lag and still find its bytes in the log, in ms of stream time. */
  readonly maxLagMs: number;
}

/** Somebody who follows the FLV log: an offset in it, or -1. */
export interface FlvFollower {
  readonly cursor: number;
}

/** See the file comment. */
export class FlvStream implements PlayedStream {
  readonly #stream: Stream;
  readonly #options: FlvStreamOptions;
  readonly #log = new FlvLog();
  readonly #followers = new Set<FlvFollower>();
  /** Offset in the hub's log. */
  #cursor: number;
  /** The hub's newest place to begin when this was last looked at, and the same place here. */
  #hubEntry: JoinPoint | null = null;
  #entry: JoinPoint | null = null;
  #preamble: { readonly entry: JoinPoint; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;
  #hasAudio = false;
  #hasVideo = false;
  #isEnded = false;

  constructor(stream: Stream, options: FlvStreamOptions) {
    this.#stream = stream;
    this.#options = options;
    const entry = stream.joinPoint;
    this.#cursor = entry?.offset ?? stream.log.head;
    if (entry !== null) this.#noteTracksBefore(entry);
    this.catchUp();
  }

  get log(): StreamLogView {
    return this.#log;
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    return this.#log.heldBytes;
  }

  get joinPoint(): JoinPoint | null {
    return this.#entry;
  }

  /** Nobody takes a stream over by way of HTTP, so nothing older than the newest place is kept. */
  joinPointBack(): JoinPoint | null {
    return this.#entry;
  }

  /** Offset in the hub's log up to which nothing is needed any more, or -1 when nothing is. */
  get hubCursor(): number {
    return this.#isEnded ? -1 : this.#cursor;
  }

  /** The stream was unpublished: nothing follows what is in the log. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** There is something to tell the tracks by. */
  get hasContent(): boolean {
    return this.#hasAudio || this.#hasVideo;
  }

  /** What comes before everything else that a viewer gets. */
  fileHeader(): Uint8Array<ArrayBuffer> {
    return toChunk(encodeFlvHeader(this.#tracks()));
  }

  preamble(entry: JoinPoint): Uint8Array<ArrayBuffer> {
    if (this.#preamble?.entry !== entry) {
      const tags = this.#messagesIn(this.#stream.preamble(entry)).map((message) =>
        encodeFlvTag(this.#tagOf(message))
      );
      this.#preamble = { entry, bytes: toChunk(concatBytes(tags)) };
    }
    return this.#preamble.bytes;
  }

  /** Keeps the log from what `follower` needs on. */
  join(follower: FlvFollower): void {
    this.#followers.add(follower);
  }

  /** @returns whether anybody is left. */
  leave(follower: FlvFollower): boolean {
    this.#followers.delete(follower);
    return this.#followers.size > 0;
  }

  /** Takes over what is new in the hub's log. */
  // HOT: once per viewer and merge period, mostly for nothing; guarded by bench/flv_bench.ts.
  catchUp(): void {
    const { joinPoint, log } = this.#stream;
    if (joinPoint !== this.#hubEntry) {
      this.#hubEntry = joinPoint;
      this.#entry = joinPoint === null ? null : this.#translate(joinPoint);
    }
    this.#convertTo(log.head);
  }

  /** The hub's newest place to begin, which is never one before the cursor, as a place here. */
  #translate(entry: JoinPoint): JoinPoint {
    this.#convertTo(entry.offset);
    return { ...entry, offset: this.#log.head };
  }

  #convertTo(end: number): void {
    const { log } = this.#stream;
    // The hub keeps what lags no more than a player may; viewers that lag more skip as well.
    if (this.#cursor < log.tail) this.#cursor = Math.min(this.#hubEntry?.offset ?? end, end);
    while (this.#cursor < end) {
      const view = log.view(this.#cursor).subarray(0, end - this.#cursor);
      for (const message of splitMessages(view, this.#options.chunkSize)) this.#convert(message);
      this.#cursor += view.length;
    }
  }

  #convert(message: EncodedMessage): void {
    if (this.#isEnded) return;
    if (message.typeId === MessageType.USER_CONTROL) {
      // The event is the payload's first u16.
      this.#isEnded =
        payloadOf(message, this.#options.chunkSize)[1] === UserControlEvent.STREAM_EOF;
    } else if (this.#isShown(message)) {
      this.#noteTrack(message);
      if (this.#log.append(this.#tagOf(message))) this.#forget();
    }
  }

  #messagesIn(bytes: Uint8Array): EncodedMessage[] {
    return splitMessages(bytes, this.#options.chunkSize).filter((message) =>
      this.#isShown(message)
    );
  }

  #isShown({ typeId }: EncodedMessage): boolean {
    const { hasAudio, hasVideo, dropIfNotMatch } = this.#options.remux;
    switch (typeId) {
      case MessageType.AUDIO:
        return hasAudio || !dropIfNotMatch;
      case MessageType.VIDEO:
        return hasVideo || !dropIfNotMatch;
      default:
        return typeId === MessageType.DATA_AMF0;
    }
  }

  /** Tracks without a sequence header show in what the hub still has of the time before. */
  #noteTracksBefore(entry: JoinPoint): void {
    for (const message of this.#messagesIn(this.#stream.preamble(entry))) this.#noteTrack(message);
    const { log } = this.#stream;
    let at = this.#stream.joinPointAt(0)!.offset;
    while (at < entry.offset) {
      const view = log.view(at).subarray(0, entry.offset - at);
      for (const message of this.#messagesIn(view)) this.#noteTrack(message);
      at += view.length;
    }
  }

  #noteTrack({ typeId }: EncodedMessage): void {
    if (typeId === MessageType.AUDIO) this.#hasAudio = true;
    if (typeId === MessageType.VIDEO) this.#hasVideo = true;
  }

  #tagOf(message: EncodedMessage): FlvTag {
    const { typeId, timestampMs } = message;
    return { typeId, timestampMs, payload: payloadOf(message, this.#options.chunkSize) };
  }

  /**
   * What a viewer that begins now may expect. Players such as mpegts.js wait for a track that was announced,
   * so what was not seen yet is announced only when the metadata speaks of it, or when nothing is known.
   */
  #tracks(): FlvTracks {
    const { hasAudio, hasVideo, guessTracks } = this.#options.remux;
    if (!guessTracks || !this.hasContent) return { hasAudio, hasVideo };
    const metadata = this.#stream.headers.payloadOf(METADATA_KEY);
    const hints = metadata === null ? null : tracksInMetadata(metadata);
    return {
      hasAudio: hasAudio && (this.#hasAudio || hints?.hasAudio === true),
      hasVideo: hasVideo && (this.#hasVideo || hints?.hasVideo === true),
    };
  }

  /** Drops what nobody needs. Once per slab, so it may walk viewers. */
  #forget(): void {
    const { maxLagMs } = this.#options;
    const joinOffset = this.#entry?.offset ?? this.#log.head;
    const use = { joinOffset, viewers: this.#followers, maxLagMs };
    this.#log.dropBefore(neededFrom(this.#log, use));
  }
}

/** Streams in FLV framing, as long as somebody watches them. */
export class FlvStreams {
  readonly #chunkSize: number;
  readonly #streams = new Map<Stream, FlvStream>();

  /** @param chunkSize Chunk size of the hub's logs, in bytes. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Streams held. */
  get count(): number {
    return this.#streams.size;
  }

  /** Joins `stream` in FLV framing, which is made when there is none. */
  join(
    stream: Stream,
    follower: FlvFollower,
    options: Omit<FlvStreamOptions, "chunkSize">,
  ): FlvStream {
    let flvStream = this.#streams.get(stream);
    flvStream?.catchUp();
    if (flvStream === undefined || flvStream.isEnded) {
      flvStream = new FlvStream(stream, { ...options, chunkSize: this.#chunkSize });
      this.#streams.set(stream, flvStream);
    }
    flvStream.join(follower);
    return flvStream;
  }

  /** Leaves what {@linkcode join} gave. */
  leave(stream: Stream, flvStream: FlvStream, follower: FlvFollower): void {
    const isUsed = flvStream.leave(follower);
    // One that has ended may have a successor.
    if (!isUsed && this.#streams.get(stream) === flvStream) this.#streams.delete(stream);
  }
}
