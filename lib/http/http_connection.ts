import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { describeExpectedEnd } from "../io/connection_end.ts";
import type { ReadBuffers } from "../io/read_buffers.ts";
import type { Transport } from "../io/transport.ts";
import { BadRequestError, HeadParser, MAX_HEAD_BYTES, type RequestHead } from "./request_head.ts";
import { type ResponseWriterOptions, writeHeadOnly, writeResponse } from "./response_writer.ts";

/** The connection to a client, for its new owner. */
export interface ConnectionPipe extends Pick<Transport, "write" | "close"> {
  /** Closes when the client does, or after a moment. */
  closeSoon(): void;
}

/** Takes over a connection after the head of a response. */
export interface ConnectionOwner {
  /** From now on the owner alone writes. Not called if the client has left before. */
  onOpen(pipe: ConnectionPipe): void;
  /** Receives what the client sends. The bytes are valid during the call only. */
  onBytes(bytes: Uint8Array): void;
}

/** What a handler gets in addition to the request; `c.env` in a hono handler. */
export interface HttpBindings {
  /** Address of the client, `203.0.113.9:52114`. */
  readonly remote: string;
  /** Whether the client speaks HTTP/1.0, which has no chunked bodies. */
  readonly isHttp10: boolean;
  /**
   * Aborts when the client disconnects or is closed. Not the request's own signal: in Deno 2.7 a
   * signal derived from another one may be collected together with its listeners.
   */
  readonly signal: AbortSignal;
  /**
   * Hands the connection over after the head of this response, which has no body. With status 101
   * the new owner writes the head as well.
   */
  takeOver(owner: ConnectionOwner): void;
}

/** What the connections of a server share. */
interface HttpConnectionContext {
  /** Never rejects. */
  readonly answer: (request: Request, bindings: HttpBindings) => Promise<Response>;
  readonly buffers: ReadBuffers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Time for a request head, from its first byte; for the first one, from the connect. */
const HEAD_TIMEOUT_MS = 30_000;

/** Silence between requests. Longer than the 60 s for which proxies keep connections. */
const IDLE_TIMEOUT_MS = 90_000;

/** A client that reads nothing of a response for this long is closed. */
const WRITE_STALL_MS = 30_000;

/**
 * After the last response, what the client sends is read and dropped for this long: closing at once
 * could destroy the response on its way (RFC 9112, section 9.6).
 */
const LINGER_MS = 2_000;

/** Clients send next to nothing during a response, and that of a viewer has no end. */
const READ_BUFFER_BYTES = {
  idle: 4 * 1024,
  head: 4 * 1024,
  body: 4 * 1024,
  answering: 64,
  taken: 64,
  lingering: 64 * 1024,
  closed: 64,
} as const;

/** The new owner of the connection writes the whole response. */
const STATUS_UPGRADED = 101;

/** How an invalid request is answered. */
const BAD_REQUEST_OPTIONS = { isHead: false, connection: "close" } as const;

type State =
  | { readonly type: "idle"; readonly sinceMs: number; readonly timeoutMs: number }
  | { readonly type: "head"; readonly sinceMs: number; readonly parser: HeadParser }
  | {
    readonly type: "body";
    readonly sinceMs: number;
    readonly head: RequestHead;
    readonly parts: Uint8Array[];
    leftBytes: number;
  }
  | {
    readonly type: "answering";
    readonly head: RequestHead | null;
    readonly abort: AbortController;
  }
  | {
    readonly type: "taken";
    readonly owner: ConnectionOwner;
    readonly abort: AbortController;
    readonly untilMs: number;
  }
  | { readonly type: "lingering"; readonly sinceMs: number }
  | { readonly type: "closed" };

/**
 * One HTTP/1.1 client: a request, its response, the next request.
 *
 * ```
 *        first byte       head complete             last response,
 *  idle ───────────▶ head ─────────────▶ answering ──────────────▶ lingering
 *   ▲                 │                 ▲ │ │   after a body
 *   │                 └─────▶ body ─────┘ │ │
 *   │                   short JSON        │ │
 *   └─────────────────────────────────────┘ └───────▶ taken
 *        answered, more may follow                 takeOver()
 *
 *  any state ──▶ closed
 * ```
 *
 * The connection is always read from, so that a disconnect is noticed at once. Requests that arrive
 * during a response wait. Everything is limited: the size and time of a head, silence between
 * requests, and the time in which the client reads nothing of a response.
 */
export class HttpConnection {
  readonly #context: HttpConnectionContext;
  readonly #transport: Transport;
  #onEnded: (connection: HttpConnection) => void = () => {};
  #state: State;
  /** What arrived during a response. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Called when there is room for more. */
  #onRoom: (() => void) | null = null;
  /** When the response last made progress; Infinity while none is written. */
  #writingSinceMs = Infinity;
  /** Whether the current response is the last one. */
  #isEnding = false;

  constructor(transport: Transport, context: HttpConnectionContext) {
    this.#transport = transport;
    this.#context = context;
    this.#state = { type: "idle", sinceMs: context.clock.now(), timeoutMs: HEAD_TIMEOUT_MS };
  }

  /**
   * Reads until the client disconnects or is closed; a response may still be in progress then.
   * Calls `onEnded` once, when the connection is closed. Never rejects.
   */
  async run(onEnded: (connection: HttpConnection) => void): Promise<void> {
    this.#onEnded = onEnded;
    const { buffers } = this.#context;
    let buffer = buffers.take(READ_BUFFER_BYTES.idle);
    try {
      while (true) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#take(buffer.subarray(0, count));
        if (this.#waitingBytes > MAX_HEAD_BYTES) await this.#untilRoom();
        const wanted = READ_BUFFER_BYTES[this.#state.type];
        if (buffer.length === wanted) continue;
        buffers.give(buffer);
        buffer = buffers.take(wanted);
      }
      this.#onLeft();
    } catch (error) {
      this.#fail(error);
    }
    buffers.give(buffer);
  }

  /** Checks the timeouts; called once a second. */
  check(nowMs: number): void {
    if (nowMs - this.#writingSinceMs > WRITE_STALL_MS || this.#isOver(nowMs)) this.close();
  }

  /** Closes after the current response; at once if there is none. */
  stop(): void {
    this.#isEnding = true;
    if (this.#state.type !== "answering") this.close();
  }

  /** Closes the connection at once and cuts a response in progress. Harmless when repeated. */
  close(): void {
    const state = this.#state;
    if (state.type === "closed") return;
    this.#state = { type: "closed" };
    this.#transport.close();
    if (state.type === "answering" || state.type === "taken") state.abort.abort();
    this.#onRoom?.();
    this.#onEnded(this);
  }

  /** A broken connection means that the client has left, or that it was closed here. */
  #fail(error: unknown): void {
    if (this.#state.type !== "closed" && describeExpectedEnd(error) === null) {
      this.#context.logger.error(`Internal error; connection closed: ${describeError(error)}`, {
        peer: this.#transport.remote,
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
    this.close();
  }

  #isOver(nowMs: number): boolean {
    const state = this.#state;
    switch (state.type) {
      case "idle":
        return nowMs - state.sinceMs > state.timeoutMs;
      case "head":
      case "body":
        return nowMs - state.sinceMs > HEAD_TIMEOUT_MS;
      case "lingering":
        return nowMs - state.sinceMs > LINGER_MS;
      case "taken":
        return nowMs > state.untilMs;
      case "answering":
      case "closed":
        return false;
      default:
        return state satisfies never;
    }
  }

  #take(bytes: Uint8Array): void {
    const state = this.#state;
    switch (state.type) {
      case "idle": {
        const parser = new HeadParser(this.#transport.isSecure);
        this.#state = { type: "head", sinceMs: this.#context.clock.now(), parser };
        return this.#parse(parser, bytes);
      }
      case "head":
        return this.#parse(state.parser, bytes);
      case "body": {
        const part = bytes.subarray(0, state.leftBytes);
        state.parts.push(part.slice());
        state.leftBytes -= part.length;
        if (state.leftBytes === 0) void this.#answer(state.head, concatBytes(state.parts));
        return;
      }
      case "answering":
        if (!mayFollow(state.head)) return;
        this.#waiting.push(bytes.slice());
        this.#waitingBytes += bytes.length;
        return;
      case "taken":
        return state.owner.onBytes(bytes);
      case "lingering":
      case "closed":
        return;
      default:
        state satisfies never;
    }
  }

  #parse(parser: HeadParser, bytes: Uint8Array): void {
    try {
      const parsed = parser.push(bytes);
      if (parsed === null) return;
      const { head } = parsed;
      if (head.readBytes === 0) void this.#answer(head, null);
      else this.#state = { ...bodyOf(head), sinceMs: this.#context.clock.now() };
      if (parsed.used < bytes.length) this.#take(bytes.subarray(parsed.used));
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error;
      void this.#answerBad(error);
    }
  }

  /** Never rejects. */
  async #answer(head: RequestHead, body: Uint8Array<ArrayBuffer> | null): Promise<void> {
    const { method, url, headers } = head;
    const abort = new AbortController();
    this.#state = { type: "answering", head, abort };
    let owner: ConnectionOwner | null = null;
    const response = await this.#context.answer(
      new Request(url, { method, headers, body }),
      {
        ...{ remote: this.#transport.remote, isHttp10: head.isHttp10, signal: abort.signal },
        takeOver: (by) => owner = by,
      },
    );
    const isLast = this.#isEnding || owner !== null || !mayFollow(head);
    const connection = isLast ? "close" : head.isHttp10 ? "keep-alive" : null;
    const write = owner === null ? writeResponse : writeHeadOnly;
    if (!await this.#write(response, write, { isHead: method === "HEAD", connection })) return;
    if (owner === null) this.#onAnswered(isLast, head.hasBody);
    else this.#handOver(owner, abort);
  }

  /** Never rejects. */
  async #answerBad({ status, message }: BadRequestError): Promise<void> {
    this.#state = { type: "answering", head: null, abort: new AbortController() };
    const peer = this.#transport.remote;
    this.#context.logger.debug("Request refused", { peer, status, cause: message });
    const response = new Response(`${message}\n`, { status });
    if (!await this.#write(response, writeResponse, BAD_REQUEST_OPTIONS)) return;
    this.#onAnswered(true, true);
  }

  /** @returns whether the connection is still open. A failed response can only be cut. */
  async #write(
    response: Response,
    write: typeof writeResponse,
    options: Pick<ResponseWriterOptions, "isHead" | "connection">,
  ): Promise<boolean> {
    const onProgress = () => this.#writingSinceMs = this.#context.clock.now();
    onProgress();
    try {
      if (response.status !== STATUS_UPGRADED) {
        await write(response, { ...options, transport: this.#transport, onProgress });
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writingSinceMs = Infinity;
    return this.#state.type !== "closed";
  }

  #handOver(owner: ConnectionOwner, abort: AbortController): void {
    this.#state = { type: "taken", owner, abort, untilMs: Infinity };
    owner.onOpen({
      write: (bytes) => this.#transport.write(bytes),
      close: () => this.close(),
      closeSoon: () => {
        if (this.#state.type !== "taken") return;
        this.#state = { ...this.#state, untilMs: this.#context.clock.now() + LINGER_MS };
      },
    });
    this.#takeWaiting();
  }

  #onAnswered(isLast: boolean, hasBody: boolean): void {
    const nowMs = this.#context.clock.now();
    // The client may have left meanwhile.
    if (this.#isEnding || (isLast && !hasBody)) return this.close();
    if (isLast) {
      this.#state = { type: "lingering", sinceMs: nowMs };
      return;
    }
    this.#state = { type: "idle", sinceMs: nowMs, timeoutMs: IDLE_TIMEOUT_MS };
    this.#takeWaiting();
  }

  /** Handles what arrived during the response. */
  #takeWaiting(): void {
    const waiting = concatBytes(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#onRoom?.();
    if (waiting.length > 0) this.#take(waiting);
  }

  /** The client has closed its side. A viewer has left then; a short response still reaches it. */
  #onLeft(): void {
    this.#isEnding = true;
    if (this.#state.type === "answering") this.#state.abort.abort();
    else this.close();
  }

  #untilRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = () => {
        this.#onRoom = null;
        resolve();
      };
    });
  }
}

/** The state in which the body of a request is read. */
function bodyOf(head: RequestHead) {
  return { type: "body", head, parts: [] as Uint8Array[], leftBytes: head.readBytes } as const;
}

/** Whether another request may follow this one. */
function mayFollow(head: RequestHead | null): boolean {
  return head !== null && head.isKept && !head.hasBody;
}
