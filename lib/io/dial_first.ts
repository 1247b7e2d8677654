/**
 * Dials a name that has several addresses: one after the other, the next one at once when one refuses and
 * soon when one is silent, and whichever answers first is taken (RFC 8305, "happy eyeballs").
 */

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { NetAddress, Transport } from "./transport.ts";

/** Options of {@linkcode dialFirst}. */
export interface DialFirstOptions {
  readonly dial: (address: NetAddress, signal: AbortSignal) => Promise<Transport>;
  readonly clock: Clock;
  /** Ends all attempts. */
  readonly signal: AbortSignal;
}

/** How long an address may be silent before the next one is tried beside it, in ms (RFC 8305 §5). */
const HEAD_START_MS = 250;

/**
 * Connects to one of `addresses`, best first and at least one. Rejects with the newest error when none of
 * them answers.
 */
export function dialFirst(
  addresses: readonly NetAddress[],
  options: DialFirstOptions,
): Promise<Transport> {
  return new Race(addresses, options).winner;
}

class Race {
  readonly winner: Promise<Transport>;
  readonly #addresses: readonly NetAddress[];
  readonly #options: DialFirstOptions;
  readonly #result = Promise.withResolvers<Transport>();
  /** Ends what still dials when one has answered. */
  readonly #losers = new AbortController();
  #startedCount = 0;
  #runningCount = 0;
  #isOver = false;
  #cancelNext: CancelTimer = () => {};

  constructor(addresses: readonly NetAddress[], options: DialFirstOptions) {
    this.#addresses = addresses;
    this.#options = options;
    this.winner = this.#result.promise;
    this.#startNext();
  }

  #startNext(): void {
    const { dial, clock, signal } = this.#options;
    this.#cancelNext();
    if (this.#isOver || signal.aborted || this.#startedCount === this.#addresses.length) return;
    const address = this.#addresses[this.#startedCount++]!;
    this.#runningCount++;
    dial(address, AbortSignal.any([signal, this.#losers.signal])).then(
      (transport) => this.#onAnswer(transport),
      (error) => this.#onFailed(error),
    );
    this.#cancelNext = clock.after(HEAD_START_MS, () => this.#startNext());
  }

  #onAnswer(transport: Transport): void {
    if (this.#isOver) return transport.close();
    this.#isOver = true;
    this.#cancelNext();
    this.#result.resolve(transport);
    this.#losers.abort();
  }

  #onFailed(error: unknown): void {
    this.#runningCount--;
    if (this.#isOver) return;
    this.#startNext();
    if (this.#runningCount > 0) return;
    this.#isOver = true;
    this.#cancelNext();
    this.#result.reject(error);
  }
}
