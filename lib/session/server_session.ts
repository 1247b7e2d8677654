/**
 * The server's side of one RTMP connection: handshake, `connect`, then publishing or playing one
 * stream at a time, in every dialect clients speak. Bytes in, calls out; no clock, no promises, no
 * sockets.
 *
 * Whatever needs a decision (connect, publish, play) becomes a request with an id, and nothing is
 * announced to the peer before `accept…(id)` or `reject(id)`. The answer may come at any later time; one
 * that comes after the peer withdrew its request is ignored. Peers that do not wait for answers lose
 * nothing: commands behind `connect` and media behind `publish` are kept, within limits, until then.
 *
 * Orders of messages follow SRS, which clients are tested against, with one difference: success is
 * announced after the decision, not before.
 */

import { amfEcmaArray, AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import { WireError } from "../base/errors.ts";
import { quotePeerText } from "../base/text.ts";
import { VERSION } from "../base/version.ts";
import type { ChunkLimits } from "../rtmp/chunk_reader.ts";
import { type Command, encodeCommand } from "../rtmp/commands.ts";
import {
  CONTROL_MSID,
  INITIAL_CHUNK_SIZE,
  MEDIA_MSID,
  StatusCode,
  UserControlEvent,
} from "../rtmp/constants.ts";
import {
  encodePingRequest,
  encodeSetChunkSize,
  encodeSetPeerBandwidth,
  encodeUserControl,
  encodeWindowAckSize,
  type UserControl,
} from "../rtmp/control_messages.ts";
import { type HandshakeOptions, ServerHandshake } from "../rtmp/handshake.ts";
import { type Refusal, type Status, statusCommand, statusObject } from "../rtmp/status.ts";
import { EarlyMedia } from "./early_media.ts";
import { MessageLayer, type MessageLayerHandler } from "./message_layer.ts";
import { playStart } from "./play_start.ts";

/** A peer's `connect`. */
export interface ConnectRequest {
  readonly id: number;
  readonly app: string;
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  /** E.g. `LNX 9,0,124,2` or `FMLE/3.0`. */
  readonly flashVer: string;
  /** Second argument, in which clients of SRS pass tokens and its edges say who they are; or null. */
  readonly args: AmfObject | null;
}

/** A peer's `publish` or `play`. The stream name may carry parameters: `show?token=…`. */
export interface StreamCommand {
  readonly id: number;
  readonly streamName: string;
}

/** Receives what a {@linkcode ServerSession} finds. */
export interface ServerSessionHandler {
  /** Bytes for the peer, in order. They may be kept, but not changed: some are the same for all. */
  send(bytes: Uint8Array): void;
  /** `info` is the whole connect object; what is not in `request` is read now, it is not to be kept. */
  onConnect(request: ConnectRequest, info: AmfObject): void;
  onPublish(request: StreamCommand): void;
  onPlay(request: StreamCommand): void;
  /** A message of the accepted publish: type 8, 9 or 18. `payload` is valid during the call only. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  /** The accepted or still undecided publish or play is over by the peer's wish. */
  onStreamClosed(): void;
  onPause(isPaused: boolean): void;
  onPong(timestampMs: number): void;
  onAcknowledgement(totalBytes: number): void;
  /** A message that was ignored: called once per kind and connection. */
  onIgnored(what: string): void;
}

/** Acknowledgement windows of a connection, in bytes. */
export interface AckWindows {
  /** Asked of the peer; 0 asks for none. */
  readonly outAckSizeBytes: number;
  /** Acknowledge at least this often; 0 leaves it to the peer's window. */
  readonly inAckSizeBytes: number;
}

/** Options of {@linkcode ServerSession}. */
export interface ServerSessionOptions {
  /** Size of the chunks written to the peer, in bytes: one constant for the process. */
  readonly chunkSize: number;
  readonly handshake: HandshakeOptions;
  readonly limits?: ChunkLimits;
}

/** A command and the message stream it came on. */
interface StreamedCommand {
  readonly command: Command;
  readonly msid: number;
}

type ConnectState =
  | { readonly state: "none" }
  | {
    readonly state: "pending";
    readonly id: number;
    readonly tid: number;
    readonly objectEncoding: number;
    /** What the peer sent ahead of the answer. */
    readonly early: StreamedCommand[];
  }
  | { readonly state: "done" }
  | { readonly state: "refused" };

type Role =
  | { readonly state: "idle" }
  | {
    readonly state: "pending";
    readonly kind: "play" | "publish";
    readonly id: number;
    /** What a publisher sent ahead of the answer. */
    readonly early: EarlyMedia;
  }
  | { readonly state: "playing" }
  | { readonly state: "publishing"; readonly early: EarlyMedia };

/** Most commands kept while `connect` is undecided; a whole FMLE publish takes five. */
const MAX_EARLY_COMMANDS = 8;

/** Clients look for a Flash server's name here; SRS gives this one. */
const FMS_VERSION = "FMS/3,5,3,888";

/** See the file comment. */
export class ServerSession implements MessageLayerHandler {
  readonly #handler: ServerSessionHandler;
  readonly #options: ServerSessionOptions;
  readonly #messages: MessageLayer;
  #handshake: ServerHandshake | null;
  #connect: ConnectState = { state: "none" };
  #role: Role = { state: "idle" };
  /** The peer sent FMLE's releaseStream or FCPublish before `publish`: it waits for onFCPublish too. */
  #isFmle = false;
  #lastRequestId = 0;

  constructor(handler: ServerSessionHandler, options: ServerSessionOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#handshake = new ServerHandshake(options.handshake);
    this.#messages = new MessageLayer(this, options.limits);
  }

  /**
   * Takes the next bytes from the peer; they may be used again when this returns.
   *
   * @throws {WireError} when the peer breaks the protocol; the connection is to be closed.
   */
  push(bytes: Uint8Array): void {
    if (this.#handshake === null) return this.#messages.push(bytes);
    const step = this.#handshake.push(bytes);
    if (step.send !== null) this.#handler.send(step.send);
    if (!step.done) return;
    this.#handshake = null;
    if (step.rest.length > 0) this.#messages.push(step.rest);
  }

  /**
   * Answers a connect request with success, then runs what the peer sent ahead.
   *
   * @throws {WireError} as {@linkcode ServerSession.push} does.
   */
  acceptConnect(id: number, { outAckSizeBytes, inAckSizeBytes }: AckWindows): void {
    const connect = this.#connect;
    if (connect.state !== "pending" || connect.id !== id) return;
    this.#connect = { state: "done" };
    if (inAckSizeBytes > 0) this.#messages.setAckWindow(inAckSizeBytes);
    if (outAckSizeBytes > 0) {
      this.send(encodeWindowAckSize(outAckSizeBytes));
      this.send(encodeSetPeerBandwidth(outAckSizeBytes));
    }
    // Before the first message above 128 bytes, which the next one is: OBS reads it with the new size.
    this.send(encodeSetChunkSize(this.#options.chunkSize));
    this.#sendCommand(CONTROL_MSID, {
      name: "_result",
      transactionId: connect.tid,
      values: [
        amfObject({ fmsVer: FMS_VERSION, capabilities: 127, mode: 1 }),
        amfObject({
          level: "status",
          code: StatusCode.CONNECT_SUCCESS,
          description: "Connection succeeded",
          objectEncoding: connect.objectEncoding,
          data: amfEcmaArray({ version: FMS_VERSION.slice(4), server: `edge/${VERSION}` }),
        }),
      ],
    });
    this.#sendCommand(CONTROL_MSID, { name: "onBWDone", transactionId: 0, values: [null] });
    for (const { command, msid } of connect.early) this.onCommand(command, msid);
  }

  /** Announces a play. @returns false when the peer has withdrawn the request. */
  acceptPlay(id: number): boolean {
    const role = this.#pendingRole(id, "play");
    if (role === null) return false;
    this.#role = { state: "playing" };
    this.send(playStart(this.#options.chunkSize));
    return true;
  }

  /** Announces a publish. @returns false when the peer has withdrawn the request. */
  acceptPublish(id: number): boolean {
    const role = this.#pendingRole(id, "publish");
    if (role === null) return false;
    this.#role = { state: "publishing", early: role.early };
    const status: Status = {
      level: "status",
      code: StatusCode.PUBLISH_START,
      description: "Started publishing stream",
    };
    if (this.#isFmle) this.#sendFcStatus("onFCPublish", status);
    this.#sendStatus(status);
    return true;
  }

  /** Refuses the pending request `id` with a status code and a text for people. */
  reject(id: number, refusal: Refusal): void {
    const connect = this.#connect;
    const status: Status = { level: "error", ...refusal };
    if (connect.state === "pending" && connect.id === id) {
      this.#connect = { state: "refused" };
      this.#sendCommand(CONTROL_MSID, {
        name: "_error",
        transactionId: connect.tid,
        values: [null, statusObject(status)],
      });
    } else if (this.#role.state === "pending" && this.#role.id === id) {
      this.#role = { state: "idle" };
      this.#sendStatus(status);
    }
  }

  /** Tells a publisher that its accepted publish is over, with the reason. */
  endPublish(refusal: Refusal): void {
    if (this.#role.state !== "publishing") return;
    this.#role = { state: "idle" };
    this.#sendStatus({ level: "error", ...refusal });
  }

  /** Asks for a pong. */
  ping(timestampMs: number): void {
    this.send(encodePingRequest(timestampMs));
  }

  /** @ignore Called by the message layer. */
  send(bytes: Uint8Array): void {
    this.#handler.send(bytes);
  }

  /** @ignore Called by the message layer. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array, msid: number): void {
    // A peer may send on although the publish was refused: a second one on another id, or none at all.
    if (msid > MEDIA_MSID) return;
    const role = this.#role;
    if (role.state === "publishing") {
      role.early.drain(this.#handler);
      this.#handler.onMedia(typeId, timestampMs, payload);
    } else if (role.state === "pending" && role.kind === "publish") {
      role.early.add(typeId, timestampMs, payload);
    }
  }

  /** @ignore Called by the message layer. */
  onUserControl(control: UserControl): void {
    if (control.event === UserControlEvent.PING_RESPONSE) this.#handler.onPong(control.value);
  }

  /** @ignore Called by the message layer. */
  onAcknowledgement(totalBytes: number): void {
    this.#handler.onAcknowledgement(totalBytes);
  }

  /** @ignore Called by the message layer. */
  onIgnored(what: string): void {
    this.#handler.onIgnored(what);
  }

  /** @ignore Called by the message layer. */
  onCommand(command: Command, msid: number): void {
    const connect = this.#connect;
    switch (connect.state) {
      case "none":
        return this.#onFirstCommand(command);
      case "pending":
        return this.#onEarlyCommand(connect.early, { command, msid });
      case "done":
        return this.#onStreamedCommand({ command, msid });
      case "refused":
        return; // It has not read the refusal yet.
      default:
        connect satisfies never;
    }
  }

  #onFirstCommand(command: Command): void {
    if (command.name === "connect") return this.#onConnect(command);
    throw new WireError(
      "session.not_connected",
      `Cannot run command ${quotePeerText(command.name)}: it came before "connect"`,
    );
  }

  #onEarlyCommand(early: StreamedCommand[], streamed: StreamedCommand): void {
    if (early.length === MAX_EARLY_COMMANDS) {
      throw new WireError(
        "session.not_connected",
        `Cannot keep command ${quotePeerText(streamed.command.name)}: ` +
          `${MAX_EARLY_COMMANDS} came already before "connect" was answered`,
      );
    }
    early.push(streamed);
  }

  #onStreamedCommand({ command, msid }: StreamedCommand): void {
    switch (command.name) {
      case "connect":
        throw new WireError("session.second_connect", "Cannot connect twice on one connection");
      case "createStream":
        return this.#onCreateStream(command);
      case "publish":
        return this.#onStreamCommand("publish", command, msid);
      case "play":
        return this.#onStreamCommand("play", command, msid);
      case "releaseStream":
      case "FCPublish":
      case "FCUnpublish":
        return this.#onFmle(command);
      // One stream per connection: another id was never given for use.
      case "closeStream":
        if (msid <= MEDIA_MSID) this.#closeStream();
        return;
      case "deleteStream":
        if (command.values[1] === MEDIA_MSID) this.#closeStream();
        return;
      case "pause":
        if (msid <= MEDIA_MSID) this.#onPause(command);
        return;
      case "getStreamLength":
        // Live streams have none; ffmpeg warns when the answer is no number.
        return this.#sendResult(command.transactionId, 0);
      case "_result":
      case "_error":
      case "onStatus":
        return; // Answers to our onBWDone and the like.
      default:
        return this.#onOtherCommand(command);
    }
  }

  #onConnect(command: Command): void {
    const [info, args] = command.values;
    if (!(info instanceof AmfObject)) {
      throw new WireError("session.bad_connect", "Cannot connect: the command object is missing");
    }
    const encoding = info.get("objectEncoding");
    this.#connect = {
      state: "pending",
      id: ++this.#lastRequestId,
      tid: command.transactionId,
      objectEncoding: typeof encoding === "number" ? encoding : 0,
      early: [],
    };
    this.#handler.onConnect({
      id: this.#lastRequestId,
      app: textOf(info.get("app")),
      tcUrl: textOf(info.get("tcUrl")),
      pageUrl: textOf(info.get("pageUrl")),
      swfUrl: textOf(info.get("swfUrl")),
      flashVer: textOf(info.get("flashVer")),
      args: args instanceof AmfObject ? args : null,
    }, info);
  }

  #onCreateStream(command: Command): void {
    // Media is encoded once for everybody with stream id 1, so id 1 is what a client gets, also when
    // it asks again before using it. Beside a stream in use it gets another id, which cannot be used.
    const msid = this.#role.state === "idle" ? MEDIA_MSID : MEDIA_MSID + 1;
    this.#sendResult(command.transactionId, msid);
  }

  #onStreamCommand(kind: "play" | "publish", command: Command, msid: number): void {
    if (msid > MEDIA_MSID) {
      return this.#sendStatus(
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
    if (name === false) return this.#closeStream();
    if (typeof name !== "string") {
      throw new WireError("session.no_stream_name", `Cannot ${kind}: the stream name is missing`);
    }
    this.#closeStream();
    const id = ++this.#lastRequestId;
    this.#role = { state: "pending", kind, id, early: new EarlyMedia() };
    const request: StreamCommand = { id, streamName: name };
    if (kind === "play") {
      this.#handler.onPlay(request);
    } else {
      this.#handler.onPublish(request);
    }
  }

  #onFmle({ name, transactionId }: Command): void {
    const role = this.#role;
    const isPublisher = role.state === "publishing" ||
      role.state === "pending" && role.kind === "publish";
    // FMLE starts over with any of the three. IP cameras that began without them send FCPublish behind
    // publish, and mean nothing by it.
    const isEnd = isPublisher && (name === "FCUnpublish" || this.#isFmle);
    if (!isPublisher && name !== "FCUnpublish") this.#isFmle = true;
    if (isEnd && role.state === "publishing") {
      this.#sendUnpublished(transactionId);
    } else {
      this.#sendResult(transactionId, undefined);
    }
    if (isEnd) this.#closeStream();
  }

  #sendUnpublished(transactionId: number): void {
    const status: Status = {
      level: "status",
      code: StatusCode.UNPUBLISH_SUCCESS,
      description: "Stopped publishing stream",
    };
    this.#sendFcStatus("onFCUnpublish", status);
    this.#sendResult(transactionId, undefined);
    this.#sendStatus(status);
  }

  #onPause(command: Command): void {
    if (this.#role.state !== "playing") return;
    const isPaused = command.values[1] === true;
    this.#sendStatus({
      level: "status",
      code: isPaused ? StatusCode.PAUSE_NOTIFY : StatusCode.UNPAUSE_NOTIFY,
      description: isPaused ? "Paused stream" : "Unpaused stream",
    });
    const event = isPaused ? UserControlEvent.STREAM_EOF : UserControlEvent.STREAM_BEGIN;
    this.send(encodeUserControl(event, MEDIA_MSID));
    this.#handler.onPause(isPaused);
  }

  #onOtherCommand(command: Command): void {
    // getStreamLength, _checkbw, FCSubscribe, …: an empty answer keeps the client going.
    if (command.transactionId > 0) this.#sendResult(command.transactionId, null);
  }

  #closeStream(): void {
    if (this.#role.state === "idle") return;
    this.#role = { state: "idle" };
    this.#handler.onStreamClosed();
  }

  #pendingRole(id: number, kind: "play" | "publish"): (Role & { state: "pending" }) | null {
    const role = this.#role;
    return role.state === "pending" && role.id === id && role.kind === kind ? role : null;
  }

  #sendResult(transactionId: number, value: AmfValue): void {
    this.#sendCommand(CONTROL_MSID, { name: "_result", transactionId, values: [null, value] });
  }

  #sendStatus(status: Status, msid: number = MEDIA_MSID): void {
    this.#sendCommand(msid, statusCommand(status));
  }

  #sendFcStatus(name: string, status: Status): void {
    const info = amfObject({ code: status.code, description: status.description });
    this.#sendCommand(MEDIA_MSID, { name, transactionId: 0, values: [null, info] });
  }

  #sendCommand(msid: number, command: Command): void {
    // A refused connect is answered before SetChunkSize: 128 bytes are what the peer expects then.
    const chunkSize = this.#connect.state === "done" ? this.#options.chunkSize : INITIAL_CHUNK_SIZE;
    this.send(encodeCommand(command, { msid, chunkSize }));
  }
}

function textOf(value: AmfValue): string {
  return typeof value === "string" ? value : "";
}
