/** Acknowledgements owed to a peer (RTMP 1.0 §5.4.3). */

import { toU32 } from "../base/u32.ts";

/**
 * Counts received bytes and tells when an acknowledgement is due: every half window, as SRS does, so
 * that a peer which stops sending at a full window never waits for us.
 */
export class AckWindow {
  /** 0 until a window is known: nothing is due before. */
  #windowBytes = 0;
  #totalBytes = 0;
  #ackedBytes = 0;

  /** Takes the window the peer announced, or one we were told to use; the smallest counts. */
  setWindow(windowBytes: number): void {
    const isSmaller = this.#windowBytes === 0 || windowBytes < this.#windowBytes;
    if (windowBytes > 0 && isSmaller) this.#windowBytes = windowBytes;
  }

  /**
   * Counts `length` more bytes.
   *
   * @returns the total to acknowledge, modulo 2³², or -1 when nothing is due yet.
   */
  add(length: number): number {
    this.#totalBytes += length;
    if (this.#windowBytes === 0) return -1;
    if (this.#totalBytes - this.#ackedBytes < this.#windowBytes / 2) return -1;
    this.#ackedBytes = this.#totalBytes;
    return toU32(this.#totalBytes);
  }
}
