import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Loan } from "../hub/slab_log.ts";
import type { StreamLogView } from "../hub/message_log.ts";
import type { Flushable, FlushQueue } from "./flush_queue.ts";
import type { Transport } from "./transport.ts";

const NOTHING = new Uint8Array(0);

/** Rewrites the log's bytes for a peer that needs another framing. Whole messages in, whole out. */
export type Reframe = (view: Uint8Array) => Uint8Array;

/** Owns a {@linkcode SocketWriter}. An object, as a closure for each connection takes 96 bytes. */
export interface SocketWriterHost {
  /** Called once, when a write fails. */
  onWriteFailed(error: unknown): void;
}

/** What a {@linkcode SocketWriter} works with. */
interface SocketWriterOptions {
  readonly transport: Pick<Transport, "write">;
  readonly queue: FlushQueue;
  readonly clock: Pick<Clock, "now" | "afterReads">;
  readonly host: SocketWriterHost;
}

/**
 * The only writer of a socket. Sends control bytes (commands, pings, headers) and, while it follows
 * a stream, the shared bytes of that stream's log from a cursor onwards.
 *
 * Invariants:
 * - At most one write is in flight. Two would interleave when the first one is cut short.
 * - Control bytes go between messages, never inside one.
 * - Bytes under a write never change.
 * - After a failed write nothing more is sent: how much arrived is unknown.
 */
export class SocketWriter implements Flushable {
  isQueued = false;
  readonly #transport: Pick<Transport, "write">;
  readonly #queue: FlushQueue;
  readonly #clock: Pick<Clock, "now" | "afterReads">;
  readonly #host: SocketWriterHost;
  /** Null while nothing waits. */
  #control: Uint8Array[] | null = null;
  #controlBytes = 0;
  #log: StreamLogView | null = null;
  #reframe: Reframe | null = null;
  #cursor = -1;
  #isHeld = false;
  /** Offset at which this flush ends. */
  #goal = -1;
  #inFlight: Uint8Array = NOTHING;
  /** Bytes by which the cursor advances when {@linkcode #inFlight} is sent. */
  #inFlightLogBytes = 0;
  /** The log's memory under them. */
  #loan: Loan | null = null;
  #inFlightSinceMs = 0;
  #writtenBytes = 0;
  #isBroken = false;
  #onDrained: (() => void) | null = null;
  // Bound once: a write must not allocate closures.
  readonly #onWrote = (count: number): void => this.#advance(count);
  readonly #onFailed = (error: unknown): void => this.#fail(error);

  constructor(options: SocketWriterOptions) {
    this.#transport = options.transport;
    this.#queue = options.queue;
    this.#clock = options.clock;
    this.#host = options.host;
  }

  /** Bytes the socket has taken so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Offset of the next shared byte to send, or -1 while it follows nothing. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Whether a write is in flight. If not, everything sent so far ended at a message boundary. */
  get isBusy(): boolean {
    return this.#inFlight.length > 0;
  }

  /** Whether everything is written, up to the head of the log that it follows. */
  get isCaughtUp(): boolean {
    const log = this.#log;
    return log !== null && this.#cursor >= log.head && this.#controlBytes === 0 && !this.isBusy;
  }

  /** Whether the write in flight is of shared bytes: the cursor must not be moved. */
  get isSendingShared(): boolean {
    return this.#inFlightLogBytes > 0;
  }

  /** Control bytes that wait to be written. They pile up when the peer does not read. */
  get waitingControlBytes(): number {
    return this.#controlBytes;
  }

  /** When the write in flight last made progress, in ms of the clock. Meaningless when not busy. */
  get inFlightSinceMs(): number {
    return this.#inFlightSinceMs;
  }

  /**
   * Calls `onStuck`, after a round of reads and writes, unless the write in flight has made
   * progress: while the event loop is late, it may only not know of it.
   */
  confirmStall(onStuck: () => void): void {
    const { writtenBytes } = this;
    this.#clock.afterReads(() => {
      if (this.isBusy && this.writtenBytes === writtenBytes) onStuck();
    });
  }

  /** Queues control bytes for the next flush, which is soon. They must never change again. */
  send(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    (this.#control ??= []).push(bytes);
    this.#controlBytes += bytes.length;
    this.#queue.add(this);
  }

  /** Sends the shared bytes from `cursor` onwards. Not while {@linkcode isSendingShared}. */
  follow(log: StreamLogView, cursor: number, reframe: Reframe | null = null): void {
    this.#log = log;
    this.#cursor = cursor;
    this.#goal = cursor;
    this.#isHeld = false;
    this.#reframe = reframe;
  }

  /** Rewrites the shared bytes from the next write on; null sends them as they are. */
  reframe(reframe: Reframe | null): void {
    this.#reframe = reframe;
  }

  /** Sends no more shared bytes once the write in flight is complete. */
  unfollow(): void {
    this.#log = null;
    this.#cursor = -1;
  }

  /** Holds shared bytes back after the write in flight, or releases them with the next flush. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  /** Writes what is pending, unless a write is in flight. */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  flush(nowMs: number): void {
    // The goal stands: a slow peer must reach it from time to time, so that it can skip.
    if (this.isSendingShared) return;
    // A draining writer stops at the head it had when the drain began.
    if (this.#log !== null && this.#onDrained === null) this.#goal = this.#log.head;
    if (!this.isBusy) this.#next(nowMs);
  }

  /**
   * Calls `done` once, when everything pending (control bytes, and shared bytes up to the head) is
   * sent or a write has failed.
   */
  drain(done: () => void): void {
    if (this.#log !== null) this.#goal = this.#log.head;
    this.#onDrained = done;
    if (!this.isBusy) this.#next(null);
  }

  /**
   * @param nowMs Null when unknown: then the clock is read, but only if there is something to
   * write.
   */
  #next(nowMs: number | null): void {
    if (this.#isBroken) return this.#drained();
    if (this.#controlBytes > 0) return this.#start(this.#takeControl(), nowMs);
    const log = this.#log;
    if (log === null || this.#isHeld || this.#cursor >= this.#goal) return this.#drained();
    this.#loan = log.lend(this.#cursor);
    if (this.#loan === null) return this.#drained();
    const whole = log.lentView(this.#cursor);
    // Bytes beyond the goal of a draining writer may belong to the stream's next source.
    const view = this.#onDrained === null ? whole : whole.subarray(0, this.#goal - this.#cursor);
    this.#inFlightLogBytes = view.length;
    const bytes = this.#reframe === null ? view : this.#reframe(view);
    // The view may contain nothing for this peer.
    if (bytes.length === 0) return this.#advance(0);
    this.#start(bytes, nowMs);
  }

  #takeControl(): Uint8Array {
    const control = this.#control!;
    this.#control = null;
    this.#controlBytes = 0;
    return control.length === 1 ? control[0]! : concatBytes(control);
  }

  #start(bytes: Uint8Array, nowMs: number | null): void {
    this.#inFlight = bytes;
    // Rounded: an integer is stored in the object, a fraction in a separate heap number.
    this.#inFlightSinceMs = Math.floor(nowMs ?? this.#clock.now());
    this.#transport.write(bytes).then(this.#onWrote, this.#onFailed);
  }

  #advance(count: number): void {
    this.#writtenBytes += count;
    if (count < this.#inFlight.length) return this.#start(this.#inFlight.subarray(count), null);
    this.#inFlight = NOTHING;
    if (this.#log !== null) this.#cursor += this.#inFlightLogBytes;
    this.#endLoan();
    this.#next(null);
  }

  #endLoan(): void {
    this.#inFlightLogBytes = 0;
    this.#loan?.giveBack();
    this.#loan = null;
  }

  #fail(error: unknown): void {
    this.#inFlight = NOTHING;
    this.#endLoan();
    this.#isBroken = true;
    this.unfollow();
    this.#host.onWriteFailed(error);
    this.#drained();
  }

  #drained(): void {
    const done = this.#onDrained;
    if (done === null) return;
    this.#onDrained = null;
    done();
  }
}
