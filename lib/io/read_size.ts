/** Smallest and largest read buffer, in bytes. */
const MIN_BYTES = 8 * 1024;
const MAX_BYTES = 64 * 1024;

/** The size is chosen again after as many reads. */
const WINDOW = 64;

/** So many full reads in a window double the size; */
const MANY_FULL = WINDOW / 4;

/** and with fewer reads of more than half a buffer, half the size is enough. */
const FEW_LARGE = WINDOW / 16;

/**
 * How large the read buffer of a peer with media is: as its bitrate requires. A pending read keeps
 * its buffer, so a thousand thin streams with the buffer of a thick one would take 64 MiB. A
 * keyframe may well take several reads.
 */
export class ReadSize {
  #bytes = MIN_BYTES;
  #reads = 0;
  #full = 0;
  #large = 0;

  /** Bytes of the next buffer. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a read of `count` bytes. @returns whether it filled a buffer, so that more may wait. */
  // HOT: once per read of a publisher or origin.
  note(count: number): boolean {
    const isFull = count >= this.#bytes;
    if (isFull) this.#full++;
    if (count > this.#bytes / 2) this.#large++;
    if (++this.#reads === WINDOW) this.#choose();
    return isFull;
  }

  #choose(): void {
    if (this.#full >= MANY_FULL) this.#bytes = Math.min(this.#bytes * 2, MAX_BYTES);
    else if (this.#large < FEW_LARGE) this.#bytes = Math.max(this.#bytes / 2, MIN_BYTES);
    this.#reads = this.#full = this.#large = 0;
  }
}
