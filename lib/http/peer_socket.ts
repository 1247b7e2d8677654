/** A WebSocket of a client (RFC 6455), on a connection that was taken over for it. */

import { Buffer } from "node:buffer";
// @ts-types="./websocket_driver.d.ts"
import websocket from "websocket-driver";
import type { ConnectionPipe } from "./http_connection.ts";

/** Clients send nothing but answers to pings and their farewell. */
const DRIVER_OPTIONS = { requireMasking: true, maxLength: 4 * 1024 };

/**
 * A client may send so much, in bytes, while it takes nothing: to each of its pings there is an
 * answer.
 */
const MAX_UNHEARD_BYTES = 64 * 1024;

/** Only the final version: drafts have other ways to frame (RFC 6455 §4.2.1). */
const VERSION = "13";
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Whether a request asks for a WebSocket. */
export function wantsSocket({ headers }: Request): boolean {
  return headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** Whether it asks in the right way, so that a {@linkcode PeerSocket} can be made for it. */
export function isSocketRequest(request: Request): boolean {
  return websocket.isWebSocket(plain(request)) &&
    request.headers.get("sec-websocket-version") === VERSION &&
    KEY.test(request.headers.get("sec-websocket-key") ?? "");
}

/** See the file comment. */
export class PeerSocket {
  readonly #pipe: ConnectionPipe;
  readonly #driver: ReturnType<typeof websocket.http>;
  #waiting: Uint8Array[] = [];
  #isWriting = false;
  /** Settles when all that waits is written. */
  #written = Promise.withResolvers<void>();
  #unheardBytes = 0;
  #isOver = false;

  /** Answers the request, for which {@linkcode isSocketRequest} is true. */
  constructor(request: Request, pipe: ConnectionPipe) {
    this.#pipe = pipe;
    this.#driver = websocket.http(plain(request), DRIVER_OPTIONS);
    this.#driver.io.on("data", (bytes) => this.#write(bytes));
    this.#driver.on("close", () => this.#end());
    // What is wrong with a WebSocket is followed by its end.
    this.#driver.on("error", () => {});
    this.#driver.start();
  }

  /** Takes bytes of the client, which are copied. */
  onBytes(bytes: Uint8Array): void {
    this.#unheardBytes += bytes.length;
    if (this.#isWriting && this.#unheardBytes > MAX_UNHEARD_BYTES) return this.#pipe.close();
    this.#driver.parse(Buffer.from(bytes));
  }

  /** Sends a binary message. Settles when it is written; rejects when the client has gone. */
  async send(message: Uint8Array<ArrayBuffer>): Promise<number> {
    const { buffer, byteOffset, length } = message;
    if (!this.#driver.binary(Buffer.from(buffer, byteOffset, length))) {
      throw new Error("The client has closed the WebSocket");
    }
    await this.#written.promise;
    return length;
  }

  /** The client gets what was sent, then the end. Harmless when repeated. */
  close(): void {
    if (this.#driver.close()) this.#pipe.closeSoon();
  }

  /** Both sides have taken leave. */
  #end(): void {
    this.#isOver = true;
    if (!this.#isWriting) this.#pipe.close();
  }

  #write(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#written = Promise.withResolvers();
    // Only `send` waits for it.
    this.#written.promise.catch(() => {});
    this.#drain().then(this.#written.resolve, (error) => {
      this.#pipe.close();
      this.#written.reject(error);
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = Buffer.concat(this.#waiting);
      this.#waiting = [];
      for (let at = 0; at < bytes.length;) {
        at += await this.#pipe.write(bytes.subarray(at));
        this.#unheardBytes = 0;
      }
    }
    this.#isWriting = false;
    if (this.#isOver) this.#pipe.close();
  }
}

/** A request as the library wants it. */
function plain({ method, url, headers }: Request): Parameters<typeof websocket.http>[0] {
  return { method, url, headers: Object.fromEntries(headers) };
}
