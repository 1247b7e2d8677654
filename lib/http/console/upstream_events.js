/**
 * @typedef {object} Upstream An entry of `upstreams` of a stream in the API.
 * @property {string} kind
 * @property {string} origin
 * @property {string} state
 * @property {number} switches
 * @property {string} last_error
 * @property {number} last_silence_ms
 * @property {number} lost_frames
 * @property {number} doubled_frames
 * @property {number} lost_bytes
 */

/**
 * @typedef {object} UpstreamEvent
 * @property {"switch" | "failure"} type
 * @property {string} kind `pull`, `standby`, `push` or `forward`
 * @property {string} streamId
 * @property {string} url The stream, as the API writes it.
 * @property {string} from Previous origin.
 * @property {string} to Current origin; the same as `from` after a reconnect.
 * @property {number} switches Number of switches since the previous poll.
 * @property {number} silenceMs
 * @property {number} lostFrames
 * @property {number} doubledFrames
 * @property {number} lostBytes
 * @property {string} reason Why the previous connection was lost or the newest attempt failed.
 */

/**
 * Derives upstream events from successive polls of the API, which reports only the current state of
 * each upstream.
 */
export class UpstreamTracker {
  /** From the previous poll, by stream and upstream. @type {Map<string, Upstream>} */
  #previous = new Map();

  /**
   * @param {{ id: string, url: string, upstreams: Upstream[] }[]} streams from the API
   * @returns {UpstreamEvent[]} Events since the previous poll; none for upstreams that are new.
   */
  update(streams) {
    const current = new Map();
    const events = [];
    for (const { id, url, upstreams } of streams) {
      for (const [index, upstream] of upstreams.entries()) {
        const key = `${id} ${upstream.kind} ${index}`;
        const before = this.#previous.get(key);
        current.set(key, upstream);
        const event = before === undefined ? null : compare(before, upstream);
        if (event !== null) events.push({ streamId: id, url, ...event });
      }
    }
    this.#previous = current;
    return events;
  }
}

/**
 * @param {Upstream} before
 * @param {Upstream} now
 */
function compare(before, now) {
  const switches = now.switches - before.switches;
  // A lower count is another upstream: the stream ended and started again.
  if (switches < 0) return null;
  const hasFailed = now.last_error !== before.last_error ||
    (before.state === "live" && now.state !== "live");
  if (switches === 0 && !(hasFailed && now.last_error !== "")) return null;
  return {
    type: switches > 0 ? "switch" : "failure",
    kind: now.kind,
    from: before.origin,
    to: now.origin,
    switches,
    silenceMs: now.last_silence_ms,
    lostFrames: now.lost_frames - before.lost_frames,
    doubledFrames: now.doubled_frames - before.doubled_frames,
    lostBytes: now.lost_bytes - before.lost_bytes,
    reason: now.last_error,
  };
}
