/** The streams of one vhost by name. Streams are made when first wanted and forgotten when unused. */

import { createStreamStats, Stream, type StreamOptions, type StreamStats } from "./stream.ts";

/** See the file comment. */
export class Hub {
  readonly #options: StreamOptions;
  readonly #onLive: ((stream: Stream) => void) | null;
  readonly #streams = new Map<string, Stream>();
  /** Counters of the streams that are forgotten. */
  readonly #forgotten = createStreamStats();
  readonly #onIdle = (stream: Stream): void => {
    if (stream.hasSource || stream.viewerCount > 0) return;
    // One that was forgotten before may have a successor of the same name.
    if (this.#streams.get(stream.name) !== stream) return;
    this.#streams.delete(stream.name);
    addStats(this.#forgotten, stream.stats);
  };

  /** @param onLive called when a source begins to feed a stream, before any viewer is told */
  constructor(options: StreamOptions, onLive?: (stream: Stream) => void) {
    this.#options = options;
    this.#onLive = onLive ?? null;
  }

  /** The stream `app/stream`, made when there is none. */
  open(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new Stream(name, this.#options, this.#onIdle);
      this.#streams.set(name, stream);
      if (this.#onLive !== null) this.#announce(stream, this.#onLive);
    }
    return stream;
  }

  /** The streams there are. */
  streams(): IterableIterator<Stream> {
    return this.#streams.values();
  }

  #announce(stream: Stream, onLive: (stream: Stream) => void): void {
    stream.observe({
      onSourceChange: ({ type }) => {
        if (type === "began") onLive(stream);
      },
    });
  }

  /** What all streams since the start add up to. */
  get totals(): StreamStats {
    const totals = { ...this.#forgotten };
    for (const { stats } of this.#streams.values()) addStats(totals, stats);
    return totals;
  }
}

function addStats(sum: StreamStats, stats: StreamStats): void {
  sum.messages += stats.messages;
  sum.videoMessages += stats.videoMessages;
  sum.payloadBytes += stats.payloadBytes;
  sum.sentBytes += stats.sentBytes;
}
