import { systemClock } from "../lib/base/clock.ts";
import { csidOf } from "../lib/rtmp/encoded_messages.ts";
import { describeExpectedEnd } from "../lib/io/connection_end.ts";
import { denoNetwork } from "../lib/io/tcp.ts";
import { FlushQueue } from "../lib/io/flush_queue.ts";
import { SocketWriter } from "../lib/io/socket_writer.ts";
import type { Transport } from "../lib/io/transport.ts";
import { encodeMessage } from "../lib/rtmp/chunk_encode.ts";
import { ClientSession, type ClientSessionHandler } from "../lib/session/client_session.ts";
import { until } from "../tests/helpers/until.ts";

const CHUNK_SIZE = 60_000;
const READ_BUFFER_BYTES = 64 * 1024;
const START_TIMEOUT_MS = 10_000;

/** Takes a message; `payload` is valid during the call. */
type OnMedia = (typeId: number, timestampMs: number, payload: Uint8Array) => void;

/** Pings carry a time in µs, 32 bits of it. */
const PING_CLOCK = 2 ** 32;

/** Options of {@linkcode RtmpPeer.open}. */
interface RtmpPeerOptions {
  readonly kind: "play" | "publish";
  readonly port: number;
  readonly stream: string;
  readonly onMedia?: OnMedia;
  /** A ping was answered, after `delayMs`. */
  readonly onAnswer?: (delayMs: number) => void;
}

/**
 * An RTMP client that plays or publishes one stream at any server. Not the `Upstream` of the
 * library: that pings a silent server and abandons one that keeps it waiting, while a benchmark
 * waits however long a server takes, and pings only to measure the answer.
 */
export class RtmpPeer implements ClientSessionHandler, AsyncDisposable {
  readonly #options: RtmpPeerOptions;
  readonly #transport: Transport;
  readonly #writer: SocketWriter;
  readonly #session: ClientSession;
  #reading: Promise<void> = Promise.resolve();
  #msid = 0;
  #isEnded = false;
  #error: unknown = null;

  private constructor(transport: Transport, options: RtmpPeerOptions) {
    const { kind, port, stream } = options;
    this.#options = options;
    this.#transport = transport;
    this.#writer = new SocketWriter({
      transport,
      queue: new FlushQueue(systemClock),
      clock: systemClock,
      host: { onWriteFailed() {} },
    });
    this.#session = new ClientSession(this, {
      target: { kind, app: "live", tcUrl: `rtmp://127.0.0.1:${port}/live`, streamName: stream },
      chunkSize: CHUNK_SIZE,
      handshake: {
        random: (length) => crypto.getRandomValues(new Uint8Array(length)),
        nowMs: 0,
      },
    });
  }

  /** Connects. Waits until the server accepts a publish; a play may still wait for its stream. */
  static async open(options: RtmpPeerOptions): Promise<RtmpPeer> {
    const address = { hostname: "127.0.0.1", port: options.port };
    const signal = new AbortController().signal;
    const peer = new RtmpPeer(await denoNetwork.connect(address, signal), options);
    peer.#start();
    if (options.kind === "publish") {
      await until("the publish to start", () => {
        if (peer.#isEnded) throw peer.#error ?? new Error("The server closed the connection");
        return peer.#msid > 0;
      }, { timeoutMs: START_TIMEOUT_MS, everyMs: 5 });
    }
    return peer;
  }

  /** The connection has ended. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Publishes a message. */
  push(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const header = { csid: csidOf(typeId), typeId, msid: this.#msid, timestampMs };
    this.send(encodeMessage(header, payload, CHUNK_SIZE));
  }

  /** Sends a ping; `onAnswer` tells how long the answer took. */
  ping(): void {
    this.#session.ping(microseconds());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.close();
    await this.#reading;
  }

  // Called by the session.

  send(bytes: Uint8Array): void {
    this.#writer.send(bytes);
  }

  onStarted(msid: number): void {
    this.#msid = msid;
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#options.onMedia?.(typeId, timestampMs, payload);
  }

  onStatus(): void {}

  onStreamEof(): void {}

  onPong(sentAt: number): void {
    this.#options.onAnswer?.(((microseconds() - sentAt + PING_CLOCK) % PING_CLOCK) / 1000);
  }

  onAcknowledgement(): void {}

  #start(): void {
    this.#session.start();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      while (true) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#session.push(buffer.subarray(0, count));
      }
    } catch (error) {
      if (describeExpectedEnd(error) === null) this.#error = error;
    }
    this.#isEnded = true;
    this.#transport.close();
  }
}

/** The time now, cut to what a ping can carry. */
function microseconds(): number {
  return Math.trunc(performance.now() * 1000) % PING_CLOCK;
}
