import type { JoinOptions } from "../splice/joiner.ts";
import type { Feed } from "./feed.ts";

/** See the diagram at {@linkcode PullState}. */
type State =
  | { readonly type: "idle" }
  /** `candidate` is null between two attempts. */
  | { readonly type: "connecting"; readonly candidate: Feed | null }
  | { readonly type: "live"; readonly active: Feed }
  /** `active` is silent or shall be left, or its stream has ended there: another is tried. */
  | { readonly type: "switching"; readonly active: Feed; readonly candidate: Feed }
  | { readonly type: "stopped" };

/**
 * Which origin feeds a pull, and which is being tried.
 *
 * ```
 *                                first media
 *    idle ── begin() ─► connecting ────────► live ── try(): silent, unpublished, move ─► switching
 *                        ▲ ▲                  │ ▲                                         │ │
 *                        │ └── activeLost() ──┘ └── activate(): either has something new, ┘ │
 *                        │                          or the candidate is lost                │
 *                        └──────────────────── activeLost() ────────────────────────────────┘
 *
 *    every state ── stop() ──► stopped
 * ```
 */
export class PullState {
  #state: State = { type: "idle" };
  /** The active origin is silent, has ended the stream or shall be left: the others are asked. */
  isLeaving = false;
  /** It is to be left though it works, and feeds the stream until another has caught up. */
  move: "none" | "asked" | "return" = "none";
  movingSinceMs = 0;

  get isMoving(): boolean {
    return this.move !== "none";
  }

  /** How the next origin joins. */
  get how(): JoinOptions["how"] {
    return this.isMoving ? "beside" : "after";
  }

  get isIdle(): boolean {
    return this.#state.type === "idle";
  }

  get isStopped(): boolean {
    return this.#state.type === "stopped";
  }

  /** Feeds the stream, or did last and is still connected. */
  get active(): Feed | null {
    const state = this.#state;
    return state.type === "live" || state.type === "switching" ? state.active : null;
  }

  /** Is being tried. */
  get candidate(): Feed | null {
    const state = this.#state;
    return state.type === "connecting" || state.type === "switching" ? state.candidate : null;
  }

  begin(): void {
    this.#state = { type: "connecting", candidate: null };
  }

  try(candidate: Feed): void {
    const { active } = this;
    this.#state = active === null
      ? { type: "connecting", candidate }
      : { type: "switching", active, candidate };
  }

  /** None is being tried now. */
  endCandidate(): void {
    const { active } = this;
    this.#state = active === null
      ? { type: "connecting", candidate: null }
      : { type: "live", active };
  }

  activate(active: Feed): void {
    this.#state = { type: "live", active };
  }

  activeLost(): void {
    this.#state = { type: "connecting", candidate: this.candidate };
  }

  stop(): void {
    this.#state = { type: "stopped" };
  }
}
