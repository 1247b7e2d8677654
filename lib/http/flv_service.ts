import type { Logger } from "../base/log.ts";
import type { ClientReport, ClientSource, SourceTotals } from "../server/client_report.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import { isSelected, type MoveCounts, type MoveSelector } from "../server/move_clients.ts";
import type { Clock } from "../base/clock.ts";
import type { SessionSink } from "../server/session_record.ts";
import type { Gate } from "../server/gate.ts";
import type { Admission } from "../server/admission.ts";
import { isStreamLive } from "./flv_probe.ts";
import { FlvStreams } from "./flv_stream.ts";
import { FlvViewer, type FlvViewerOptions } from "./flv_viewer.ts";

/** Options of {@linkcode FlvService}. */
interface FlvServiceOptions {
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly gate: Gate;
  readonly sessions?: SessionSink | null;
  /** Chunk size of the hubs' logs, in bytes. */
  readonly chunkSize: number;
  /** Prefix of viewers' ids. */
  readonly idPrefix: string;
}

/** The HTTP-FLV viewers of a server. */
export class FlvService implements ClientSource {
  readonly #options: FlvServiceOptions;
  readonly #streams: FlvStreams;
  readonly #viewers = new Map<string, FlvViewer>();
  readonly #ended = { sentBytes: 0, skips: 0 };
  #lastId = 0;

  constructor(options: FlvServiceOptions) {
    this.#options = options;
    this.#streams = new FlvStreams(options.chunkSize);
  }

  /** Viewers, including those that wait for a stream. */
  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** Streams held in FLV framing. */
  get streamCount(): number {
    return this.#streams.count;
  }

  /** Adds a viewer, which is answered when its stream is live. */
  play(options: Omit<FlvViewerOptions, "id" | "logger" | "onGone">): FlvViewer {
    const id = `${this.#options.idPrefix}${++this.#lastId}`;
    const viewer: FlvViewer = new FlvViewer({ ...this.#options, streams: this.#streams }, {
      ...options,
      id,
      logger: this.#options.logger.for("flv", id),
      onGone: () => this.#forget(viewer),
    });
    this.#viewers.set(id, viewer);
    viewer.start();
    return viewer;
  }

  /** Returns whether a stream is live. An edge that does not have it asks its origins. */
  isLive(admission: Admission): Promise<boolean> {
    return isStreamLive(admission, this.#options.clock);
  }

  clientReports(nowMs: number, ids?: ReadonlySet<string>): ClientReport[] {
    return [...ids ?? this.#viewers.keys()].map((id) => this.#viewers.get(id)?.report(nowMs))
      .filter((report) => report !== null && report !== undefined);
  }

  get clientTotals(): SourceTotals {
    const totals = { connections: this.#lastId, receivedBytes: 0, ...this.#ended };
    for (const viewer of this.#viewers.values()) {
      const { sentBytes, skips } = viewer.totals;
      totals.sentBytes += sentBytes;
      totals.skips += skips;
    }
    return totals;
  }

  kick(id: string, reason: string): boolean {
    const viewer = this.#viewers.get(id);
    viewer?.leave(reason);
    return viewer !== undefined;
  }

  /** HTTP has no such request. */
  move(selector: MoveSelector): MoveCounts {
    const viewers = this.clientReports(this.#options.clock.now()).filter(({ id, vhost, stream }) =>
      isSelected(selector, { id, vhost, stream, action: "play", wasAsked: false })
    );
    return { asked: 0, unable: viewers.length };
  }

  closeClients(vhost: string, reason: string): void {
    for (const viewer of this.#viewers.values()) {
      if (viewer.vhost === vhost) viewer.leave(reason);
    }
  }

  /** Ends all responses. */
  stop(): void {
    for (const viewer of this.#viewers.values()) viewer.leave("server stops");
  }

  #forget(viewer: FlvViewer): void {
    this.#viewers.delete(viewer.id);
    const { sentBytes, skips } = viewer.totals;
    this.#ended.sentBytes += sentBytes;
    this.#ended.skips += skips;
  }
}
