import { diffU32 } from "../base/u32.ts";
import { MessageType } from "../rtmp/constants.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { TimePair } from "../hub/timeline.ts";
import type { DeliveryHistory } from "../splice/delivery_history.ts";
import type { StreamFeeder } from "../splice/stream_feeder.ts";

/** Options of {@linkcode PulledSource}. */
interface PulledSourceOptions {
  readonly feeder: StreamFeeder;
  readonly clock: Clock;
  /** Whether a slate follows: then players are not told that the stream has ended. */
  readonly isSlateNext: () => boolean;
  /** What the stream is pulled for. */
  readonly request: () => StreamRequest;
}

/**
 * A pull as a source of a stream: feeds it through a {@linkcode StreamFeeder}, and waits for a
 * publisher that is lost at the origins.
 *
 * ```
 *               begin(), resume()
 *    idle ──────────────────────────► feeding ── restart() ──► feeding
 *     ▲ ▲                             │ │  ▲
 *     │ └── interrupt(), end(0) ──────┘ │  │ begin()
 *     │                    end(graceMs) ▼  │
 *     └──────── grace is over ───────── away
 * ```
 */
export class PulledSource {
  readonly #options: PulledSourceOptions;
  #isFeeding = false;
  /** From the clock of what is delivered to stream time, in ms; null before the first message. */
  #videoShiftMs: number | null = null;
  #audioShiftMs: number | null = null;
  /** Ends the wait for a publisher; null while none is waited for. */
  #cancelGrace: CancelTimer | null = null;

  constructor(options: PulledSourceOptions) {
    this.#options = options;
  }

  /** What was delivered since the publisher began; null before its first message. */
  get history(): DeliveryHistory | null {
    return this.#options.feeder.history;
  }

  get isFeeding(): boolean {
    return this.#isFeeding;
  }

  /** Whether players were told that the publisher is gone. */
  get hasEnded(): boolean {
    return !this.#isFeeding && !this.#options.feeder.stream.isLive;
  }

  get streamName(): string {
    return this.#options.feeder.stream.name;
  }

  /** Returns the clock of what is delivered in stream time, in ms, for a track. */
  shiftOf(typeId: number): number {
    const [own, other] = typeId === MessageType.AUDIO
      ? [this.#audioShiftMs, this.#videoShiftMs]
      : [this.#videoShiftMs, this.#audioShiftMs];
    return own ?? other ?? 0;
  }

  /** When the newest message was delivered; 0 before the first. */
  get lastDeliveryMs(): number {
    return this.#options.feeder.lastDeliveryMs;
  }

  /** How long nothing was delivered, in ms. */
  get silenceMs(): number {
    return Math.round(this.#options.clock.now() - this.lastDeliveryMs);
  }

  /** Begins the stream, or restarts it at a keyframe. */
  begin(): void {
    const { feeder, request } = this.#options;
    this.#endWait();
    this.#isFeeding = true;
    this.#forgetClock();
    feeder.begin(request());
  }

  /** Continues the stream with the next message, on the clock that `align` gives. */
  resume(align: TimePair): void {
    const { feeder, request } = this.#options;
    this.#endWait();
    this.#isFeeding = true;
    this.#forgetClock();
    feeder.resume(align, request());
  }

  /** What is delivered from now on is another publisher's. Without effect unless feeding. */
  restart(): void {
    if (this.#isFeeding) this.#options.feeder.restart();
  }

  /** Appends a message; `payload` is copied. Without effect unless feeding. */
  deliver(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const { feeder, clock } = this.#options;
    if (!this.#isFeeding) return;
    const streamMs = feeder.deliver(typeId, timestampMs, payload, clock.now());
    if (typeId === MessageType.AUDIO) this.#audioShiftMs = diffU32(streamMs, timestampMs);
    else if (typeId === MessageType.VIDEO) this.#videoShiftMs = diffU32(streamMs, timestampMs);
  }

  /** The origin is lost: players are told nothing. */
  interrupt(): void {
    if (!this.#isFeeding) return;
    this.#isFeeding = false;
    this.#options.feeder.interrupt("lost");
  }

  /**
   * The publisher has ended the stream, or is lost: players wait `graceMs` before they are told.
   */
  end(graceMs: number): void {
    const { feeder, clock, isSlateNext } = this.#options;
    const isReplaced = isSlateNext();
    this.#endWait();
    this.#isFeeding = false;
    feeder.end("away");
    if (isReplaced) return;
    if (graceMs === 0) return feeder.stream.unpublish();
    this.#cancelGrace = clock.after(graceMs, () => {
      this.#cancelGrace = null;
      feeder.stream.unpublish();
    });
  }

  /** Ends the feeding and the wait for a publisher; players are told nothing. */
  stop(): void {
    this.#endWait();
    this.interrupt();
  }

  #forgetClock(): void {
    this.#videoShiftMs = null;
    this.#audioShiftMs = null;
  }

  #endWait(): void {
    this.#cancelGrace?.();
    this.#cancelGrace = null;
  }
}
