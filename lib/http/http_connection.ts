/**
 * One client of HTTP/1.1: a request, its answer, the next request. What it sends while an answer is
 * under way waits, and its leaving is seen at once, for it is always read from.
 *
 * Nothing is unbounded: a head has a size and a time, silence between requests has a time, and so
 * does an answer that the client does not take.
 */

import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { describeExpectedEnd } from "../io/connection_end.ts";
import type { ReadBuffers } from "../io/read_buffers.ts";
import type { Transport } from "../io/transport.ts";
import { BadRequestError, HeadParser, MAX_HEAD_BYTES, type RequestHead } from "./request_head.ts";
import { type ResponseWriterOptions, writeHeadOnly, writeResponse } from "./response_writer.ts";

/** The way to a client once its connection was taken over. */
export interface ConnectionPipe extends Pick<Transport, "write" | "close"> {
  /** Closes when the client does, or a little later. */
  closeSoon(): void;
}

/** Somebody to whom a connection goes once the head of the answer is out. */
export interface ConnectionTaker {
  /** From now on it alone writes. Not called when the client has left before. */
  onOpen(pipe: ConnectionPipe): void;
  /** What the client sends; valid during the call. */
  onBytes(bytes: Uint8Array): void;
}

/** What a handler is told beside the request; `c.env` of a hono handler. */
export interface HttpBindings {
  /** Address of the client, `203.0.113.9:52114`. */
  readonly remote: string;
  /** The client speaks HTTP/1.0, which knows no chunked bodies. */
  readonly isOld: boolean;
  /**
   * Aborts when the client has left, and when its connection is closed. Not the request's own
   * signal: in Deno 2.7 one that is made from another may be forgotten with all who listen to it.
   */
  readonly signal: AbortSignal;
  /**
   * What follows the head of this answer is written by `taker`. The answer has no body; one with
   * status 101 has no head either, as far as this server goes.
   */
  takeOver(taker: ConnectionTaker): void;
}

/** What the connections of a server share. */
export interface HttpConnectionContext {
  /** Never rejects. */
  readonly answer: (request: Request, bindings: HttpBindings) => Promise<Response>;
  readonly buffers: ReadBuffers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A head must be complete this long after it began, and the first one after the client has come.
 */
const HEAD_TIMEOUT_MS = 30_000;

/** Silence between requests; longer than the 60 s for which proxies keep connections. */
const IDLE_TIMEOUT_MS = 90_000;

/** A client that takes nothing of an answer for so long is closed. */
const WRITE_STALL_MS = 30_000;

/**
 * What a client sends behind its last request is read for so long, and dropped: closing at once
 * would take the answer away from it (RFC 9112 §9.6).
 */
const LINGER_MS = 2_000;

/** While an answer is under way hardly anybody sends, and a viewer's goes on for hours. */
const READ_BUFFER_BYTES = {
  idle: 4 * 1024,
  head: 4 * 1024,
  answering: 64,
  taken: 64,
  lingering: 64 * 1024,
  closed: 64,
} as const;

/** The answer is the taker's from its first byte on. */
const STATUS_UPGRADED = 101;

/** What a client gets to read whose request is none. */
const BAD_REQUEST_OPTIONS = { isHead: false, connection: "close" } as const;

type State =
  | { readonly type: "idle"; readonly sinceMs: number; readonly timeoutMs: number }
  | { readonly type: "head"; readonly sinceMs: number; readonly parser: HeadParser }
  | {
    readonly type: "answering";
    readonly head: RequestHead | null;
    readonly abort: AbortController;
  }
  | {
    readonly type: "taken";
    readonly taker: ConnectionTaker;
    readonly abort: AbortController;
    readonly untilMs: number;
  }
  | { readonly type: "lingering"; readonly sinceMs: number }
  | { readonly type: "closed" };

/** See the file comment. */
export class HttpConnection {
  readonly #context: HttpConnectionContext;
  readonly #transport: Transport;
  #onEnded: (connection: HttpConnection) => void = () => {};
  #state: State;
  /** What came while an answer was under way. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Called when there is room for more of that. */
  #onRoom: (() => void) | null = null;
  /** Since when an answer makes no progress; Infinity while none is written. */
  #writingSinceMs = Infinity;
  /** The answer under way is the last one. */
  #isEnding = false;

  constructor(transport: Transport, context: HttpConnectionContext) {
    this.#transport = transport;
    this.#context = context;
    this.#state = { type: "idle", sinceMs: context.clock.now(), timeoutMs: HEAD_TIMEOUT_MS };
  }

  /**
   * Reads until the client leaves or is closed; an answer may still be under way then. Calls
   * `onEnded` once, when the connection is closed. Never rejects.
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

  /** Looks at the timeouts; called about once a second. */
  check(nowMs: number): void {
    if (nowMs - this.#writingSinceMs > WRITE_STALL_MS || this.#isOver(nowMs)) this.close();
  }

  /** Ends behind the answer that is under way, or now when there is none. */
  stop(): void {
    this.#isEnding = true;
    if (this.#state.type !== "answering") this.close();
  }

  /** Closes the connection at once; an answer under way is cut. Harmless when repeated. */
  close(): void {
    const state = this.#state;
    if (state.type === "closed") return;
    this.#state = { type: "closed" };
    this.#transport.close();
    if (state.type === "answering" || state.type === "taken") state.abort.abort();
    this.#onRoom?.();
    this.#onEnded(this);
  }

  /** Whoever breaks a connection has left, and what we close ourselves ends so, too. */
  #fail(error: unknown): void {
    if (this.#state.type !== "closed" && describeExpectedEnd(error) === null) {
      this.#context.logger.error(`Closed client after a fault of ours: ${describeError(error)}`, {
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
        const parser = new HeadParser();
        this.#state = { type: "head", sinceMs: this.#context.clock.now(), parser };
        return this.#parse(parser, bytes);
      }
      case "head":
        return this.#parse(state.parser, bytes);
      case "answering":
        if (!mayFollow(state.head)) return;
        this.#waiting.push(bytes.slice());
        this.#waitingBytes += bytes.length;
        return;
      case "taken":
        return state.taker.onBytes(bytes);
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
      void this.#answer(parsed.head);
      if (parsed.used < bytes.length) this.#take(bytes.subarray(parsed.used));
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error;
      void this.#answerBad(error);
    }
  }

  /** Never rejects. */
  async #answer(head: RequestHead): Promise<void> {
    const { method, url, headers } = head;
    const abort = new AbortController();
    this.#state = { type: "answering", head, abort };
    let taker: ConnectionTaker | null = null;
    const response = await this.#context.answer(
      new Request(url, { method, headers }),
      {
        ...{ remote: this.#transport.remote, isOld: head.isOld, signal: abort.signal },
        takeOver: (by) => taker = by,
      },
    );
    const isLast = this.#isEnding || taker !== null || !mayFollow(head);
    const connection = isLast ? "close" : head.isOld ? "keep-alive" : null;
    const write = taker === null ? writeResponse : writeHeadOnly;
    if (!await this.#write(response, write, { isHead: method === "HEAD", connection })) return;
    if (taker === null) this.#onAnswered(isLast, head.hasBody);
    else this.#giveTo(taker, abort);
  }

  /** Never rejects. */
  async #answerBad({ status, message }: BadRequestError): Promise<void> {
    this.#state = { type: "answering", head: null, abort: new AbortController() };
    const peer = this.#transport.remote;
    this.#context.logger.debug("Refused a request", { peer, status, reason: message });
    const response = new Response(`${message}\n`, { status });
    if (!await this.#write(response, writeResponse, BAD_REQUEST_OPTIONS)) return;
    this.#onAnswered(true, true);
  }

  /** @returns whether the connection goes on; what cannot, only its end can tell. */
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

  #giveTo(taker: ConnectionTaker, abort: AbortController): void {
    this.#state = { type: "taken", taker, abort, untilMs: Infinity };
    taker.onOpen({
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
    // The client may have left in the meantime.
    if (this.#isEnding || (isLast && !hasBody)) return this.close();
    if (isLast) {
      this.#state = { type: "lingering", sinceMs: nowMs };
      return;
    }
    this.#state = { type: "idle", sinceMs: nowMs, timeoutMs: IDLE_TIMEOUT_MS };
    this.#takeWaiting();
  }

  /** What came while the answer was under way has its turn. */
  #takeWaiting(): void {
    const waiting = concatBytes(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#onRoom?.();
    if (waiting.length > 0) this.#take(waiting);
  }

  /**
   * The client says nothing more. Who waits for a stream has left; a short answer still reaches it.
   */
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

/** Whether another request may come behind this one. */
function mayFollow(head: RequestHead | null): boolean {
  return head !== null && head.isKept && !head.hasBody;
}
