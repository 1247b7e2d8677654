/** Most memory kept, in bytes. */
const MAX_SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Slabs that no viewer has seen and no log needs any longer. Without them, streams without viewers
 * would leave as much garbage as they receive, and the collector lets it grow by tens of megabytes.
 */
export class SpareSlabs {
  readonly #bySize = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #bytes = 0;

  /** Returns a slab of `bytes` bytes with arbitrary content. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const spare = this.#bySize.get(bytes)?.pop();
    if (spare === undefined) return new Uint8Array(bytes);
    this.#bytes -= bytes;
    return spare;
  }

  /** Takes a slab over. Nothing may read it any longer, not even a write in flight. */
  give(slab: Uint8Array<ArrayBuffer>): void {
    const { length } = slab;
    // Other sizes were made for one message, and are not asked for again.
    if ((length & (length - 1)) !== 0) return;
    if (this.#bytes + length > MAX_SPARE_BYTES) this.#keepOnly(length);
    if (this.#bytes + length > MAX_SPARE_BYTES) return;
    this.#bytes += length;
    const spares = this.#bySize.get(length);
    if (spares === undefined) this.#bySize.set(length, [slab]);
    else spares.push(slab);
  }

  /** Leaves all that it keeps to the collector. */
  drop(): void {
    this.#bySize.clear();
    this.#bytes = 0;
  }

  /** Streams now use slabs of `bytes` bytes: those of other sizes may never be asked for again. */
  #keepOnly(bytes: number): void {
    const kept = this.#bySize.get(bytes) ?? [];
    this.#bySize.clear();
    this.#bySize.set(bytes, kept);
    this.#bytes = kept.length * bytes;
  }
}
