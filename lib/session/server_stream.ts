import { WireError } from "../base/errors.ts";
import type { Command } from "../rtmp/commands.ts";
import { MEDIA_MSID, StatusCode, UserControlEvent } from "../rtmp/constants.ts";
import { encodeUserControl } from "../rtmp/control_messages.ts";
import type { Refusal, Status } from "../rtmp/status.ts";
import type { CommandWriter } from "./command_writer.ts";
import { EarlyMedia } from "./early_media.ts";
import { playStart } from "./play_start.ts";

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
  /** The peer ended its publish or play, or withdrew the request. */
  onStreamClosed(): void;
  onPause(isPaused: boolean): void;
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

const IDLE: StreamState = { type: "idle" };
const PLAYING: StreamState = { type: "playing" };

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
 * another `publish` or `play`. So do `reject()` from both requested states and `endPublish()` from
 * PUBLISHING.
 */
export class ServerStream {
  readonly #handler: ServerStreamHandler;
  readonly #writer: CommandWriter;
  #state: StreamState = IDLE;
  /** Whether FMLE's releaseStream or FCPublish preceded `publish`: the peer expects onFCPublish. */
  #isFmle = false;
  #lastRequestId = CONNECT_REQUEST_ID;

  constructor(handler: ServerStreamHandler, writer: CommandWriter) {
    this.#handler = handler;
    this.#writer = writer;
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
    this.#writer.status(status);
    return true;
  }

  /** Refuses the pending request `id`. Does nothing when the peer has withdrawn it. */
  reject(id: number, refusal: Refusal): void {
    if (!("id" in this.#state) || this.#state.id !== id) return;
    this.#state = IDLE;
    this.#writer.status({ level: "error", ...refusal });
  }

  /** Ends the accepted publish and sends the reason to the publisher. */
  endPublish(refusal: Refusal): void {
    if (this.#state.type !== "publishing") return;
    this.#state = IDLE;
    this.#writer.status({ level: "error", ...refusal });
  }

  /** Takes an audio, video or data message from the peer. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array, msid: number): void {
    // Peers may send media of a refused publish: a second one on another id, or one not awaited.
    if (msid > MEDIA_MSID) return;
    const state = this.#state;
    if (state.type === "publishing") {
      state.early.drain(this.#handler);
      this.#handler.onMedia(typeId, timestampMs, payload);
    } else if (state.type === "publish requested") {
      state.early.add(typeId, timestampMs, payload);
    }
  }

  /**
   * Runs a command from the peer.
   *
   * @throws {WireError} `session.no_stream_name`
   */
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
        if (msid <= MEDIA_MSID) this.#close();
        return;
      case "deleteStream":
        if (command.values[1] === MEDIA_MSID) this.#close();
        return;
      case "pause":
        if (msid <= MEDIA_MSID) this.#onPause(command);
        return;
      case "getStreamLength":
        // Live streams have no length. ffmpeg warns when the answer is not a number.
        return this.#writer.result(command.transactionId, 0);
      case "_result":
      case "_error":
      case "onStatus":
        return; // Answers to onBWDone and the like.
      default:
        // _checkbw, FCSubscribe, …: clients continue after an empty answer.
        if (command.transactionId > 0) this.#writer.result(command.transactionId, null);
    }
  }

  #onCreateStream(command: Command): void {
    // All players get the same bytes, with stream id 1, so a client gets id 1, even if it asks
    // again before using it. While a stream is in use, it gets another id, which cannot be used.
    const msid = this.#state.type === "idle" ? MEDIA_MSID : MEDIA_MSID + 1;
    this.#writer.result(command.transactionId, msid);
  }

  #onRequest(kind: "play" | "publish", command: Command, msid: number): void {
    if (msid > MEDIA_MSID) {
      return this.#writer.status(
        {
          level: "error",
          code: kind === "play" ? StatusCode.PLAY_FAILED : StatusCode.PUBLISH_FAILED,
          description: "One stream per connection: open a second connection for another one",
        },
        msid,
      );
    }
    const name = command.values[1];
    // Flash's publish(false) and play(false) stop the stream.
    if (name === false) return this.#close();
    if (typeof name !== "string") {
      throw new WireError("session.no_stream_name", `Cannot ${kind}: the stream name is missing`, {
        fix: "add the stream name to the client's URL: rtmp://host[:port]/app/stream",
      });
    }
    this.#close();
    const id = ++this.#lastRequestId;
    if (kind === "play") {
      this.#state = { type: "play requested", id };
      this.#handler.onPlay({ id, streamName: name });
    } else {
      this.#state = { type: "publish requested", id, early: new EarlyMedia() };
      this.#handler.onPublish({ id, streamName: name });
    }
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
    this.#writer.status(status);
  }

  #onPause(command: Command): void {
    if (this.#state.type !== "playing") return;
    const isPaused = command.values[1] === true;
    this.#writer.status({
      level: "status",
      code: isPaused ? StatusCode.PAUSE_NOTIFY : StatusCode.UNPAUSE_NOTIFY,
      description: isPaused ? "Paused stream" : "Unpaused stream",
    });
    const event = isPaused ? UserControlEvent.STREAM_EOF : UserControlEvent.STREAM_BEGIN;
    this.#writer.send(encodeUserControl(event, MEDIA_MSID));
    this.#handler.onPause(isPaused);
  }

  #close(): void {
    if (this.#state.type === "idle") return;
    this.#state = IDLE;
    this.#handler.onStreamClosed();
  }
}
