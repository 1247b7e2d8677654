import type { EndReason, PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { TimePair } from "../hub/timeline.ts";
import { DeliveryHistory } from "./delivery_history.ts";
import { LeadIn } from "./lead_in.ts";

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
 *
 * While there is no source, a slate may feed the stream. Then the next source begins with its next
 * keyframe, and the slate continues until that arrives.
 */
export class StreamFeeder {
  readonly stream: Stream;
  #handle: PublishHandle | null = null;
  #history: DeliveryHistory | null = null;
  #lastDeliveryMs = 0;
  /** Feeds the slate; null while there is none. */
  #slate: PublishHandle | null = null;
  /** Holds the source back; null unless one begins beside the slate. */
  #leadIn: LeadIn | null = null;
  /** That of the newest source. */
  #request: StreamRequest | null = null;
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
    return this.#handle !== null || this.#leadIn !== null;
  }

  /** A slate feeds the stream. */
  get isOnSlate(): boolean {
    return this.#slate !== null;
  }

  /** Begins a slate. @returns false when a source feeds the stream */
  beginSlate(): boolean {
    if (this.isFeeding || this.isOnSlate) return false;
    // Decoders can only continue with a keyframe.
    this.#history = null;
    this.#slate = this.stream.publish(this.#request, true);
    return this.isOnSlate;
  }

  /** Appends a message of the slate; `payload` is copied. Without effect unless it feeds. */
  deliverSlate(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): void {
    this.#slate?.push(typeId, timestampMs, payload, nowMs);
  }

  /** Ends the slate. Without effect when a source has replaced it. */
  endSlate(): void {
    const slate = this.#slate;
    this.#slate = null;
    slate?.end("away");
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
    this.#request = request;
    if (!this.isOnSlate) return this.#feed(() => this.stream.publish(request));
    this.#leadIn = new LeadIn();
    return true;
  }

  /**
   * Continues the broadcast with its next message, on the clock that `align` gives.
   *
   * @returns false when something else feeds the stream
   */
  resume(align: TimePair, request: StreamRequest): boolean {
    if (this.isOnSlate) return this.begin(request);
    this.giveWay();
    this.#request = request;
    return this.#feed(() => this.stream.resume(align, request));
  }

  /** What is delivered from now on is another broadcast. Without effect unless feeding. */
  restart(): void {
    if (!this.isFeeding) return;
    this.#history = new DeliveryHistory();
    if (this.#leadIn !== null) this.#leadIn = new LeadIn();
    else this.stream.restart();
  }

  /**
   * Appends a message; `payload` is copied. Without effect unless feeding.
   *
   * @returns its stream time
   */
  deliver(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): number {
    if (!this.isFeeding) return 0;
    this.#lastDeliveryMs = nowMs;
    if (this.#leadIn !== null) this.#leadInto(this.#leadIn, typeId, timestampMs, payload, nowMs);
    if (this.#handle === null) return 0;
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
    if (this.#handle !== null) this.stream.giveWay();
    this.#handle = null;
    this.#leadIn = null;
  }

  /** The broadcast is over. */
  end(reason: EndReason): void {
    this.#history = null;
    this.#end(reason);
  }

  /** Ends the slate when the message is the keyframe that its source begins with. */
  #leadInto(
    leadIn: LeadIn,
    typeId: number,
    timestampMs: number,
    payload: Uint8Array,
    nowMs: number,
  ): void {
    const headers = leadIn.offer(typeId, timestampMs, payload);
    if (headers === null) return;
    this.#leadIn = null;
    this.#slate = null;
    this.stream.giveWay();
    this.#feed(() => this.stream.publish(this.#request));
    for (const header of headers) {
      this.deliver(header.typeId, header.timestampMs, header.payload, nowMs);
    }
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
    this.#leadIn = null;
    handle?.end(reason);
  }
}
