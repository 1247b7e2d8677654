/** What happened. */
export type DemandEvent =
  /** A player joined. */
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
type DemandAction = "start" | "stop" | "none";

/** See the diagram at {@linkcode OnDemand}. */
export type DemandState = "idle" | "starting" | "live" | "lingering";

/**
 * Decides when an edge has an upstream connection for a stream: from the first player until a while
 * after the last. Pure: events and the time go in, what to do comes out.
 *
 * ```
 *            wanted              media
 *   idle ───────────► starting ────────► live
 *    ▲                 │   ▲   ◄────────  │ ▲
 *    │        unwanted │   │      lost    │ │
 *    │                 │   │ wanted,      │ │ wanted,
 *    │                 │   │ no media     │ │ media
 *    │                 ▼   │     unwanted │ │ arrives
 *    └── tick after ── lingering ◄────────┘ │
 *        `lingerMs`        └────────────────┘
 *
 *   every state ── replaced ──► idle
 * ```
 */
export class OnDemand {
  readonly #lingerMs: () => number;
  #state: DemandState = "idle";
  /** Media arrives, whether or not anyone watches. */
  #hasMedia = false;
  #deadlineMs = 0;

  /** @param lingerMs how long an unwatched upstream is kept, in ms; asked at use */
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
        if (this.#isWatched) this.#linger(nowMs);
        return "none";
      case "media":
      case "lost":
        this.#hasMedia = event === "media";
        if (this.#isWatched) this.#watch();
        return "none";
      case "replaced":
        return this.#stop();
      case "tick":
        return this.#state === "lingering" && nowMs >= this.#deadlineMs ? this.#stop() : "none";
      default:
        return event satisfies never;
    }
  }

  get #isWatched(): boolean {
    return this.#state === "starting" || this.#state === "live";
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
