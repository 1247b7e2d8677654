import type { Clock } from "../base/clock.ts";
import type { VhostConfig } from "../config/config.ts";
import { isFresh } from "../hub/audience_meter.ts";
import type { Stream } from "../hub/stream.ts";
import type { Audience, AudienceMember, ReportedAudience, Viewer } from "../hub/viewer.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels, WheelSeat } from "../io/flush_wheel.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import { parseEdgeReport } from "../rtmp/edge_report.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { MediaTrack } from "../session/server_stream.ts";
import { type Admission, refuseNotLive } from "./admission.ts";
import { PlayerFilter } from "./player_filter.ts";
import { PlayerSink, type PlayerSinkHost, type PlayerStats } from "./player_sink.ts";

/** Merge period of a vhost with `min_latency on`, in ms. */
const MIN_LATENCY_PERIOD_MS = 40;

/** Longest merge period of edges that play here, in ms: they are few, and have players to serve. */
const EDGE_PERIOD_MS = 20;

/**
 * Merge period of a player in ms, at least 1, or `auto`: as short as the load allows. Asked when a
 * player starts: a change of `mw_latency` or `min_latency` applies to players that start after it.
 */
export function mergePeriodMs({ minLatency, play }: VhostConfig, isEdge: boolean): number | "auto" {
  const periodMs = minLatency ? MIN_LATENCY_PERIOD_MS : play.mwLatencyMs;
  if (periodMs === "auto") return isEdge ? EDGE_PERIOD_MS : "auto";
  return Math.max(1, isEdge ? Math.min(periodMs, EDGE_PERIOD_MS) : periodMs);
}

/** Reports of an edge that follow sooner are ignored, in ms. */
const MIN_REPORT_PERIOD_MS = 100;

/** What a {@linkcode Player} needs of its connection. */
export interface PlayerHost extends PlayerSinkHost {
  readonly writer: SocketWriter;
  /** Whether the client takes messages with several tracks. */
  readonly takesTracks: boolean;
  /** What the client does not want, when its play starts. */
  readonly unwantedTracks: readonly MediaTrack[];
  /** Announces the play to the client. @returns false when the client has withdrawn it. */
  announcePlay(): boolean;
  /** The stream is not here, and the client does not want to wait for it. */
  refusePlay(refusal: Refusal): void;
}

/** What the players of a server share. */
interface PlayerContext {
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly clock: Pick<Clock, "now">;
  /** Chunk size of all streams' logs, in bytes. */
  readonly chunkSize: number;
}

/** A connection's play: held until the stream is live, then a cursor on its log. */
export class Player implements Viewer, AudienceMember {
  readonly #host: PlayerHost;
  readonly #context: PlayerContext;
  readonly #admission: Admission;
  readonly #sinceMs: number;
  /** Bytes sent to the client before it asked for the stream. */
  readonly #sentBefore: number;
  /** Null before {@linkcode start}. */
  #stream: Stream | null = null;
  /** Null while the player is held. */
  #sink: PlayerSink | null = null;
  #seat: WheelSeat | null = null;
  /** Null while the player wants all of the stream. */
  #filter: PlayerFilter | null = null;
  /** What an edge said of the players behind it; null when nothing. */
  reported: ReportedAudience | null = null;

  constructor(host: PlayerHost, context: PlayerContext, admission: Admission) {
    this.#host = host;
    this.#context = context;
    this.#admission = admission;
    this.#sinceMs = Math.floor(context.clock.now());
    this.#sentBefore = host.writer.writtenBytes;
  }

  /** Joins the stream. The play is announced before this returns if the stream is live. */
  start(): void {
    const { service, request } = this.#admission;
    this.#stream = service.play(request, this);
    if (this.#stream.isLive) this.onLive();
  }

  /** The stream is not live yet, so nothing was announced. */
  get isHeld(): boolean {
    return this.#sink === null;
  }

  /** Null while the player is held. */
  get stats(): PlayerStats | null {
    return this.#sink?.stats ?? null;
  }

  /** Bytes sent to the client since it asked for the stream. */
  get sentBytes(): number {
    return this.#host.writer.writtenBytes - this.#sentBefore;
  }

  /** Called by the stream. */
  get cursor(): number {
    return this.#sink?.cursor ?? -1;
  }

  get member(): AudienceMember {
    return this;
  }

  get kind(): "player" | "edge" {
    return this.edgeId === "" ? "player" : "edge";
  }

  get edgeId(): string {
    return this.#admission.request.edgePath.at(-1) ?? "";
  }

  /** What an edge has reported, unless that is too long ago. */
  get freshAudience(): Audience | null {
    const { reported } = this;
    return isFresh(reported, this.#context.clock.now()) ? reported!.audience : null;
  }

  /** An edge says who plays the stream behind it. Other clients are not believed. */
  onData(payload: Uint8Array): void {
    const audience = this.kind === "edge" ? parseEdgeReport(payload) : null;
    if (audience === null) return;
    const atMs = this.#context.clock.now();
    const before = this.reported;
    if (atMs - (before?.atMs ?? -Infinity) < MIN_REPORT_PERIOD_MS) return;
    this.reported = { audience, atMs };
    const isChanged = audience.players !== before?.audience.players ||
      audience.edges !== before.audience.edges;
    if (isChanged && this.#stream !== null) this.#stream.audienceRevision++;
  }

  /** Called by the stream whenever a source begins. */
  onLive(): void {
    const stream = this.#stream;
    if (stream === null || this.#sink !== null || !this.#host.announcePlay()) return;
    const { service, request: { backlogMs, edgePath } } = this.#admission;
    const { queue, wheels } = this.#context;
    const sink = new PlayerSink(stream, this.#host.writer, service, this.#host, backlogMs);
    this.#sink = sink;
    if (!this.#host.takesTracks) sink.reframe(stream.singleTrack.of);
    for (const track of this.#host.unwantedTracks) {
      this.#filterFor(stream, sink).receive(track, false);
    }
    sink.start();
    this.#seat = wheels.for(mergePeriodMs(service.config, edgePath.length > 0)).add(sink);
    // The first flush does not wait for the wheel.
    queue.add(sink);
  }

  /** Called by the stream. A player that was held has nothing yet: do not wait for the wheel. */
  onFirstMedia(): void {
    if (this.#sink !== null) this.#context.queue.add(this.#sink);
  }

  /** @returns the refusal when the player has been held for `play_wait`, or null. */
  check(nowMs: number): Refusal | null {
    const { service } = this.#admission;
    if (!this.isHeld || nowMs - this.#sinceMs < service.config.play.waitMs) return null;
    return refuseNotLive(this.#admission);
  }

  /** Called by the vhost. */
  onMissing(): void {
    if (this.isHeld && this.#admission.request.wantsAnswer === true) {
      this.#host.refusePlay({ ...refuseNotLive(this.#admission), logged: null });
    }
  }

  setPaused(isPaused: boolean): void {
    this.#sink?.setPaused(isPaused);
  }

  /** Sends this track, or no more of it, if the play has started. Video starts at a keyframe. */
  receive(track: MediaTrack, isWanted: boolean): void {
    const [stream, sink] = [this.#stream, this.#sink];
    if (stream === null || sink === null) return;
    const filter = this.#filterFor(stream, sink);
    filter.receive(track, isWanted);
    const point = stream.joinPoint;
    if (!isWanted || point === null) return;
    const headers = filter.headersOf(track, stream.preamble(point));
    if (headers.length > 0) this.#host.writer.send(headers);
  }

  #filterFor(stream: Stream, sink: PlayerSink): PlayerFilter {
    if (this.#filter === null) {
      const before = this.#host.takesTracks ? null : stream.singleTrack.of;
      this.#filter = new PlayerFilter(this.#context.chunkSize, before);
      sink.reframe(this.#filter.reframe);
    }
    return this.#filter;
  }

  /** Leaves the stream. The writer sends no more of it. */
  leave(): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#seat?.leave();
    this.#sink?.leave();
    stream.stats.sentBytes += this.sentBytes;
    if (this.kind === "edge") stream.stats.edgeSentBytes += this.sentBytes;
    this.#admission.service.leave(stream, this);
  }
}
