/**
 * When an edge has an upstream connection for a stream: from the first player until a while after the
 * last. Pure: events and the time go in, what to do comes out.
 *
 * `idle` → `starting` (dialled, no media yet) → `live` → `lingering` (nobody watches) → `idle`.
 */

/** What happened. */
export type DemandEvent =
  /** The first player came. */
  | "wanted"
  /** The last player left. */
  | "unwanted"
  /** Media arrives from upstream. */
  | "media"
  /** The upstream connection broke; another is being dialled. */
  | "lost"
  /** Time has passed; see {@linkcode OnDemand.deadlineMs}. */
  | "tick";

/** What to do about it. */
export type DemandAction = "start" | "stop" | "none";

/** One of the four states. */
export type DemandState = "idle" | "starting" | "live" | "lingering";

/** See the file comment. */
export class OnDemand {
  readonly #lingerMs: number;
  #state: DemandState = "idle";
  #deadlineMs = 0;

  /** @param lingerMs How long an unwatched upstream is kept. */
  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  get state(): DemandState {
    return this.#state;
  }

  /** When a `tick` is due, or null. */
  get deadlineMs(): number | null {
    return this.#state === "lingering" ? this.#deadlineMs : null;
  }

  /** Takes an event. */
  step(event: DemandEvent, nowMs: number): DemandAction {
    switch (event) {
      case "wanted":
        return this.#onWanted();
      case "unwanted":
        if (this.#state === "idle") return "none";
        this.#state = "lingering";
        this.#deadlineMs = nowMs + this.#lingerMs;
        return "none";
      case "media":
        if (this.#state === "starting") this.#state = "live";
        return "none";
      case "lost":
        if (this.#state === "live") this.#state = "starting";
        return "none";
      case "tick":
        if (this.#state !== "lingering" || nowMs < this.#deadlineMs) return "none";
        this.#state = "idle";
        return "stop";
      default:
        return event satisfies never;
    }
  }

  #onWanted(): DemandAction {
    const wasIdle = this.#state === "idle";
    // Whether media flows shows with the next message.
    if (wasIdle || this.#state === "lingering") this.#state = "starting";
    return wasIdle ? "start" : "none";
  }
}
