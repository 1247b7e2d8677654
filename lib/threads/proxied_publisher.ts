import { HeaderSet } from "../hub/header_set.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import { payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { Departure, PublishAnswer, PublishTicket } from "../server/vhost_service.ts";
import { type FromOwnerEvent, TAKEN_BYTES, type ToOwnerEvent } from "./bridge_event.ts";

/** Options of {@linkcode ProxiedPublisher}. */
interface ProxiedPublisherOptions {
  readonly id: number;
  readonly answer: PublishAnswer;
  readonly chunkSize: number;
  readonly send: (event: ToOwnerEvent) => void;
  /** Asks the owner to publish. */
  readonly open: (id: number) => void;
  /** The owner's events are no longer needed. */
  readonly onClosed: (id: number) => void;
}

/**
 * Most messages on their way to the owner, and bytes of them; then the publisher is not read. They
 * are seconds of media; a message may be longer.
 */
const MAX_OPEN_MESSAGES = 1_024;
const MAX_OPEN_BYTES = 4 * TAKEN_BYTES;

/**
 * A publisher that is connected to this worker and feeds a stream that another worker owns.
 *
 * ```
 *   "asking" ── accepted ──▶ "publishing" ──┐ owner lost, accepted again: sends the headers
 *      │                        │    ▲──────┘
 *      │ refused, left          │ replaced, refused, left
 *      └──────▶ "closed" ◀──────┘
 * ```
 */
export class ProxiedPublisher implements PublishTicket, PublishHandle {
  readonly id: number;
  readonly #options: ProxiedPublisherOptions;
  /** The headers in force: the replacement of a lost owner needs them. */
  #headers = new HeaderSet();
  /** Messages that the owner has not confirmed, and their bytes. */
  #openMessages = 0;
  #openBytes = 0;
  /** Waits until the owner has caught up. */
  #onReady: (() => void) | null = null;
  #state: "asking" | "publishing" | "closed" = "asking";
  /** As the owner said last. */
  #isWatched = false;

  constructor(options: ProxiedPublisherOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  get hasAudience(): boolean {
    return this.#isWatched;
  }

  open(): void {
    this.#options.open(this.id);
  }

  onOwnerLost(): void {
    this.#openMessages = this.#openBytes = 0;
    this.#proceed();
  }

  whenReady(run: () => void): boolean {
    if (this.isClosed || !this.#isTooFarAhead) return false;
    this.#onReady = run;
    return true;
  }

  handle(event: FromOwnerEvent): void {
    const { answer } = this.#options;
    const wasAsking = this.#state === "asking";
    switch (event.type) {
      case "accepted":
        if (!wasAsking) return this.#sendHeaders();
        this.#state = "publishing";
        return answer.onAccepted(this);
      case "refused":
        this.#close();
        return wasAsking ? answer.onRefused(event.refusal) : answer.onReplaced();
      case "taken":
        this.#openMessages -= event.messages;
        this.#openBytes -= event.bytes;
        if (!this.#isTooFarAhead) this.#proceed();
        return;
      case "watched":
        this.#isWatched = event.isWatched;
        return;
      case "probe":
        answer.probe(
          () => this.#options.send({ type: "alive", id: this.id }),
          () => this.#options.send({ type: "leaving", id: this.id }),
        );
        return;
      case "role":
        return answer.onRole?.(event.role, event.cause);
      case "replaced":
        this.#close();
        return answer.onReplaced();
    }
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): number {
    if (this.isClosed) return 0;
    this.#headers = this.#headers.after(typeId, payload);
    this.#send(typeId, timestampMs, payload.slice());
    return timestampMs;
  }

  end(): void {
    this.leave("stopped");
  }

  leave(departure: Departure): void {
    if (this.isClosed) return;
    this.#close();
    this.#options.send({ type: "depart", id: this.id, departure });
  }

  get #isTooFarAhead(): boolean {
    return this.#openMessages > MAX_OPEN_MESSAGES || this.#openBytes > MAX_OPEN_BYTES;
  }

  #proceed(): void {
    const onReady = this.#onReady;
    this.#onReady = null;
    onReady?.();
  }

  #close(): void {
    this.#state = "closed";
    this.#proceed();
    this.#options.onClosed(this.id);
  }

  #sendHeaders(): void {
    const { chunkSize } = this.#options;
    const headers = this.#headers.encode(0, chunkSize);
    for (const message of splitMessages(headers, chunkSize)) {
      this.#send(message.typeId, 0, payloadOf(message, chunkSize).slice());
    }
  }

  #send(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#openMessages++;
    this.#openBytes += payload.length;
    this.#options.send({ type: "media", id: this.id, typeId, timestampMs, payload });
  }
}
