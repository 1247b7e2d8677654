import type { Logger } from "../base/log.ts";
import type { EdgeContext } from "./edge_context.ts";
import type { PulledSource } from "./pulled_source.ts";

/**
 * The end of a pulled stream, which one origin reports while the others are still asked: players
 * are told when none of them carries it.
 *
 * ```
 *    none ── an origin reports the end ──► likely, certain ── settle() ──► none
 *     ▲                                            │
 *     └───────────── clear(): media ───────────────┘
 * ```
 */
export class PullEnd {
  readonly #context: EdgeContext;
  readonly #source: PulledSource;
  readonly #logger: Logger;
  #state: "none" | "likely" | "certain" = "none";

  constructor(context: EdgeContext, source: PulledSource, logger: Logger) {
    this.#context = context;
    this.#source = source;
    this.#logger = logger;
  }

  /** An origin reports the end. Unless `isCertain`, it may only have lost the publisher. */
  note(isCertain: boolean): void {
    this.#state = isCertain ? "certain" : "likely";
  }

  /** There is media. */
  clear(): void {
    this.#state = "none";
  }

  /**
   * No origin carries the stream. If one has reported the end, the publisher stopped or is lost:
   * its stream may return, as another encode.
   */
  settle(): void {
    if (this.#state === "none") return;
    const graceMs = this.#state === "certain" ? 0 : this.#context.config().publish.graceMs;
    this.#state = "none";
    this.#logger.info("Stream ended at the origin", { players_wait_ms: graceMs });
    this.#source.end(graceMs);
  }
}
