/**
 * Where a viewer's bytes go: its connection, or a WebSocket on it. They arrive as chunks
 * (`chunked.ts`), the form that nearly all viewers are sent. The other outlets remove the chunk
 * frames.
 */

import { fromChunks, LAST_CHUNK } from "./chunked.ts";
import type { ConnectionOwner, ConnectionPipe } from "./http_connection.ts";
import { PeerSocket } from "./peer_socket.ts";

/** Sends a stream to one viewer. Nothing is sent before the connection is handed over. */
export interface FlvOutlet extends ConnectionOwner {
  /**
   * Writes whole chunks, or the rest of them after a short write. One write at a time. Settles when
   * the viewer can take more; rejects when it has disconnected. The bytes must never change.
   *
   * @returns bytes written, chunk frames included.
   */
  write(chunks: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Ends the stream. Not during a write; later calls have no effect. */
  end(): void;
  /** Closes the connection. Harmless when repeated, and after {@linkcode FlvOutlet.end}. */
  close(): void;
}

/** A connection that is handed over later. */
class PendingPipe {
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

/** The body of an HTTP/1.1 response: the chunks as they are. */
export class ChunkedBody implements FlvOutlet {
  readonly #pipe = new PendingPipe();
  #isEnding = false;

  onOpen(pipe: ConnectionPipe): void {
    this.#pipe.open(pipe);
  }

  /** Viewers send nothing that matters. */
  onBytes(): void {}

  // HOT: once per viewer and merge period; guarded by bench/flv_bench.ts.
  write(chunks: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.#pipe.write(chunks);
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const close = () => this.#pipe.close();
    // So few bytes are taken whole or not at all.
    this.#pipe.write(LAST_CHUNK).then(close, close);
  }

  close(): void {
    if (!this.#isEnding) this.#pipe.close();
  }
}

/** The body of an HTTP/1.0 response, which ends with the connection. */
export class PlainBody implements FlvOutlet {
  readonly #pipe = new PendingPipe();

  onOpen(pipe: ConnectionPipe): void {
    this.#pipe.open(pipe);
  }

  /** Viewers send nothing that matters. */
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

/** A WebSocket. Each write is a binary message. */
export class WebSocketOutlet implements FlvOutlet {
  readonly #request: Request;
  readonly #opened = Promise.withResolvers<PeerSocket>();
  #socket: PeerSocket | null = null;

  /** @param request The upgrade request. */
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
