import type { CancelTimer, Clock } from "../base/clock.ts";
import type { NetAddress, Transport } from "./transport.ts";

/** A connection. */
type Closable = Pick<Transport, "close">;

/** Options of {@linkcode dialFirst}. */
interface DialFirstOptions<T> {
  readonly dial: (address: NetAddress, signal: AbortSignal) => Promise<T>;
  readonly clock: Clock;
  /** Aborts all attempts. */
  readonly signal: AbortSignal;
}

/** Silence of an address before the next one is tried as well, in ms (RFC 8305, section 5). */
const HEAD_START_MS = 250;

/**
 * Connects to one of the addresses of a host name (RFC 8305, "happy eyeballs"). The next address is
 * tried at once when one refuses, and after a moment when one is silent; the first to answer wins.
 *
 * @param addresses One or more, best first.
 * @returns the connection. Rejects with the last error when no address answers.
 */
export function dialFirst<T extends Closable>(
  addresses: readonly NetAddress[],
  options: DialFirstOptions<T>,
): Promise<T> {
  return new Race(addresses, options).run();
}

class Race<T extends Closable> {
  readonly #addresses: readonly NetAddress[];
  readonly #options: DialFirstOptions<T>;
  readonly #result = Promise.withResolvers<T>();
  /** Aborts the other attempts when one has succeeded. */
  readonly #losers = new AbortController();
  #startedCount = 0;
  #runningCount = 0;
  #isOver = false;
  #cancelNext: CancelTimer = () => {};

  constructor(addresses: readonly NetAddress[], options: DialFirstOptions<T>) {
    this.#addresses = addresses;
    this.#options = options;
  }

  run(): Promise<T> {
    const { signal } = this.#options;
    // Aborted while the name was looked up: no attempt would start, and none would settle.
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#startNext();
    return this.#result.promise;
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

  #onAnswer(transport: T): void {
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
