import type { TimePair } from "../hub/timeline.ts";
import { isFrame } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { CatchUp } from "./catch_up.ts";
import { type DeliveryHistory, fingerprint } from "./delivery_history.ts";
import { type HeldMessage, MAX_HELD_BYTES } from "./held_message.ts";
import { PassedGop } from "./passed_gop.ts";
import { SourcePace } from "./source_pace.ts";
import { restartWithin, Splice, type SpliceDecision } from "./splice.ts";

/**
 * A new origin is behind the last one by less than this, in ms. One that sends for longer what was
 * delivered before carries another broadcast: its publisher began the same material again.
 */
const MAX_BEHIND_MS = 2_000;

/**
 * After a longer silence, in ms, an origin that is behind has passed what was delivered. Then only
 * its GOP cache, which arrives at once, can contain that.
 */
const LONG_SILENCE_MS = 2 * MAX_BEHIND_MS;

/** How long a GOP cache may take to arrive, in ms. */
export const MAX_CACHE_MS = 250;

/**
 * A new origin beside one that feeds the stream may be ahead of it: it is compared again for this
 * long, in ms, with what was delivered meanwhile,
 */
const COMPARE_AGAIN_MS = 1_000;

/** at most this often. */
const COMPARE_PERIOD_MS = 100;

/** One that stays behind by up to {@linkcode MAX_BEHIND_MS} takes over after this time, in ms. */
const PATIENCE_MS = 1_000;

/** How a source is joined to what was delivered. */
export interface JoinOptions {
  /**
   * To what the last source delivered, or `beside` one that still feeds the stream. `merge`: as
   * `beside`, but joined as soon as its clock is known, with all that it has sent.
   */
  readonly how: "after" | "beside" | "merge";
  /**
   * Returns how long, in ms, it may send nothing new after a silence of `silenceMs`. Then it is
   * taken for another broadcast.
   */
  readonly patienceMs: (silenceMs: number) => number;
  /** As of {@linkcode SourcePace}; `-Infinity` if all that it sends is another broadcast. */
  readonly reachMs: number;
}

/** For an origin of which no more is known than that it has a stream of this name. */
export function originPatienceMs(silenceMs: number): number {
  return silenceMs < LONG_SILENCE_MS ? MAX_BEHIND_MS : MAX_CACHE_MS;
}

/** What a new origin has for the players. */
export interface Joined {
  /** Its clock in stream time when it carries the same encode; null when the stream restarts. */
  readonly align: TimePair | null;
  /** To be delivered now; what arrives later goes through {@linkcode Joiner.isNew}. */
  readonly messages: readonly HeldMessage[];
  /** Video frames (audio frames without video) among them that were delivered before. */
  readonly doubledFrames: number;
}

/** See the diagram at {@linkcode Joiner}. */
type JoinState =
  | { readonly type: "comparing"; readonly splice: Splice }
  | {
    readonly type: "catching up";
    readonly catchUp: CatchUp;
    readonly align: TimePair;
    readonly sinceMs: number;
  };

/**
 * Joins one new origin to what was delivered: decides by a {@linkcode Splice}, then waits for the
 * first message that is new.
 *
 * ```
 *                  same encode                    first new message
 *   comparing ─────────────────► catching up ─────────────────────────► joined
 *    │  ▲                            │
 *    │  │  nothing new for too long: │
 *    │  └──── another broadcast ─────┘
 *    │
 *    └── another encode, and a keyframe ──────────────────────────────► joined
 * ```
 *
 * One that joins `beside` a source that still feeds the stream has joined as soon as it has caught
 * up with that source; with something new or without.
 */
export class Joiner {
  readonly #history: DeliveryHistory;
  readonly #deliveredAtMs: number;
  readonly #options: JoinOptions;
  readonly #passed = new PassedGop();
  readonly #pace: SourcePace;
  /** What was compared so far, to be compared again; only beside a source. */
  #compared: HeldMessage[] = [];
  #comparedBytes = 0;
  /** When its first message arrived; -1 before. */
  #firstMs = -1;
  #compareAgainMs = 0;
  #state: JoinState;

  /** @param deliveredAtMs when the newest message of `history` was delivered */
  constructor(history: DeliveryHistory, deliveredAtMs: number, options: JoinOptions) {
    this.#history = history;
    this.#deliveredAtMs = deliveredAtMs;
    this.#options = options;
    this.#pace = new SourcePace(history, options.reachMs);
    this.#state = { type: "comparing", splice: new Splice(history, this.#pace) };
  }

  /**
   * Takes the next message; `payload` is copied. @returns null until there is something to deliver.
   *
   * @param nowMs when it arrived
   */
  offer(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): Joined | null {
    const state = this.#state;
    const message = { typeId, timestampMs, payload };
    if (this.#firstMs < 0) this.#firstMs = nowMs;
    this.#pace.note(typeId, timestampMs, payload, nowMs);
    if (state.type === "comparing") {
      return this.#options.how !== "after"
        ? this.#compareBeside(state.splice, message, nowMs)
        : this.#settle(state.splice.offer(typeId, timestampMs, payload), nowMs);
    }
    const { align, sinceMs } = state;
    if (this.#options.how === "beside") return this.#catchUpBeside(align, sinceMs, message, nowMs);
    if (state.catchUp.isNew(typeId, timestampMs, payload)) {
      return spliced(align, [{ typeId, timestampMs, payload: payload.slice() }]);
    }
    this.#passed.note(typeId, timestampMs, payload);
    return this.#restartIfLate(align, nowMs);
  }

  /** Returns whether a message after those of {@linkcode Joined} was not delivered before. */
  isNew(typeId: number, timestampMs: number, payload: Uint8Array): boolean {
    const state = this.#state;
    return state.type === "comparing" || state.catchUp.isNew(typeId, timestampMs, payload);
  }

  /** All that arrives from now on is new. */
  get isDone(): boolean {
    return this.#state.type === "comparing" || this.#state.catchUp.isDone;
  }

  #settle(decision: SpliceDecision, nowMs: number): Joined | null {
    if (decision.type === "hold") return null;
    const { held } = decision;
    if (decision.type === "restart") return this.#restarted(held);
    const { align } = decision;
    if (this.#options.how === "merge") return spliced(align, held);
    const catchUp = new CatchUp(this.#history, align);
    this.#state = { type: "catching up", catchUp, align, sinceMs: nowMs };
    const messages = held.filter(({ typeId, timestampMs, payload }) =>
      catchUp.isNew(typeId, timestampMs, payload)
    );
    if (messages.length > 0) return spliced(align, messages);
    for (const { typeId, timestampMs, payload } of held) {
      this.#passed.note(typeId, timestampMs, payload);
    }
    return this.#options.how === "beside" ? null : this.#restartIfLate(align, nowMs);
  }

  /** What matches nothing yet may do so when the source has come as far. */
  #compareBeside(splice: Splice, message: HeldMessage, nowMs: number): Joined | null {
    const { typeId, timestampMs, payload } = message;
    this.#compared.push({ typeId, timestampMs, payload: payload.slice() });
    this.#comparedBytes += payload.length;
    if (nowMs < this.#compareAgainMs) return null;
    const decision = this.#compareAgainMs === 0
      ? splice.offer(typeId, timestampMs, payload)
      : this.#compareAll();
    const isFinal = nowMs - this.#firstMs >= COMPARE_AGAIN_MS ||
      this.#comparedBytes > MAX_HELD_BYTES;
    const isOpen = decision.type === "hold" && splice.isUnmatched && this.#compareAgainMs === 0;
    if (!isFinal && (isOpen || decision.type === "restart" || this.#isElsewhere(decision))) {
      this.#compareAgainMs = nowMs + COMPARE_PERIOD_MS;
      return null;
    }
    if (decision.type !== "hold") this.#compared = [];
    return this.#settle(decision, nowMs);
  }

  #compareAll(messages: readonly HeldMessage[] = this.#compared): SpliceDecision {
    const splice = new Splice(this.#history, this.#pace);
    let decision: SpliceDecision = { type: "hold" };
    let index = 0;
    while (decision.type === "hold" && index < messages.length) {
      const { typeId, timestampMs, payload } = messages[index++]!;
      decision = splice.offer(typeId, timestampMs, payload);
    }
    if (decision.type === "hold") return decision;
    return { ...decision, held: [...decision.held, ...messages.slice(index)] };
  }

  /** A match that is not where the source beside this one is: ahead of it, or far behind. */
  #isElsewhere(decision: SpliceDecision): boolean {
    if (decision.type !== "continue") return false;
    const { align } = decision;
    return this.#history.isAhead(align.streamMs) || this.#isFarBehind(align, MAX_BEHIND_MS);
  }

  /** The source has sent its GOP cache, and is behind by more than `limitMs`. */
  #isFarBehind(align: TimePair, limitMs: number): boolean {
    return this.#pace.isLive && this.#pace.lagMs(align) > limitMs;
  }

  #catchUpBeside(
    align: TimePair,
    sinceMs: number,
    { typeId, timestampMs, payload }: HeldMessage,
    nowMs: number,
  ): Joined | null {
    const catchUp = new CatchUp(this.#history, align);
    this.#state = { type: "catching up", catchUp, align, sinceMs };
    const behindMs = catchUp.behindMs(typeId, timestampMs, payload);
    if (catchUp.isNew(typeId, timestampMs, payload)) {
      return spliced(align, [{ typeId, timestampMs, payload: payload.slice() }]);
    }
    this.#passed.note(typeId, timestampMs, payload);
    if (this.#isFarBehind(align, MAX_BEHIND_MS) && nowMs >= this.#compareAgainMs) {
      this.#compareAgainMs = nowMs + COMPARE_PERIOD_MS;
      if (this.#history.silenceMs(nowMs) >= MAX_CACHE_MS) return this.#restartIfFar(align);
      this.#lookElsewhere();
    }
    const isPatienceOver = nowMs - sinceMs >= PATIENCE_MS;
    return behindMs <= 0 || (isPatienceOver && behindMs < MAX_BEHIND_MS)
      ? spliced(align, [])
      : null;
  }

  /** The source beside this one may have delivered meanwhile what this one sends. */
  #lookElsewhere(): void {
    const decision = this.#compareAll(this.#passed.messages);
    if (decision.type !== "continue" || this.#isElsewhere(decision)) return;
    const { align } = decision;
    const catchUp = new CatchUp(this.#history, align);
    this.#state = { type: "catching up", catchUp, align, sinceMs: this.#firstMs };
  }

  #restarted(messages: readonly HeldMessage[]): Joined {
    const { video, audio } = this.#history;
    const [track, typeId] = video.end > 0 ? [video, MessageType.VIDEO] : [audio, MessageType.AUDIO];
    const doubledFrames =
      messages.filter((message) =>
        message.typeId === typeId && isFrame(typeId, message.payload) &&
        track.has(fingerprint(message.payload), message.payload.length)
      ).length;
    return { align: null, messages, doubledFrames };
  }

  #restartIfLate(align: TimePair, nowMs: number): Joined | null {
    return nowMs - this.#firstMs >= this.#patienceMs ? this.#restart() : this.#restartIfFar(align);
  }

  /** What it sends would be new too late; known before that time has passed. */
  #restartIfFar(align: TimePair): Joined | null {
    const limitMs = Math.max(this.#patienceMs, MAX_BEHIND_MS);
    return this.#isFarBehind(align, limitMs) ? this.#restart() : null;
  }

  get #patienceMs(): number {
    return this.#options.patienceMs(this.#firstMs - this.#deliveredAtMs);
  }

  /**
   * Another broadcast: it begins with the newest keyframe that arrived, or else with the next one.
   */
  #restart(): Joined | null {
    const splice = new Splice(this.#history, this.#pace, true);
    this.#state = { type: "comparing", splice };
    const decision = restartWithin(this.#passed.messages, (...message) => splice.offer(...message));
    return decision.type === "restart" ? this.#restarted(decision.held) : null;
  }
}

function spliced(align: TimePair, messages: readonly HeldMessage[]): Joined {
  return { align, messages, doubledFrames: 0 };
}
