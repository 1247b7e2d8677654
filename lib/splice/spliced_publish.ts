import type { EndReason, PublishHandle, SourceSwitch } from "../hub/publisher.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { type Joined, Joiner, type JoinOptions, originPatienceMs } from "./joiner.ts";
import type { DeliveryHistory } from "./delivery_history.ts";
import type { HeldMessage } from "./held_message.ts";
import { KEEP_BACK_MS, ReserveGop } from "./reserve_gop.ts";
import { SourcePace } from "./source_pace.ts";
import { Splice } from "./splice.ts";
import type { StreamFeeder } from "./stream_feeder.ts";

/** Options of {@linkcode SplicedPublish}. */
interface SplicedPublishOptions {
  readonly feeder: StreamFeeder;
  readonly request: StreamRequest;
  /** How it joins; null when all that it sends is another broadcast. */
  readonly join: JoinOptions | null;
  /** It is about to feed the stream. */
  readonly onJoined: () => void;
  /** While it stands by: a message arrived, and it could take over. */
  readonly onReady: (arrivalMs: number) => void;
}

/** It may be behind by as much as another origin. */
const TAKEOVER_JOIN: JoinOptions = {
  how: "after",
  patienceMs: originPatienceMs,
  reachMs: KEEP_BACK_MS,
};

/** See the diagram at {@linkcode SplicedPublish}. */
type PublishState =
  | { readonly type: "joining"; readonly joiner: Joiner }
  | { readonly type: "passing"; readonly joiner: Joiner }
  | { readonly type: "standing by"; readonly gop: ReserveGop }
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
 *
 *    every state ── standBy() ──► standing by ── takeOver() ──► joining, feeding
 * ```
 *
 * One that stands by leaves the stream to another publisher, and keeps its newest GOP.
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
    this.#begin(this.#options.join);
  }

  #begin(join: JoinOptions | null): void {
    const { feeder } = this.#options;
    const { history, lastDeliveryMs } = feeder;
    if (history === null || join === null) return this.#feed();
    feeder.stream.hold();
    this.#state = { type: "joining", joiner: new Joiner(history, lastDeliveryMs, join) };
  }

  /** Leaves the stream to another publisher, and is ready to take over. */
  standBy(): void {
    this.giveWay();
    this.#state = { type: "standing by", gop: new ReserveGop() };
  }

  /**
   * Continues the stream, which no source feeds now: with the very next frame if it sends the same
   * encode, else with its newest keyframe. Only while it stands by.
   */
  takeOver(nowMs: number): void {
    if (this.#state.type !== "standing by") return;
    const { gop } = this.#state;
    const { history } = this.#options.feeder;
    // Another encode begins with its newest keyframe.
    if (history === null || isOtherEncode(history, gop.messages)) gop.keepNewest();
    this.#begin(TAKEOVER_JOIN);
    for (const { typeId, timestampMs, payload } of gop.messages) {
      this.push(typeId, timestampMs, payload, nowMs);
    }
  }

  /** Whether it leaves the stream to the last source, for now. */
  get isJoining(): boolean {
    return this.#state.type === "joining";
  }

  get isClosed(): boolean {
    return this.#state.type === "closed";
  }

  get hasAudience(): boolean {
    return this.#options.feeder.stream.hasAudience;
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
      case "standing by":
        state.gop.note(typeId, timestampMs, payload);
        if (state.gop.canBegin) this.#options.onReady(arrivalMs);
        return 0;
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
    if (state.type === "closed" || state.type === "standing by") return;
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
    const { type } = this.#state;
    if (type === "passing" || type === "feeding") this.#options.feeder.giveWay();
    this.detach();
  }

  /** Has no effect from now on; the stream is another source's. */
  detach(): void {
    const { isJoining } = this;
    this.#state = { type: "closed" };
    if (isJoining) this.#options.feeder.stream.release();
  }

  #feed(): void {
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
      this.#feed();
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

function isOtherEncode(history: DeliveryHistory, messages: readonly HeldMessage[]): boolean {
  const pace = new SourcePace(history, KEEP_BACK_MS);
  const splice = new Splice(history, pace);
  for (const { typeId, timestampMs, payload } of messages) {
    pace.note(typeId, timestampMs, payload, 0);
    const { type } = splice.offer(typeId, timestampMs, payload);
    if (type !== "hold") return type === "restart";
  }
  return false;
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
