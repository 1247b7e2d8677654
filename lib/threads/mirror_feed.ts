import type { SourceChange, StreamObserver } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { Audience, AudienceMember, ReportedAudience, Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { FlushWheel, WheelSeat } from "../io/flush_wheel.ts";
import type { VhostService } from "../server/vhost_service.ts";
import type { BridgeLink } from "./bridge_link.ts";

/** Options of {@linkcode MirrorFeed}. */
interface MirrorFeedOptions {
  readonly id: number;
  readonly link: BridgeLink;
  /** The vhost that has the stream. */
  readonly service: VhostService;
  readonly wheel: FlushWheel;
}

/**
 * Sends a stream to its mirror in another worker: first what joiners need, then all bytes of the
 * log and all changes of its source, in order. Counts as one player of the stream.
 *
 * ```
 *   waiting (cursor -1) ── source began, or live at start ──▶ sending (cursor ≥ 0)
 *      └───────────────────────── close ─────────────────────────▶ closed ◀──┘
 * ```
 */
export class MirrorFeed implements Viewer, AudienceMember, StreamObserver, Flushable {
  readonly kind = "mirror";
  readonly edgeId = "";
  readonly sentBytes = 0;
  reported: ReportedAudience | null = null;
  isQueued = false;
  readonly #options: MirrorFeedOptions;
  #stream: Stream | null = null;
  #seat: WheelSeat | null = null;
  #cursor = -1;

  constructor(options: MirrorFeedOptions) {
    this.#options = options;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Joins the stream and begins to send it. Called once. */
  start(request: StreamRequest): void {
    const { service, wheel } = this.#options;
    const stream = service.play(request, this);
    this.#stream = stream;
    stream.observe(this);
    if (stream.isLive) this.#sendBacklog(stream);
    this.#seat = wheel.add(this);
  }

  get member(): AudienceMember {
    return this;
  }

  /** The other worker says who plays its mirror. */
  onAudience(audience: Audience): void {
    this.reported = { audience, atMs: 0 };
    if (this.#stream !== null) this.#stream.audienceRevision++;
  }

  onLive(): void {}

  onMissing(isCertain: boolean): void {
    const { id, link } = this.#options;
    link.send({ type: "missing", id, isCertain });
  }

  onSourceChange(change: SourceChange): void {
    const isFollowing = this.#cursor >= 0;
    // It was away when this began to follow: players join at its newest keyframe, as elsewhere.
    if (change.type === "resumed" && !isFollowing) return this.#sendBacklog(this.#stream!);
    if (change.type === "began") {
      this.#cursor = this.#stream!.log.head;
    } else {
      this.flush();
    }
    this.#sendChange(change);
  }

  flush(): void {
    if (this.#cursor < 0 || this.#stream === null) return;
    const { id, link } = this.#options;
    const { log } = this.#stream;
    // A burst may have dropped bytes before they were sent. They are lost, as for any player that
    // lags.
    this.#cursor = Math.max(this.#cursor, log.tail);
    while (this.#cursor < log.head) {
      const view = log.view(this.#cursor);
      this.#cursor += view.length;
      link.send({ type: "bytes", id, bytes: view.slice() });
    }
  }

  /** Leaves the stream. */
  close(): void {
    this.#seat?.leave();
    if (this.#stream === null) return;
    this.#stream.unobserve(this);
    this.#options.service.leave(this.#stream, this);
  }

  #sendBacklog(stream: Stream): void {
    const { id, link } = this.#options;
    this.#sendChange({ type: "began" });
    const oldest = stream.joinPointAt(0);
    if (oldest !== null) link.send({ type: "bytes", id, bytes: stream.preamble(oldest) });
    this.#cursor = oldest?.offset ?? stream.log.head;
    this.flush();
    if (!stream.hasSource) this.#sendChange({ type: "ended", reason: "lost" });
  }

  #sendChange(change: SourceChange): void {
    const { id, link } = this.#options;
    link.send({ type: "change", id, change });
  }
}
