import type { AmfValue } from "../amf/amf_value.ts";
import { quotePeerText } from "../base/text.ts";
import type { Command } from "../rtmp/commands.ts";
import { MEDIA_MSID, MessageType, StatusCode, UserControlEvent } from "../rtmp/constants.ts";
import { encodeUserControl } from "../rtmp/control_messages.ts";
import type { Refusal, Status } from "../rtmp/status.ts";
import type { CommandWriter } from "./command_writer.ts";
import { EarlyMedia } from "./early_media.ts";
import { playStart } from "./play_start.ts";
import type { LimitedState } from "./session_limits.ts";

/** A kind of media that a player can refuse. */
export type MediaTrack = "audio" | "video";

/** A peer's `publish` or `play`. */
export interface StreamCommand {
  readonly id: number;
  /** May have parameters: `show?token=…`. */
  readonly streamName: string;
}

/** Receives the requests, media and events of a {@linkcode ServerStream}. */
export interface ServerStreamHandler {
  onPublish(request: StreamCommand): void;
  onPlay(request: StreamCommand): void;
  /** A message of the accepted publish: type 8, 9 or 18. Do not keep `payload`. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  /** A data message of a player: our edges send reports. Do not keep `payload`. */
  onPlayerData?(payload: Uint8Array): void;
  /** The peer ended its publish or play, or withdrew the request. */
  onStreamClosed(): void;
  onPause(isPaused: boolean): void;
  /** The player wants messages of this track, or no more of them. */
  onReceive(track: MediaTrack, isWanted: boolean): void;
  /**
   * The session refused a request that it could not read, and the peer was told. Log it and close
   * the connection soon.
   */
  onRefused(refusal: Refusal): void;
  /** A message was ignored. Called once per kind of message and connection. */
  onIgnored(what: string): void;
}

type StreamState =
  | { readonly type: "idle" }
  | { readonly type: "play requested"; readonly id: number }
  | {
    readonly type: "publish requested";
    readonly id: number;
    /** Media received before the answer. */
    readonly early: EarlyMedia;
  }
  | { readonly type: "playing" }
  | { readonly type: "publishing"; readonly early: EarlyMedia };

const REQUESTED = { playing: "play requested", publishing: "publish requested" } as const;

const LIMITED_STATES: Readonly<Record<StreamState["type"], LimitedState>> = {
  idle: "idle",
  "play requested": "playing",
  playing: "playing",
  "publish requested": "asking",
  publishing: "publishing",
};

/** Shared: most players want all of a stream. */
const NO_TRACKS: readonly MediaTrack[] = [];

const IDLE: StreamState = { type: "idle" };
const PLAYING: StreamState = { type: "playing" };

/** Commands that common clients send and that need no more than an empty answer. */
const HARMLESS: readonly string[] = ["_checkbw", "checkBandwidth", "FCSubscribe", "FCUnsubscribe"];

/** Id of a connection's `connect` request. Those of its streams follow. */
export const CONNECT_REQUEST_ID = 1;

/**
 * What a connected client does: publish or play one stream at a time, in every dialect that clients
 * use. Runs all commands except `connect`.
 *
 *     IDLE ── publish ──> PUBLISH REQUESTED ── acceptPublish() ──> PUBLISHING
 *       └───── play ────> PLAY REQUESTED ────── acceptPlay() ────> PLAYING
 *
 * From any state, the peer returns to IDLE with `closeStream`, `deleteStream`, `FCUnpublish` or
 * another `publish` or `play`. So do `reject()` from both requested states and `end()` from
 * all four.
 */
export class ServerStream {
  readonly #handler: ServerStreamHandler;
  readonly #writer: CommandWriter;
  #state: StreamState = IDLE;
  /** Whether FMLE's releaseStream or FCPublish preceded `publish`: the peer expects onFCPublish. */
  #isFmle = false;
  #lastRequestId = CONNECT_REQUEST_ID;
  /** Message stream id of the request, on which the peer expects its statuses. */
  #msid: number = MEDIA_MSID;
  /** Whether a second stream was refused: only then may media on another id belong to that. */
  #hasRefusedSecond = false;
  #unwanted = NO_TRACKS;
  #hasReportedMedia = false;
  #hasReportedCommand = false;

  constructor(handler: ServerStreamHandler, writer: CommandWriter) {
    this.#handler = handler;
    this.#writer = writer;
  }

  /** What the player refuses, from before its play started or since. */
  get unwantedTracks(): readonly MediaTrack[] {
    return this.#unwanted;
  }

  /** What the peer does, as far as limits depend on it. */
  get limitedState(): LimitedState {
    return LIMITED_STATES[this.#state.type];
  }

  /** Announces a play. Returns false when the peer has withdrawn the request. */
  acceptPlay(id: number): boolean {
    const state = this.#state;
    if (state.type !== "play requested" || state.id !== id) return false;
    this.#state = PLAYING;
    this.#writer.send(playStart(this.#writer.chunkSize));
    return true;
  }

  /** Announces a publish. Returns false when the peer has withdrawn the request. */
  acceptPublish(id: number): boolean {
    const state = this.#state;
    if (state.type !== "publish requested" || state.id !== id) return false;
    this.#state = { type: "publishing", early: state.early };
    const status: Status = {
      level: "status",
      code: StatusCode.PUBLISH_START,
      description: "Started publishing stream",
    };
    if (this.#isFmle) this.#writer.fcStatus("onFCPublish", status);
    this.#writer.status(status, this.#msid);
    return true;
  }

  /** Refuses the pending request `id`. Does nothing when the peer has withdrawn it. */
  reject(id: number, refusal: Refusal): void {
    if (!("id" in this.#state) || this.#state.id !== id) return;
    this.#state = IDLE;
    this.#writer.status({ level: "error", ...refusal }, this.#msid);
  }

  /** Ends the publish or play, accepted or not, and sends the reason to the peer. */
  end(type: "publishing" | "playing", refusal: Refusal): void {
    if (this.#state.type !== type && this.#state.type !== REQUESTED[type]) return;
    this.#state = IDLE;
    this.#writer.status({ level: "error", ...refusal }, this.#msid);
  }

  /**
   * Takes an audio, video or data message from the peer.
   *
   * DEVIATION: media belongs to the stream whose id it carries (RTMP 1.0 §5.3.1.2.5) | because
   * c-bata/rtmp and others write the id in the wrong byte order, or one that they were not given;
   * with one stream per connection only that one can be meant | test "ServerSession takes media on
   * another message stream id than the given one"
   */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array, msid: number): void {
    // Media may follow a refused publish of a second stream, whose answer was not awaited.
    if (this.#hasRefusedSecond && !this.#isOwn(msid)) return this.#ignoreMedia(msid);
    const state = this.#state;
    if (state.type === "publishing") {
      state.early.drain(this.#handler);
      this.#handler.onMedia(typeId, timestampMs, payload);
    } else if (state.type === "publish requested") {
      state.early.add(typeId, timestampMs, payload);
    } else if (typeId === MessageType.DATA_AMF0 && state.type !== "idle") {
      this.#handler.onPlayerData?.(payload);
    }
  }

  /** Runs a command from the peer. */
  onCommand(command: Command, msid: number): void {
    switch (command.name) {
      case "createStream":
        return this.#onCreateStream(command);
      case "publish":
      case "play":
        return this.#onRequest(command.name, command, msid);
      case "releaseStream":
      case "FCPublish":
      case "FCUnpublish":
        return this.#onFmle(command);
      // A connection has one stream. Ignore ids that were never given out for use.
      case "closeStream":
        if (this.#isOwn(msid)) this.#close();
        return;
      case "deleteStream":
        if (command.values[1] === MEDIA_MSID || command.values[1] === this.#msid) this.#close();
        return;
      case "pause":
        if (this.#isOwn(msid)) this.#onPause(command);
        return;
      case "seek":
        return this.#onSeek();
      case "receiveAudio":
        return this.#onReceive("audio", command.values[1]);
      case "receiveVideo":
        return this.#onReceive("video", command.values[1]);
      case "play2":
      case "pauseRaw":
        return this.#onUnsupported(command);
      case "getStreamLength":
        // Live streams have no length. ffmpeg warns when the answer is not a number.
        return this.#writer.result(command.transactionId, 0);
      case "_result":
      case "_error":
      case "onStatus":
        return; // Answers to onBWDone and the like.
      default:
        return this.#onUnknown(command);
    }
  }

  /** Clients continue after an empty answer. */
  #onUnknown({ name, transactionId }: Command): void {
    if (transactionId > 0) this.#writer.result(transactionId, null);
    if (this.#hasReportedCommand || HARMLESS.includes(name)) return;
    this.#hasReportedCommand = true;
    this.#handler.onIgnored(`unknown command ${quotePeerText(name)}`);
  }

  #ignoreMedia(msid: number): void {
    if (this.#hasReportedMedia) return;
    this.#hasReportedMedia = true;
    this.#handler.onIgnored(`media on message stream ${msid}, whose publish was refused`);
  }

  /** Whether a message on this message stream concerns the connection's stream. */
  #isOwn(msid: number): boolean {
    return msid <= MEDIA_MSID || msid === this.#msid;
  }

  #onCreateStream(command: Command): void {
    // All players get the same bytes, with stream id 1, so a client gets id 1, even if it asks
    // again before using it. While a stream is in use, it gets another id, which cannot be used.
    const msid = this.#state.type === "idle" ? MEDIA_MSID : MEDIA_MSID + 1;
    this.#writer.result(command.transactionId, msid);
  }

  #onRequest(kind: "play" | "publish", command: Command, msid: number): void {
    const objection = this.#objectionTo(kind, msid);
    if (objection !== null) {
      if (!this.#hasRefusedSecond) {
        this.#handler.onIgnored(`${kind} on message stream ${msid}: ${objection}`);
      }
      this.#hasRefusedSecond = true;
      this.#refuse(kind, objection, msid);
      return;
    }
    const name = command.values[1];
    // Flash's publish(false) and play(false) stop the stream.
    if (name === false) return this.#close();
    if (typeof name !== "string") {
      const reason = command.damage?.message ??
        "the stream name is missing; add it to the URL: rtmp://host[:port]/app/stream";
      return this.#handler.onRefused(this.#refuse(kind, `Cannot ${kind}: ${reason}`, msid));
    }
    this.#close();
    this.#msid = Math.max(msid, MEDIA_MSID);
    const id = ++this.#lastRequestId;
    if (kind === "play") {
      this.#state = { type: "play requested", id };
      this.#handler.onPlay({ id, streamName: name });
    } else {
      this.#state = { type: "publish requested", id, early: new EarlyMedia() };
      this.#handler.onPublish({ id, streamName: name });
    }
  }

  /** Returns why the peer may not use this message stream, or null. */
  #objectionTo(kind: "play" | "publish", msid: number): string | null {
    if (this.#isOwn(msid)) return null;
    if (this.#state.type !== "idle") {
      return "One stream per connection: open a second connection for another one";
    }
    // All players get the same bytes, so they must use the id in those.
    return kind === "publish"
      ? null
      : `Players get media on message stream ${MEDIA_MSID}, which createStream gives`;
  }

  #refuse(kind: "play" | "publish", description: string, msid: number): Refusal {
    const code = kind === "play" ? StatusCode.PLAY_FAILED : StatusCode.PUBLISH_FAILED;
    this.#writer.status({ level: "error", code, description }, Math.max(msid, MEDIA_MSID));
    return { code, description };
  }

  #onFmle({ name, transactionId }: Command): void {
    const { type } = this.#state;
    const isPublisher = type === "publishing" || type === "publish requested";
    // FMLE starts over with any of the three. IP cameras that did not start with them send
    // FCPublish after publish; ignore that.
    const isEnd = isPublisher && (name === "FCUnpublish" || this.#isFmle);
    if (!isPublisher && name !== "FCUnpublish") this.#isFmle = true;
    if (isEnd && type === "publishing") {
      this.#sendUnpublished(transactionId);
    } else {
      this.#writer.result(transactionId, undefined);
    }
    if (isEnd) this.#close();
  }

  #sendUnpublished(transactionId: number): void {
    const status: Status = {
      level: "status",
      code: StatusCode.UNPUBLISH_SUCCESS,
      description: "Stopped publishing stream",
    };
    this.#writer.fcStatus("onFCUnpublish", status);
    this.#writer.result(transactionId, undefined);
    this.#writer.status(status, this.#msid);
  }

  #onPause(command: Command): void {
    const isPaused = command.values[1];
    if (this.#state.type !== "playing" || typeof isPaused !== "boolean") return;
    this.#writer.status({
      level: "status",
      code: isPaused ? StatusCode.PAUSE_NOTIFY : StatusCode.UNPAUSE_NOTIFY,
      description: isPaused ? "Paused stream" : "Unpaused stream",
    });
    const event = isPaused ? UserControlEvent.STREAM_EOF : UserControlEvent.STREAM_BEGIN;
    this.#writer.send(encodeUserControl(event, MEDIA_MSID));
    this.#handler.onPause(isPaused);
  }

  /** ffmpeg and mpv drop all media from their `seek` on until they get this status. */
  #onSeek(): void {
    if (this.#state.type !== "playing") return;
    this.#writer.status({
      level: "status",
      code: StatusCode.SEEK_NOTIFY,
      description: "A live stream continues at its live position",
    });
  }

  /** RTMP 1.0 §7.2.2.4 and §7.2.2.5. Both statuses follow only a change back to `true`. */
  #onReceive(track: MediaTrack, isWanted: AmfValue): void {
    const isKnown = isWanted === !this.#unwanted.includes(track);
    if (typeof isWanted !== "boolean" || isKnown) return;
    this.#unwanted = isWanted
      ? this.#unwanted.filter((other) => other !== track)
      : [...this.#unwanted, track];
    if (this.#state.type !== "playing") return;
    if (isWanted) {
      const description = `Receiving ${track}`;
      this.#writer.status({ level: "status", code: StatusCode.SEEK_NOTIFY, description });
      this.#writer.status({ level: "status", code: StatusCode.PLAY_START, description });
    }
    this.#handler.onReceive(track, isWanted);
  }

  /** `play2` changes the bitrate. `pauseRaw` accompanies a `pause`, which is the one to obey. */
  #onUnsupported({ name, transactionId }: Command): void {
    const description = `${name} is not supported`;
    if (transactionId > 0) return this.#writer.error(transactionId, description);
    if (name !== "play2" || this.#state.type !== "playing") return;
    this.#writer.status({ level: "error", code: StatusCode.PLAY_FAILED, description });
  }

  #close(): void {
    if (this.#state.type === "idle") return;
    this.#state = IDLE;
    this.#unwanted = NO_TRACKS;
    this.#handler.onStreamClosed();
  }
}
