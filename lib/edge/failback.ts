import type { OriginAddress } from "../config/config.ts";
import type { EdgeContext } from "./edge_context.ts";

/** Attempts wait up to this share of `failback` longer: streams must not move in step. */
const SPREAD = 0.5;

/** Each attempt that fails doubles the wait, so many times at most. */
const MAX_DOUBLINGS = 4;

/** How long a return may take, in ms: then the origin is too far behind. */
export const RETURN_MS = 10_000;

/**
 * Decides when a pull returns to the origin that its stream prefers: `failback` after it left it,
 * when that origin is well. A return that fails, or lasts less than twice `failback`, makes the
 * next one wait twice as long.
 */
export class Failback {
  readonly #context: EdgeContext;
  #sinceMs = 0;
  /** In units of `failback`. */
  #wait = 1;
  #failures = 0;
  #returnedMs = -Infinity;

  constructor(context: EdgeContext) {
    this.#context = context;
  }

  /** An origin feeds the stream from now on. `isReturn` if that is what was tried. */
  activated(isReturn: boolean): void {
    const nowMs = this.#context.clock.now();
    const { failbackMs } = this.#context.config().cluster;
    if (isReturn) this.#returnedMs = nowMs;
    else if (nowMs - this.#returnedMs < 2 * failbackMs) this.#failures++;
    else this.#failures = 0;
    this.#schedule(nowMs);
  }

  /** A return failed. */
  failed(): void {
    this.#failures++;
    this.#schedule(this.#context.clock.now());
  }

  /** Returns whether to return now from `active` to `preferred`. Then that is being probed. */
  isDue(active: OriginAddress, preferred: OriginAddress | null, nowMs: number): boolean {
    const { config, origins } = this.#context;
    const { failbackMs } = config().cluster;
    if (preferred === null || preferred === active || failbackMs === 0) return false;
    return nowMs - this.#sinceMs >= this.#wait * failbackMs && origins.beginReturn(preferred);
  }

  #schedule(nowMs: number): void {
    const doublings = Math.min(this.#failures, MAX_DOUBLINGS);
    this.#sinceMs = nowMs;
    this.#wait = 2 ** doublings * (1 + SPREAD * Math.random());
  }
}
