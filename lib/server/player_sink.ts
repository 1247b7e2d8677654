/**
 * A player on a stream: where it begins, when it skips, when it is given up. The bytes go through its
 * {@linkcode SocketWriter}.
 *
 * States: `waiting` (no place to begin yet) ⇄ `live` → `gone`; a live player that lags too far skips to the
 * newest keyframe, and waits again when there is none.
 */

import type { HeaderSet } from "../hub/header_set.ts";
import type { JoinPoint } from "../hub/join_index.ts";
import type { StreamLogView } from "../hub/stream_log.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { SocketWriter } from "../io/socket_writer.ts";

/** What is played: a hub's stream, or the same stream in another framing. */
export interface PlayedStream {
  readonly log: StreamLogView;
  /** Newest place where a player may begin, or null: then it waits for the next one. */
  readonly joinPoint: JoinPoint | null;
  /** The newest place to begin that lies `backMs` of stream time or more back, else the oldest there is. */
  joinPointBack(backMs: number): JoinPoint | null;
  /** The bytes a player needs before those at `entry`. Shared; not to be changed. */
  preamble(entry: JoinPoint): Uint8Array<ArrayBuffer>;
}

/** Rules of a vhost's players: its `play` settings. */
export interface PlayerRules {
  /** Begin at the newest keyframe that is there; otherwise wait for the next one. */
  readonly gopCache: boolean;
  /** Lag from which the player skips, in ms of stream time. */
  readonly queueLengthMs: number;
  /** Give the player up when it takes no byte for so long, in ms. */
  readonly stallMs: number;
}

/** Whom a player belongs to. */
export interface PlayerSinkHost {
  /** The client takes no bytes. */
  onStalled(): void;
}

/** Counters of a player. */
export interface PlayerStats {
  skips: number;
  skippedBytes: number;
}

/** See the file comment. */
export class PlayerSink implements Flushable {
  isQueued = false;
  readonly stats: PlayerStats = { skips: 0, skippedBytes: 0 };
  readonly #stream: PlayedStream;
  readonly #writer: SocketWriter;
  readonly #rules: PlayerRules;
  readonly #backlogMs: number;
  readonly #host: PlayerSinkHost;
  #state: "waiting" | "live" | "gone" = "waiting";
  #isPaused = false;
  /** A player without GOP cache begins at an entry from here on. */
  readonly #notBefore: number;
  #headers: HeaderSet | null = null;

  /** @param backlogMs Begins at a keyframe so far back, in ms of stream time, if it is there: for edges. */
  constructor(
    stream: PlayedStream,
    writer: SocketWriter,
    rules: PlayerRules,
    host: PlayerSinkHost,
    backlogMs = 0,
  ) {
    this.#stream = stream;
    this.#writer = writer;
    this.#rules = rules;
    this.#host = host;
    this.#backlogMs = backlogMs;
    this.#notBefore = rules.gopCache ? 0 : stream.log.head;
    // Not with the first flush: a source that has just begun may bring several GOPs before that, and
    // whoever waited for it gets all of them.
    if (!writer.isSendingShared) this.#begin();
  }

  /** Offset of the next shared byte to send, or -1 while waiting. */
  get cursor(): number {
    return this.#writer.cursor;
  }

  /**
   * Sends nothing more of the stream, but for the write in flight; then goes on where it stopped, or at
   * the newest keyframe when that was too long ago.
   */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#writer.hold(isPaused);
  }

  /** Sends nothing more of the stream for good, though it may still be queued for a flush. */
  leave(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    this.#writer.unfollow();
  }

  /** Called once per merge period. */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  flush(nowMs: number): void {
    if (this.#state === "gone") return;
    const writer = this.#writer;
    if (writer.isBusy && nowMs - writer.inFlightSinceMs > this.#rules.stallMs) {
      return this.#host.onStalled();
    }
    // Control bytes may be under way: shared bytes follow them.
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
    const entry = backlogMs > 0 ? this.#stream.joinPointBack(backlogMs) : this.#stream.joinPoint;
    if (entry === null || entry.offset < this.#notBefore) return false;
    this.#state = "live";
    this.#jumpTo(entry);
    return true;
  }

  #isTooFarBehind(cursor: number): boolean {
    const log = this.#stream.log;
    return cursor < log.tail || log.lagMs(cursor) > this.#rules.queueLengthMs;
  }

  /** Only between messages: no shared bytes are under way, and what was sent ended at a boundary. */
  #skip(cursor: number): void {
    const log = this.#stream.log;
    const entry = this.#stream.joinPoint;
    if (entry !== null && entry.offset > cursor) {
      this.#countSkip(entry.offset - cursor);
      this.#jumpTo(entry);
    } else if (cursor < log.tail) {
      // Its bytes are gone and there is no keyframe to go on with yet.
      this.#countSkip(log.head - cursor);
      this.#writer.unfollow();
      this.#state = "waiting";
    }
  }

  #countSkip(bytes: number): void {
    this.stats.skips++;
    this.stats.skippedBytes += bytes;
  }

  #jumpTo(entry: JoinPoint): void {
    if (entry.headers !== this.#headers) {
      this.#headers = entry.headers;
      const preamble = this.#stream.preamble(entry);
      if (preamble.length > 0) this.#writer.send(preamble);
    }
    this.#writer.follow(this.#stream.log, entry.offset);
  }
}
