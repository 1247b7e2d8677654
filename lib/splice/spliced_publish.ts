import type { EndReason, PublishHandle, SourceSwitch } from "../hub/publisher.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { type Joined, Joiner, type JoinOptions } from "./joiner.ts";
import type { StreamFeeder } from "./stream_feeder.ts";

/** Options of {@linkcode SplicedPublish}. */
interface SplicedPublishOptions {
  readonly feeder: StreamFeeder;
  readonly request: StreamRequest;
  /** How it joins; null when all that it sends is another broadcast. */
  readonly join: JoinOptions | null;
  /** It is about to feed the stream. */
  readonly onJoined: () => void;
}

/** See the diagram at {@linkcode SplicedPublish}. */
type PublishState =
  | { readonly type: "joining"; readonly joiner: Joiner }
  | { readonly type: "passing"; readonly joiner: Joiner }
  | { readonly type: "feeding" | "closed" };

/**
 * A publisher of a stream that may have been delivered in part: by a pull, or by the same publisher
 * over another connection. What was delivered is dropped, and until there is something new the
 * stream is left to its last source.
 *
 * ```
 *              something new             nothing left to drop
 *    joining ────────────────► passing ──────────────────────► feeding
 *       │   another broadcast                                   ▲ │
 *       └───────────────────────────────────────────────────────┘ │
 *    every state ── end(), detach() ──► closed ◄──────────────────┘
 * ```
 */
export class SplicedPublish implements PublishHandle {
  readonly #options: SplicedPublishOptions;
  #state: PublishState = { type: "closed" };

  constructor(options: SplicedPublishOptions) {
    this.#options = options;
  }

  /**
   * Begins to join, or feeds the stream at once when there is nothing to join. Called once.
   *
   * @throws {Error} when something else feeds the stream, which is an internal error
   */
  start(): void {
    const { feeder, join } = this.#options;
    const { history, lastDeliveryMs } = feeder;
    if (history === null || join === null) return this.#begin();
    feeder.stream.hold();
    this.#state = { type: "joining", joiner: new Joiner(history, lastDeliveryMs, join) };
  }

  /** Whether it leaves the stream to the last source, for now. */
  get isJoining(): boolean {
    return this.#state.type === "joining";
  }

  get isClosed(): boolean {
    return this.#state.type === "closed";
  }

  // HOT: once per message of a publisher.
  push(typeId: number, timestampMs: number, payload: Uint8Array, arrivalMs: number): number {
    const state = this.#state;
    const { feeder } = this.#options;
    switch (state.type) {
      case "feeding":
        return feeder.deliver(typeId, timestampMs, payload, arrivalMs);
      case "passing": {
        const isNew = state.joiner.isNew(typeId, timestampMs, payload);
        if (state.joiner.isDone) this.#state = { type: "feeding" };
        return isNew ? feeder.deliver(typeId, timestampMs, payload, arrivalMs) : 0;
      }
      case "joining": {
        const joined = state.joiner.offer(typeId, timestampMs, payload, arrivalMs);
        if (joined !== null) this.#join(state.joiner, joined, arrivalMs);
        return 0;
      }
      case "closed":
        return 0;
      default:
        return state satisfies never;
    }
  }

  end(reason: EndReason): void {
    const state = this.#state;
    const { feeder } = this.#options;
    this.#state = { type: "closed" };
    if (state.type === "closed") return;
    if (state.type === "joining") {
      if (reason === "unpublished") {
        feeder.end("away");
        feeder.stream.unpublish();
      }
      return feeder.stream.release();
    }
    if (reason === "unpublished") return feeder.end(reason);
    feeder.interrupt(reason);
  }

  /** Feeds the stream no longer; another publisher is about to continue it. */
  giveWay(): void {
    if (!this.isJoining && !this.isClosed) this.#options.feeder.giveWay();
    this.detach();
  }

  /** Has no effect from now on; the stream is another source's. */
  detach(): void {
    const { isJoining } = this;
    this.#state = { type: "closed" };
    if (isJoining) this.#options.feeder.stream.release();
  }

  #begin(): void {
    const { feeder, request, onJoined } = this.#options;
    onJoined();
    this.#state = { type: "feeding" };
    if (feeder.begin(request)) return;
    throw new Error(`Stream "${feeder.stream.name}" has a source beside its publisher`);
  }

  #join(joiner: Joiner, { align, messages, doubledFrames }: Joined, nowMs: number): void {
    const { feeder, request, onJoined } = this.#options;
    const silenceMs = Math.round(nowMs - feeder.lastDeliveryMs);
    const frameMs = feeder.history?.frameMs ?? 0;
    if (align === null) {
      this.#begin();
    } else {
      onJoined();
      this.#state = { type: "passing", joiner };
      if (!feeder.resume(align, request)) this.#state = { type: "closed" };
    }
    feeder.stream.release();
    // A viewer may have ended it.
    if (this.isClosed) return;
    for (const { typeId, timestampMs, payload } of messages) {
      feeder.deliver(typeId, timestampMs, payload, nowMs);
    }
    feeder.stream.noteSwitch(describe(align !== null, silenceMs, frameMs, doubledFrames));
  }
}

function describe(
  isSpliced: boolean,
  silenceMs: number,
  frameMs: number,
  doubledFrames: number,
): SourceSwitch {
  if (isSpliced) return { how: "spliced", silenceMs, lostFrames: 0, doubledFrames: 0 };
  const lostFrames = frameMs === 0 ? 0 : Math.round(silenceMs / frameMs);
  return { how: "restarted", silenceMs, lostFrames, doubledFrames };
}
