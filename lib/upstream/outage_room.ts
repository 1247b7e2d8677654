/** Most that is kept of one stream, in bytes: as for a recording. */
const MAX_STREAM_BYTES = 32 * 1024 * 1024;

/** Most that is kept of all of them together, in bytes. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Room for what is published while no origin takes it. All pushes that wait for one share it: when
 * the origins of an edge are away, they are for all of its streams.
 */
export class OutageRoom {
  #count = 0;

  /** What each of the pushes may keep, in bytes. */
  get bytesEach(): number {
    return Math.min(MAX_STREAM_BYTES, MAX_BYTES / this.#count);
  }

  /** One more push waits. */
  enter(): void {
    this.#count++;
  }

  /** One of them waits no longer. */
  leave(): void {
    this.#count--;
  }
}
