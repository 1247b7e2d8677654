/**
 * When an edge has an upstream connection for a stream: from the first player until a while after the
 * last. Pure: events and the time go in, what to do comes out.
 *
 * `idle` → `starting` (dialled, no media yet) → `live` → `lingering` (nobody watches) → `idle`.
 */

/** What happened. */
export type DemandEvent =
  /** A player came. */
  | "wanted"
  /** The last player left. */
  | "unwanted"
  /** Media arrives from upstream. */
  | "media"
  /** The upstream connection broke; another is being dialled. */
  | "lost"
  /** The stream has another source here and needs no upstream. */
  | "replaced"
  /** Time has passed; see {@linkcode OnDemand.deadlineMs}. */
  | "tick";

/** What to do about it. */
export type DemandAction = "start" | "stop" | "none";

/** One of the four states. */
export type DemandState = "idle" | "starting" | "live" | "lingering";

/** See the file comment. */
export class OnDemand {
  readonly #lingerMs: () => number;
  #state: DemandState = "idle";
  /** Media arrives, whether somebody watches or not. */
  #hasMedia = false;
  #deadlineMs = 0;

  /** @param lingerMs How long an unwatched upstream is kept. */
  constructor(lingerMs: () => number) {
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
        if (this.#state === "starting" || this.#state === "live") this.#linger(nowMs);
        return "none";
      case "media":
      case "lost":
        this.#hasMedia = event === "media";
        if (this.#state === "starting" || this.#state === "live") this.#watch();
        return "none";
      case "replaced":
        return this.#stop();
      case "tick":
        return this.#state === "lingering" && nowMs >= this.#deadlineMs ? this.#stop() : "none";
      default:
        return event satisfies never;
    }
  }

  #onWanted(): DemandAction {
    const wasIdle = this.#state === "idle";
    if (wasIdle) this.#hasMedia = false;
    this.#watch();
    return wasIdle ? "start" : "none";
  }

  #watch(): void {
    this.#state = this.#hasMedia ? "live" : "starting";
  }

  #linger(nowMs: number): void {
    this.#state = "lingering";
    this.#deadlineMs = nowMs + this.#lingerMs();
  }

  #stop(): DemandAction {
    if (this.#state === "idle") return "none";
    this.#state = "idle";
    return "stop";
  }
}
