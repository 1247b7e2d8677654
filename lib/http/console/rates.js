/** Length of the history, in ms. */
const HISTORY_MS = 600_000;

/** Shorter intervals make no rate: the stream was just in another answer. */
const MIN_INTERVAL_MS = 500;

/** A longer interval between two samples (the page was hidden) is shown as a gap. */
const GAP_MS = 30_000;

/**
 * What a stream, or the whole server, did over time: rates in kbit/s, from byte counters that only
 * grow, and gauges. Unknown values are null.
 */
export class RateHistory {
  /** In ms, ascending. @type {number[]} */
  times = [];
  /** @type {(number | null)[]} */
  received = [];
  /** @type {(number | null)[]} */
  sent = [];
  /** @type {(number | null)[]} */
  viewers = [];
  /** In ms. @type {(number | null)[]} */
  lag = [];
  /** @type {{ timeMs: number, receivedBytes: number, sentBytes: number } | null} */
  #last = null;

  /** The newest rates, in kbit/s. */
  get latest() {
    return { received: this.received.at(-1) ?? null, sent: this.sent.at(-1) ?? null };
  }

  /** Time of the newest sample by the server's clock, in ms; 0 before the first. */
  get newestMs() {
    return this.times.at(-1) ?? 0;
  }

  /**
   * Adds a sample of the counters. One within half a second of the last is ignored.
   *
   * @param {number} timeMs by the server's clock
   * @param {number} receivedBytes
   * @param {number} sentBytes
   * @param {{ viewers: number, lag: number }} [gauges] null in the history where absent
   */
  add(timeMs, receivedBytes, sentBytes, gauges) {
    const last = this.#last;
    const sinceLast = last === null ? MIN_INTERVAL_MS : timeMs - last.timeMs;
    if (sinceLast >= 0 && sinceLast < MIN_INTERVAL_MS) return;
    this.#last = { timeMs, receivedBytes, sentBytes };
    if (last !== null && timeMs < last.timeMs) return this.#clear();
    const isContinued = last !== null && timeMs - last.timeMs <= GAP_MS &&
      receivedBytes >= last.receivedBytes && sentBytes >= last.sentBytes;
    // Bits per ms are kbit/s.
    const perMs = isContinued ? 8 / (timeMs - last.timeMs) : 0;
    this.times.push(timeMs);
    this.received.push(isContinued ? (receivedBytes - last.receivedBytes) * perMs : null);
    this.sent.push(isContinued ? (sentBytes - last.sentBytes) * perMs : null);
    this.viewers.push(gauges?.viewers ?? null);
    this.lag.push(gauges?.lag ?? null);
    while (this.times[0] < timeMs - HISTORY_MS) {
      for (const list of this.#lists()) list.shift();
    }
  }

  /** Discards everything: the server's clock was set back. */
  #clear() {
    for (const list of this.#lists()) list.length = 0;
  }

  #lists() {
    return [this.times, this.received, this.sent, this.viewers, this.lag];
  }
}

/** The histories of the streams that the page has seen lately, by id. */
export class StreamHistories {
  /** @type {Map<string, RateHistory>} */
  #histories = new Map();

  /** Adds what the API says of a stream. @param {any} stream */
  add({ id, live_ms: timeMs, recv_bytes: received, send_bytes: sent, audience }) {
    const history = this.of(id);
    history.add(timeMs, received, sent, { viewers: audience.players, lag: audience.lag_ms });
    this.#histories.set(id, history);
  }

  /** @param {string} id @returns {RateHistory} an empty one for a stream that was not seen */
  of(id) {
    return this.#histories.get(id) ?? new RateHistory();
  }

  /** Forgets streams that were not seen for so long that nothing of them would be shown. */
  prune(nowMs) {
    for (const [id, { newestMs }] of this.#histories) {
      if (newestMs < nowMs - HISTORY_MS) this.#histories.delete(id);
    }
  }
}
