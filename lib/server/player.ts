/** A connection that plays: held until the stream is live, then a cursor on its log. */

import type { VhostConfig } from "../config/config.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels, WheelSeat } from "../io/flush_wheel.ts";
import { PlayerSink, type PlayerSinkHost, type PlayerStats } from "./player_sink.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { VhostService } from "./vhost_service.ts";

/** Merge period of a vhost with `min_latency on`, in ms. */
const MIN_LATENCY_PERIOD_MS = 40;

/** Merge period of edges that play here, in ms: they are few, and their players wait for them. */
const EDGE_PERIOD_MS = 20;

/** Merge period of a player in ms, at least 1, or `auto`: as short as the load lets it be. */
export function mergePeriodMs({ minLatency, play }: VhostConfig, isEdge: boolean): number | "auto" {
  const periodMs = minLatency ? MIN_LATENCY_PERIOD_MS : play.mwLatencyMs;
  if (periodMs === "auto") return isEdge ? EDGE_PERIOD_MS : "auto";
  return Math.max(1, isEdge ? Math.min(periodMs, EDGE_PERIOD_MS) : periodMs);
}

/** What a {@linkcode Player} needs of its connection. */
export interface PlayerHost extends PlayerSinkHost {
  readonly writer: SocketWriter;
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  /** Announces the play to the client. @returns false when the client has withdrawn it. */
  announcePlay(): boolean;
}

/** See the file comment. */
export class Player implements Viewer {
  readonly #host: PlayerHost;
  readonly #service: VhostService;
  readonly #request: StreamRequest;
  readonly #stream: Stream;
  readonly #sinceMs: number;
  /** Bytes that the client had been sent before. */
  readonly #sentBefore: number;
  #sink: PlayerSink | null = null;
  #seat: WheelSeat | null = null;

  constructor(host: PlayerHost, service: VhostService, request: StreamRequest, nowMs: number) {
    this.#host = host;
    this.#service = service;
    this.#request = request;
    this.#sinceMs = nowMs;
    this.#sentBefore = host.writer.writtenBytes;
    this.#stream = service.play(request, this);
    if (this.#stream.isLive) this.onLive();
  }

  /** The stream is not live yet, so nothing was announced. */
  get isHeld(): boolean {
    return this.#sink === null;
  }

  get stats(): PlayerStats | null {
    return this.#sink?.stats ?? null;
  }

  /** Bytes that the client was sent since it asked for the stream. */
  get sentBytes(): number {
    return this.#host.writer.writtenBytes - this.#sentBefore;
  }

  /** Called by the stream. */
  get cursor(): number {
    return this.#sink?.cursor ?? -1;
  }

  /** Called by the stream for every source that begins. */
  onLive(): void {
    if (this.#sink !== null || !this.#host.announcePlay()) return;
    const { writer, wheels } = this.#host;
    const { config } = this.#service;
    const { backlogMs, edgePath } = this.#request;
    const sink = new PlayerSink(this.#stream, writer, config.play, this.#host, backlogMs);
    this.#sink = sink;
    this.#seat = wheels.for(mergePeriodMs(config, edgePath.length > 0)).add(sink);
    // The first flush does not wait for the wheel.
    this.#host.queue.add(sink);
  }

  /** Called by the stream. Whoever was held has nothing yet, and does not wait for the wheel either. */
  onFirstMedia(): void {
    if (this.#sink !== null) this.#host.queue.add(this.#sink);
  }

  /** It has waited for the stream longer than it should. */
  isWaitOver(nowMs: number): boolean {
    return this.isHeld && nowMs - this.#sinceMs >= this.#service.config.play.waitMs;
  }

  setPaused(isPaused: boolean): void {
    this.#sink?.setPaused(isPaused);
  }

  /** Leaves the stream. The writer sends no more of it. */
  leave(): void {
    this.#seat?.leave();
    this.#sink?.leave();
    this.#stream.stats.sentBytes += this.sentBytes;
    this.#service.leave(this.#stream, this);
  }
}
