/** kbit/s over time, made of byte counters that only grow. */

/** How much is kept, in ms. */
const KEPT_MS = 600_000;

/** Longer between two looks than this (the page was hidden) is a gap in the line. */
const GAP_MS = 10_000;

/** See the file comment. A value is null where nothing is known. */
export class RateHistory {
  /** Moments in ms, rising. */
  /** @type {number[]} */
  times = [];
  /** @type {(number | null)[]} */
  received = [];
  /** @type {(number | null)[]} */
  sent = [];
  /** @type {{ timeMs: number, receivedBytes: number, sentBytes: number } | null} */
  #last = null;

  /** Newest rates in kbit/s. */
  get latest() {
    return { received: this.received.at(-1) ?? null, sent: this.sent.at(-1) ?? null };
  }

  /**
   * Takes the counters of a moment.
   *
   * @param {number} timeMs
   * @param {number} receivedBytes
   * @param {number} sentBytes
   */
  add(timeMs, receivedBytes, sentBytes) {
    const last = this.#last;
    if (last !== null && timeMs === last.timeMs) return;
    this.#last = { timeMs, receivedBytes, sentBytes };
    if (last !== null && timeMs < last.timeMs) return this.#clear();
    const isContinued = last !== null && timeMs - last.timeMs <= GAP_MS &&
      receivedBytes >= last.receivedBytes && sentBytes >= last.sentBytes;
    // Bits per ms are kbit/s.
    const perMs = isContinued ? 8 / (timeMs - last.timeMs) : 0;
    this.times.push(timeMs);
    this.received.push(isContinued ? (receivedBytes - last.receivedBytes) * perMs : null);
    this.sent.push(isContinued ? (sentBytes - last.sentBytes) * perMs : null);
    while (this.times[0] < timeMs - KEPT_MS) {
      for (const list of [this.times, this.received, this.sent]) list.shift();
    }
  }

  /** The server's clock was set back. */
  #clear() {
    this.times = [];
    this.received = [];
    this.sent = [];
  }
}
