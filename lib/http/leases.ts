/** Characters that the map takes per key, besides those of the key. */
const KEY_OVERHEAD = 100;

/**
 * Remembers keys until a time. When they take too much memory, the keys that were renewed longest
 * ago are forgotten early.
 */
export class Leases {
  readonly #maxChars: number;
  readonly #onForgotten: (key: string) => void;
  /** Ends of leases, the least recently renewed first. */
  readonly #ends = new Map<string, number>();
  #chars = 0;

  /**
   * @param maxChars Limit for all keys together, in characters; each counts as 100 more.
   * @param onForgotten Called for each key that expired or was forgotten early.
   */
  constructor(maxChars: number, onForgotten: (key: string) => void) {
    this.#maxChars = maxChars;
    this.#onForgotten = onForgotten;
  }

  /** Whether no key is remembered. */
  get isEmpty(): boolean {
    return this.#ends.size === 0;
  }

  /** Returns for how long a key is still remembered, in ms; 0 or less if it is not. */
  leftMs(key: string, nowMs: number): number {
    return (this.#ends.get(key) ?? -Infinity) - nowMs;
  }

  /** Remembers a key until `endMs`. */
  renew(key: string, endMs: number): void {
    if (!this.#ends.delete(key)) this.#chars += key.length + KEY_OVERHEAD;
    this.#ends.set(key, endMs);
    for (const [oldest] of this.#ends) {
      if (this.#chars <= this.#maxChars) break;
      this.forget(oldest);
    }
  }

  /** Forgets the keys whose time is over. */
  expire(nowMs: number): void {
    for (const [key, endMs] of this.#ends) {
      if (endMs <= nowMs) this.forget(key);
    }
  }

  /** Forgets a key before its time. */
  forget(key: string): void {
    if (!this.#ends.delete(key)) return;
    this.#chars -= key.length + KEY_OVERHEAD;
    this.#onForgotten(key);
  }
}
