import { backoffMs } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import type { OriginSet } from "./origin_set.ts";

/** Options of {@linkcode OriginLoop}. */
interface OriginLoopOptions {
  readonly origins: OriginSet;
  /** `app/stream`. */
  readonly streamName: string;
  readonly clock: Clock;
  /** Returns 0…1, for the jitter of pauses. */
  readonly random: () => number;
  /** Whether an origin is not to be tried now; without this, all are. */
  readonly isTaken?: (origin: OriginAddress) => boolean;
  /** Whether the stream was sought there in vain: then the others come first. */
  readonly lacks?: (origin: OriginAddress) => boolean;
  /**
   * Uses one origin for as long as it works. Rejects when the origin fails or is lost; settles soon
   * after {@linkcode OriginLoop.stop}, either way.
   */
  readonly attempt: (origin: OriginAddress) => Promise<void>;
  /** An attempt failed. */
  readonly onFailed: (origin: OriginAddress, error: unknown) => void;
  /** All origins failed one after the other. */
  readonly onRoundFailed: (lastError: unknown) => void;
}

/** The attempt that runs. */
interface Attempt {
  origin: OriginAddress;
  readonly beganMs: number;
  /** When the origin first showed that it works; null before. */
  succeededAtMs: number | null;
}

/** See the diagram at {@linkcode OriginLoop}. */
type LoopState =
  | { readonly type: "idle" }
  | { readonly type: "trying"; readonly attempt: Attempt }
  | { readonly type: "pausing"; readonly endPause: () => void }
  | { readonly type: "stopping"; readonly attempt: Attempt }
  | { readonly type: "stopped" };

/** The list of origins has only names, and none has been resolved. */
const NO_ORIGIN = new UpstreamError("resolve", "No name of the origins has been resolved");

/**
 * Thrown by an attempt that has not answered yet: the next origin is tried beside it. What becomes
 * of it is reported to the {@linkcode OriginSet}.
 */
export const OVERTAKEN = new Error("The origin has not answered yet");

/**
 * An attempt that worked for less counts as a failure: no hot loop on an origin that breaks at
 * once.
 */
const MIN_SUCCESS_MS = 1_000;

/**
 * Uses one origin after the other for as long as a stream needs one: the next one at once when an
 * origin fails or is lost, a growing pause only after a whole round of failures. A round tries
 * every origin once; the {@linkcode OriginSet} says which one is next. When its settings change,
 * the next attempt begins a new round among the origins there are then.
 *
 * ```
 *                     failed: the next origin of the round;
 *                     lost after it worked: a new round
 *                          ┌────┐
 *                          ▼    │      round failed
 *    idle ─── run() ───► trying ┴──────────────────────► pausing
 *                         │   ▲                           │  │
 *                         │   └────── pause is over ──────┘  │
 *                  stop() │                                  │ stop()
 *                         ▼                                  ▼
 *                      stopping ─── attempt settles ───► stopped
 * ```
 */
export class OriginLoop {
  readonly #options: OriginLoopOptions;
  #state: LoopState = { type: "idle" };
  /** All origins, best first, as of `#revision` of the set. */
  #order: readonly OriginAddress[] = [];
  #revision = -1;
  /** Not tried yet in this round, best first. */
  #untried: readonly OriginAddress[] = [];
  /** Tried after all others in this round, because it was lost just before. */
  #lost: OriginAddress | null = null;
  /** The only origin that is tried, or null. */
  #only: OriginAddress | null = null;
  /** Rounds that failed in a row. */
  #failedRounds = 0;

  constructor(options: OriginLoopOptions) {
    this.#options = options;
  }

  /** Tries origins until stopped. Called once. Never rejects. */
  async run(): Promise<void> {
    const { origins, streamName } = this.#options;
    origins.enter(streamName);
    while (!this.#isStopped) await this.#try();
    this.#state = { type: "stopped" };
    origins.leave(streamName);
  }

  /** The origin that the stream prefers; null before the first attempt, and without origins. */
  get preferred(): OriginAddress | null {
    return this.#order[0] ?? null;
  }

  /** All origins, best first, as of the newest attempt. */
  get order(): readonly OriginAddress[] {
    return this.#order;
  }

  /** Whether another origin is tried in this round if the running attempt fails. */
  get hasNext(): boolean {
    return this.#only === null && (this.#untried.length > 0 || this.#lost !== null);
  }

  /**
   * The running attempt works: the origin accepted, or media flows. With `origin`, that one does,
   * which an attempt has overtaken: the running one continues with it.
   */
  succeeded(origin?: OriginAddress): void {
    const attempt = this.#attempt;
    const { origins, clock } = this.#options;
    if (origin !== undefined) origins.succeeded(origin);
    if (attempt === null) return;
    if (origin !== undefined && origin !== attempt.origin) {
      origins.left(attempt.origin);
      attempt.origin = origin;
    }
    origins.succeeded(attempt.origin);
    attempt.succeededAtMs ??= clock.now();
  }

  /**
   * The running attempt continues with `origin`, which was abandoned for another but works again.
   */
  returnedTo(origin: OriginAddress): void {
    const attempt = this.#attempt!;
    const { origins, clock } = this.#options;
    origins.left(attempt.origin);
    origins.succeeded(origin);
    attempt.origin = origin;
    // It worked before, too.
    attempt.succeededAtMs = clock.now() - MIN_SUCCESS_MS;
  }

  /** Whether an origin other than `origin` may be tried. `origin` may have been removed. */
  hasOtherThan(origin: OriginAddress): boolean {
    return this.#free(this.#options.origins.all).some((other) => other !== origin);
  }

  /** Tries only `origin`, which may be none of the set, or again all of them when it is null. */
  restrictTo(origin: OriginAddress | null): void {
    this.#only = origin;
  }

  /** Ends a pause between two rounds: the next one may fare better. */
  wake(): void {
    if (this.#state.type === "pausing") this.#state.endPause();
  }

  /** Makes no more attempts; {@linkcode run} settles when the running one does. */
  stop(): void {
    const state = this.#state;
    switch (state.type) {
      case "idle":
        this.#state = { type: "stopped" };
        return;
      case "trying":
        this.#state = { type: "stopping", attempt: state.attempt };
        return;
      case "pausing":
        this.#state = { type: "stopped" };
        return state.endPause();
      case "stopping":
      case "stopped":
        return;
      default:
        state satisfies never;
    }
  }

  get #isStopped(): boolean {
    return this.#state.type === "stopping" || this.#state.type === "stopped";
  }

  get #attempt(): Attempt | null {
    const state = this.#state;
    return state.type === "trying" || state.type === "stopping" ? state.attempt : null;
  }

  async #try(): Promise<void> {
    const { attempt: tryOrigin, clock } = this.#options;
    const origin = this.#next();
    if (origin === null) {
      if (this.#order.length === 0) this.#options.onRoundFailed(NO_ORIGIN);
      return await this.#endRound();
    }
    const attempt: Attempt = { origin, beganMs: clock.now(), succeededAtMs: null };
    this.#state = { type: "trying", attempt };
    try {
      await tryOrigin(origin);
      this.#onEnded(attempt);
    } catch (error) {
      if (this.#isStopped) return this.#onEnded(attempt);
      await this.#onFailed(attempt, error);
    }
  }

  /** Returns the origin to try now; null when there is none, or all are taken. */
  #next(): OriginAddress | null {
    const { origins, streamName, lacks } = this.#options;
    if (this.#revision !== origins.revision) {
      this.#revision = origins.revision;
      this.#order = origins.orderFor(streamName);
      this.#beginRound(this.#lost);
    }
    if (this.#only !== null) return this.#free([this.#only])[0] ?? null;
    let candidates = this.#free(this.#untried);
    if (candidates.length === 0 && this.#lost !== null) {
      this.#untried = [this.#lost];
      this.#lost = null;
      candidates = this.#free(this.#untried);
    }
    if (candidates.length === 0) return null;
    // A stream that has waited for an origin, or lost one, does not wait for a doubtful one as
    // well.
    const mayProbe = this.#untried.length === this.#order.length;
    const chosen = origins.choose(candidates, mayProbe, lacks);
    this.#untried = this.#untried.filter((origin) => origin !== chosen);
    return chosen;
  }

  #free(origins: readonly OriginAddress[]): readonly OriginAddress[] {
    const { isTaken } = this.#options;
    return isTaken === undefined ? origins : origins.filter((origin) => !isTaken(origin));
  }

  /** Every origin once; `lost` after the others. */
  #beginRound(lost: OriginAddress | null): void {
    this.#untried = this.#order.filter((origin) => origin !== lost);
    this.#lost = lost !== null && this.#order.includes(lost) ? lost : null;
  }

  /** The attempt ended without an error: the others come first. */
  #onEnded({ origin }: Attempt): void {
    this.#options.origins.left(origin);
    this.#beginRound(origin);
  }

  async #onFailed(attempt: Attempt, error: unknown): Promise<void> {
    const { origins, onFailed, onRoundFailed } = this.#options;
    const { origin } = attempt;
    onFailed(origin, error);
    if (error !== OVERTAKEN) origins.failed(origin, error, attempt.beganMs);
    if (this.#hasWorked(attempt)) {
      this.#failedRounds = 0;
      return this.#beginRound(origin);
    }
    const isRoundOver = this.#free(this.#untried).length === 0 && this.#lost === null;
    if (this.#only === null && !isRoundOver) return;
    onRoundFailed(error);
    await this.#endRound();
  }

  async #endRound(): Promise<void> {
    if (!this.#isStopped) await this.#pause();
    this.#beginRound(null);
  }

  #hasWorked({ succeededAtMs }: Attempt): boolean {
    return succeededAtMs !== null &&
      this.#options.clock.now() - succeededAtMs >= MIN_SUCCESS_MS;
  }

  async #pause(): Promise<void> {
    const { origins, clock, random } = this.#options;
    const pauseMs = backoffMs(this.#failedRounds++, origins.backoff, random());
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(pauseMs, resolve);
    const endPause = () => {
      cancel();
      resolve();
    };
    this.#state = { type: "pausing", endPause };
    await promise;
  }
}
