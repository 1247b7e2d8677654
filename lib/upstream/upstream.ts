import { type AmfObject, amfObject } from "../amf/amf_value.ts";
import type { CancelTimer } from "../base/clock.ts";
import { describeError, UpstreamError, type UpstreamRedirect, WireError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import { describeExpectedEnd } from "../io/connection_end.ts";
import { formatEdgeInfo } from "./edge_path.ts";
import { SocketWriter } from "../io/socket_writer.ts";
import type { Transport } from "../io/transport.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Status } from "../rtmp/status.ts";
import { upstreamTarget } from "../rtmp/url.ts";
import { ClientSession, type ClientSessionHandler } from "../session/client_session.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { followRedirect, type UpstreamDestination } from "./redirect.ts";
import type { UpstreamContext } from "./upstream_context.ts";

/** What an {@linkcode Upstream} reports. */
export interface UpstreamListener {
  /** The origin accepted; it wants media on message stream id `msid`. */
  onStarted(msid: number): void;
  /** `payload` is valid during the call only. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  /**
   * The played stream has ended. Unless `isCertain`, the origin may only have lost its publisher.
   */
  onUnpublished(isCertain: boolean): void;
  /** The origin has received `totalBytes` (u32) of what was sent. */
  onAcknowledgement(totalBytes: number): void;
}

/** Options of {@linkcode Upstream}. */
export interface UpstreamOptions {
  /** `connect` only asks whether the origin accepts the `connect` command. */
  readonly kind: "play" | "publish" | "connect";
  readonly origin: OriginAddress;
  readonly request: StreamRequest;
  /** The client whose `connect` is repeated at the origin; required when `kind` is `connect`. */
  readonly client?: ConnectRequest;
  readonly listener: UpstreamListener;
  /**
   * Whether there is another origin to try. Then an origin that keeps the play waiting, because no
   * one publishes there, is abandoned after `startTimeoutMs`. Asked whenever that matters.
   */
  readonly hasAlternative: () => boolean;
  /** How far back the stream is wanted, in ms; 0 from the newest keyframe. */
  readonly backlogMs: number;
}

/** Redirects followed in a row; more are taken for a loop. */
const MAX_REDIRECTS = 3;

const READ_BUFFER_BYTES = 64 * 1024;

/**
 * One RTMP connection to an origin, to pull or push one stream: dials, negotiates, follows
 * redirects, enforces the time budgets, and reports in one error why it ended. A client of any RTMP
 * server; knows nothing of edges but the properties that they send in `connect`.
 */
export class Upstream implements ClientSessionHandler {
  readonly #context: UpstreamContext;
  readonly #options: UpstreamOptions;
  /** The origin, or where it redirected to. */
  #destination: UpstreamDestination;
  #redirectCount = 0;
  #session: ClientSession;
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
    const { origin, request, client } = options;
    const vhostTemplate = context.settings().vhost;
    this.#context = context;
    this.#options = options;
    this.#destination = {
      address: origin,
      target: client === undefined
        ? upstreamTarget({ origin, request: request.url, vhostTemplate })
        : { tcUrl: client.tcUrl, app: client.app, stream: "" },
    };
    this.#session = this.#createSession();
  }

  /** Writes to the socket. Only after {@linkcode UpstreamListener.onStarted}. */
  get writer(): SocketWriter {
    return this.#writer!;
  }

  /**
   * Connects, and settles when the connection has ended. Called once.
   *
   * @throws {UpstreamError} unless it was ended by {@linkcode close} or {@linkcode finish}.
   */
  async run(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#serve();
    } catch (error) {
      if (!this.#isClosed) throw this.#nameRedirect(this.#error ?? this.#toUpstreamError(error));
    } finally {
      this.#cancelWatch?.();
      this.#cancelFinish?.();
      this.close();
    }
  }

  /** Sends what is left and the end of the stream, then closes the connection. */
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

  /** Closes the connection at once. */
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
    if (status.code === StatusCode.PLAY_UNPUBLISH_NOTIFY) {
      this.#options.listener.onUnpublished(true);
    }
  }

  onStreamEof(): void {
    this.#options.listener.onUnpublished(false);
  }

  onPong(): void {
    // Any byte from the origin counts as an answer.
  }

  onAcknowledgement(totalBytes: number): void {
    this.#options.listener.onAcknowledgement(totalBytes);
  }

  #createSession(): ClientSession {
    const { edgeId, chunkSize, handshake } = this.#context;
    const { kind, request: { edgePath }, backlogMs, client } = this.#options;
    const { tcUrl, app, stream } = this.#destination.target;
    const connectArgs = this.#connectArgs();
    return new ClientSession(this, {
      target: { kind, tcUrl, app, streamName: stream },
      chunkSize,
      handshake,
      connectProperties: {
        ...(client === undefined ? {} : clientProperties(client)),
        ...(edgeId === null ? {} : formatEdgeInfo({ edgePath, backlogMs }, edgeId)),
      },
      ...(connectArgs === null ? {} : { connectArgs }),
    });
  }

  #connectArgs(): AmfObject | null {
    const { settings, edgeId } = this.#context;
    const { client } = this.#options;
    if (client !== undefined) return client.args;
    return settings().debugSrsUpnode && edgeId !== null ? describeEdge(edgeId) : null;
  }

  /** Serves the connection to the origin, or to the server that it redirects to. */
  async #serve(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#transport = await this.#dial();
        return await this.#read(this.#transport);
      } catch (error) {
        if (!this.#shouldFollow(error)) throw error;
        this.#follow(error.redirect);
      }
    }
  }

  /** A running stream is not redirected: the puller splices its next connection on. */
  #shouldFollow(error: unknown): error is UpstreamError & { redirect: UpstreamRedirect } {
    if (!(error instanceof UpstreamError) || error.redirect === null) return false;
    const isEnding = this.#isClosed || this.#cancelFinish !== null || this.#error !== null;
    return !this.#hasStarted && !isEnding;
  }

  #follow(redirect: UpstreamRedirect): void {
    if (this.#redirectCount === MAX_REDIRECTS) {
      throw new UpstreamError("command", `Redirected more than ${MAX_REDIRECTS} times in a row`);
    }
    const { logger } = this.#context;
    const from = this.#destination;
    this.#destination = followRedirect(redirect, from);
    this.#redirectCount++;
    logger.for("edge", this.#options.request.name).info("Origin redirects", {
      from: formatAddress(from.address),
      to: formatAddress(this.#destination.address),
    });
    this.#cancelWatch?.();
    this.#transport?.close();
    this.#transport = null;
    this.#writer = null;
    this.#session = this.#createSession();
  }

  async #dial(): Promise<Transport> {
    const { network, clock, settings } = this.#context;
    const { connectTimeoutMs } = settings();
    const cancel = clock.after(connectTimeoutMs, () => this.#abort.abort());
    try {
      return await network.connect(this.#destination.address, this.#abort.signal);
    } catch (error) {
      const reason = this.#abort.signal.aborted
        ? `no answer within ${connectTimeoutMs} ms`
        : describeError(error);
      throw new UpstreamError("connect", `Cannot connect: ${reason}`, { cause: error });
    } finally {
      cancel();
    }
  }

  async #read(transport: Transport): Promise<void> {
    const { clock, queue } = this.#context;
    if (this.#isClosed) return;
    this.#writer = new SocketWriter({
      transport,
      queue,
      clock,
      onError: (error) => {
        // The connection may have been replaced by a redirect.
        if (this.#transport === transport) this.#fail(this.#toUpstreamError(error));
      },
    });
    this.#beganMs = clock.now();
    this.#lastReadMs = this.#beganMs;
    this.#pingSentMs = -1;
    this.#cancelWatch = this.#context.ticker.add((nowMs) => this.#watch(nowMs));
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

  #watch(nowMs: number): void {
    const reason = this.#overdue(nowMs);
    if (reason === null) return;
    this.#cancelWatch?.();
    this.#fail(this.#endedError(reason));
  }

  /** Why the origin is to be abandoned, or null. */
  #overdue(nowMs: number): string | null {
    const { startTimeoutMs } = this.#context.settings();
    const { phase } = this.#session;
    const isAsking = phase === "handshake" || phase === "command" || phase === "publish";
    if (!this.#hasStarted && (isAsking || this.#options.hasAlternative())) {
      return nowMs - this.#beganMs < startTimeoutMs
        ? null
        : `no stream within ${startTimeoutMs} ms`;
    }
    // A silent origin may have a silent publisher: ping it before leaving it.
    const { silentMs, answerMs } = this.#pingBudget();
    if (this.#pingSentMs < 0) {
      if (nowMs - this.#lastReadMs >= silentMs) {
        this.#pingSentMs = nowMs;
        this.#session.ping(Math.trunc(nowMs));
      }
      return null;
    }
    // The ping may still wait behind other bytes: its time starts when the origin last took some.
    const { waitingControlBytes, inFlightSinceMs } = this.writer;
    if (waitingControlBytes > 0) this.#pingSentMs = Math.max(this.#pingSentMs, inFlightSinceMs);
    return nowMs - this.#pingSentMs < answerMs ? null : "the origin does not answer pings";
  }

  /**
   * How long an origin may be silent before it is pinged, and how long the answer may take. Only a
   * ping shows that the origin of a push froze, so with another origin at hand both fit the stall
   * budget.
   */
  #pingBudget(): { silentMs: number; answerMs: number } {
    const { startTimeoutMs, stallTimeoutMs } = this.#context.settings();
    const { kind, hasAlternative } = this.#options;
    return kind === "publish" && hasAlternative()
      ? { silentMs: stallTimeoutMs / 2, answerMs: stallTimeoutMs / 2 }
      : { silentMs: stallTimeoutMs, answerMs: startTimeoutMs };
  }

  /** A slow origin gets the time it needs; one that takes no byte for `stallTimeoutMs` is left. */
  #limitFinish(writer: SocketWriter): void {
    const { clock, settings } = this.#context;
    const { writtenBytes } = writer;
    this.#cancelFinish?.();
    this.#cancelFinish = clock.after(settings().stallTimeoutMs, () => {
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

  /** Names the server that failed when it is not the origin itself. */
  #nameRedirect(error: UpstreamError): UpstreamError {
    if (this.#redirectCount === 0) return error;
    const { phase, message, statusCode } = error;
    const server = formatAddress(this.#destination.address);
    return new UpstreamError(phase, `${message}: redirected to ${server}`, {
      statusCode,
      cause: error,
    });
  }
}

/** The properties of `connect` in which a client describes itself. */
function clientProperties({ pageUrl, swfUrl, flashVer }: ConnectRequest): Record<string, string> {
  return { pageUrl, swfUrl, flashVer };
}

/** The argument in which SRS's edges identify themselves (`debug_srs_upnode`). */
function describeEdge(edgeId: string): AmfObject {
  return amfObject({
    srs_sig: "edge",
    srs_server: `edge/${VERSION}`,
    srs_version: VERSION,
    srs_id: edgeId,
  });
}
