import type { HeaderSet } from "../hub/header_set.ts";
import type { JoinPoint } from "../hub/join_index.ts";
import type { StreamLogView } from "../hub/message_log.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { Reframe, SocketWriter } from "../io/socket_writer.ts";

/** What is played: a hub's stream, or the same stream in another framing. */
export interface PlayedStream {
  readonly log: StreamLogView;
  /** The newest join point, or null: then the player waits for the next one. */
  readonly joinPoint: JoinPoint | null;
  /** The newest join point at least `backMs` of stream time back, else the oldest one. */
  joinPointBack(backMs: number): JoinPoint | null;
  /** The bytes a player needs before those at `point`. Shared: do not change them. */
  preamble(point: JoinPoint): Uint8Array<ArrayBuffer>;
}

/** Rules of a vhost's players: its `play` settings. */
export interface PlayerRules {
  /** Start at the newest join point, not at the next one. Read when a player starts. */
  readonly gopCache: boolean;
  /** Lag from which the player skips, in ms of stream time. */
  readonly queueLengthMs: number;
  /** Close the player when its socket has taken no byte for this long, in ms. */
  readonly stallMs: number;
}

/** The vhost of a player. Its rules are read at each use, because they may change. */
interface PlayerVhost {
  readonly config: { readonly play: PlayerRules };
}

/** What a {@linkcode PlayerSink} needs of its owner. */
export interface PlayerSinkHost {
  /** The client's socket takes no bytes. */
  onStalled(): void;
}

/** Counters of a player. */
export interface PlayerStats {
  skips: number;
  skippedBytes: number;
}

/**
 * A player on a stream: where it starts, when it skips, when it is closed as stalled. Its bytes go
 * through its {@linkcode SocketWriter}.
 *
 * ```
 *            join point found              leave()
 *  waiting ───────────────────▶ live ─────────────────▶ gone
 *     ▲                           │
 *     └───────────────────────────┘
 *      its bytes are gone, no later keyframe yet
 * ```
 *
 * A live player that lags too far skips to the newest keyframe and stays live.
 */
export class PlayerSink implements Flushable {
  isQueued = false;
  readonly stats: PlayerStats = { skips: 0, skippedBytes: 0 };
  readonly #stream: PlayedStream;
  readonly #writer: SocketWriter;
  readonly #vhost: PlayerVhost;
  readonly #backlogMs: number;
  readonly #host: PlayerSinkHost;
  /** Offset of the oldest join point it may start at. Without GOP cache: where it joined. */
  #earliestOffset = 0;
  #state: "waiting" | "live" | "gone" = "waiting";
  #isPaused = false;
  #headers: HeaderSet | null = null;
  #reframe: Reframe | null = null;

  /** @param backlogMs For edges: how far back to start, in ms of stream time, if possible. */
  constructor(
    stream: PlayedStream,
    writer: SocketWriter,
    vhost: PlayerVhost,
    host: PlayerSinkHost,
    backlogMs = 0,
  ) {
    this.#stream = stream;
    this.#writer = writer;
    this.#vhost = vhost;
    this.#host = host;
    this.#backlogMs = backlogMs;
  }

  /**
   * Takes its place in the stream, if there is a join point. It does not wait for the first flush:
   * a new source may send several GOPs before that, and a player that waited for it gets all of
   * them.
   */
  start(): void {
    this.#earliestOffset = this.#vhost.config.play.gopCache ? 0 : this.#stream.log.head;
    if (!this.#writer.isSendingShared) this.#begin();
  }

  /** Offset of the next shared byte to send, or -1 while waiting. */
  get cursor(): number {
    return this.#writer.cursor;
  }

  /**
   * Pauses after the write in flight. Resumes where it stopped, or at the newest keyframe when that
   * was too long ago.
   */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#writer.hold(isPaused);
  }

  /** Rewrites everything sent from now on for a player that takes less than the whole stream. */
  reframe(reframe: Reframe): void {
    this.#reframe = reframe;
    this.#writer.reframe(reframe);
  }

  /** Sends no more of the stream, even if it is still queued for a flush. */
  leave(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    this.#writer.unfollow();
  }

  /** Nothing of the stream is new since its last write. */
  get isIdle(): boolean {
    return this.#state === "live" && this.#writer.isCaughtUp;
  }

  /** Called once per merge period. */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  flush(nowMs: number): void {
    if (this.#state === "gone") return;
    const writer = this.#writer;
    if (writer.isBusy && nowMs - writer.inFlightSinceMs > this.#vhost.config.play.stallMs) {
      return writer.confirmStall(() => this.#host.onStalled());
    }
    // Control bytes may be in flight: shared bytes follow them.
    if (this.#isPaused || writer.isSendingShared) return;
    if (this.#state === "waiting") {
      if (!this.#begin()) return;
    } else if (this.#isTooFarBehind(writer.cursor)) {
      this.#skip(writer.cursor);
    }
    writer.flush(nowMs);
  }

  #begin(): boolean {
    const backlogMs = this.#backlogMs;
    const point = backlogMs > 0 ? this.#stream.joinPointBack(backlogMs) : this.#stream.joinPoint;
    if (point === null || point.offset < this.#earliestOffset) return false;
    this.#state = "live";
    this.#jumpTo(point);
    return true;
  }

  #isTooFarBehind(cursor: number): boolean {
    const log = this.#stream.log;
    return cursor < log.tail || log.lagMs(cursor) > this.#vhost.config.play.queueLengthMs;
  }

  /** Only between messages: no shared bytes are in flight. */
  #skip(cursor: number): void {
    const log = this.#stream.log;
    const point = this.#stream.joinPoint;
    if (point !== null && point.offset > cursor) {
      this.#countSkip(point.offset - cursor);
      this.#jumpTo(point);
    } else if (cursor < log.tail) {
      // Its bytes are gone and there is no later keyframe yet.
      this.#countSkip(log.head - cursor);
      this.#writer.unfollow();
      this.#state = "waiting";
    }
  }

  #countSkip(bytes: number): void {
    this.stats.skips++;
    this.stats.skippedBytes += bytes;
  }

  #jumpTo(point: JoinPoint): void {
    if (point.headers !== this.#headers) {
      this.#headers = point.headers;
      const preamble = this.#stream.preamble(point);
      const bytes = this.#reframe === null ? preamble : this.#reframe(preamble);
      if (bytes.length > 0) this.#writer.send(bytes);
    }
    this.#writer.follow(this.#stream.log, point.offset, this.#reframe);
  }
}
