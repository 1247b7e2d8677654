import { amfEcmaArray, AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import { quotePeerText, withoutUserInfo } from "../base/text.ts";
import { VERSION } from "../base/version.ts";
import type { ChunkLimits, LimitsSource } from "../rtmp/chunk_limits.ts";
import type { Command } from "../rtmp/commands.ts";
import { CONTROL_MSID, StatusCode, UserControlEvent } from "../rtmp/constants.ts";
import {
  encodeGoAway,
  encodePingRequest,
  encodeSetPeerBandwidth,
  encodeWindowAckSize,
  type UserControl,
} from "../rtmp/control_messages.ts";
import { describePeerServer, type PeerServer } from "../rtmp/edge_report.ts";
import {
  isEnhancedConnect,
  type ReconnectSupport,
  reconnectSupport,
  serverCapabilities,
} from "../rtmp/enhanced_connect.ts";
import { type HandshakeOptions, ServerHandshake } from "../rtmp/handshake.ts";
import type { Refusal } from "../rtmp/status.ts";
import { CommandWriter } from "./command_writer.ts";
import { MessageLayer, type MessageLayerHandler } from "./message_layer.ts";
import {
  CONNECT_REQUEST_ID,
  type MediaTrack,
  ServerStream,
  type ServerStreamHandler,
} from "./server_stream.ts";
import { type LimitedState, MAX_CONNECT_TEXT, SESSION_LIMITS } from "./session_limits.ts";

/** A peer's `connect`. Its texts are cut to 4,096 characters. */
export interface ConnectRequest {
  readonly id: number;
  readonly app: string;
  /** Without user and password; empty if the peer sent none. */
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  /** E.g. `LNX 9,0,124,2` or `FMLE/3.0`. */
  readonly flashVer: string;
  /** Second argument, or null. SRS's clients pass tokens in it; its edges identify themselves. */
  readonly args: AmfObject | null;
}

/** Receives the output, requests and events of a {@linkcode ServerSession}. */
export interface ServerSessionHandler extends ServerStreamHandler {
  /** Bytes for the peer, in order. May be kept but not changed, because some are shared. */
  send(bytes: Uint8Array): void;
  /** `info` is the whole connect object, for what `request` lacks. Do not keep it. */
  onConnect(request: ConnectRequest, info: AmfObject): void;
  onPong(timestampMs: number): void;
  onAcknowledgement(totalBytes: number): void;
}

/** Acknowledgement windows of a connection, in bytes. */
export interface AckWindows {
  /** Requested from the peer; 0 requests none. */
  readonly outAckSizeBytes: number;
  /** Largest interval of acknowledgements to the peer; 0 follows the peer's window. */
  readonly inAckSizeBytes: number;
}

/** Options of {@linkcode ServerSession}. */
interface ServerSessionOptions {
  /** Size of the chunks sent to the peer, in bytes. The same for all connections of the process. */
  readonly chunkSize: number;
  readonly handshake: HandshakeOptions;
}

/** A command and the message stream it was sent on. */
interface EarlyCommand {
  readonly command: Command;
  readonly msid: number;
}

/** `connect` was received and awaits its answer. */
interface Connecting {
  readonly type: "connecting";
  readonly transactionId: number;
  readonly objectEncoding: number;
  /** Whether the peer knows Enhanced RTMP. */
  readonly isEnhanced: boolean;
  /** Commands received before the answer. */
  readonly early: EarlyCommand[];
}

type SessionState =
  | { readonly type: "handshake"; readonly handshake: ServerHandshake }
  | { readonly type: "unconnected" }
  | Connecting
  | { readonly type: "connected" }
  | { readonly type: "refused" };

const UNCONNECTED: SessionState = { type: "unconnected" };
const CONNECTED: SessionState = { type: "connected" };
const REFUSED: SessionState = { type: "refused" };

/** Most commands kept while `connect` is undecided. A complete FMLE publish has five. */
const MAX_EARLY_COMMANDS = 8;

/** Clients look for the name of a Flash server here. SRS sends this one. */
const FMS_VERSION = "FMS/3,5,3,888";

/**
 * The server's side of one RTMP connection, without socket or clock: received bytes go in, bytes to
 * send and requests come out.
 *
 *     HANDSHAKE ── C2 ──> UNCONNECTED ── connect ──> CONNECTING ──┬── acceptConnect() ──> CONNECTED
 *                                                                 └── reject() ─────────> REFUSED
 *
 * Once connected, commands and media go to a {@linkcode ServerStream}, which has the states of
 * publish and play.
 *
 * Everything that needs a decision (connect, publish, play) becomes a request with an id. The peer
 * gets no answer before `accept…(id)` or `reject(id)`, which may follow at any later time; an
 * answer to a withdrawn request is ignored. Peers that do not wait for answers lose nothing:
 * commands after `connect` and media after `publish` are kept until then, within limits.
 *
 * Messages are sent in the same order as SRS, which clients are tested with, except that success is
 * announced after the decision and not before.
 */
export class ServerSession implements MessageLayerHandler, LimitsSource {
  readonly #handler: ServerSessionHandler;
  readonly #chunkSize: number;
  readonly #messages: MessageLayer;
  readonly #writer: CommandWriter;
  readonly #stream: ServerStream;
  #state: SessionState;
  #reconnectSupport: ReconnectSupport = "none";

  constructor(handler: ServerSessionHandler, options: ServerSessionOptions) {
    this.#handler = handler;
    this.#chunkSize = options.chunkSize;
    this.#state = { type: "handshake", handshake: new ServerHandshake(options.handshake) };
    this.#messages = new MessageLayer(this, this);
    this.#writer = new CommandWriter(handler);
    this.#stream = new ServerStream(handler, this.#writer);
  }

  /** Called by the message layer. */
  get limits(): ChunkLimits {
    return SESSION_LIMITS[this.#limitedState];
  }

  /**
   * Reads the next bytes from the peer. The caller may reuse them afterwards.
   *
   * @throws {WireError} when the peer violates the protocol; close the connection
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.pushPart(bytes.subarray(at));
  }

  /**
   * Reads a part of the next bytes, about a millisecond of work: a client that sends many short
   * messages cannot keep others waiting.
   *
   * @returns bytes read, at least one unless there are none; pass the rest in the next call
   * @throws {WireError} as {@linkcode push} does
   */
  pushPart(bytes: Uint8Array): number {
    if (this.#state.type !== "handshake") return this.#messages.pushPart(bytes);
    const step = this.#state.handshake.push(bytes);
    if (step.send !== null) this.send(step.send);
    if (step.done) this.#state = UNCONNECTED;
    return bytes.length - step.rest.length;
  }

  /**
   * Accepts the connect request and runs the commands that the peer sent early.
   *
   * @param self What an edge is told about this server; null for other clients.
   */
  acceptConnect(
    id: number,
    { outAckSizeBytes, inAckSizeBytes }: AckWindows,
    self: PeerServer | null = null,
  ): void {
    const state = this.#state;
    if (state.type !== "connecting" || id !== CONNECT_REQUEST_ID) return;
    this.#state = CONNECTED;
    if (inAckSizeBytes > 0) this.#messages.setAckWindow(inAckSizeBytes);
    if (outAckSizeBytes > 0) {
      this.send(encodeWindowAckSize(outAckSizeBytes));
      this.send(encodeSetPeerBandwidth(outAckSizeBytes));
    }
    // Before the first message of more than 128 bytes, which is the next one: OBS reads it with the
    // new size.
    this.#writer.setChunkSize(this.#chunkSize);
    this.#writer.command({
      name: "_result",
      transactionId: state.transactionId,
      values: [
        amfObject({
          fmsVer: FMS_VERSION,
          capabilities: 127,
          mode: 1,
          ...(state.isEnhanced ? serverCapabilities() : {}),
        }),
        amfObject({
          level: "status",
          code: StatusCode.CONNECT_SUCCESS,
          description: "Connection succeeded",
          objectEncoding: state.objectEncoding,
          data: amfEcmaArray({
            version: FMS_VERSION.slice(4),
            server: `edge/${VERSION}`,
            ...(self === null ? {} : describePeerServer(self)),
          }),
        }),
      ],
    }, CONTROL_MSID);
    this.#writer.command({ name: "onBWDone", transactionId: 0, values: [null] }, CONTROL_MSID);
    for (const { command, msid } of state.early) this.onCommand(command, msid);
  }

  /** What the player refuses, from before its play started or since. */
  get unwantedTracks(): readonly MediaTrack[] {
    return this.#stream.unwantedTracks;
  }

  /** Announces a play. Returns false when the peer has withdrawn the request. */
  acceptPlay(id: number): boolean {
    return this.#stream.acceptPlay(id);
  }

  /** Announces a publish. Returns false when the peer has withdrawn the request. */
  acceptPublish(id: number): boolean {
    return this.#stream.acceptPublish(id);
  }

  /** Refuses the pending request `id` with a status code and a human-readable text. */
  reject(id: number, refusal: Refusal): void {
    const state = this.#state;
    if (state.type !== "connecting") return this.#stream.reject(id, refusal);
    if (id !== CONNECT_REQUEST_ID) return;
    this.#state = REFUSED;
    this.#writer.error(state.transactionId, refusal.description, refusal.code);
  }

  /** Ends the publish or play, accepted or not, and sends the reason to the peer. */
  end(type: "publishing" | "playing", refusal: Refusal): void {
    this.#stream.end(type, refusal);
  }

  /**
   * Asks the peer to connect again, at its next keyframe. It is served until it leaves.
   *
   * @param tcUrl Where to; null for the address that it used.
   * @returns false when the peer does not know such requests, or not the `tcUrl`: then nothing is
   * sent.
   */
  requestReconnect(tcUrl: string | null): boolean {
    if (this.#state.type !== "connected") return false;
    switch (this.#reconnectSupport) {
      case "none":
        return false;
      case "go away":
        if (tcUrl === null) this.send(encodeGoAway());
        return tcUrl === null;
      case "status":
        this.#writer.command({
          name: "onStatus",
          transactionId: 0,
          values: [
            null,
            amfObject({
              level: "status",
              code: StatusCode.RECONNECT_REQUEST,
              description: "Connect again at your next keyframe",
              ...(tcUrl === null ? {} : { tcUrl }),
            }),
          ],
        }, CONTROL_MSID);
        return true;
      default:
        return this.#reconnectSupport satisfies never;
    }
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
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array, msid: number): void {
    this.#stream.onMedia(typeId, timestampMs, payload, msid);
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
    const state = this.#state;
    switch (state.type) {
      case "handshake":
      case "unconnected":
        return this.#onFirstCommand(command);
      case "connecting":
        return this.#onEarlyCommand(state, { command, msid });
      case "connected":
        if (command.name !== "connect") return this.#stream.onCommand(command, msid);
        return this.#refuse(command.transactionId, "Cannot connect twice on one connection");
      case "refused":
        return; // The peer sent it before it read the refusal.
      default:
        state satisfies never;
    }
  }

  get #limitedState(): LimitedState {
    return this.#state.type === "connected" ? this.#stream.limitedState : "connecting";
  }

  #onFirstCommand(command: Command): void {
    const { name, transactionId } = command;
    if (name === "connect") return this.#onConnect(command);
    this.#refuse(transactionId, `Cannot run command ${quotePeerText(name)} before "connect"`);
  }

  #onEarlyCommand({ early, transactionId }: Connecting, next: EarlyCommand): void {
    if (early.length < MAX_EARLY_COMMANDS) {
      early.push(next);
      return;
    }
    this.#refuse(
      transactionId,
      `Cannot keep command ${quotePeerText(next.command.name)}: ` +
        `${MAX_EARLY_COMMANDS} were sent before "connect" was answered`,
    );
  }

  /** Refuses what cannot be a request, and everything after it. */
  #refuse(transactionId: number, description: string): void {
    const code = StatusCode.CONNECT_REJECTED;
    this.#state = REFUSED;
    this.#writer.error(transactionId, description, code);
    this.#handler.onRefused({ code, description });
  }

  #onConnect(command: Command): void {
    const [info, args] = command.values;
    if (!(info instanceof AmfObject)) {
      const reason = command.damage?.message ?? "the command object is missing";
      return this.#refuse(command.transactionId, `Cannot connect: ${reason}`);
    }
    const encoding = info.get("objectEncoding");
    this.#reconnectSupport = reconnectSupport(info);
    this.#state = {
      type: "connecting",
      transactionId: command.transactionId,
      objectEncoding: typeof encoding === "number" ? encoding : 0,
      isEnhanced: isEnhancedConnect(info),
      early: [],
    };
    this.#handler.onConnect({
      id: CONNECT_REQUEST_ID,
      app: textOf(info.get("app")),
      tcUrl: withoutUserInfo(textOf(info.get("tcUrl"))),
      pageUrl: textOf(info.get("pageUrl")),
      swfUrl: textOf(info.get("swfUrl")),
      flashVer: textOf(info.get("flashVer")),
      args: args instanceof AmfObject ? args : null,
    }, info);
  }
}

function textOf(value: AmfValue): string {
  return typeof value === "string" ? value.slice(0, MAX_CONNECT_TEXT) : "";
}
