import { AmfObject, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { csidOf } from "../../lib/rtmp/encoded_messages.ts";
import { describeExpectedEnd } from "../../lib/io/connection_end.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { SocketWriter } from "../../lib/io/socket_writer.ts";
import type { TlsTrust, Transport } from "../../lib/io/transport.ts";
import { encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import { type Command, encodeCommand } from "../../lib/rtmp/commands.ts";
import { encodeSetChunkSize, type UserControl } from "../../lib/rtmp/control_messages.ts";
import { ClientHandshake } from "../../lib/rtmp/handshake.ts";
import { MessageLayer, type MessageLayerHandler } from "../../lib/session/message_layer.ts";
import { until } from "./until.ts";

/** An audio (8), video (9) or data (18) message. */
export interface MediaMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** What a client received. */
export type Received =
  | ({ readonly type: "media" } & MediaMessage)
  | { readonly type: "status"; readonly code: string; readonly description: string }
  /** `StreamBegin` is 0, `StreamEOF` is 1 (RTMP 1.0 §7.1.7). */
  | { readonly type: "event"; readonly event: number };

/** Options of {@linkcode RtmpClient.connect}. */
export interface RtmpClientOptions {
  /** Host of the server; 127.0.0.1 unless given. */
  readonly hostname?: string;
  /** App of the address; `live` unless given. */
  readonly app?: string;
  /** Address in `connect`; made of host, port and app unless given. */
  readonly tcUrl?: string;
  /** Connects over TLS. */
  readonly trust?: TlsTrust;
}

/** Long enough for a busy machine; no test waits for it to pass. */
const TIMEOUT_MS = 30_000;

const CHUNK_SIZE = 60_000;
const READ_BUFFER_BYTES = 64 * 1024;

/** The first message stream id of the server. */
const MSID = 1;

/**
 * An RTMP client over a real socket that does what a test says, command by command, and keeps all
 * it receives in order. It does not use the `Upstream` of the library, nor its `ClientSession`:
 * those send what an edge sends, in that order, while tests need commands alone, repeated or out of
 * place. Closes at the end of an `await using` block.
 */
export class RtmpClient implements AsyncDisposable, MessageLayerHandler {
  readonly received: Received[] = [];
  /**
   * Takes media messages in place of {@linkcode received}; the payload is valid during the call.
   */
  onMediaMessage: ((message: MediaMessage) => void) | null = null;
  readonly #transport: Transport;
  readonly #writer: SocketWriter;
  readonly #port = new MessageLayer(this);
  readonly #handshake = new ClientHandshake({
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    nowMs: 0,
  });
  readonly #results = new Map<number, Command>();
  readonly #reading: Promise<void>;
  #isHandshakeDone = false;
  #lastTransactionId = 0;
  #isEnded = false;
  #isLost = false;
  #pause: PromiseWithResolvers<void> | null = null;

  private constructor(transport: Transport) {
    this.#transport = transport;
    this.#writer = new SocketWriter({
      transport,
      queue: new FlushQueue(systemClock),
      clock: systemClock,
      host: { onWriteFailed() {} },
    });
    this.#reading = this.#readUntilEnd();
  }

  /** Connects and sends `connect`. @throws {Error} with the status code when it is refused */
  static async connect(port: number, options: RtmpClientOptions = {}): Promise<RtmpClient> {
    const { hostname = "127.0.0.1", app = "live" } = options;
    const { tcUrl = `rtmp://${hostname}:${port}/${app}` } = options;
    const address = { hostname, port };
    const client = new RtmpClient(
      await denoNetwork.connect(address, new AbortController().signal, options.trust),
    );
    try {
      client.send(client.#handshake.start());
      await client.#until("the handshake", () => client.#isHandshakeDone);
      await client.#call("connect", [amfObject({ app, tcUrl })]);
      client.send(encodeSetChunkSize(CHUNK_SIZE));
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Returns a client that plays `name`; it may still wait for the stream. */
  static async play(
    port: number,
    name: string,
    options?: RtmpClientOptions,
  ): Promise<RtmpClient> {
    const client = await RtmpClient.connect(port, options);
    await client.play(name);
    return client;
  }

  /**
   * Returns a client that publishes `name`. @throws {Error} with the status code when it is refused
   */
  static async publish(
    port: number,
    name: string,
    options?: RtmpClientOptions,
  ): Promise<RtmpClient> {
    const client = await RtmpClient.connect(port, options);
    await client.publish(name);
    await client.untilStatus("NetStream.Publish.Start");
    return client;
  }

  /** Whether the server closed the connection. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Media messages so far, without the `|RtmpSampleAccess` that begins every play. */
  get media(): MediaMessage[] {
    return this.received.filter((item) => item.type === "media");
  }

  /** Status codes so far. */
  get statuses(): string[] {
    return this.received.flatMap((item) => item.type === "status" ? [item.code] : []);
  }

  /**
   * Asks to play, after `createStream`. Settles when the server has read it, maybe before its
   * answer.
   */
  async play(name: string): Promise<void> {
    await this.#call("createStream", [null]);
    this.sendCommand("play", [null, name], MSID);
    await this.barrier();
  }

  /** Asks to publish, after `createStream`. */
  async publish(name: string): Promise<void> {
    await this.#call("createStream", [null]);
    this.sendCommand("publish", [null, name, "live"], MSID);
  }

  /**
   * Settles when the server has read all that was sent: it handles commands in order. A client that
   * it refuses gets no further answer, but is closed.
   */
  async barrier(): Promise<void> {
    try {
      await this.#call("getStreamLength", [null, "any"]);
    } catch (error) {
      if (!this.#isEnded) throw error;
    }
  }

  /** Sends a command without transaction id. */
  sendCommand(name: string, values: readonly AmfValue[], msid = 0): void {
    const command = { name, transactionId: 0, values };
    this.send(encodeCommand(command, { msid, chunkSize: CHUNK_SIZE }));
  }

  /** Sends a media message. */
  push({ typeId, timestampMs, payload }: MediaMessage): void {
    const header = { csid: csidOf(typeId), typeId, msid: MSID, timestampMs };
    this.send(encodeMessage(header, payload, CHUNK_SIZE));
  }

  /** Its network fails without a FIN: nothing reaches the server from now on. */
  lose(): void {
    this.#isLost = true;
  }

  /** Reads nothing more until {@linkcode resumeReading}: the client is slow. */
  pauseReading(): void {
    this.#pause ??= Promise.withResolvers<void>();
  }

  resumeReading(): void {
    this.#pause?.resolve();
    this.#pause = null;
  }

  /** Waits for a status among what was received after the first `after` items. */
  async untilStatus(code: string, after = 0): Promise<void> {
    await this.#until(code, () => {
      const items = this.received.slice(after);
      if (items.some((item) => item.type === "status" && item.code === code)) return true;
      const refusal = items.find((item) => item.type === "status" && isRefusal(item.code));
      if (refusal?.type === "status") throw new Error(`${refusal.code}: ${refusal.description}`);
      if (this.#isEnded) throw new Error(`The server closed instead of ${code}: ${this.statuses}`);
      return false;
    });
  }

  /** Waits for `count` media messages in all. */
  async untilMedia(count: number): Promise<void> {
    await this.#until(`${count} media messages`, () => {
      if (this.media.length >= count) return true;
      if (this.#isEnded) throw new Error(`The server closed after ${this.media.length} messages`);
      return false;
    });
  }

  /** Waits until the server closes the connection. */
  async untilEnded(): Promise<void> {
    await this.#until("the end of the connection", () => this.#isEnded);
  }

  /** Closes the connection at once, as a player that is switched off. */
  async close(): Promise<void> {
    this.resumeReading();
    this.#transport.close();
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // Called by the message layer.

  send(bytes: Uint8Array): void {
    if (!this.#isLost) this.#writer.send(bytes);
  }

  onCommand(command: Command): void {
    if (command.name === "_result" || command.name === "_error") {
      this.#results.set(command.transactionId, command);
    } else if (command.name === "onStatus") {
      const { code, description } = statusOf(command);
      this.received.push({ type: "status", code, description });
    }
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (isSampleAccess(payload)) return;
    if (this.onMediaMessage !== null) {
      this.onMediaMessage({ typeId, timestampMs, payload });
    } else {
      this.received.push({ type: "media", typeId, timestampMs, payload: payload.slice() });
    }
  }

  onUserControl({ event }: UserControl): void {
    this.received.push({ type: "event", event });
  }

  onAcknowledgement(): void {}

  onIgnored(): void {}

  async #call(name: string, values: readonly AmfValue[]): Promise<void> {
    const transactionId = ++this.#lastTransactionId;
    // Sent before SetChunkSize; only `connect` is longer than this.
    const chunkSize = name === "connect" ? 128 : CHUNK_SIZE;
    this.send(encodeCommand({ name, transactionId, values }, { msid: 0, chunkSize }));
    const answer = await this.#until(`the answer to ${name}`, () => {
      const result = this.#results.get(transactionId);
      if (result === undefined && this.#isEnded) throw new Error(`The server closed at ${name}`);
      return result;
    });
    if (answer.name === "_error") throw new Error(statusOf(answer).code);
  }

  async #until<T>(what: string, probe: () => T | undefined | false): Promise<T> {
    return await until(what, probe, { timeoutMs: TIMEOUT_MS, everyMs: 2 });
  }

  async #readUntilEnd(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      while (true) {
        await this.#pause?.promise;
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#pushBytes(buffer.subarray(0, count));
      }
    } catch (error) {
      if (describeExpectedEnd(error) === null) throw error;
    }
    this.#isEnded = true;
    this.#transport.close();
  }

  #pushBytes(bytes: Uint8Array): void {
    if (this.#isHandshakeDone) return this.#port.push(bytes);
    const step = this.#handshake.push(bytes);
    if (step.send !== null) this.send(step.send);
    if (!step.done) return;
    this.#isHandshakeDone = true;
    this.#port.push(step.rest);
  }
}

/** Returns whether a status is a refusal. */
function isRefusal(code: string): boolean {
  return /\.(BadName|Denied|Failed|StreamNotFound|Rejected)$/.test(code);
}

function statusOf({ values }: Command): { code: string; description: string } {
  const info = values[1];
  if (!(info instanceof AmfObject)) throw new Error("A status without information object");
  return { code: String(info.get("code")), description: String(info.get("description")) };
}

/** AMF0 string marker, length 17, `|RtmpSampleAccess`. */
function isSampleAccess(payload: Uint8Array): boolean {
  return payload[0] === 0x02 && payload[2] === 17 && payload[3] === 0x7C;
}
