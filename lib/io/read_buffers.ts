/**
 * The memory that connections read into. A pending read holds its buffer for as long as the client is
 * silent, so buffers are what the client's role needs, several share an `ArrayBuffer` (each costs four
 * times what a player reads), and what a role no longer needs is used again: thousands that join at once
 * would leave as many buffers behind.
 */

/** Small buffers are cut from blocks of this size. */
const BLOCK_BYTES = 16 * 1024;

/** Most that is kept of each size, in bytes. */
const MAX_FREE_BYTES = 1024 * 1024;

/** See the file comment. Buffers of a few sizes. */
export class ReadBuffers {
  readonly #free = new Map<number, Uint8Array[]>();

  /** A buffer of `bytes` bytes with anything in it, until {@linkcode ReadBuffers.give}. */
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

  /** Takes a buffer back. No read of it may be pending. */
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
