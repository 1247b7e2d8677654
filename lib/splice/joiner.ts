import type { TimePair } from "../hub/timeline.ts";
import type { DeliveryHistory } from "./delivery_history.ts";
import { CatchUp } from "./catch_up.ts";
import type { HeldMessage } from "./held_message.ts";
import { PassedGop } from "./passed_gop.ts";
import { restartWithin, Splice } from "./splice.ts";

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
const MAX_CACHE_MS = 250;

/** What a new origin has for the players, once it has something new. */
export interface Joined {
  /** Its clock in stream time when it carries the same encode; null when the stream restarts. */
  readonly align: TimePair | null;
  /** To be delivered now; what arrives later goes through {@linkcode Joiner.isNew}. */
  readonly messages: readonly HeldMessage[];
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
 */
export class Joiner {
  readonly #history: DeliveryHistory;
  readonly #deliveredAtMs: number;
  readonly #passed = new PassedGop();
  #state: JoinState;

  /** @param deliveredAtMs when the newest message of `history` was delivered */
  constructor(history: DeliveryHistory, deliveredAtMs: number) {
    this.#history = history;
    this.#deliveredAtMs = deliveredAtMs;
    this.#state = { type: "comparing", splice: new Splice(history) };
  }

  /**
   * Takes the next message; `payload` is copied. @returns null until there is something to deliver.
   *
   * @param nowMs when it arrived
   */
  offer(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): Joined | null {
    const state = this.#state;
    if (state.type === "comparing") {
      return this.#compare(state.splice, { typeId, timestampMs, payload }, nowMs);
    }
    const { catchUp, align, sinceMs } = state;
    if (catchUp.isNew(typeId, timestampMs, payload)) {
      return { align, messages: [{ typeId, timestampMs, payload: payload.slice() }] };
    }
    this.#passed.note(typeId, timestampMs, payload);
    return nowMs - sinceMs < this.#maxBehindMs(sinceMs) ? null : this.#restart();
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

  #compare(splice: Splice, message: HeldMessage, nowMs: number): Joined | null {
    const decision = splice.offer(message.typeId, message.timestampMs, message.payload);
    if (decision.type === "hold") return null;
    const { held } = decision;
    if (decision.type === "restart") return { align: null, messages: held };
    const { align } = decision;
    const catchUp = new CatchUp(this.#history, align);
    this.#state = { type: "catching up", catchUp, align, sinceMs: nowMs };
    const messages = held.filter(({ typeId, timestampMs, payload }) =>
      catchUp.isNew(typeId, timestampMs, payload)
    );
    if (messages.length > 0) return { align, messages };
    for (const { typeId, timestampMs, payload } of held) {
      this.#passed.note(typeId, timestampMs, payload);
    }
    return null;
  }

  #maxBehindMs(sinceMs: number): number {
    const silenceMs = sinceMs - this.#deliveredAtMs;
    return silenceMs < LONG_SILENCE_MS ? MAX_BEHIND_MS : MAX_CACHE_MS;
  }

  /**
   * Another broadcast: it begins with the newest keyframe that arrived, or else with the next one.
   */
  #restart(): Joined | null {
    const splice = new Splice(this.#history, true);
    this.#state = { type: "comparing", splice };
    const decision = restartWithin(this.#passed.messages, (...message) => splice.offer(...message));
    return decision.type === "restart" ? { align: null, messages: decision.held } : null;
  }
}
