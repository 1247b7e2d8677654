/**
 * Where a viewer's bytes go: the rest of its connection, or a WebSocket on it. What comes is in
 * chunks (`chunked.ts`), for that is what nearly all viewers are sent; the others take them off.
 */

import { fromChunks, LAST_CHUNK } from "./chunked.ts";
import type { ConnectionPipe, ConnectionTaker } from "./http_connection.ts";
import { PeerSocket } from "./peer_socket.ts";

/** See the file comment. Nothing goes out before the connection is handed over. */
export interface FlvOutlet extends ConnectionTaker {
  /**
   * Takes whole chunks, and behind a write that was cut short the rest of them. One write at a
   * time. Settles when the viewer may be given more; rejects when it has gone. The bytes are never
   * changed.
   */
  write(chunks: Uint8Array<ArrayBuffer>): Promise<number>;
  /**
   * The stream is over; not while a write is under way. What is done from now on is done for
   * nothing.
   */
  end(): void;
  /** The viewer gets no more. Harmless when repeated, and behind {@linkcode FlvOutlet.end}. */
  close(): void;
}

/** A connection that is there sooner or later. */
class ComingPipe {
  readonly #opened = Promise.withResolvers<ConnectionPipe>();
  #pipe: ConnectionPipe | null = null;

  open(pipe: ConnectionPipe): void {
    this.#pipe = pipe;
    this.#opened.resolve(pipe);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#pipe?.write(bytes) ?? this.#opened.promise.then((pipe) => pipe.write(bytes));
  }

  close(): void {
    if (this.#pipe !== null) return this.#pipe.close();
    void this.#opened.promise.then((pipe) => pipe.close());
  }
}

/** The body of an HTTP/1.1 answer: the bytes as they are, as a player gets its own. */
export class ChunkedBody implements FlvOutlet {
  readonly #pipe = new ComingPipe();
  #isEnding = false;

  onOpen(pipe: ConnectionPipe): void {
    this.#pipe.open(pipe);
  }

  /** A viewer has nothing to say. */
  onBytes(): void {}

  // HOT: once per viewer and merge period; guarded by bench/flv_bench.ts.
  write(chunks: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.#pipe.write(chunks);
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const close = () => this.#pipe.close();
    // A few bytes are taken as one or not at all.
    this.#pipe.write(LAST_CHUNK).then(close, close);
  }

  close(): void {
    if (!this.#isEnding) this.#pipe.close();
  }
}

/** The body of an HTTP/1.0 answer: it ends with the connection. */
export class PlainBody implements FlvOutlet {
  readonly #pipe = new ComingPipe();

  onOpen(pipe: ConnectionPipe): void {
    this.#pipe.open(pipe);
  }

  /** A viewer has nothing to say. */
  onBytes(): void {}

  async write(chunks: Uint8Array<ArrayBuffer>): Promise<number> {
    const bytes = fromChunks(chunks);
    for (let at = 0; at < bytes.length;) at += await this.#pipe.write(bytes.subarray(at));
    return chunks.length;
  }

  end(): void {
    this.#pipe.close();
  }

  close(): void {
    this.#pipe.close();
  }
}

/** A WebSocket. Every write is a binary message. */
export class WebSocketOutlet implements FlvOutlet {
  readonly #request: Request;
  readonly #opened = Promise.withResolvers<PeerSocket>();
  #socket: PeerSocket | null = null;

  /** @param request Asks for the WebSocket. */
  constructor(request: Request) {
    this.#request = request;
  }

  onOpen(pipe: ConnectionPipe): void {
    this.#socket = new PeerSocket(this.#request, pipe);
    this.#opened.resolve(this.#socket);
  }

  onBytes(bytes: Uint8Array): void {
    this.#socket?.onBytes(bytes);
  }

  async write(chunks: Uint8Array<ArrayBuffer>): Promise<number> {
    const socket = this.#socket ?? await this.#opened.promise;
    await socket.send(fromChunks(chunks));
    return chunks.length;
  }

  end(): void {
    this.close();
  }

  close(): void {
    if (this.#socket !== null) return this.#socket.close();
    void this.#opened.promise.then((socket) => socket.close());
  }
}
