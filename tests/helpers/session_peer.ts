/**
 * The other end of a session, in memory. Performs the handshake with the session under test, sends
 * it commands, and reports its messages and calls as short lines.
 *
 * Lines of messages are like `@1 onStatus NetStream.Play.Start` (message stream id, command,
 * values; an object with a `code` is shown as the code, after `error` if that is its level),
 * `WindowAckSize 2500000`, `StreamBegin 1` and `@1 audio 40 AF01` (timestamp, payload).
 */

import { AmfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { readU32 } from "../../lib/base/bytes.ts";
import { encodeMessage, type MessageHeader } from "../../lib/rtmp/chunk_encode.ts";
import { decodeCommand, encodeCommand } from "../../lib/rtmp/commands.ts";
import type { Refusal, Status } from "../../lib/rtmp/status.ts";
import {
  ClientSession,
  type ClientSessionHandler,
  type ClientSessionOptions,
} from "../../lib/session/client_session.ts";
import {
  type AckWindows,
  type ConnectRequest,
  ServerSession,
  type ServerSessionHandler,
} from "../../lib/session/server_session.ts";
import type { StreamCommand } from "../../lib/session/server_stream.ts";
import { MessageRecorder, type WireMessage } from "./wire_message.ts";

/** Length of the handshake of either side: a version byte and two blocks (RTMP 1.0 §5.2). */
const HANDSHAKE_BYTES = 1 + 1536 + 1536;

/** C0 C1 C2 or S0 S1 S2 of the simple handshake. */
export const SIMPLE_HANDSHAKE: Uint8Array = new Uint8Array(HANDSHAKE_BYTES).fill(3, 0, 1);

/** Deterministic handshake options. */
export const FIXED_HANDSHAKE = {
  random: (length: number) => new Uint8Array(length).fill(7),
  nowMs: 0,
};

/** Chunk size that both sessions announce. */
const CHUNK_SIZE = 60_000;

/** What a session did since the previous call. */
export interface Taken {
  readonly messages: readonly string[];
  readonly events: readonly string[];
}

/** A command to send. Defaults: transaction id 0, values `[null]`, message stream 0. */
export interface CommandLine {
  readonly name: string;
  readonly tid?: number;
  readonly values?: readonly AmfValue[];
  readonly msid?: number;
}

/** The part that is the same for both peers. */
abstract class Peer {
  readonly #recorder = new MessageRecorder();
  readonly #sent: Uint8Array[] = [];
  #sentBytes = 0;
  #takenMessages = 0;
  #events: string[] = [];
  /** Chunk size of the messages that this peer sends. The test has to announce it. */
  chunkSize = 128;

  /** Pushes bytes into the session. */
  abstract push(bytes: Uint8Array): void;

  /** Everything that the session sent, including the handshake. */
  get sent(): readonly Uint8Array[] {
    return this.#sent;
  }

  /** All messages that the session sent. */
  get messages(): readonly WireMessage[] {
    return this.#recorder.messages;
  }

  /** Returns what the session sent and called since the previous call. */
  take(): Taken {
    const messages = this.messages.slice(this.#takenMessages).map(describeMessage);
    const events = this.#events;
    this.#takenMessages = this.messages.length;
    this.#events = [];
    return { messages, events };
  }

  /** Sends commands and returns what they caused. */
  command(...commands: readonly CommandLine[]): Taken {
    for (const command of commands) this.push(this.encode(command));
    return this.take();
  }

  /** Sends a message and returns what it caused. */
  message(header: Partial<MessageHeader> & { typeId: number }, payload: Uint8Array): Taken {
    const full = { csid: 3, msid: 0, timestampMs: 0, ...header };
    this.push(encodeMessage(full, payload, this.chunkSize));
    return this.take();
  }

  /** Encodes a command. */
  encode({ name, tid = 0, values = [null], msid = 0 }: CommandLine): Uint8Array {
    const { chunkSize } = this;
    return encodeCommand({ name, transactionId: tid, values }, { msid, chunkSize });
  }

  /** Called by the session with the bytes it sends. */
  send(bytes: Uint8Array): void {
    this.#sent.push(bytes);
    const skipped = Math.min(bytes.length, Math.max(0, HANDSHAKE_BYTES - this.#sentBytes));
    this.#sentBytes += bytes.length;
    this.#recorder.push(bytes.subarray(skipped));
  }

  protected happened(...words: readonly unknown[]): void {
    this.#events.push(words.join(" "));
  }
}

/** Options of {@linkcode ClientPeer}. */
interface ClientPeerOptions {
  /** Kinds of requests that the test answers itself. */
  readonly defers?: readonly ("connect" | "play" | "publish")[];
  /** Whether the test performs the handshake itself. */
  readonly isNew?: boolean;
  readonly windows?: AckWindows;
}

/** The client of a {@linkcode ServerSession}. Accepts requests at once, except deferred ones. */
export class ClientPeer extends Peer implements ServerSessionHandler {
  readonly session: ServerSession;
  readonly #defers: readonly string[];
  readonly #windows: AckWindows;
  #lastRequestId = 0;
  #connectRequest: ConnectRequest | null = null;
  /** The newest connect object. */
  connectInfo: AmfObject | null = null;

  constructor(options: ClientPeerOptions = {}) {
    super();
    this.#defers = options.defers ?? [];
    this.#windows = options.windows ?? { outAckSizeBytes: 2_500_000, inAckSizeBytes: 0 };
    this.session = new ServerSession(this, {
      chunkSize: CHUNK_SIZE,
      handshake: FIXED_HANDSHAKE,
    });
    if (options.isNew !== true) this.push(SIMPLE_HANDSHAKE);
  }

  /** Id of the newest request. */
  get requestId(): number {
    return this.#lastRequestId;
  }

  /** The `connect` request. Throws if there was none. */
  get connectRequest(): ConnectRequest {
    if (this.#connectRequest === null) throw new Error("There was no connect request");
    return this.#connectRequest;
  }

  override push(bytes: Uint8Array): void {
    this.session.push(bytes);
  }

  /** Connects, and discards what that caused. */
  connected(): this {
    this.command(CONNECT);
    return this;
  }

  /** Connects and publishes `show`, and discards what that caused. */
  publishing(): this {
    this.connected().command(CREATE_STREAM, PUBLISH);
    return this;
  }

  /** Connects and plays `show`, and discards what that caused. */
  playing(): this {
    this.connected().command(CREATE_STREAM, PLAY);
    return this;
  }

  acceptConnect(id = this.#lastRequestId): Taken {
    this.session.acceptConnect(id, this.#windows);
    return this.take();
  }

  reject(refusal: Refusal, id = this.#lastRequestId): Taken {
    this.session.reject(id, refusal);
    return this.take();
  }

  // Called by the session.

  onConnect(request: ConnectRequest, info: AmfObject): void {
    this.connectInfo = info;
    this.#lastRequestId = request.id;
    this.#connectRequest = request;
    this.happened("connect", request.app, request.tcUrl);
    if (!this.#defers.includes("connect")) this.session.acceptConnect(request.id, this.#windows);
  }

  onPublish({ id, streamName }: StreamCommand): void {
    this.#lastRequestId = id;
    this.happened("publish", streamName);
    if (!this.#defers.includes("publish")) this.session.acceptPublish(id);
  }

  onPlay({ id, streamName }: StreamCommand): void {
    this.#lastRequestId = id;
    this.happened("play", streamName);
    if (!this.#defers.includes("play")) this.session.acceptPlay(id);
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.happened(describeMedia(typeId, timestampMs, payload));
  }

  onStreamClosed(): void {
    this.happened("closed");
  }

  onPause(isPaused: boolean): void {
    this.happened(isPaused ? "pause" : "unpause");
  }

  onPong(timestampMs: number): void {
    this.happened("pong", timestampMs);
  }

  onAcknowledgement(totalBytes: number): void {
    this.happened("acknowledged", totalBytes);
  }

  onIgnored(what: string): void {
    this.happened("ignored", what);
  }

  onReceive(track: string, isWanted: boolean): void {
    this.happened("receive", track, isWanted);
  }

  onRefused({ code }: Refusal): void {
    this.happened("refused", code);
  }
}

/** `connect` to `rtmp://server/live`. */
export const CONNECT: CommandLine = {
  name: "connect",
  tid: 1,
  values: [
    new AmfObject(
      "object",
      new Map<string, AmfValue>([["app", "live"], ["tcUrl", "rtmp://server/live"]]),
    ),
  ],
};

export const CREATE_STREAM: CommandLine = { name: "createStream", tid: 2 };
export const PUBLISH: CommandLine = {
  name: "publish",
  tid: 3,
  values: [null, "show", "live"],
  msid: 1,
};
export const PLAY: CommandLine = { name: "play", tid: 3, values: [null, "show"], msid: 1 };

/** The server of a {@linkcode ClientSession}. */
export class ServerPeer extends Peer implements ClientSessionHandler {
  readonly session: ClientSession;

  /** Starts the session and performs the handshake. */
  constructor(options: Partial<ClientSessionOptions> & Pick<ClientSessionOptions, "target">) {
    super();
    this.session = new ClientSession(this, {
      chunkSize: CHUNK_SIZE,
      handshake: FIXED_HANDSHAKE,
      ...options,
    });
    this.session.start();
    this.push(SIMPLE_HANDSHAKE);
  }

  override push(bytes: Uint8Array): void {
    this.session.push(bytes);
  }

  // Called by the session.

  onStarted(msid: number): void {
    this.happened("started", msid);
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.happened(describeMedia(typeId, timestampMs, payload));
  }

  onStreamBegin(): void {
    this.happened("another source");
  }

  onStreamEof(): void {
    this.happened("end of stream");
  }

  onStatus({ level, code }: Status): void {
    this.happened(level, code);
  }

  onPong(timestampMs: number): void {
    this.happened("pong", timestampMs);
  }

  onAcknowledgement(totalBytes: number): void {
    this.happened("acknowledged", totalBytes);
  }
}

const CONTROL_NAMES: Readonly<Record<number, string>> = {
  1: "SetChunkSize",
  2: "Abort",
  3: "Acknowledgement",
  5: "WindowAckSize",
  6: "SetPeerBandwidth",
};

const EVENT_NAMES: Readonly<Record<number, string>> = {
  0: "StreamBegin",
  1: "StreamEOF",
  3: "SetBufferLength",
  6: "PingRequest",
  7: "PingResponse",
};

const MEDIA_NAMES: Readonly<Record<number, string>> = { 8: "audio", 9: "video", 18: "data" };

/** Formats a message as a line. */
function describeMessage({ typeId, timestampMs, msid, payload }: WireMessage): string {
  const control = CONTROL_NAMES[typeId];
  if (control !== undefined) {
    const limitType = payload.length > 4 ? ` ${payload[4]}` : "";
    return `${control} ${readU32(payload, 0)}${limitType}`;
  }
  if (typeId === 4) return describeUserControl(payload);
  if (typeId === 20) {
    const { name, transactionId, values } = decodeCommand(payload);
    // Statuses have neither transaction id nor command object.
    const words = name.startsWith("on") ? values.slice(1) : [transactionId, ...values];
    return [`@${msid}`, name, ...words.map(describeValue)].join(" ");
  }
  return `@${msid} ${describeMedia(typeId, timestampMs, payload)}`;
}

function describeUserControl(payload: Uint8Array): string {
  const event = (payload[0]! << 8) | payload[1]!;
  const values = [];
  for (let at = 2; at < payload.length; at += 4) values.push(readU32(payload, at));
  return [EVENT_NAMES[event] ?? `event ${event}`, ...values].join(" ");
}

function describeMedia(typeId: number, timestampMs: number, payload: Uint8Array): string {
  return `${MEDIA_NAMES[typeId] ?? `type ${typeId}`} ${timestampMs} ${toHex(payload)}`.trimEnd();
}

function describeValue(value: AmfValue): string {
  if (!(value instanceof AmfObject)) return typeof value === "string" ? value : String(value);
  const code = value.get("code");
  if (typeof code !== "string") return "{}";
  return value.get("level") === "error" ? `error ${code}` : code;
}

/** Formats bytes as uppercase hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();
}
