/**
 * The other end of a session, in memory: performs the handshake with the session under test, speaks to
 * it, decodes what it sends, and tells both what was sent and what was called, as short lines.
 *
 * A message is `@1 onStatus NetStream.Play.Start` (message stream id, command, values: an object with a
 * `code` is that code, after `error` when its level is that), `WindowAckSize 2500000`, `StreamBegin 1`,
 * `@1 audio 40 AF01` (time, payload) and the like.
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

/** Both sides' handshake take as much: a version byte and two blocks (RTMP 1.0 §5.2). */
const HANDSHAKE_BYTES = 1 + 1536 + 1536;

/** C0 C1 C2 or S0 S1 S2 of a peer that knows the simple handshake only. */
export const SIMPLE_HANDSHAKE: Uint8Array = new Uint8Array(HANDSHAKE_BYTES).fill(3, 0, 1);

/** Handshake options without chance. */
export const FIXED_HANDSHAKE = {
  random: (length: number) => new Uint8Array(length).fill(7),
  nowMs: 0,
};

/** Chunk size that both sessions announce. */
export const CHUNK_SIZE = 60_000;

/** What a session did since it was last asked. */
export interface Taken {
  readonly messages: readonly string[];
  readonly events: readonly string[];
}

/** A command to send; what is left out is transaction id 0, no values, message stream 0. */
export interface CommandLine {
  readonly name: string;
  readonly tid?: number;
  readonly values?: readonly AmfValue[];
  readonly msid?: number;
}

/** What the two peers have in common. */
abstract class Peer {
  readonly #recorder = new MessageRecorder();
  readonly #sent: Uint8Array[] = [];
  #sentBytes = 0;
  #takenMessages = 0;
  #events: string[] = [];
  /** Chunk size of what this peer sends; it is for the test to announce it. */
  chunkSize = 128;

  /** Feeds the session. */
  abstract push(bytes: Uint8Array): void;

  /** All that the session sent, the handshake included. */
  get sent(): readonly Uint8Array[] {
    return this.#sent;
  }

  /** All messages the session sent. */
  get messages(): readonly WireMessage[] {
    return this.#recorder.messages;
  }

  /** What the session sent and called since the last time. */
  take(): Taken {
    const messages = this.messages.slice(this.#takenMessages).map(describeMessage);
    const events = this.#events;
    this.#takenMessages = this.messages.length;
    this.#events = [];
    return { messages, events };
  }

  /** Sends commands and returns what came of them. */
  command(...commands: readonly CommandLine[]): Taken {
    for (const command of commands) this.push(this.encode(command));
    return this.take();
  }

  /** Sends a message and returns what came of it. */
  message(header: Partial<MessageHeader> & { typeId: number }, payload: Uint8Array): Taken {
    const full = { csid: 3, msid: 0, timestampMs: 0, ...header };
    this.push(encodeMessage(full, payload, this.chunkSize));
    return this.take();
  }

  /** The bytes of a command. */
  encode({ name, tid = 0, values = [null], msid = 0 }: CommandLine): Uint8Array {
    const { chunkSize } = this;
    return encodeCommand({ name, transactionId: tid, values }, { msid, chunkSize });
  }

  /** Called by the session. */
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
export interface ClientPeerOptions {
  /** Requests of these kinds are left for the test to answer. */
  readonly defers?: readonly ("connect" | "play" | "publish")[];
  /** The handshake is left to the test. */
  readonly isNew?: boolean;
  readonly windows?: AckWindows;
}

/** The client of a {@linkcode ServerSession}. Requests are accepted at once unless told otherwise. */
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

  /** The `connect` request that came. */
  get connectRequest(): ConnectRequest {
    if (this.#connectRequest === null) throw new Error("No connect request came");
    return this.#connectRequest;
  }

  override push(bytes: Uint8Array): void {
    this.session.push(bytes);
  }

  /** Sends `connect` and drops what comes of it. */
  connected(): this {
    this.command(CONNECT);
    return this;
  }

  /** Connects and publishes `show`, and drops what comes of it. */
  publishing(): this {
    this.connected().command(CREATE_STREAM, PUBLISH);
    return this;
  }

  /** Connects and plays `show`, and drops what comes of it. */
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

  // What the session calls.

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

  // What the session calls.

  onStarted(msid: number): void {
    this.happened("started", msid);
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.happened(describeMedia(typeId, timestampMs, payload));
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

/** A message as a line; see the file comment. */
export function describeMessage({ typeId, timestampMs, msid, payload }: WireMessage): string {
  const control = CONTROL_NAMES[typeId];
  if (control !== undefined) {
    const limitType = payload.length > 4 ? ` ${payload[4]}` : "";
    return `${control} ${readU32(payload, 0)}${limitType}`;
  }
  if (typeId === 4) return describeUserControl(payload);
  if (typeId === 20) {
    const { name, transactionId, values } = decodeCommand(typeId, payload);
    // A status has no transaction, and no command object.
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

/** Digits in capitals, two to a byte. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();
}
