/** Small buffers are cut from blocks of this size. */
const BLOCK_BYTES = 16 * 1024;

/** Most free memory kept for each buffer size, in bytes. */
const MAX_FREE_BYTES = 1024 * 1024;

/**
 * The buffers that connections read into, in a few sizes.
 *
 * A pending read holds its buffer for as long as the client is silent. So the size depends on the
 * client's role, small buffers share an `ArrayBuffer` (one each would cost four times what a player
 * needs), and buffers are reused: thousands of clients that join at once would leave as many
 * behind.
 */
export class ReadBuffers {
  readonly #free = new Map<number, Uint8Array[]>();

  /**
   * Returns a buffer of `bytes` bytes with arbitrary content, to be returned with {@linkcode give}.
   */
  take(bytes: number): Uint8Array {
    const free = this.#freeOf(bytes);
    if (free.length === 0) {
      const block = new Uint8Array(Math.max(bytes, BLOCK_BYTES));
      for (let at = 0; at + bytes <= block.length; at += bytes) {
        free.push(block.subarray(at, at + bytes));
      }
    }
    return free.pop()!;
  }

  /** Takes a buffer back. No read into it may be pending. */
  give(buffer: Uint8Array): void {
    const free = this.#freeOf(buffer.length);
    if (free.length * buffer.length < MAX_FREE_BYTES) free.push(buffer);
  }

  #freeOf(bytes: number): Uint8Array[] {
    let free = this.#free.get(bytes);
    if (free === undefined) this.#free.set(bytes, free = []);
    return free;
  }
}
