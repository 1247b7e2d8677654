import { Buffer } from "node:buffer";
// @ts-types="./websocket_driver.d.ts"
import websocket from "websocket-driver";
import type { ConnectionPipe } from "./http_connection.ts";

/** Clients only send answers to pings, and the close frame. */
const DRIVER_OPTIONS = { requireMasking: true, maxLength: 4 * 1024 };

/** Most bytes that a client may send while it reads nothing: each of its pings is answered. */
const MAX_UNANSWERED_BYTES = 64 * 1024;

/** The final version only: drafts have other frames (RFC 6455, section 4.2.1). */
const VERSION = "13";
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Whether a request asks for a WebSocket. */
export function wantsSocket({ headers }: Request): boolean {
  return headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** Whether a request for a WebSocket is valid, as {@linkcode PeerSocket} needs it. */
export function isSocketRequest(request: Request): boolean {
  return websocket.isWebSocket(plain(request)) &&
    request.headers.get("sec-websocket-version") === VERSION &&
    KEY.test(request.headers.get("sec-websocket-key") ?? "");
}

/** The server's end of a client's WebSocket (RFC 6455), on a connection that was handed over. */
export class PeerSocket {
  readonly #pipe: ConnectionPipe;
  readonly #driver: ReturnType<typeof websocket.http>;
  #waiting: Uint8Array[] = [];
  #isWriting = false;
  /** Settles when everything queued is written. */
  #written = Promise.withResolvers<void>();
  #unansweredBytes = 0;
  #isOver = false;

  /** Answers the request, which must pass {@linkcode isSocketRequest}. */
  constructor(request: Request, pipe: ConnectionPipe) {
    this.#pipe = pipe;
    this.#driver = websocket.http(plain(request), DRIVER_OPTIONS);
    this.#driver.io.on("data", (bytes) => this.#write(bytes));
    this.#driver.on("close", () => this.#end());
    // An error is followed by "close".
    this.#driver.on("error", () => {});
    this.#driver.start();
  }

  /** Handles bytes from the client, which are copied. */
  onBytes(bytes: Uint8Array): void {
    this.#unansweredBytes += bytes.length;
    if (this.#isWriting && this.#unansweredBytes > MAX_UNANSWERED_BYTES) return this.#pipe.close();
    this.#driver.parse(Buffer.from(bytes));
  }

  /** Sends a binary message. Settles when it is written; rejects if the client has left. */
  async send(message: Uint8Array<ArrayBuffer>): Promise<number> {
    const { buffer, byteOffset, length } = message;
    if (!this.#driver.binary(Buffer.from(buffer, byteOffset, length))) {
      throw new Error("The client has closed the WebSocket");
    }
    await this.#written.promise;
    return length;
  }

  /** Closes the WebSocket after what was sent. Harmless when repeated. */
  close(): void {
    if (this.#driver.close()) this.#pipe.closeSoon();
  }

  /** Both sides have sent a close frame. */
  #end(): void {
    this.#isOver = true;
    if (!this.#isWriting) this.#pipe.close();
  }

  #write(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#written = Promise.withResolvers();
    // Only `send` handles the rejection.
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
        this.#unansweredBytes = 0;
      }
    }
    this.#isWriting = false;
    if (this.#isOver) this.#pipe.close();
  }
}

/** Returns a request as the library expects it. */
function plain({ method, url, headers }: Request): Parameters<typeof websocket.http>[0] {
  return { method, url, headers: Object.fromEntries(headers) };
}
