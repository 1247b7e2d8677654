/** Share of the event loop that one connection may use without waiting for its turn. */
const SHARE = 0.1;

/** Work that it may do beyond that share in one go, in ms. A read of an honest peer takes less. */
const BURST_MS = 3;

/**
 * The CPU time that a connection with media may use at once. A publisher or an origin that uses
 * more, by many short messages for example, queues with others: see `WorkTurns`.
 */
export class Allowance {
  /** Time used beyond the share, in ms. */
  #excessMs = 0;
  #atMs = 0;

  /** Whether the next part of the connection's work may be done at once. */
  isLeft(nowMs: number): boolean {
    this.#excessMs = Math.max(0, this.#excessMs - (nowMs - this.#atMs) * SHARE);
    this.#atMs = nowMs;
    return this.#excessMs < BURST_MS;
  }

  /** Counts time that was used. */
  spend(ms: number): void {
    this.#excessMs += ms;
  }
}
