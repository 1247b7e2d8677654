/**
 * A viewer over HTTP: asked about, held until the stream is live, then a cursor on its FLV log. What a
 * player of RTMP is to its connection, this is to a response: the rules and the writing are the same.
 *
 * States: `asked` → `held` → `live` → `gone`.
 */

import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText, stripParams } from "../base/text.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import { ClientHooks } from "../server/client_hooks.ts";
import type { ClientReport } from "../server/client_report.ts";
import type { Flushable, FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels, WheelSeat } from "../io/flush_wheel.ts";
import { mergePeriodMs } from "../server/player.ts";
import { PlayerSink, type PlayerSinkHost } from "../server/player_sink.ts";
import { SocketWriter } from "../io/socket_writer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { ClientCheck, VhostService } from "../server/vhost_service.ts";
import type { HookClient } from "../server/hook_client.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { FlvOutlet } from "./flv_outlet.ts";
import type { FlvStream, FlvStreams } from "./flv_stream.ts";

/** What all viewers share. */
export interface FlvViewerContext {
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly clock: Clock;
  readonly hooks: HookClient;
  readonly streams: FlvStreams;
}

/** Who wants what. */
export interface FlvViewerOptions {
  readonly id: string;
  readonly logger: Logger;
  readonly service: VhostService;
  readonly request: StreamRequest;
  /** IP address without port. */
  readonly ip: string;
  /** Address of the stream as the viewer wrote it. */
  readonly tcUrl: string;
  /** Page that embeds the viewer; or empty. */
  readonly pageUrl: string;
  readonly answer: FlvAnswer;
  /** It is no viewer any more, for whatever reason. */
  readonly onGone: () => void;
}

/** Why a viewer gets nothing. */
export interface FlvRefusal {
  /** 403: it may not watch. 404: nobody publishes the stream. 503: it was closed while it waited. */
  readonly status: 403 | 404 | 503;
  readonly description: string;
}

/** How the viewer is answered: one of the two is called once, maybe at once. */
export interface FlvAnswer {
  /** The stream is live. @returns where its bytes go. */
  accept(): FlvOutlet;
  refuse(refusal: FlvRefusal): void;
}

type State =
  | { readonly type: "asked"; readonly check: ClientCheck | null }
  | { readonly type: "held"; readonly stream: Stream; readonly cancelWait: CancelTimer }
  | { readonly type: "live" } & Live
  | { readonly type: "gone" };

interface Live {
  readonly stream: Stream;
  readonly flv: FlvStream;
  readonly outlet: FlvOutlet;
  readonly writer: SocketWriter;
  readonly sink: PlayerSink;
  readonly seat: WheelSeat;
}

/** See the file comment. */
export class FlvViewer implements Viewer, Flushable, PlayerSinkHost {
  isQueued = false;
  readonly id: string;
  readonly #context: FlvViewerContext;
  readonly #options: Omit<FlvViewerOptions, "answer">;
  /** Null once it was used: it holds the request, which is larger than all else of a viewer. */
  #answer: FlvAnswer | null;
  readonly #hooks: ClientHooks;
  readonly #openedMs: number;
  #state: State = { type: "asked", check: null };
  #hasFileHeader = false;
  #isEnding = false;
  /** Once it is gone. */
  #finalTotals = { sentBytes: 0, skips: 0 };

  constructor(context: FlvViewerContext, options: FlvViewerOptions) {
    const { answer, ...rest } = options;
    const { id, ip, tcUrl, pageUrl } = rest;
    this.id = id;
    this.#context = context;
    this.#options = rest;
    this.#answer = answer;
    this.#openedMs = context.clock.now();
    this.#hooks = new ClientHooks(context.hooks, { id, ip, tcUrl, pageUrl });
  }

  /** Asks whether the viewer may watch, and goes on from there. Called once. */
  start(): void {
    const { service, request } = this.#options;
    const place = { config: service.config, url: request.url };
    this.#check((answer) => this.#hooks.ask("play", place, answer), () => {
      this.#check(
        (answer) => service.check(request, this.#asConnect(), answer),
        () => this.#join(),
      );
    });
  }

  /** Offset in the hub's log up to which nothing is needed any more. Called by the stream. */
  get cursor(): number {
    return this.#state.type === "live" ? this.#state.flv.hubCursor : -1;
  }

  get totals(): { readonly sentBytes: number; readonly skips: number } {
    if (this.#state.type !== "live") return this.#finalTotals;
    const { writer, sink } = this.#state;
    return { sentBytes: writer.writtenBytes, skips: sink.stats.skips };
  }

  /** What is told about the viewer. */
  report(nowMs: number): ClientReport {
    const { service, request, ip, tcUrl, pageUrl } = this.#options;
    return {
      id: this.id,
      type: "flv-play",
      vhost: service.config.name,
      stream: request.name,
      ip,
      tcUrl: stripParams(tcUrl),
      pageUrl: stripParams(pageUrl),
      swfUrl: "",
      isHeld: this.#state.type !== "live",
      ageMs: nowMs - this.#openedMs,
      receivedBytes: 0,
      ...this.totals,
    };
  }

  /** Called by the stream for every source that begins. */
  onLive(): void {
    if (this.#state.type !== "held") return;
    const { stream, cancelWait } = this.#state;
    cancelWait();
    this.#begin(stream);
  }

  /** Called by the stream: whoever was held has nothing yet, and does not wait for the wheel. */
  onFirstMedia(): void {
    this.#context.queue.add(this);
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

  /** Leaves the stream; what was written still goes out. Harmless when repeated. */
  leave(reason: string): void {
    if (this.#state.type === "asked" || this.#state.type === "held") {
      const description = "The server has ended the request";
      this.#takeAnswer().refuse({ status: 503, description });
    }
    this.#leave(reason);
  }

  /** Goes on once what `begin` begins has no objection to the viewer. */
  #check(
    begin: (onAnswer: (objection: string | null) => void) => ClientCheck | null,
    goOn: () => void,
  ): void {
    const check = begin((objection) => {
      if (objection === null) return goOn();
      this.#refuse({ status: 403, description: objection });
    });
    if (check === null) return goOn();
    this.#state = { type: "asked", check };
  }

  #join(): void {
    const { service, request, logger } = this.#options;
    const { clock } = this.#context;
    const stream = service.play(request, this);
    if (stream.isLive) return this.#begin(stream);
    const cancelWait = clock.after(service.config.play.waitMs, () => {
      const description = `Nobody publishes ${quotePeerText(request.name)}`;
      this.#refuse({ status: 404, description });
    });
    this.#state = { type: "held", stream, cancelWait };
    logger.info("Player waits for the stream", this.#about());
  }

  #begin(stream: Stream): void {
    const { service: { config }, logger } = this.#options;
    const { queue, wheels, clock, streams } = this.#context;
    const outlet = this.#takeAnswer().accept();
    const writer = new SocketWriter({
      transport: outlet,
      queue,
      clock,
      onError: (error) => this.leave(describeError(error)),
    });
    const { httpRemux: remux, play } = config;
    const flv = streams.join(stream, writer, { remux, maxLagMs: play.queueLengthMs });
    // Before the sink sends anything.
    this.#sendFileHeader({ flv, writer });
    const sink = new PlayerSink(flv, writer, play, this);
    const seat = wheels.for(mergePeriodMs(config, false)).add(this);
    this.#state = { type: "live", stream, flv, outlet, writer, sink, seat };
    logger.info("Play started", this.#about());
    // The first flush does not wait for the wheel.
    queue.add(this);
  }

  /**
   * Sends what comes before everything else, once there is something to tell the stream's tracks by. Before
   * that the sink has nothing to send: no header is known at the beginning of a publish.
   *
   * @returns whether it is sent
   */
  #sendFileHeader({ flv, writer }: Pick<Live, "flv" | "writer">): boolean {
    if (!this.#hasFileHeader && flv.hasContent) {
      this.#hasFileHeader = true;
      writer.send(flv.fileHeader());
    }
    return this.#hasFileHeader;
  }

  /** The stream is unpublished: so ends the response, behind its last tag. */
  #end(writer: SocketWriter): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    writer.drain(() => this.leave("stream unpublished"));
  }

  #leaveLive({ stream, flv, writer, outlet, sink, seat }: Live, reason: string): void {
    const { sentBytes, skips } = this.#finalTotals;
    seat.leave();
    sink.leave();
    this.#context.streams.leave(stream, flv, writer);
    stream.stats.sentBytes += sentBytes;
    // What was sent ends with a tag then.
    if (writer.isBusy) outlet.close();
    else outlet.end();
    const { logger } = this.#options;
    logger.info("Play ended", { ...this.#about(), reason, sent_bytes: sentBytes, skips });
  }

  #refuse(refusal: FlvRefusal): void {
    this.#options.logger.warning(`Refused client: ${refusal.description}`, this.#about());
    this.#takeAnswer().refuse(refusal);
    this.#leave("refused");
  }

  #leave(reason: string): void {
    const state = this.#state;
    if (state.type === "gone") return;
    this.#finalTotals = { ...this.totals };
    this.#state = { type: "gone" };
    if (state.type === "asked") {
      state.check?.cancel();
    } else {
      if (state.type === "held") state.cancelWait();
      else this.#leaveLive(state, reason);
      this.#options.service.leave(state.stream, this);
    }
    this.#hooks.close({ ...this.#finalTotals, receivedBytes: 0 });
    this.#options.onGone();
  }

  #takeAnswer(): FlvAnswer {
    const answer = this.#answer!;
    this.#answer = null;
    return answer;
  }

  #about(): { stream: string; vhost: string; peer: string } {
    const { request, service, ip } = this.#options;
    return { stream: request.name, vhost: service.config.name, peer: ip };
  }

  /** The viewer as an origin is asked about it. */
  #asConnect(): ConnectRequest {
    const { request: { url }, tcUrl, pageUrl } = this.#options;
    return {
      id: 0,
      app: url.app,
      tcUrl,
      pageUrl,
      swfUrl: "",
      flashVer: "",
      args: null,
    };
  }
}
