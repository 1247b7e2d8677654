import type { Refusal } from "../rtmp/status.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Stream } from "../hub/stream.ts";
import type { AudienceMember, Viewer } from "../hub/viewer.ts";
import { type ClientReport, describeClient } from "../server/client_report.ts";
import type { ClientAccess } from "../server/client_access.ts";
import { type Admission, type Protocol, refuseNotLive } from "../server/admission.ts";
import type { SessionSink } from "../server/session_record.ts";
import type { Gate } from "../server/gate.ts";
import type { Flushable, FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels, WheelSeat } from "../io/flush_wheel.ts";
import { mergePeriodMs } from "../server/player.ts";
import { PlayerSink, type PlayerSinkHost } from "../server/player_sink.ts";
import { SocketWriter } from "../io/socket_writer.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { FlvOutlet } from "./flv_outlet.ts";
import type { FlvStream, FlvStreams } from "./flv_stream.ts";

/** What all viewers share. */
interface FlvViewerContext {
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly sessions?: SessionSink | null;
  readonly streams: FlvStreams;
}

/** One viewer and its request. */
export interface FlvViewerOptions {
  readonly id: string;
  readonly logger: Logger;
  readonly protocol: Protocol;
  /** The requested stream. */
  readonly url: StreamUrl;
  /** IP address without port. */
  readonly ip: string;
  /** The address that an RTMP client would have used. */
  readonly tcUrl: string;
  /** Page that embeds the viewer; or empty. */
  readonly pageUrl: string;
  /** Token of the header `Authorization`. */
  readonly bearer: string | undefined;
  readonly answer: FlvAnswer;
  /** Called once, when the viewer has left for any reason. */
  readonly onGone: () => void;
}

/** Why a viewer is refused. */
interface FlvRefusal extends Partial<Refusal> {
  /** 403: not permitted. 404: not published. 503: there are too many, or closed while it waited. */
  readonly status: 403 | 404 | 503;
  readonly description: string;
}

/** Answers the request: one of the two is called once, possibly before `start` returns. */
interface FlvAnswer {
  /** The stream is live. @returns where its bytes go. */
  accept(): FlvOutlet;
  refuse(refusal: FlvRefusal): void;
}

type State =
  | { readonly type: "asked" }
  | { readonly type: "held" } & Held
  | { readonly type: "live" } & Live
  | { readonly type: "gone" };

interface Held {
  readonly admission: Admission;
  readonly stream: Stream;
  readonly cancelWait: CancelTimer;
}

interface Live {
  readonly admission: Admission;
  readonly stream: Stream;
  readonly flv: FlvStream;
  readonly outlet: FlvOutlet;
  readonly writer: SocketWriter;
  readonly sink: PlayerSink;
  readonly seat: WheelSeat;
}

/**
 * How long an origin lets a viewer wait for a publisher, in ms. SRS answers 404 at once; this
 * bridges an encoder that is about to begin.
 */
const ORIGIN_WAIT_MS = 1_000;

/** Fields of log lines. */
type About = Readonly<Record<"stream" | "vhost" | "peer", string>>;

/**
 * An HTTP-FLV viewer: a cursor on the FLV log of its stream. It is to a response what `Player` is
 * to an RTMP connection, with the same rules and the same way of writing.
 *
 * ```
 *        admitted,             stream
 *        not live              is live
 *  asked ──────────▶ held ──────────────▶ live
 *    │                                     ▲
 *    └─────────────────────────────────────┘
 *        admitted, stream is live
 *
 *  any state ──▶ gone: refused, not published, unpublished, stalled, closed
 * ```
 */
export class FlvViewer implements Viewer, AudienceMember, Flushable, PlayerSinkHost {
  readonly kind = "player";
  readonly edgeId = "";
  readonly reported = null;
  isQueued = false;
  readonly id: string;
  readonly #context: FlvViewerContext;
  readonly #options: Omit<FlvViewerOptions, "answer">;
  /** Null once used: it holds the request, which is larger than the rest of a viewer. */
  #answer: FlvAnswer | null;
  readonly #access: ClientAccess;
  readonly #openedMs: number;
  #state: State = { type: "asked" };
  #hasFileHeader = false;
  #isEnding = false;
  /** Set when it leaves. */
  #finalTotals = { sentBytes: 0, skips: 0 };

  constructor(context: FlvViewerContext, options: FlvViewerOptions) {
    const { answer, ...rest } = options;
    const { id, protocol, ip, bearer, url: { app }, tcUrl, pageUrl } = rest;
    this.id = id;
    this.#context = context;
    this.#options = rest;
    this.#answer = answer;
    this.#openedMs = context.clock.now();
    this.#access = context.gate.accessFor({
      id,
      protocol,
      ip,
      bearer,
      connect: { id: 0, app, tcUrl, pageUrl, swfUrl: "", flashVer: "", args: null },
      edgePath: [],
      backlogMs: 0,
    });
  }

  /** Asks the gate, then waits for the stream. Called once. */
  start(): void {
    this.#access.ask("play", this.#options.url, (verdict) => {
      if (verdict.type === "admitted") return this.#join(verdict);
      this.#refuse({ status: verdict.cause === "limits" ? 503 : 403, ...verdict.refusal });
    });
  }

  /** Offset in the hub's log of the oldest byte it still needs, or -1. Called by the stream. */
  get cursor(): number {
    return this.#state.type === "live" ? this.#state.flv.hubCursor : -1;
  }

  get member(): AudienceMember {
    return this;
  }

  get sentBytes(): number {
    return this.#state.type === "live"
      ? this.#state.writer.writtenBytes
      : this.#finalTotals.sentBytes;
  }

  get totals(): { readonly sentBytes: number; readonly skips: number } {
    if (this.#state.type !== "live") return this.#finalTotals;
    const { writer, sink } = this.#state;
    return { sentBytes: writer.writtenBytes, skips: sink.stats.skips };
  }

  /** Name of its vhost; null until the gate has admitted the viewer. */
  get vhost(): string | null {
    return "admission" in this.#state ? this.#state.admission.service.config.name : null;
  }

  /** Returns null until the gate has admitted the viewer. */
  report(nowMs: number): ClientReport | null {
    const state = this.#state;
    if (!("admission" in state)) return null;
    return {
      ...describeClient(this.#access.client, state.admission),
      type: "flv-play",
      edge: null,
      isHeld: state.type === "held",
      isReserve: false,
      ageMs: nowMs - this.#openedMs,
      receivedBytes: 0,
      ...this.totals,
    };
  }

  /** Called by the stream for every source that starts. */
  onLive(): void {
    if (this.#state.type !== "held") return;
    const { admission, stream, cancelWait } = this.#state;
    cancelWait();
    this.#begin(admission, stream);
  }

  /**
   * Called by the stream. A viewer that was held has nothing yet: it must not wait for the wheel.
   */
  onFirstMedia(): void {
    this.#context.queue.add(this);
  }

  /** Called by the vhost. */
  onMissing(isCertain: boolean): void {
    if (isCertain && this.#state.type === "held") this.#refuseNotLive(this.#state.admission);
  }

  /** Called once per merge period. */
  // HOT: once per viewer and merge period; guarded by bench/flv_bench.ts.
  flush(nowMs: number): void {
    const live = this.#state;
    if (live.type !== "live") return;
    live.flv.catchUp();
    if (this.#sendFileHeader(live)) live.sink.flush(nowMs);
    if (live.flv.isEnded) this.#end(live.writer);
  }

  /** Called by the sink. */
  onStalled(): void {
    this.leave("client takes no data");
  }

  /** Leaves the stream. Bytes already written are still sent. Harmless when repeated. */
  leave(cause: string): void {
    if (this.#state.type === "asked" || this.#state.type === "held") {
      const description = "The server closed the request";
      this.#takeAnswer().refuse({ status: 503, description });
    }
    this.#leave(cause);
  }

  #join(admission: Admission): void {
    const { service, request } = admission;
    // An origin waits a moment for the publisher; an edge asks its origins whether there is one.
    const wantsAnswer = service.config.mode === "remote";
    const stream = service.play({ ...request, wantsAnswer }, this);
    if (stream.isLive) return this.#begin(admission, stream);
    const { waitMs } = service.config.play;
    const longestMs = wantsAnswer ? waitMs : Math.min(waitMs, ORIGIN_WAIT_MS);
    const cancelWait = this.#context.clock.after(longestMs, () => {
      this.#refuseNotLive(admission);
    });
    this.#state = { type: "held", admission, stream, cancelWait };
    this.#options.logger.info("Player waiting: stream not live", this.#about());
  }

  #begin(admission: Admission, stream: Stream): void {
    const { service } = admission;
    const { queue, wheels, clock, streams } = this.#context;
    const outlet = this.#takeAnswer().accept();
    const writer = new SocketWriter({
      transport: outlet,
      queue,
      clock,
      host: { onWriteFailed: (error) => this.leave(describeError(error)) },
    });
    const flv = streams.join(stream, writer, service);
    // Before the sink sends anything.
    this.#sendFileHeader({ flv, writer });
    const sink = new PlayerSink(flv, writer, service, this);
    sink.start();
    const seat = wheels.for(mergePeriodMs(service.config, false)).add(this);
    this.#state = { type: "live", admission, stream, flv, outlet, writer, sink, seat };
    this.#options.logger.info("Play started", this.#about());
    // The first flush must not wait for the wheel.
    queue.add(this);
  }

  /**
   * Sends the FLV header once a track is known. Until then the sink has nothing to send either: no
   * sequence header is known when a publish starts.
   *
   * @returns whether the header was sent, now or earlier.
   */
  #sendFileHeader({ flv, writer }: Pick<Live, "flv" | "writer">): boolean {
    if (!this.#hasFileHeader && flv.hasContent) {
      this.#hasFileHeader = true;
      writer.send(flv.fileHeader());
    }
    return this.#hasFileHeader;
  }

  /** The stream was unpublished: ends the response after the last tag. */
  #end(writer: SocketWriter): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    writer.drain(() => this.leave("stream unpublished"));
  }

  #leaveLive(
    { stream, flv, writer, outlet, sink, seat }: Live,
    cause: string,
    about: About,
  ): void {
    const { sentBytes, skips } = this.#finalTotals;
    seat.leave();
    sink.leave();
    this.#context.streams.leave(stream, flv, writer);
    stream.stats.sentBytes += sentBytes;
    // If not busy, what was sent ends with a complete tag.
    if (writer.isBusy) outlet.close();
    else outlet.end();
    const { logger } = this.#options;
    logger.info("Play ended", { ...about, cause, sent_bytes: sentBytes, skips });
  }

  #refuseNotLive(admission: Admission): void {
    this.#context.gate.countRefusal("not_live");
    this.#refuse({ status: 404, ...refuseNotLive(admission) });
  }

  #refuse(refusal: FlvRefusal): void {
    const { logger } = this.#options;
    const { status, description, logged = description, isMistake = false } = refusal;
    const message = `Client refused: ${logged}`;
    // A mistyped name is the client's matter.
    if (isMistake || status === 404) logger.info(message, this.#about());
    else if (logged !== null) logger.warning(message, this.#about());
    this.#takeAnswer().refuse(refusal);
    this.#leave("refused");
  }

  #leave(cause: string): void {
    const state = this.#state;
    if (state.type === "gone") return;
    const about = this.#about();
    this.#finalTotals = { ...this.totals };
    this.#context.sessions?.add(this, cause);
    this.#state = { type: "gone" };
    if (state.type === "held") state.cancelWait();
    if (state.type === "live") this.#leaveLive(state, cause, about);
    if ("admission" in state) state.admission.service.leave(state.stream, this);
    this.#access.close({ ...this.#finalTotals, receivedBytes: 0 });
    this.#options.onGone();
  }

  #takeAnswer(): FlvAnswer {
    const answer = this.#answer!;
    this.#answer = null;
    return answer;
  }

  #about(): About {
    const { ip } = this.#options;
    const state = this.#state;
    return "admission" in state
      ? {
        stream: state.admission.request.name,
        vhost: state.admission.service.config.name,
        peer: ip,
      }
      : { ...this.#access.describe(this.#options.url), peer: ip };
  }
}
