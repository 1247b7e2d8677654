import type { AmfObject, AmfValue } from "../amf/amf_value.ts";
import { UpstreamError } from "../base/errors.ts";
import { quotePeerText, redactUrl } from "../base/text.ts";
import { type Command, encodeCommand } from "../rtmp/commands.ts";
import {
  CONTROL_MSID,
  INITIAL_CHUNK_SIZE,
  MessageType,
  StatusCode,
  UserControlEvent,
} from "../rtmp/constants.ts";
import {
  encodePingRequest,
  encodeSetChunkSize,
  encodeUserControl,
  encodeWindowAckSize,
  type UserControl,
} from "../rtmp/control_messages.ts";
import {
  type EdgeReport,
  encodeEdgeMoved,
  encodeEdgeReport,
  type KnownServer,
  parsePeerServer,
} from "../rtmp/edge_report.ts";
import { ClientHandshake, type HandshakeOptions } from "../rtmp/handshake.ts";
import { parseStatus, type Status } from "../rtmp/status.ts";
import { type ClientTarget, connectInfo } from "./connect_info.ts";
import { MessageLayer, type MessageLayerHandler } from "./message_layer.ts";
import {
  dataName,
  describeStatus,
  parseReconnectRequest,
  parseRedirect,
  plainCode,
} from "./server_answers.ts";

/** Receives the output and events of a {@linkcode ClientSession}. */
export interface ClientSessionHandler {
  /** Bytes for the server, in order. The handler may keep the array. */
  send(bytes: Uint8Array): void;
  /**
   * The server accepted the connect or the publish, or sent the first message of the played stream.
   * A status does not start a play, because nginx-rtmp and SRS announce streams without a
   * publisher. `msid` is the message stream id of the media.
   */
  onStarted(msid: number): void;
  /**
   * A message of the played stream: type 8, 9 or 18, without the data messages of the server
   * itself. `payload` is valid only during the call.
   */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  /** A status of the running stream, e.g. `NetStream.Play.UnpublishNotify`. */
  onStatus(status: Status): void;
  /**
   * A StreamEOF ended the played stream, without a status before it. nginx-rtmp sends only this,
   * whether its publisher has stopped or its connection was lost.
   */
  onStreamEof(): void;
  /** A StreamBegin in the running stream (also of nginx-rtmp): another publisher follows. */
  onStreamBegin?(): void;
  /**
   * The server asks to be left for another connection, and serves this one meanwhile.
   *
   * @param tcUrl where to, absolute or relative; empty for the address in use
   */
  onReconnectRequest?(tcUrl: string): void;
  onPong(timestampMs: number): void;
  /** The server sent a ping, and expects `answer`. Without this method it gets it at once. */
  onPing?(answer: () => void): void;
  onAcknowledgement(totalBytes: number): void;
}

/** Options of {@linkcode ClientSession}. */
export interface ClientSessionOptions {
  readonly target: ClientTarget;
  /** Size of the chunks sent, in bytes. */
  readonly chunkSize: number;
  readonly handshake: HandshakeOptions;
  /** Returns additional properties of the `connect` object, when that is sent. */
  readonly connectProperties?: () => Readonly<Record<string, AmfValue>>;
  /** Second argument of `connect`, with which SRS's edges identify themselves. */
  readonly connectArgs?: AmfObject;
}

/**
 * Acknowledgement windows requested from the server, in bytes. Small for a publish: what a server
 * has acknowledged need not be sent again to the next one.
 */
const WINDOW_ACK_BYTES = { play: 2_500_000, publish: 65_536, connect: 2_500_000 } as const;

/** Announced size of the playback buffer. Servers that send a burst on join use it. */
const BUFFER_LENGTH_MS = 1000;

/** Data messages of the server itself, not of the stream. */
const SERVER_DATA: readonly string[] = ["|RtmpSampleAccess", "onStatus", "onPlayStatus"];

/** Transaction ids of the requests, in the order sent. */
const Tid = { CONNECT: 1, RELEASE_STREAM: 2, FC_PUBLISH: 3, CREATE_STREAM: 4, STREAM: 5 } as const;

type ClientState =
  | { readonly type: "handshake"; readonly handshake: ClientHandshake }
  | { readonly type: "connecting" }
  | { readonly type: "creating" }
  | { readonly type: "starting" | "started" | "ended"; readonly msid: number };

/**
 * The client's side of one RTMP connection, without socket or clock: received bytes go in, bytes to
 * send and events come out. Plays or publishes one stream, or only connects.
 *
 *     HANDSHAKE ── S2 ──> CONNECTING ── _result ──> CREATING ── _result ──> STARTING
 *                             │                                                │ publish: accepted,
 *                             │ _result, if the target                         │ play: first media
 *                             │ is only to connect                             v
 *                             └──────────────────────────────────────────── STARTED
 *                                                                 StreamEOF or │ ^ media
 *                                                              UnpublishNotify v │
 *                                                                            ENDED
 *
 * A refusal in any state throws from {@linkcode push}; close the connection.
 *
 * Call {@linkcode start} once, then {@linkcode push} for all received bytes.
 */
export class ClientSession implements MessageLayerHandler {
  readonly #handler: ClientSessionHandler;
  readonly #options: ClientSessionOptions;
  readonly #messages: MessageLayer;
  #state: ClientState;
  #peer: KnownServer | null = null;

  constructor(handler: ClientSessionHandler, options: ClientSessionOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#state = { type: "handshake", handshake: new ClientHandshake(options.handshake) };
    this.#messages = new MessageLayer(this);
  }

  /** Sends the first bytes of the handshake. */
  start(): void {
    if (this.#state.type === "handshake") this.send(this.#state.handshake.start());
  }

  /** Progress of the session, for errors. */
  get phase(): "handshake" | "command" | ClientTarget["kind"] {
    if ("msid" in this.#state) return this.#options.target.kind;
    return this.#state.type === "handshake" ? "handshake" : "command";
  }

  /**
   * Reads the next bytes from the server. The caller may reuse them afterwards.
   *
   * @throws {WireError} when the server violates the protocol
   * @throws {UpstreamError} when the server refuses, with its status code and text, or redirects
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.pushPart(bytes.subarray(at));
  }

  /**
   * Reads a part of the next bytes, about a millisecond of work: an origin that sends many short
   * messages cannot keep others waiting.
   *
   * @returns bytes read, at least one unless there are none; pass the rest in the next call
   * @throws {WireError} as {@linkcode push} does
   * @throws {UpstreamError} as {@linkcode push} does
   */
  pushPart(bytes: Uint8Array): number {
    if (this.#state.type !== "handshake") return this.#messages.pushPart(bytes);
    const step = this.#state.handshake.push(bytes);
    if (step.send !== null) this.send(step.send);
    if (step.done) {
      this.#state = { type: "connecting" };
      this.#sendConnect();
    }
    return bytes.length - step.rest.length;
  }

  /** Ends the play or publish with the commands that servers expect, in their order. */
  stop(): void {
    if (!("msid" in this.#state)) return;
    const { kind, streamName } = this.#options.target;
    if (kind === "connect") return;
    if (kind === "publish") this.#sendCommand("FCUnpublish", 0, [null, streamName]);
    this.#sendCommand("deleteStream", 0, [null, this.#state.msid]);
  }

  /** Who the server says it is; null unless it is one of ours. */
  get peer(): KnownServer | null {
    return this.#peer;
  }

  /** Tells the server who plays the stream here, if it is one of ours and the play has started. */
  report(audience: EdgeReport): void {
    const { target: { kind }, chunkSize } = this.#options;
    if (this.#peer === null || kind !== "play" || !("msid" in this.#state)) return;
    this.send(encodeEdgeReport(audience, { msid: this.#state.msid, chunkSize }));
  }

  /**
   * Tells the server that it may close the publish, when no one watches it there. @returns false
   * when it does not know that
   */
  tellMoved(): boolean {
    const { target: { kind }, chunkSize } = this.#options;
    const isUnderstood = this.#peer?.takesMoved === true && kind === "publish";
    if (!isUnderstood || !("msid" in this.#state)) return false;
    this.send(encodeEdgeMoved({ msid: this.#state.msid, chunkSize }));
    return true;
  }

  /** Requests a pong. */
  ping(timestampMs: number): void {
    this.send(encodePingRequest(timestampMs));
  }

  /** @ignore Called by the message layer. */
  send(bytes: Uint8Array): void {
    this.#handler.send(bytes);
  }

  /** @ignore Called by the message layer. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const state = this.#state;
    if (this.#options.target.kind !== "play" || !("msid" in state)) return;
    if (typeId === MessageType.DATA_AMF0 && SERVER_DATA.includes(dataName(payload))) return;
    if (state.type === "starting") this.#started(state.msid);
    if (state.type === "ended") this.#state = { type: "started", msid: state.msid };
    this.#handler.onMedia(typeId, timestampMs, payload);
  }

  /** @ignore Called by the message layer. */
  onUserControl(control: UserControl): void {
    if (control.event === UserControlEvent.PING_RESPONSE) this.#handler.onPong(control.value);
    if (control.event === UserControlEvent.STREAM_EOF) this.#onStreamEof(control.value);
    if (control.event === UserControlEvent.STREAM_BEGIN) this.#onStreamBegin(control.value);
  }

  /** @ignore Called by the message layer. */
  onAcknowledgement(totalBytes: number): void {
    this.#handler.onAcknowledgement(totalBytes);
  }

  /** @ignore Called by the message layer. */
  onPing(answer: () => void): void {
    if (this.#handler.onPing === undefined) answer();
    else this.#handler.onPing(answer);
  }

  /** @ignore Called by the message layer. */
  onGoAway(): void {
    this.#handler.onReconnectRequest?.("");
  }

  /** @ignore Called by the message layer. Ignored messages of an origin are not reported. */
  onIgnored(): void {}

  /** @ignore Called by the message layer. */
  onCommand(command: Command): void {
    switch (command.name) {
      case "_result":
        return this.#onResult(command);
      case "_error":
        return this.#onError(command);
      case "onStatus":
        return this.#onStatus(command.values[1]);
      case "close":
        throw this.#refused("close", undefined);
    }
  }

  #sendConnect(): void {
    const { target, chunkSize, connectArgs, connectProperties } = this.#options;
    const info = connectInfo(target, connectProperties?.());
    const values = connectArgs === undefined ? [info] : [info, connectArgs];
    // The server does not know another chunk size yet.
    this.send(encodeCommand({ name: "connect", transactionId: Tid.CONNECT, values }, {
      msid: CONTROL_MSID,
      chunkSize: INITIAL_CHUNK_SIZE,
    }));
    this.send(encodeWindowAckSize(WINDOW_ACK_BYTES[target.kind]));
    this.send(encodeSetChunkSize(chunkSize));
    // Servers run commands in order, so this need not wait for the answer: a distant player gets
    // its first video frame a round trip earlier. A server that refuses the connect ignores it.
    if (target.kind === "play") this.#sendCreateStream();
  }

  #sendCreateStream(): void {
    this.#sendCommand("createStream", Tid.CREATE_STREAM, [null]);
  }

  #onResult(command: Command): void {
    const { type } = this.#state;
    if (command.transactionId === Tid.CONNECT && type === "connecting") {
      this.#peer = parsePeerServer(command.values[1]);
      this.#onConnected();
    } else if (command.transactionId === Tid.CREATE_STREAM && type === "creating") {
      const id = command.values[1];
      const msid = typeof id === "number" ? id >>> 0 : 0;
      this.#state = { type: "starting", msid };
      this.#startStream(msid);
    } else if (command.transactionId === Tid.STREAM) {
      // Some servers answer publish with a result instead of a status, and librtmp accepts that.
      this.#onPublishStarted();
    }
  }

  #onConnected(): void {
    const { kind, streamName } = this.#options.target;
    if (kind === "connect") return this.#started(CONTROL_MSID);
    this.#state = { type: "creating" };
    if (kind === "play") return;
    this.#sendCommand("releaseStream", Tid.RELEASE_STREAM, [null, streamName]);
    this.#sendCommand("FCPublish", Tid.FC_PUBLISH, [null, streamName]);
    this.#sendCreateStream();
  }

  #startStream(msid: number): void {
    const { kind, streamName } = this.#options.target;
    if (kind === "publish") {
      this.#sendCommand("publish", Tid.STREAM, [null, streamName, "live"], msid);
    } else {
      this.#sendCommand("play", Tid.STREAM, [null, streamName], msid);
      this.send(encodeUserControl(UserControlEvent.SET_BUFFER_LENGTH, msid, BUFFER_LENGTH_MS));
    }
  }

  #onError(command: Command): void {
    // Servers may refuse releaseStream and FCPublish and still accept the publish.
    const isFatal = command.transactionId === Tid.CONNECT ||
      command.transactionId === Tid.CREATE_STREAM || command.transactionId === Tid.STREAM;
    if (isFatal) throw this.#refused(command.name, command.values[1]);
  }

  #onStatus(value: AmfValue): void {
    const status = parseStatus(value);
    if (status === null) return;
    if (status.level === "error") throw this.#refused("onStatus", value);
    const tcUrl = parseReconnectRequest(status, value);
    if (tcUrl !== null) return this.#handler.onReconnectRequest?.(tcUrl);
    const state = this.#state;
    if (status.code === StatusCode.PLAY_UNPUBLISH_NOTIFY && state.type === "started") {
      this.#state = { type: "ended", msid: state.msid };
    }
    if (status.code === StatusCode.PUBLISH_START) this.#onPublishStarted();
    this.#handler.onStatus(status);
  }

  #onStreamEof(msid: number): void {
    // Before the first media message, StreamEOF is part of the reset of a play.
    const state = this.#state;
    if (this.#options.target.kind !== "play" || state.type !== "started") return;
    if (msid !== state.msid) return;
    this.#state = { type: "ended", msid };
    this.#handler.onStreamEof();
  }

  #onStreamBegin(msid: number): void {
    // Before the first media message, StreamBegin is part of the start of a play.
    const state = this.#state;
    const isRunning = state.type === "started" || state.type === "ended";
    if (this.#options.target.kind !== "play" || !isRunning) return;
    if (msid === state.msid) this.#handler.onStreamBegin?.();
  }

  #onPublishStarted(): void {
    const state = this.#state;
    if (this.#options.target.kind === "publish" && state.type === "starting") {
      this.#started(state.msid);
    }
  }

  #started(msid: number): void {
    this.#state = { type: "started", msid };
    this.#handler.onStarted(msid);
  }

  /** Returns the error for a command `what` with the information object `info`. */
  #refused(what: string, info: AmfValue): UpstreamError {
    const { kind, streamName } = this.#options.target;
    const status = parseStatus(info);
    const statusCode = status === null ? "" : plainCode(status.code);
    const redirect = parseRedirect(info, streamName);
    if (redirect !== null) {
      const to = quotePeerText(redactUrl(redirect.tcUrl));
      return new UpstreamError(this.phase, `Origin redirects to ${to}`, { statusCode, redirect });
    }
    const reason = status === null ? what : describeStatus(status);
    return new UpstreamError(this.phase, `Origin refused to ${kind}: ${reason}`, { statusCode });
  }

  #sendCommand(
    name: string,
    transactionId: number,
    values: readonly AmfValue[],
    msid: number = CONTROL_MSID,
  ): void {
    const { chunkSize } = this.#options;
    this.send(encodeCommand({ name, transactionId, values }, { msid, chunkSize }));
  }
}
