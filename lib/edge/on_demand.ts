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
 * after the last. A stream that sends nothing is not kept for players who may come: a client that
 * asks for one name after the other must not leave a connection behind for each. Pure: events and
 * the time go in, what to do comes out.
 *
 * ```
 *            wanted              media
 *   idle ───────────► starting ────────► live
 *    ▲ ▲                │      ◄────────  │ ▲
 *    │ └── unwanted ────┘         lost    │ │ wanted
 *    │                            unwanted▼ │
 *    └───── lost, or a tick ─────────── lingering
 *           after `lingerMs`
 *
 *   every state ── replaced ──► idle
 * ```
 */
export class OnDemand {
  readonly #lingerMs: () => number;
  #state: DemandState = "idle";
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
        return this.#onUnwanted(nowMs);
      case "media":
        if (this.#state === "starting") this.#state = "live";
        return "none";
      case "lost":
        if (this.#state === "lingering") return this.#stop();
        if (this.#state === "live") this.#state = "starting";
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
    if (this.#state === "lingering") this.#state = "live";
    if (this.#state !== "idle") return "none";
    this.#state = "starting";
    return "start";
  }

  #onUnwanted(nowMs: number): DemandAction {
    if (this.#state === "starting") return this.#stop();
    if (this.#state !== "live") return "none";
    this.#state = "lingering";
    this.#deadlineMs = nowMs + this.#lingerMs();
    return "none";
  }

  #stop(): DemandAction {
    if (this.#state === "idle") return "none";
    this.#state = "idle";
    return "stop";
  }
}
