/** Where a viewer's bytes go: the body of a response, or a WebSocket. One write at a time. */

import type { CancelTimer, Clock } from "../base/clock.ts";

/** See the file comment. */
export interface FlvOutlet {
  /**
   * Settles when the viewer has taken so much that it may be given more; rejects when it has gone. The
   * bytes are never changed.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** The viewer gets what was written, then the end. Harmless when repeated. */
  close(): void;
}

/** A write that has not settled. */
interface PendingWrite {
  readonly count: number;
  readonly settled: PromiseWithResolvers<number>;
}

/**
 * The body of a response.
 *
 * The runtime asks for the next piece when it has taken the last one, so a write has settled when the next
 * one is asked for, and nothing is ever queued here. Of the bodies that a runtime serves this is the
 * cheapest: one with a queue costs a seventh more user time, and a byte stream twice as much, for it
 * takes its chunks' memory away, so each viewer would need a copy.
 */
export class ResponseBody implements FlvOutlet {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #pending: PendingWrite | null = null;

  /** @param onCancel The viewer has gone. */
  constructor(onCancel: () => void) {
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#settle(),
      cancel: () => {
        this.#controller = null;
        this.#pending?.settled.reject(goneError());
        onCancel();
      },
    }, { highWaterMark: 0 });
  }

  // HOT: once per viewer and merge period; guarded by bench/flv_bench.ts.
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.#controller === null) return Promise.reject(goneError());
    const settled = Promise.withResolvers<number>();
    this.#pending = { count: bytes.length, settled };
    // Asks for more at once when that is waited for.
    this.#controller.enqueue(bytes);
    return settled.promise;
  }

  close(): void {
    this.#controller?.close();
    this.#controller = null;
  }

  #settle(): void {
    const pending = this.#pending;
    this.#pending = null;
    pending?.settled.resolve(pending.count);
  }
}

/** What a WebSocket may hold back for a viewer before it is given no more, in bytes. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** The runtime keeps a buffer per WebSocket that is as large as its largest message was. */
const MAX_MESSAGE_BYTES = 64 * 1024;

/** How often a WebSocket that holds back that much is looked at: it does not tell. */
const DRAIN_PERIOD_MS = 20;

/** A WebSocket. Every write is a binary message. */
export class WebSocketOutlet implements FlvOutlet {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #pending: PendingWrite & { readonly bytes: Uint8Array<ArrayBuffer>; isSent: boolean } | null =
    null;
  #cancelLook: CancelTimer | null = null;
  readonly #advance = (): void => this.#look();

  /** @param onClose The viewer has gone, or has everything. */
  constructor(socket: WebSocket, clock: Clock, onClose: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    socket.onopen = this.#advance;
    socket.onclose = () => {
      this.#cancelLook?.();
      this.#pending?.settled.reject(goneError());
      onClose();
    };
    // What is wrong with the connection is followed by its end.
    socket.onerror = () => {};
  }

  // HOT: once per viewer and merge period; guarded by bench/flv_bench.ts.
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.#socket.readyState > WebSocket.OPEN) return Promise.reject(goneError());
    const settled = Promise.withResolvers<number>();
    this.#pending = { bytes, count: bytes.length, settled, isSent: false };
    this.#look();
    return settled.promise;
  }

  close(): void {
    this.#cancelLook?.();
    this.#pending = null;
    if (this.#socket.readyState <= WebSocket.OPEN) this.#socket.close(1000);
  }

  #look(): void {
    const pending = this.#pending;
    if (pending === null || this.#socket.readyState !== WebSocket.OPEN) return;
    if (!pending.isSent) this.#send(pending.bytes);
    pending.isSent = true;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      this.#cancelLook = this.#clock.after(DRAIN_PERIOD_MS, this.#advance);
    } else {
      this.#pending = null;
      pending.settled.resolve(pending.count);
    }
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < bytes.length; at += MAX_MESSAGE_BYTES) {
      this.#socket.send(bytes.subarray(at, at + MAX_MESSAGE_BYTES));
    }
  }
}

function goneError(): Error {
  return new Error("The viewer has gone");
}
