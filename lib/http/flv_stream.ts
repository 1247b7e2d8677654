import type { HttpRemuxConfig } from "../config/config.ts";
import { METADATA_KEY } from "../hub/header_set.ts";
import type { JoinPoint } from "../hub/join_index.ts";
import { type EncodedMessage, payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamLogView } from "../hub/message_log.ts";
import { neededFrom } from "../hub/stream_log.ts";
import type { Track } from "../hub/timeline.ts";
import type { FlvTag, FlvTracks } from "../media/flv_file.ts";
import { tracksInMetadata } from "../media/metadata_tracks.ts";
import type { PlayedStream } from "../server/player_sink.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import { createFraming } from "./create_framing.ts";
import type { Framing } from "./framing.ts";

/** The vhost of a stream. Its settings are read at each use, because they may change. */
interface FlvVhost {
  readonly config: {
    readonly httpRemux: HttpRemuxConfig;
    /** `queueLengthMs`: how far a viewer may lag, in ms of stream time. */
    readonly play: { readonly queueLengthMs: number };
  };
}

/** Reads the FLV log. */
interface FlvFollower {
  /** Offset of the next byte it needs, or -1. */
  readonly cursor: number;
}

/**
 * A stream in FLV framing, in chunks of a chunked body (`chunked.ts`), shared by all its HTTP
 * viewers: they are cursors on its log, as RTMP players are cursors on the hub's. It starts at the
 * newest keyframe when the first viewer joins.
 *
 * It follows the hub's log with a cursor that advances when a viewer is about to be written to. So
 * the cost of a message does not depend on the number of viewers.
 */
export class FlvStream implements PlayedStream {
  readonly #stream: Stream;
  readonly #vhost: FlvVhost;
  readonly #chunkSize: number;
  readonly #framing: Framing;
  /** Its container. */
  readonly format: HttpRemuxConfig["format"];
  readonly #followers = new Set<FlvFollower>();
  /** Offset in the hub's log. */
  #cursor: number;
  /** The hub's newest join point at the last {@linkcode catchUp}, and the same one in this log. */
  #hubJoinPoint: JoinPoint | null = null;
  #joinPoint: JoinPoint | null = null;
  #preamble: { readonly joinPoint: JoinPoint; readonly bytes: Uint8Array<ArrayBuffer> } | null =
    null;
  #isEnded = false;

  /** @param chunkSize Chunk size of the hub's log, in bytes. */
  constructor(stream: Stream, vhost: FlvVhost, chunkSize: number) {
    this.#stream = stream;
    this.#vhost = vhost;
    this.#chunkSize = chunkSize;
    this.format = vhost.config.httpRemux.format;
    this.#framing = createFraming(this.format);
    const { joinPoint } = stream;
    if (joinPoint !== null) this.#framing.begin(this.#tagsBefore(joinPoint));
    this.#cursor = joinPoint?.offset ?? stream.log.head;
    this.catchUp();
  }

  get #remux(): HttpRemuxConfig {
    return this.#vhost.config.httpRemux;
  }

  get log(): StreamLogView {
    return this.#framing.log;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.#framing.log.heldBytes;
  }

  get joinPoint(): JoinPoint | null {
    return this.#joinPoint;
  }

  /** Returns the newest join point: only edges ask for older ones, and they do not use HTTP. */
  joinPointBack(): JoinPoint | null {
    return this.#joinPoint;
  }

  /** Offset in the hub's log of the oldest byte it still needs, or -1. */
  get hubCursor(): number {
    return this.#isEnded ? -1 : this.#cursor;
  }

  /** Whether the stream was unpublished, so that nothing follows what is in the log. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether a track of the present source is known. */
  get hasContent(): boolean {
    return this.#isLive("audio") || this.#isLive("video");
  }

  /** Returns the FLV header, the first bytes that a viewer gets. */
  fileHeader(): Uint8Array<ArrayBuffer> {
    return this.#framing.header(this.#tracks());
  }

  preamble(joinPoint: JoinPoint): Uint8Array<ArrayBuffer> {
    if (this.#preamble?.joinPoint !== joinPoint) {
      const bytes = this.#framing.preamble(this.#tagsBefore(joinPoint));
      this.#preamble = { joinPoint, bytes };
    }
    return this.#preamble.bytes;
  }

  /** Keeps the bytes that `follower` needs. */
  join(follower: FlvFollower): void {
    this.#followers.add(follower);
  }

  /** @returns whether there are other followers. */
  leave(follower: FlvFollower): boolean {
    this.#followers.delete(follower);
    return this.#followers.size > 0;
  }

  /** Converts what is new in the hub's log. */
  // HOT: once per viewer and merge period, usually with nothing new; guarded by bench/flv_bench.ts.
  catchUp(): void {
    const { joinPoint, log } = this.#stream;
    if (joinPoint !== this.#hubJoinPoint) {
      this.#hubJoinPoint = joinPoint;
      this.#joinPoint = joinPoint === null ? null : this.#translate(joinPoint);
    }
    this.#convertTo(log.head);
  }

  /** Returns the hub's newest join point, which is never before the cursor, in this log. */
  #translate(joinPoint: JoinPoint): JoinPoint {
    this.#convertTo(joinPoint.offset);
    return { ...joinPoint, offset: this.#framing.log.head };
  }

  #convertTo(end: number): void {
    const { log } = this.#stream;
    // The hub keeps what players within queue_length need; viewers that lag further skip as well.
    if (this.#cursor < log.tail) this.#cursor = Math.min(this.#hubJoinPoint?.offset ?? end, end);
    while (this.#cursor < end) {
      const view = log.view(this.#cursor).subarray(0, end - this.#cursor);
      for (const message of this.#split(view)) this.#convert(message);
      this.#cursor += view.length;
    }
  }

  #convert(message: EncodedMessage): void {
    if (this.#isEnded) return;
    if (message.typeId === MessageType.USER_CONTROL) {
      // The event type is the payload's first u16.
      this.#isEnded = payloadOf(message, this.#chunkSize)[1] === UserControlEvent.STREAM_EOF;
    } else if (this.#isShown(message)) {
      if (this.#framing.log.append(this.#tagOf(message))) this.#forget();
    }
  }

  /** The headers in force at a join point. */
  #tagsBefore(joinPoint: JoinPoint): FlvTag[] {
    return this.#split(this.#stream.preamble(joinPoint)).filter((message) => this.#isShown(message))
      .map((message) => this.#tagOf(message));
  }

  /** HTTP viewers cannot announce that they take several tracks, so they get the default one. */
  #split(bytes: Uint8Array): EncodedMessage[] {
    return splitMessages(this.#stream.singleTrack.of(bytes), this.#chunkSize);
  }

  #isShown({ typeId }: EncodedMessage): boolean {
    const { hasAudio, hasVideo, dropIfNotMatch } = this.#remux;
    switch (typeId) {
      case MessageType.AUDIO:
        return hasAudio || !dropIfNotMatch;
      case MessageType.VIDEO:
        return hasVideo || !dropIfNotMatch;
      default:
        return typeId === MessageType.DATA_AMF0;
    }
  }

  #isLive(track: Track): boolean {
    const { hasAudio, hasVideo, dropIfNotMatch } = this.#remux;
    const isShown = (track === "audio" ? hasAudio : hasVideo) || !dropIfNotMatch;
    return isShown && this.#stream.trackState(track) === "live";
  }

  #tagOf(message: EncodedMessage): FlvTag {
    const { typeId, timestampMs } = message;
    return { typeId, timestampMs, payload: payloadOf(message, this.#chunkSize) };
  }

  /**
   * Returns the tracks to announce. Players such as mpegts.js wait for every announced track, so a
   * track not seen yet is announced only if the metadata mentions it, or if nothing is known; a
   * silent one is not.
   */
  #tracks(): FlvTracks {
    const { hasAudio, hasVideo, guessTracks } = this.#remux;
    if (!guessTracks || !this.hasContent) return { hasAudio, hasVideo };
    const metadata = this.#stream.headers.payloadOf(METADATA_KEY);
    const hints = metadata === null ? null : tracksInMetadata(metadata);
    return {
      hasAudio: hasAudio && (this.#isLive("audio") || hints?.hasAudio === true),
      hasVideo: hasVideo && (this.#isLive("video") || hints?.hasVideo === true),
    };
  }

  /** Drops what no viewer needs. Once per slab, so it may walk viewers. */
  #forget(): void {
    const maxLagMs = this.#vhost.config.play.queueLengthMs;
    const joinOffset = this.#joinPoint?.offset ?? this.#framing.log.head;
    const use = { joinOffset, viewers: this.#followers, maxLagMs };
    this.#framing.log.dropBefore(neededFrom(this.#framing.log, use));
  }
}

/** The streams in FLV framing, each for as long as it has viewers. */
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

  /** Joins `stream` in FLV framing, and creates that if needed. */
  join(stream: Stream, follower: FlvFollower, vhost: FlvVhost): FlvStream {
    let flvStream = this.#streams.get(stream);
    flvStream?.catchUp();
    const isOther = flvStream?.format !== vhost.config.httpRemux.format;
    if (flvStream === undefined || flvStream.isEnded || isOther) {
      flvStream = new FlvStream(stream, vhost, this.#chunkSize);
      this.#streams.set(stream, flvStream);
    }
    flvStream.join(follower);
    return flvStream;
  }

  /** Leaves what {@linkcode join} returned. */
  leave(stream: Stream, flvStream: FlvStream, follower: FlvFollower): void {
    const isUsed = flvStream.leave(follower);
    // An ended one may have a successor already.
    if (!isUsed && this.#streams.get(stream) === flvStream) this.#streams.delete(stream);
  }
}
