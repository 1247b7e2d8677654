/**
 * A connection to an origin, to pull or to push one stream: dials, talks, watches the budgets, and says
 * in one error why it ended.
 */

import { amfObject } from "../amf/amf_value.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError, UpstreamError, WireError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import type { ClusterConfig, OriginAddress } from "../config/config.ts";
import { describeExpectedEnd } from "../net/deno_tcp.ts";
import { BACKLOG_PROPERTY, EDGE_PATH_PROPERTY, formatEdgePath } from "../net/edge_path.ts";
import type { FlushQueue } from "../net/flush_queue.ts";
import { SocketWriter } from "../net/socket_writer.ts";
import type { Network, Transport } from "../net/transport.ts";
import type { StreamRequest } from "../net/vhost_service.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";
import type { Status } from "../rtmp/status.ts";
import { upstreamTarget } from "../rtmp/url.ts";
import { ClientSession, type ClientSessionHandler } from "../session/client_session.ts";

/** What all upstreams of a vhost share. */
export interface UpstreamContext {
  readonly cluster: ClusterConfig;
  readonly network: Network;
  readonly queue: FlushQueue;
  readonly clock: Clock;
  readonly handshake: HandshakeOptions;
  /** Size of the chunks written, in bytes. */
  readonly chunkSize: number;
  /** Id of this process among edges. */
  readonly edgeId: string;
}

/** What whoever uses an upstream is told. */
export interface UpstreamListener {
  /** The origin accepted. `msid` is the message stream id it wants media on. */
  onStarted(msid: number): void;
  /** `payload` is valid during the call only. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  onStatus(status: Status): void;
  /** The origin has received `totalBytes` (u32) of what was sent. */
  onAcknowledgement(totalBytes: number): void;
}

/** Options of {@linkcode Upstream}. */
export interface UpstreamOptions {
  readonly kind: "play" | "publish";
  readonly origin: OriginAddress;
  readonly request: StreamRequest;
  readonly listener: UpstreamListener;
  /**
   * An origin that keeps the play waiting, because nobody publishes there, is given up after
   * `startTimeoutMs`. False when there is no other to try.
   */
  readonly hasAlternative: boolean;
  /** How far back the stream is wanted, in ms; 0 from the newest keyframe. */
  readonly backlogMs: number;
}

const READ_BUFFER_BYTES = 64 * 1024;

/** How often the budgets are looked at. */
const WATCH_PERIOD_MS = 100;

/** See the file comment. */
export class Upstream implements ClientSessionHandler {
  readonly #context: UpstreamContext;
  readonly #options: UpstreamOptions;
  readonly #session: ClientSession;
  #transport: Transport | null = null;
  #writer: SocketWriter | null = null;
  readonly #abort = new AbortController();
  #cancelWatch: CancelTimer | null = null;
  #cancelFinish: CancelTimer | null = null;
  #error: UpstreamError | null = null;
  #isClosed = false;
  #beganMs = 0;
  #lastReadMs = 0;
  #hasStarted = false;
  #pingSentMs = -1;

  constructor(context: UpstreamContext, options: UpstreamOptions) {
    const { cluster, edgeId } = context;
    const { origin, request, kind } = options;
    const target = upstreamTarget({ origin, request: request.url, vhostTemplate: cluster.vhost });
    this.#context = context;
    this.#options = options;
    this.#session = new ClientSession(this, {
      target: { kind, tcUrl: target.tcUrl, app: target.app, streamName: target.stream },
      chunkSize: context.chunkSize,
      handshake: context.handshake,
      connectProperties: {
        [EDGE_PATH_PROPERTY]: formatEdgePath(request.edgePath, edgeId),
        ...(options.backlogMs > 0 ? { [BACKLOG_PROPERTY]: options.backlogMs } : {}),
      },
      ...(cluster.debugSrsUpnode ? { connectArgs: describeEdge(edgeId) } : {}),
    });
  }

  /** The socket's writer once the origin accepted. */
  get writer(): SocketWriter {
    return this.#writer!;
  }

  /**
   * Connects and serves until the connection ends. Called once.
   *
   * @throws {UpstreamError} unless it was ended by {@linkcode close}.
   */
  async run(): Promise<void> {
    if (this.#isClosed) return;
    try {
      this.#transport = await this.#dial();
      await this.#talk(this.#transport);
    } catch (error) {
      if (!this.#isClosed) throw this.#error ?? this.#toUpstreamError(error);
    } finally {
      this.#cancelWatch?.();
      this.#cancelFinish?.();
      this.close();
    }
  }

  /** Tells the origin that the stream is over, once all bytes are sent, and ends the connection. */
  finish(): void {
    const writer = this.#writer;
    if (writer === null || this.#isClosed) return this.close();
    writer.drain(() => {
      writer.unfollow();
      this.#session.stop();
      writer.drain(() => this.close());
    });
    this.#limitFinish(writer);
  }

  /** Ends the connection at once. */
  close(): void {
    this.#isClosed = true;
    this.#abort.abort();
    this.#transport?.close();
  }

  // What the session calls.

  send(bytes: Uint8Array): void {
    this.#writer?.send(bytes);
  }

  onStarted(msid: number): void {
    this.#hasStarted = true;
    this.#options.listener.onStarted(msid);
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#options.listener.onMedia(typeId, timestampMs, payload);
  }

  onStatus(status: Status): void {
    this.#options.listener.onStatus(status);
  }

  onPong(): void {
    // Any byte from the origin shows that it lives.
  }

  onAcknowledgement(totalBytes: number): void {
    this.#options.listener.onAcknowledgement(totalBytes);
  }

  async #dial(): Promise<Transport> {
    const { network, clock, cluster } = this.#context;
    const { connectTimeoutMs } = cluster;
    const cancel = clock.after(connectTimeoutMs, () => this.#abort.abort());
    try {
      return await network.connect(this.#options.origin, this.#abort.signal);
    } catch (error) {
      const reason = this.#abort.signal.aborted
        ? `no answer within ${connectTimeoutMs} ms`
        : describeError(error);
      throw new UpstreamError("connect", `Cannot connect: ${reason}`, { cause: error });
    } finally {
      cancel();
    }
  }

  async #talk(transport: Transport): Promise<void> {
    const { clock, queue } = this.#context;
    if (this.#isClosed) return;
    this.#writer = new SocketWriter({
      transport,
      queue,
      now: () => clock.now(),
      onError: (error) => this.#fail(this.#toUpstreamError(error)),
    });
    this.#beganMs = clock.now();
    this.#lastReadMs = this.#beganMs;
    this.#watch();
    this.#session.start();
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    while (true) {
      const count = await transport.read(buffer);
      if (count === null) throw this.#endedError("the origin closed the connection");
      this.#lastReadMs = clock.now();
      this.#pingSentMs = -1;
      this.#session.push(buffer.subarray(0, count));
    }
  }

  #watch(): void {
    this.#cancelWatch = this.#context.clock.after(WATCH_PERIOD_MS, () => {
      const nowMs = this.#context.clock.now();
      const reason = this.#overdue(nowMs);
      if (reason !== null) return this.#fail(this.#endedError(reason));
      this.#watch();
    });
  }

  /** Why the origin is given up, or null. */
  #overdue(nowMs: number): string | null {
    const { startTimeoutMs } = this.#context.cluster;
    const { phase } = this.#session;
    const isAsking = phase === "handshake" || phase === "command" || phase === "publish";
    if (!this.#hasStarted && (isAsking || this.#options.hasAlternative)) {
      return nowMs - this.#beganMs < startTimeoutMs
        ? null
        : `no stream within ${startTimeoutMs} ms`;
    }
    // A silent origin may have a silent publisher: ask before giving it up.
    const { askAfterMs, answerMs } = this.#pingBudget();
    if (this.#pingSentMs < 0) {
      if (nowMs - this.#lastReadMs >= askAfterMs) {
        this.#pingSentMs = nowMs;
        this.#session.ping(Math.trunc(nowMs));
      }
      return null;
    }
    // A ping that waits behind other bytes is not asked yet, as long as the origin takes those.
    const { waitingControlBytes, inFlightSinceMs } = this.writer;
    if (waitingControlBytes > 0) this.#pingSentMs = Math.max(this.#pingSentMs, inFlightSinceMs);
    return nowMs - this.#pingSentMs < answerMs ? null : "the origin does not answer pings";
  }

  /**
   * How long a silent origin is not asked whether it lives, and how long it may take to say so. Of a push
   * nothing else tells that the origin froze, so with another one at hand both fit the stall budget.
   */
  #pingBudget(): { askAfterMs: number; answerMs: number } {
    const { startTimeoutMs, stallTimeoutMs } = this.#context.cluster;
    const { kind, hasAlternative } = this.#options;
    return kind === "publish" && hasAlternative
      ? { askAfterMs: stallTimeoutMs / 2, answerMs: stallTimeoutMs / 2 }
      : { askAfterMs: stallTimeoutMs, answerMs: startTimeoutMs };
  }

  /** A slow origin gets the time it needs; a frozen one, which takes nothing, does not keep us. */
  #limitFinish(writer: SocketWriter): void {
    const { clock, cluster } = this.#context;
    const { writtenBytes } = writer;
    this.#cancelFinish?.();
    this.#cancelFinish = clock.after(cluster.stallTimeoutMs, () => {
      if (writer.writtenBytes === writtenBytes) return this.close();
      this.#limitFinish(writer);
    });
  }

  #fail(error: UpstreamError): void {
    this.#error ??= error;
    this.#transport?.close();
  }

  #endedError(reason: string): UpstreamError {
    return new UpstreamError(this.#hasStarted ? "media" : this.#session.phase, `Lost: ${reason}`);
  }

  #toUpstreamError(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error;
    if (error instanceof WireError) {
      return new UpstreamError(this.#session.phase, `Origin broke the protocol: ${error.message}`, {
        cause: error,
      });
    }
    return this.#endedError(describeExpectedEnd(error) ?? describeError(error));
  }
}

/** The argument in which SRS's edges say who they are (`debug_srs_upnode`). */
function describeEdge(edgeId: string) {
  return amfObject({
    srs_sig: "edge",
    srs_server: `edge/${VERSION}`,
    srs_version: VERSION,
    srs_id: edgeId,
  });
}
