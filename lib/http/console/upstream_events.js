/** What happened to upstreams between two looks at the API, which tells only how they are now. */

/**
 * @typedef {object} Upstream One of `upstreams` of a stream in the API.
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
 * @property {string} kind `pull` or `push`
 * @property {string} streamId
 * @property {string} url Name of the stream.
 * @property {string} from Origin before.
 * @property {string} to Origin now; the same when the origin came back.
 * @property {number} switches How often it switched since the last look.
 * @property {number} silenceMs
 * @property {number} lostFrames
 * @property {number} doubledFrames
 * @property {number} lostBytes
 * @property {string} reason Why the connection before was lost, or the newest attempt failed.
 */

/** See the file comment. */
export class UpstreamWatch {
  /** By stream and upstream. @type {Map<string, Upstream>} */
  #seen = new Map();

  /**
   * @param {{ id: string, url: string, upstreams: Upstream[] }[]} streams of the API
   * @returns {UpstreamEvent[]} What is new; nothing for upstreams that are seen for the first time.
   */
  look(streams) {
    const seen = new Map();
    const events = [];
    for (const { id, url, upstreams } of streams) {
      for (const [index, upstream] of upstreams.entries()) {
        const key = `${id} ${upstream.kind} ${index}`;
        const before = this.#seen.get(key);
        seen.set(key, upstream);
        const event = before === undefined ? null : compare(before, upstream);
        if (event !== null) events.push({ streamId: id, url, ...event });
      }
    }
    this.#seen = seen;
    return events;
  }
}

/**
 * @param {Upstream} before
 * @param {Upstream} now
 */
function compare(before, now) {
  const switches = now.switches - before.switches;
  // Fewer: it is another upstream, of a stream that ended and began again.
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
