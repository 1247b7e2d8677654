/**
 * Buffers that are needed no longer, for those that need one of the same size. Without them,
 * thousands of streams would leave as much garbage as they receive, and the collector lets it grow
 * by tens of megabytes.
 */
export class SpareBuffers {
  readonly #maxBytes: number;
  readonly #bySize = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #bytes = 0;

  /** @param maxBytes Most memory kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns a buffer of `bytes` bytes with arbitrary content. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const spare = this.#bySize.get(bytes)?.pop();
    if (spare === undefined) return new Uint8Array(bytes);
    this.#bytes -= bytes;
    return spare;
  }

  /** Takes a buffer over. Nothing may read it any longer, not even a write in flight. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const { length } = buffer;
    // Other sizes were made for one message, and are not asked for again.
    if (length === 0 || (length & (length - 1)) !== 0) return;
    if (this.#bytes + length > this.#maxBytes) this.#keepOnly(length);
    if (this.#bytes + length > this.#maxBytes) return;
    this.#bytes += length;
    const spares = this.#bySize.get(length);
    if (spares === undefined) this.#bySize.set(length, [buffer]);
    else spares.push(buffer);
  }

  /** Leaves all that it keeps to the collector. */
  drop(): void {
    this.#bySize.clear();
    this.#bytes = 0;
  }

  /** Buffers of `bytes` bytes are used now: those of other sizes may never be asked for again. */
  #keepOnly(bytes: number): void {
    const kept = this.#bySize.get(bytes) ?? [];
    this.#bySize.clear();
    this.#bySize.set(bytes, kept);
    this.#bytes = kept.length * bytes;
  }
}
