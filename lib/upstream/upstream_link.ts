import { type CancelTimer, checkAfter } from "../base/clock.ts";
import { describeError, UpstreamError, type UpstreamPhase, WireError } from "../base/errors.ts";
import { quotePeerText, redactUrl } from "../base/text.ts";
import type { OriginAddress } from "../config/config.ts";
import { Allowance } from "../io/allowance.ts";
import { describeExpectedEnd } from "../io/connection_end.ts";
import { formatAddress } from "../io/address.ts";
import { SocketWriter } from "../io/socket_writer.ts";
import { ReadSize } from "../io/read_size.ts";
import { ReadWait } from "../io/read_wait.ts";
import type { PartedWork } from "../io/work_turns.ts";
import type { Transport } from "../io/transport.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { EdgeReport } from "../rtmp/edge_report.ts";
import type { Status } from "../rtmp/status.ts";
import type { UpstreamTarget } from "../rtmp/url.ts";
import { ClientSession, type ClientSessionHandler } from "../session/client_session.ts";
import type { LinkOptions } from "./link_options.ts";
import { sessionOptions } from "./link_session.ts";
import { LinkWatch } from "./link_watch.ts";
import { findOrigin, mayLeadTo, reconnectAddress } from "./redirect.ts";
import type { UpstreamContext } from "./upstream_context.ts";

/** The other end of a link. */
interface LinkPeer {
  readonly address: OriginAddress;
  readonly transport: Transport;
  /** What the server is asked for. */
  readonly target: UpstreamTarget;
  /** The server accepted, or sent the first media. Called once. */
  readonly onStarted: () => void;
}

/** See the diagram at {@linkcode UpstreamLink}. */
type LinkState =
  | { readonly type: "negotiating" | "started" }
  | { readonly type: "finishing"; readonly cancelLimit: CancelTimer }
  | { readonly type: "failed"; readonly error: UpstreamError }
  | { readonly type: "closed" };

/** At most one request to be left counts in this time, in ms. */
export const MOVE_PERIOD_MS = 1_000;

/** Most bytes of answers that may wait for a server that does not read, as for clients. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * One connection to one server: speaks the client's side of RTMP, pings a silent server, and ends
 * when the time budgets are exceeded.
 *
 * ```
 *                 accepted            finish()             drained, or no byte
 * negotiating ─────────────► started ─────────► finishing ─────────────────────► closed
 *      │                                            ▲      taken for the
 *      └──────────────── finish() ──────────────────┘      stall budget
 *
 * negotiating, started, finishing ── a write failed, or overdue ──► failed
 * every state ── close() ──► closed
 * ```
 */
export class UpstreamLink implements ClientSessionHandler, PartedWork {
  readonly #context: UpstreamContext;
  readonly #options: LinkOptions;
  readonly #transport: Transport;
  readonly #address: OriginAddress;
  readonly #writer: SocketWriter;
  readonly #onStarted: () => void;
  readonly #session: ClientSession;
  readonly #watch: LinkWatch;
  #state: LinkState = { type: "negotiating" };
  /** What reading its bytes may cost at once. */
  readonly #allowance = new Allowance();
  /** What was received but not read yet: a view of the read buffer. */
  #unread: Uint8Array = new Uint8Array(0);
  readonly #wait = new ReadWait();
  #hasStarted = false;
  /** Requests to be left are ignored until then. */
  #nextMoveMs = -Infinity;
  /** What was reported of the stream's end since its newest media. */
  #end: "none" | "likely" | "certain" = "none";

  /** @param peer connected; the link closes the transport */
  constructor(context: UpstreamContext, options: LinkOptions, peer: LinkPeer) {
    const { address, transport, target, onStarted } = peer;
    const { kind, hasAlternative, mayIgnorePings = false } = options;
    this.#onStarted = onStarted;
    this.#context = context;
    this.#options = options;
    this.#transport = transport;
    this.#address = address;
    this.#session = new ClientSession(this, sessionOptions(context, options, target));
    this.#writer = new SocketWriter({
      ...context,
      transport,
      host: { onWriteFailed: (error) => this.#fail(this.#toUpstreamError(error)) },
    });
    this.#watch = new LinkWatch({
      ...{ kind, hasAlternative, mayIgnorePings },
      settings: context.settings,
      session: this.#session,
      writer: this.#writer,
      isInTheWay: () => context.gate.isCrowded(address),
    });
  }

  /** Whether a redirect may be followed: not once the stream runs, or ends here. */
  get isNegotiating(): boolean {
    return this.#state.type === "negotiating";
  }

  /** As {@linkcode ReadWait.hasReadUntil}. */
  hasReadUntil(readUntilMs: number): boolean {
    return this.#wait.hasReadUntil(readUntilMs);
  }

  /**
   * Negotiates, then serves until the connection ends. Called once. Closes the transport.
   *
   * @throws {UpstreamError} unless it was ended by {@linkcode close} or {@linkcode finish}.
   */
  async run(): Promise<void> {
    const { clock, ticker } = this.#context;
    this.#watch.begin(clock.now());
    const cancelWatch = ticker.add((readUntilMs) => this.#checkTime(readUntilMs));
    try {
      this.#session.start();
      await this.#read();
    } catch (error) {
      const state = this.#state;
      if (state.type === "closed") return;
      throw state.type === "failed" ? state.error : this.#toUpstreamError(error);
    } finally {
      cancelWatch();
      if (this.#state.type === "finishing") this.#state.cancelLimit();
      this.#transport.close();
    }
  }

  /**
   * Sends what is left, then closes the connection. Unless `endsStream`, the origin takes the
   * publisher for lost and waits for its return.
   */
  finish(endsStream: boolean): void {
    if (this.#state.type === "failed" || this.#state.type === "closed") return;
    const writer = this.#writer;
    writer.drain(() => {
      writer.unfollow();
      if (endsStream) this.#session.stop();
      writer.drain(() => this.close());
    });
    this.#limitFinish();
  }

  /** Tells the origin who plays the stream here, if it takes such reports. */
  report(audience: EdgeReport): void {
    if (this.#state.type === "started") this.#session.report(audience);
  }

  /** Whether the server has said that it is one of ours. */
  get isOurs(): boolean {
    return this.#session.peer !== null;
  }

  /** As {@linkcode ClientSession.tellMoved}. */
  tellMoved(): boolean {
    return this.#state.type === "started" && this.#session.tellMoved();
  }

  /** Closes the connection at once. */
  close(): void {
    if (this.#state.type === "finishing") this.#state.cancelLimit();
    this.#state = { type: "closed" };
    this.#transport.close();
  }

  /** Called by the turns, maybe in a later one, when the link may have ended. */
  doPart(): boolean {
    const bytes = this.#unread;
    if (this.#state.type === "failed" || this.#state.type === "closed") return true;
    const count = this.#session.pushPart(bytes);
    this.#unread = bytes.subarray(count);
    return count === bytes.length;
  }

  // Called by the session.

  send(bytes: Uint8Array): void {
    if (this.#state.type === "failed") return;
    const { waitingControlBytes } = this.#writer;
    if (waitingControlBytes > MAX_UNREAD_BYTES) {
      const reason = `the origin leaves ${waitingControlBytes} bytes of answers unread`;
      return this.#fail(this.#lostError(reason));
    }
    this.#writer.send(bytes);
  }

  onStarted(msid: number): void {
    this.#hasStarted = true;
    this.#onStarted();
    if (this.#state.type === "negotiating") this.#state = { type: "started" };
    this.#logPeer();
    this.#options.listener.onStarted(msid, this.#writer);
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#state.type === "failed") return;
    this.#end = "none";
    this.#allowance.countMessage();
    this.#options.listener.onMedia(typeId, timestampMs, payload);
  }

  onStatus(status: Status): void {
    if (status.code !== StatusCode.PLAY_UNPUBLISH_NOTIFY || this.#end === "certain") return;
    this.#end = "certain";
    this.#options.listener.onUnpublished(true);
  }

  onStreamEof(): void {
    if (this.#end !== "none") return;
    this.#end = "likely";
    this.#options.listener.onUnpublished(false);
  }

  onStreamBegin(): void {
    this.#options.listener.onSourceBegan?.();
  }

  onReconnectRequest(tcUrl: string): void {
    const { listener, logger } = this.#options;
    const nowMs = this.#context.clock.now();
    if (nowMs < this.#nextMoveMs || this.#state.type === "finishing") return;
    this.#nextMoveMs = nowMs + MOVE_PERIOD_MS;
    if (tcUrl === "") return listener.onMoveRequested?.(null);
    const address = reconnectAddress(tcUrl, this.#address);
    const settings = this.#context.settings();
    if (address !== null && mayLeadTo(address, settings)) {
      return listener.onMoveRequested?.(findOrigin(address, settings) ?? address);
    }
    const to = quotePeerText(redactUrl(tcUrl));
    logger.warning(`Origin asks to connect to ${to}, which is no origin of this vhost`, {
      fix: "list it in cluster.origin, or write cluster { redirect any; }; another is taken",
    });
    listener.onMoveRequested?.(null);
  }

  onPing(answer: () => void): void {
    const { listener } = this.#options;
    if (listener.onPing === undefined) answer();
    else listener.onPing(answer);
  }

  onPong(): void {
    // Any byte from the server counts as an answer.
  }

  onAcknowledgement(totalBytes: number): void {
    this.#options.listener.onAcknowledgement(totalBytes);
  }

  async #read(): Promise<never> {
    const { buffers } = this.#context;
    const size = new ReadSize();
    let buffer = buffers.take(size.bytes);
    try {
      while (true) {
        const count = await this.#transport.read(buffer);
        if (count === null) throw this.#lostError("the origin closed the connection");
        const isMore = size.note(count);
        const later = this.#take(buffer.subarray(0, count), isMore);
        if (later !== null) {
          this.#wait.begin();
          await later;
          this.#wait.end(this.#context.clock.now());
        }
        if (this.#state.type === "failed") throw this.#state.error;
        if (buffer.length === size.bytes) continue;
        buffers.give(buffer);
        buffer = buffers.take(size.bytes);
      }
    } finally {
      buffers.give(buffer);
    }
  }

  /** @returns when the next bytes may be read, or null when they may be now. */
  #take(bytes: Uint8Array, isMore: boolean): Promise<void> | null {
    const { clock, turns, pacer, mergedReads } = this.#context;
    const nowMs = clock.now();
    this.#watch.noteRead(nowMs);
    this.#unread = bytes;
    const later = turns.run(this, this.#allowance, nowMs);
    const mayPause = this.#options.kind === "play" && this.#state.type === "started";
    return later ?? (mayPause && mergedReads ? pacer.pause(mergedReads(), nowMs, isMore) : null);
  }

  /** Names the connection as the log of the origin does, so that a stream's way can be followed. */
  #logPeer(): void {
    const { peer } = this.#session;
    if (peer === null || this.#options.kind === "connect") return;
    const { serverName: server, clientId: client } = peer;
    const origin = formatAddress(this.#address);
    this.#options.logger.info("Origin accepted", { origin, server, upstream_client: client });
  }

  #checkTime(readUntilMs: number): void {
    if (!this.hasReadUntil(readUntilMs)) return;
    const nowMs = this.#context.clock.now();
    const reason = this.#watch.check(readUntilMs, nowMs, this.#hasStarted);
    if (reason !== null) this.#fail(this.#lostError(reason));
  }

  /** A slow server gets the time it needs; one that takes no byte for `stallTimeoutMs` is left. */
  #limitFinish(): void {
    const { clock, settings } = this.#context;
    const { writtenBytes } = this.#writer;
    if (this.#state.type === "closed") return;
    if (this.#state.type === "finishing") this.#state.cancelLimit();
    const cancelLimit = checkAfter(clock, settings().stallTimeoutMs, () => {
      if (this.#writer.writtenBytes === writtenBytes) return this.close();
      this.#limitFinish();
    });
    this.#state = { type: "finishing", cancelLimit };
  }

  #fail(error: UpstreamError): void {
    if (this.#state.type === "failed" || this.#state.type === "closed") return;
    if (this.#state.type === "finishing") this.#state.cancelLimit();
    this.#state = { type: "failed", error };
    this.#transport.close();
  }

  get #phase(): UpstreamPhase {
    return this.#hasStarted ? "media" : this.#session.phase;
  }

  #lostError(reason: string): UpstreamError {
    return new UpstreamError(this.#phase, `Lost: ${reason}`);
  }

  #toUpstreamError(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error;
    if (error instanceof WireError) {
      return new UpstreamError(this.#session.phase, `Origin broke the protocol: ${error.message}`, {
        cause: error,
      });
    }
    return this.#lostError(describeExpectedEnd(error) ?? describeError(error));
  }
}
