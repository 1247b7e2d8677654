import type { CancelTimer, Clock } from "../base/clock.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { TimePair } from "../hub/timeline.ts";
import { DeliveryHistory } from "../splice/delivery_history.ts";

/** Options of {@linkcode PulledSource}. */
interface PulledSourceOptions {
  readonly stream: Stream;
  readonly clock: Clock;
  /** What the stream is pulled for. */
  readonly request: () => StreamRequest;
}

/** See the diagram at {@linkcode PulledSource}. */
type SourceState =
  /** Nothing was delivered since the publisher began, if one did. */
  | { readonly type: "none" }
  | { readonly type: "feeding"; readonly handle: PublishHandle; readonly history: DeliveryHistory }
  /** The origin is lost; the next one continues or restarts the stream. */
  | { readonly type: "interrupted"; readonly history: DeliveryHistory }
  /** The publisher is lost at the origins; it may return. */
  | { readonly type: "away"; readonly cancelGrace: CancelTimer };

/**
 * Feeds a stream with what is pulled, and remembers what was delivered so that another origin can
 * be joined to it.
 *
 * ```
 *             begin()               interrupt()
 *    none ─────────────► feeding ────────────────► interrupted
 *     ▲                   │   ▲                        │ │
 *     │                   │   └── begin(), resume() ───┘ │
 *     │ end(0), or        │ end(graceMs)                 │
 *     │ grace is over     ▼                              │
 *     └───────────────── away ◄──── end(graceMs) ────────┘
 *                         └── begin() ──► feeding ── restart() ──► feeding
 * ```
 */
export class PulledSource {
  readonly #options: PulledSourceOptions;
  #state: SourceState = { type: "none" };
  #lastDeliveryMs = 0;

  constructor(options: PulledSourceOptions) {
    this.#options = options;
  }

  /** What was delivered since the publisher began; null before its first message. */
  get history(): DeliveryHistory | null {
    const state = this.#state;
    return state.type === "feeding" || state.type === "interrupted" ? state.history : null;
  }

  get isFeeding(): boolean {
    return this.#state.type === "feeding";
  }

  /** When the newest message was delivered; 0 before the first. */
  get lastDeliveryMs(): number {
    return this.#lastDeliveryMs;
  }

  /** How long nothing was delivered, in ms. */
  get silenceMs(): number {
    return Math.round(this.#options.clock.now() - this.#lastDeliveryMs);
  }

  /**
   * Begins the stream, or restarts it at a keyframe. @returns false when another source feeds it.
   */
  begin(): boolean {
    const { stream, request } = this.#options;
    const handle = stream.publish(request());
    if (handle === null) return false;
    if (this.#state.type === "away") this.#state.cancelGrace();
    this.#state = { type: "feeding", handle, history: new DeliveryHistory() };
    return true;
  }

  /**
   * Continues the interrupted stream with the next message, on the clock that `align` gives.
   *
   * @returns false when another source feeds it
   */
  resume(align: TimePair): boolean {
    const { stream, request } = this.#options;
    const { history } = this;
    const handle = history === null ? null : stream.resume(align, request());
    if (history === null || handle === null) return false;
    this.#state = { type: "feeding", handle, history };
    return true;
  }

  /** What is delivered from now on is another publisher's. Without effect unless feeding. */
  restart(): void {
    if (this.#state.type !== "feeding") return;
    this.#state = { ...this.#state, history: new DeliveryHistory() };
    this.#options.stream.restart();
  }

  /** Appends a message; `payload` is copied. Without effect unless feeding. */
  deliver(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#state.type !== "feeding") return;
    const { handle, history } = this.#state;
    const nowMs = this.#options.clock.now();
    this.#lastDeliveryMs = nowMs;
    history.note(typeId, handle.push(typeId, timestampMs, payload, nowMs), payload);
  }

  /** The origin is lost: players are told nothing. */
  interrupt(): void {
    if (this.#state.type !== "feeding") return;
    const { handle, history } = this.#state;
    this.#state = { type: "interrupted", history };
    handle.end("lost");
  }

  /**
   * The publisher has ended the stream, or is lost: players wait `graceMs` before they are told.
   */
  end(graceMs: number): void {
    const { stream, clock } = this.#options;
    const state = this.#state;
    if (state.type === "away") state.cancelGrace();
    if (state.type === "feeding") state.handle.end("away");
    this.#state = { type: "none" };
    if (graceMs === 0) return stream.unpublish();
    const cancelGrace = clock.after(graceMs, () => {
      this.#state = { type: "none" };
      stream.unpublish();
    });
    this.#state = { type: "away", cancelGrace };
  }

  /** Ends the feeding and the wait for a publisher; players are told nothing. */
  stop(): void {
    if (this.#state.type === "away") {
      this.#state.cancelGrace();
      this.#state = { type: "none" };
    }
    this.interrupt();
  }
}
