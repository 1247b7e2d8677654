/** Share of the event loop that one connection may use without waiting for its turn. */
const SHARE = 0.1;

/** Work that it may do beyond that share in one go, in ms. A read of an honest peer takes less. */
const BURST_MS = 3;

/**
 * Messages per second that it may send for long, and how many more in one go. Each costs more after
 * it was read: in HLS, HTTP-FLV, other threads and at every player. An honest stream of ten tracks
 * has 1,000, and 30 s of a stream that arrive at once are 5,000.
 */
const MESSAGES_PER_SECOND = 10_000;
const BURST_MESSAGES = 10_000;

/** Shortest rest: timers are not free either. */
const MIN_REST_MS = 10;

/**
 * The CPU time that a connection with media may use at once. A publisher or an origin that uses
 * more queues with others, and one that sends more messages than any stream has is not read for a
 * while: see `WorkTurns`.
 */
export class Allowance {
  /** Time used beyond the share, in ms. */
  #excessMs = 0;
  /** Messages beyond the rate. */
  #excessMessages = 0;
  #atMs = 0;

  /** Whether the next part of the connection's work may be done at once. */
  isLeft(nowMs: number): boolean {
    // A clock that stands still in stalls goes back when it notices one.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#excessMs = Math.max(0, this.#excessMs - elapsedMs * SHARE);
    this.#excessMessages = Math.max(
      0,
      this.#excessMessages - elapsedMs * MESSAGES_PER_SECOND / 1000,
    );
    return this.#excessMs < BURST_MS && this.#excessMessages < BURST_MESSAGES;
  }

  /** How long the connection must rest because of its messages, in ms; usually 0. */
  restMs(nowMs: number): number {
    this.isLeft(nowMs);
    const tooMany = this.#excessMessages - BURST_MESSAGES;
    return tooMany < 0 ? 0 : Math.max(MIN_REST_MS, tooMany * 1000 / MESSAGES_PER_SECOND);
  }

  /** Counts a message that was read. */
  // HOT: once per media message.
  countMessage(): void {
    this.#excessMessages++;
  }

  /** Counts time that was used. */
  spend(ms: number): void {
    this.#excessMs += ms;
  }
}
