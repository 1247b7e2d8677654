/** How many there are of each; keys with none take no memory. */
export class Counts<K> {
  readonly #counts = new Map<K, number>();

  /** Number of different keys. */
  get size(): number {
    return this.#counts.size;
  }

  of(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: K): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  /** Takes back one {@linkcode add}. */
  remove(key: K): void {
    const count = this.of(key);
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}
