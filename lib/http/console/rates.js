/** Length of the history, in ms. */
const HISTORY_MS = 600_000;

/** A longer interval between two samples (the page was hidden) is shown as a gap. */
const GAP_MS = 10_000;

/** Rates over time in kbit/s, from byte counters that only grow. Unknown rates are null. */
export class RateHistory {
  /** In ms, ascending. @type {number[]} */
  times = [];
  /** @type {(number | null)[]} */
  received = [];
  /** @type {(number | null)[]} */
  sent = [];
  /** @type {{ timeMs: number, receivedBytes: number, sentBytes: number } | null} */
  #last = null;

  /** The newest rates, in kbit/s. */
  get latest() {
    return { received: this.received.at(-1) ?? null, sent: this.sent.at(-1) ?? null };
  }

  /**
   * Adds a sample of the counters. One with the time of the last sample is ignored.
   *
   * @param {number} timeMs by the server's clock
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
    while (this.times[0] < timeMs - HISTORY_MS) {
      for (const list of [this.times, this.received, this.sent]) list.shift();
    }
  }

  /** Discards everything: the server's clock was set back. */
  #clear() {
    this.times = [];
    this.received = [];
    this.sent = [];
  }
}
