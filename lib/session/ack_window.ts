import { toU32 } from "../base/u32.ts";

/**
 * Counts received bytes and determines when an acknowledgement is due (RTMP 1.0 §5.4.3): every half
 * window, as in SRS, so that a peer that stops sending at a full window never has to wait.
 */
export class AckWindow {
  /** 0 until a window is known; no acknowledgement is due before. */
  #windowBytes = 0;
  #totalBytes = 0;
  #ackedBytes = 0;

  /** Sets the window that the peer announced or that is configured. The smallest one applies. */
  setWindow(windowBytes: number): void {
    const isSmaller = this.#windowBytes === 0 || windowBytes < this.#windowBytes;
    if (windowBytes > 0 && isSmaller) this.#windowBytes = windowBytes;
  }

  /**
   * Counts `length` more bytes.
   *
   * @returns the total to acknowledge, modulo 2³², or -1 when no acknowledgement is due
   */
  add(length: number): number {
    this.#totalBytes += length;
    if (this.#windowBytes === 0) return -1;
    if (this.#totalBytes - this.#ackedBytes < this.#windowBytes / 2) return -1;
    this.#ackedBytes = this.#totalBytes;
    return toU32(this.#totalBytes);
  }
}
