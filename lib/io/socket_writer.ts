/**
 * The only writer of a socket. It sends control bytes (commands, pings, headers) and, once it follows a
 * stream, the shared bytes of that stream's log from a cursor on.
 *
 * Invariants: one write in flight, always (two would interleave when the first is cut); control bytes
 * go out between messages, never inside one; bytes under a write are never changed; after a failed
 * write nothing more is sent, for nobody knows how much arrived.
 */

import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { StreamLogView } from "../hub/stream_log.ts";
import type { Flushable, FlushQueue } from "./flush_queue.ts";
import type { Transport } from "./transport.ts";

const NOTHING = new Uint8Array(0);

/** Rewrites the log's bytes for one peer that needs them otherwise; whole messages in, whole out. */
export type Reframe = (view: Uint8Array) => Uint8Array;

/** What a {@linkcode SocketWriter} works with. */
export interface SocketWriterOptions {
  readonly transport: Pick<Transport, "write">;
  readonly queue: FlushQueue;
  readonly clock: Pick<Clock, "now">;
  /** The socket broke; called once. */
  readonly onError: (error: unknown) => void;
}

/** See the file comment. */
export class SocketWriter implements Flushable {
  isQueued = false;
  readonly #transport: Pick<Transport, "write">;
  readonly #queue: FlushQueue;
  readonly #clock: Pick<Clock, "now">;
  readonly #onError: (error: unknown) => void;
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  #log: StreamLogView | null = null;
  #reframe: Reframe | null = null;
  #cursor = -1;
  #isHeld = false;
  /** Offset up to which this flush goes on by itself. */
  #goal = -1;
  #inFlight: Uint8Array = NOTHING;
  /** How far the cursor moves when {@linkcode #inFlight} is sent. */
  #inFlightLogBytes = 0;
  #inFlightSinceMs = 0;
  #writtenBytes = 0;
  #isBroken = false;
  #onDrained: (() => void) | null = null;
  // Bound once: a write per player and flush must not make closures.
  readonly #onWrote = (count: number): void => this.#advance(count);
  readonly #onFailed = (error: unknown): void => this.#fail(error);

  constructor(options: SocketWriterOptions) {
    this.#transport = options.transport;
    this.#queue = options.queue;
    this.#clock = options.clock;
    this.#onError = options.onError;
  }

  /** Bytes the socket took so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Offset of the next shared byte to send, or -1 while it follows nothing. */
  get cursor(): number {
    return this.#cursor;
  }

  /** A write has not been taken yet. Otherwise everything sent so far ended at a message boundary. */
  get isBusy(): boolean {
    return this.#inFlight.length > 0;
  }

  /** The write in flight is of shared bytes: the cursor must not be moved. */
  get isSendingShared(): boolean {
    return this.#inFlightLogBytes > 0;
  }

  /** Control bytes that wait for their turn; a peer that reads nothing makes them pile up. */
  get waitingControlBytes(): number {
    return this.#controlBytes;
  }

  /** Since when the write in flight makes no progress, in ms of the clock; means nothing when not busy. */
  get inFlightSinceMs(): number {
    return this.#inFlightSinceMs;
  }

  /** Queues control bytes, which must not change any more; they go out with the next flush, soon. */
  send(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    this.#control.push(bytes);
    this.#controlBytes += bytes.length;
    this.#queue.add(this);
  }

  /** Sends the shared bytes from `cursor` on. Not while {@linkcode isSendingShared}. */
  follow(log: StreamLogView, cursor: number, reframe: Reframe | null = null): void {
    this.#log = log;
    this.#cursor = cursor;
    this.#goal = cursor;
    this.#isHeld = false;
    this.#reframe = reframe;
  }

  /** Sends no more shared bytes after the message boundary that the write in flight ends at. */
  unfollow(): void {
    this.#log = null;
    this.#cursor = -1;
  }

  /** Keeps shared bytes back, but for the write in flight, or lets them go again with the next flush. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  /** Writes what there is, unless a write is in flight. */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  flush(nowMs: number): void {
    // A slow peer comes to a stop now and then, so that it can skip: its goal stands.
    if (this.isSendingShared) return;
    // A draining writer goes as far as it was when it was told to.
    if (this.#log !== null && this.#onDrained === null) this.#goal = this.#log.head;
    if (!this.isBusy) this.#next(nowMs);
  }

  /**
   * Calls `done` once, when everything there is now (control bytes, and shared bytes up to the head) is
   * sent or the socket is broken.
   */
  drain(done: () => void): void {
    if (this.#log !== null) this.#goal = this.#log.head;
    this.#onDrained = done;
    if (!this.isBusy) this.#next(null);
  }

  /** @param nowMs Null when it is not known, and worth asking for only if there is something to write. */
  #next(nowMs: number | null): void {
    if (this.#isBroken) return this.#drained();
    if (this.#controlBytes > 0) return this.#start(this.#takeControl(), nowMs);
    const log = this.#log;
    if (log === null || this.#isHeld || this.#cursor >= this.#goal) return this.#drained();
    const whole = log.view(this.#cursor);
    if (whole.length === 0) return this.#drained();
    // What comes behind the goal of a draining writer may be of the stream's next source.
    const view = this.#onDrained === null ? whole : whole.subarray(0, this.#goal - this.#cursor);
    this.#inFlightLogBytes = view.length;
    const bytes = this.#reframe === null ? view : this.#reframe(view);
    // A view may hold nothing that this peer is to have.
    if (bytes.length === 0) return this.#advance(0);
    this.#start(bytes, nowMs);
  }

  #takeControl(): Uint8Array {
    const control = this.#control;
    this.#control = [];
    this.#controlBytes = 0;
    return control.length === 1 ? control[0]! : concatBytes(control);
  }

  #start(bytes: Uint8Array, nowMs: number | null): void {
    this.#inFlight = bytes;
    // A whole number lies within the object, any other in memory of its own.
    this.#inFlightSinceMs = Math.floor(nowMs ?? this.#clock.now());
    this.#transport.write(bytes).then(this.#onWrote, this.#onFailed);
  }

  #advance(count: number): void {
    this.#writtenBytes += count;
    if (count < this.#inFlight.length) return this.#start(this.#inFlight.subarray(count), null);
    this.#inFlight = NOTHING;
    if (this.#log !== null) this.#cursor += this.#inFlightLogBytes;
    this.#inFlightLogBytes = 0;
    this.#next(null);
  }

  #fail(error: unknown): void {
    this.#inFlight = NOTHING;
    this.#inFlightLogBytes = 0;
    this.#isBroken = true;
    this.unfollow();
    this.#onError(error);
    this.#drained();
  }

  #drained(): void {
    const done = this.#onDrained;
    if (done === null) return;
    this.#onDrained = null;
    done();
  }
}
