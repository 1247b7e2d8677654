import type { EndReason, PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { TimePair } from "../hub/timeline.ts";
import { DeliveryHistory } from "./delivery_history.ts";

/**
 * Feeds a stream with one source after the other, pulls and publishers alike, and remembers what
 * was delivered, so that the next source can be joined to it.
 *
 * ```
 *            begin()              interrupt()
 *    empty ─────────► feeding ────────────────► interrupted
 *      ▲                │ ▲                         │  │
 *      │ end()          │ └── begin(), resume() ────┘  │ forget()
 *      └────────────────┴──────────────────────────────┘
 * ```
 *
 * `begin` and `resume` replace a source that still feeds the stream.
 */
export class StreamFeeder {
  readonly stream: Stream;
  #handle: PublishHandle | null = null;
  #history: DeliveryHistory | null = null;
  #lastDeliveryMs = 0;
  #isBeginning = false;
  #earlyEnd: EndReason | null = null;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** What was delivered of the present broadcast; null before its first message. */
  get history(): DeliveryHistory | null {
    return this.#history;
  }

  get isFeeding(): boolean {
    return this.#handle !== null;
  }

  /** When the newest message was delivered; 0 before the first. */
  get lastDeliveryMs(): number {
    return this.#lastDeliveryMs;
  }

  /**
   * Begins a broadcast, or restarts it at a keyframe. @returns false when something else feeds the
   * stream.
   */
  begin(request: StreamRequest): boolean {
    this.giveWay();
    this.#history = new DeliveryHistory();
    return this.#feed(() => this.stream.publish(request));
  }

  /**
   * Continues the broadcast with its next message, on the clock that `align` gives.
   *
   * @returns false when something else feeds the stream
   */
  resume(align: TimePair, request: StreamRequest): boolean {
    this.giveWay();
    return this.#feed(() => this.stream.resume(align, request));
  }

  /** What is delivered from now on is another broadcast. Without effect unless feeding. */
  restart(): void {
    if (!this.isFeeding) return;
    this.#history = new DeliveryHistory();
    this.stream.restart();
  }

  /**
   * Appends a message; `payload` is copied. Without effect unless feeding.
   *
   * @returns its stream time
   */
  deliver(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): number {
    if (this.#handle === null) return 0;
    this.#lastDeliveryMs = nowMs;
    const streamMs = this.#handle.push(typeId, timestampMs, payload, nowMs);
    this.#history!.note(typeId, streamMs, payload, nowMs);
    return streamMs;
  }

  /** The source is gone, another may continue the broadcast. Without effect unless feeding. */
  interrupt(reason: "lost" | "away"): void {
    this.#end(reason);
  }

  /** The source leaves the broadcast to one that is at hand. Without effect unless feeding. */
  giveWay(): void {
    if (this.isFeeding) this.stream.giveWay();
    this.#handle = null;
  }

  /** The broadcast is over. */
  end(reason: EndReason): void {
    this.#history = null;
    this.#end(reason);
  }

  /** Viewers hear of a source when it begins, and may end it at once. */
  #feed(begin: () => PublishHandle | null): boolean {
    this.#isBeginning = true;
    this.#earlyEnd = null;
    const handle = begin();
    this.#isBeginning = false;
    if (this.#earlyEnd === null) this.#handle = handle;
    else handle?.end(this.#earlyEnd);
    return handle !== null;
  }

  #end(reason: EndReason): void {
    if (this.#isBeginning) this.#earlyEnd = reason;
    const handle = this.#handle;
    this.#handle = null;
    handle?.end(reason);
  }
}
