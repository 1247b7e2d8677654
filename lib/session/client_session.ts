/**
 * The client's side of one RTMP connection: to an origin it is what a player or an encoder is to us.
 * Bytes in, calls out; no clock, no promises, no sockets. Plays or publishes one stream, or only finds out
 * whether the server lets it connect.
 */

import { Amf0Marker } from "../amf/amf0_marker.ts";
import { AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import { decodeUtf8 } from "../base/bytes.ts";
import { UpstreamError, type UpstreamRedirect } from "../base/errors.ts";
import { quotePeerText, redactParams } from "../base/text.ts";
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
import { ClientHandshake, type HandshakeOptions } from "../rtmp/handshake.ts";
import { parseStatus, type Status } from "../rtmp/status.ts";
import { MessageLayer, type MessageLayerHandler } from "./message_layer.ts";

/** What to ask the server for. */
export interface ClientTarget {
  /** `connect` asks for no stream. */
  readonly kind: "play" | "publish" | "connect";
  readonly tcUrl: string;
  readonly app: string;
  /** Stream name with its parameters; means nothing to `connect`. */
  readonly streamName: string;
}

/** Receives what a {@linkcode ClientSession} finds. */
export interface ClientSessionHandler {
  /** Bytes for the server, in order; the array is the receiver's to keep. */
  send(bytes: Uint8Array): void;
  /**
   * The server accepted the connect or the publish, or the first message of the played stream came: origins such as
   * nginx-rtmp and SRS announce the start of streams that nobody publishes. `msid` is the message stream
   * id of the media.
   */
  onStarted(msid: number): void;
  /**
   * A message of the played stream: type 8, 9 or 18, without the data messages by which servers talk to
   * their clients. `payload` is valid during the call only.
   */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  /** A status of the running stream, e.g. `NetStream.Play.UnpublishNotify`. */
  onStatus(status: Status): void;
  /**
   * The played stream has ended, says StreamEOF and no status before it. nginx-rtmp says nothing else, be
   * its publisher done or merely lost.
   */
  onStreamEof(): void;
  onPong(timestampMs: number): void;
  onAcknowledgement(totalBytes: number): void;
}

/** Options of {@linkcode ClientSession}. */
export interface ClientSessionOptions {
  readonly target: ClientTarget;
  /** Size of the chunks written, in bytes. */
  readonly chunkSize: number;
  readonly handshake: HandshakeOptions;
  /** Further properties of the `connect` object. */
  readonly connectProperties?: Readonly<Record<string, AmfValue>>;
  /** A second argument of `connect`, in which SRS's edges say who they are. */
  readonly connectArgs?: AmfObject;
}

/**
 * Acknowledgement windows asked of the server, in bytes. What it acknowledges of a publish need not be sent
 * again to the next one, so that is asked for often.
 */
const WINDOW_ACK_BYTES = { play: 2_500_000, publish: 65_536, connect: 2_500_000 } as const;

/** What the server may assume we have buffered; servers that burst on join use it. */
const BUFFER_LENGTH_MS = 1000;

/** Data messages that come from the server and not from the stream. */
const SERVER_DATA: readonly string[] = ["|RtmpSampleAccess", "onStatus", "onPlayStatus"];

/** Transaction ids of the requests, in the order sent. */
const Tid = { CONNECT: 1, RELEASE_STREAM: 2, FC_PUBLISH: 3, CREATE_STREAM: 4, STREAM: 5 } as const;

/** See the file comment. Call {@linkcode ClientSession.start} once, then push what comes. */
export class ClientSession implements MessageLayerHandler {
  readonly #handler: ClientSessionHandler;
  readonly #options: ClientSessionOptions;
  readonly #messages: MessageLayer;
  #handshake: ClientHandshake | null;
  #state: "connecting" | "creating" | "starting" | "started" = "connecting";
  #msid = 0;
  /** The server said that the played stream has ended, and has sent nothing of it since. */
  #hasEnded = false;

  constructor(handler: ClientSessionHandler, options: ClientSessionOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#handshake = new ClientHandshake(options.handshake);
    this.#messages = new MessageLayer(this);
  }

  /** Sends the first bytes of the handshake. */
  start(): void {
    if (this.#handshake !== null) this.send(this.#handshake.start());
  }

  /** How far the session is, for error texts. */
  get phase(): "handshake" | "command" | ClientTarget["kind"] {
    if (this.#handshake !== null) return "handshake";
    return this.#state === "connecting" || this.#state === "creating"
      ? "command"
      : this.#options.target.kind;
  }

  /**
   * Takes the next bytes from the server; they may be used again when this returns.
   *
   * @throws {WireError} when the server breaks the protocol.
   * @throws {UpstreamError} when the server refuses, with its status code and text, or redirects.
   */
  push(bytes: Uint8Array): void {
    if (this.#handshake === null) return this.#messages.push(bytes);
    const step = this.#handshake.push(bytes);
    if (step.send !== null) this.send(step.send);
    if (!step.done) return;
    this.#handshake = null;
    this.#sendConnect();
    if (step.rest.length > 0) this.#messages.push(step.rest);
  }

  /** Ends the play or publish in the order that servers expect. */
  stop(): void {
    if (this.#state !== "started" && this.#state !== "starting") return;
    const { kind, streamName } = this.#options.target;
    if (kind === "connect") return;
    if (kind === "publish") this.#sendCommand("FCUnpublish", 0, [null, streamName]);
    this.#sendCommand("deleteStream", 0, [null, this.#msid]);
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
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#options.target.kind !== "play") return;
    if (typeId === MessageType.DATA_AMF0 && SERVER_DATA.includes(dataName(payload))) return;
    if (this.#state === "starting") this.#started();
    this.#hasEnded = false;
    if (this.#state === "started") this.#handler.onMedia(typeId, timestampMs, payload);
  }

  /** @ignore Called by the message layer. */
  onUserControl(control: UserControl): void {
    if (control.event === UserControlEvent.PING_RESPONSE) this.#handler.onPong(control.value);
    if (control.event === UserControlEvent.STREAM_EOF) this.#onStreamEof(control.value);
  }

  /** @ignore Called by the message layer. */
  onAcknowledgement(totalBytes: number): void {
    this.#handler.onAcknowledgement(totalBytes);
  }

  /** @ignore Called by the message layer: what an origin sends beside the protocol is not logged. */
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
    const info = amfObject({
      app: target.app,
      ...(target.kind === "publish" ? { type: "nonprivate" } : {}),
      flashVer: target.kind === "publish" ? "FMLE/3.0 (compatible; edge)" : "LNX 9,0,124,2",
      tcUrl: target.tcUrl,
      fpad: false,
      capabilities: 239,
      audioCodecs: 3575,
      videoCodecs: 252,
      videoFunction: 1,
      objectEncoding: 0,
      ...connectProperties,
    });
    const values = connectArgs === undefined ? [info] : [info, connectArgs];
    // The server knows of no other chunk size yet.
    this.send(encodeCommand({ name: "connect", transactionId: Tid.CONNECT, values }, {
      msid: CONTROL_MSID,
      chunkSize: INITIAL_CHUNK_SIZE,
    }));
    this.send(encodeWindowAckSize(WINDOW_ACK_BYTES[target.kind]));
    this.send(encodeSetChunkSize(chunkSize));
    // Servers take one command after the other, so this need not wait for the answer: a player far away
    // gets its picture a round trip sooner. A server that refuses the connect does not look at it.
    if (target.kind === "play") this.#sendCreateStream();
  }

  #sendCreateStream(): void {
    this.#sendCommand("createStream", Tid.CREATE_STREAM, [null]);
  }

  #onResult(command: Command): void {
    if (command.transactionId === Tid.CONNECT && this.#state === "connecting") {
      const { kind, streamName } = this.#options.target;
      if (kind === "connect") return this.#started();
      this.#state = "creating";
      if (kind === "play") return;
      this.#sendCommand("releaseStream", Tid.RELEASE_STREAM, [null, streamName]);
      this.#sendCommand("FCPublish", Tid.FC_PUBLISH, [null, streamName]);
      this.#sendCreateStream();
    } else if (command.transactionId === Tid.CREATE_STREAM && this.#state === "creating") {
      const msid = command.values[1];
      this.#msid = typeof msid === "number" ? msid >>> 0 : 0;
      this.#state = "starting";
      this.#startStream();
    } else if (command.transactionId === Tid.STREAM) {
      // Some servers answer publish like any call instead of with a status, and librtmp takes it.
      this.#onPublishStarted();
    }
  }

  #startStream(): void {
    const { kind, streamName } = this.#options.target;
    if (kind === "publish") {
      this.#sendCommand("publish", Tid.STREAM, [null, streamName, "live"], this.#msid);
    } else {
      this.#sendCommand("play", Tid.STREAM, [null, streamName], this.#msid);
      this.send(
        encodeUserControl(UserControlEvent.SET_BUFFER_LENGTH, this.#msid, BUFFER_LENGTH_MS),
      );
    }
  }

  #onError(command: Command): void {
    // Servers may refuse releaseStream and FCPublish and still take the publish.
    const isFatal = command.transactionId === Tid.CONNECT ||
      command.transactionId === Tid.CREATE_STREAM || command.transactionId === Tid.STREAM;
    if (isFatal) throw this.#refused(command.name, command.values[1]);
  }

  #onStatus(value: AmfValue): void {
    const status = parseStatus(value);
    if (status === null) return;
    if (status.level === "error") throw this.#refused("onStatus", value);
    if (status.code === StatusCode.PLAY_UNPUBLISH_NOTIFY) this.#hasEnded = true;
    if (status.code === StatusCode.PUBLISH_START) this.#onPublishStarted();
    this.#handler.onStatus(status);
  }

  #onStreamEof(msid: number): void {
    // Before the first message it is about something else: what came before the reset of a play.
    const isPlaying = this.#options.target.kind === "play" && this.#state === "started";
    if (!isPlaying || msid !== this.#msid || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#handler.onStreamEof();
  }

  #onPublishStarted(): void {
    if (this.#options.target.kind === "publish" && this.#state === "starting") this.#started();
  }

  #started(): void {
    this.#state = "started";
    this.#handler.onStarted(this.#msid);
  }

  /** The error for a command `what` and its information object. */
  #refused(what: string, info: AmfValue): UpstreamError {
    const { kind, streamName } = this.#options.target;
    const status = parseStatus(info);
    const statusCode = status?.code ?? "";
    const redirect = parseRedirect(info, streamName);
    if (redirect !== null) {
      const to = quotePeerText(redactParams(redirect.tcUrl));
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

function describeStatus({ code, description }: Status): string {
  return description === "" ? code : `${code}, ${quotePeerText(description)}`;
}

/**
 * Where a refusal sends its client: `ex.redirect2` is the whole address of the stream, `ex.redirect` the
 * tcUrl (SRS, Flash Media Server). Null when the refusal is just that.
 */
function parseRedirect(info: AmfValue, streamName: string): UpstreamRedirect | null {
  const ex = info instanceof AmfObject ? info.get("ex") : undefined;
  if (!(ex instanceof AmfObject)) return null;
  const [whole, tcUrl] = [ex.get("redirect2"), ex.get("redirect")];
  if (typeof whole === "string" && whole !== "") return { tcUrl: whole, stream: "" };
  return typeof tcUrl === "string" && tcUrl !== "" ? { tcUrl, stream: streamName } : null;
}

/** The text that a data message begins with, or an empty one. */
function dataName(payload: Uint8Array): string {
  if (payload[0] !== Amf0Marker.string || payload.length < 3) return "";
  const length = (payload[1]! << 8) | payload[2]!;
  return decodeUtf8(payload.subarray(3, 3 + length));
}
