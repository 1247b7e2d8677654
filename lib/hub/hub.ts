import type { SourceChange, SourceSwitch } from "./publisher.ts";
import type { ClockChange } from "./timeline.ts";
import { Stream } from "./stream.ts";
import type { StreamOptions } from "./stream_options.ts";
import { createStreamStats, type StreamStats } from "./stream_stats.ts";

/** Streams that have ended whose counters are kept by name; beyond that the oldest are merged. */
const MAX_ENDED = 1_000;

/** Hears which sources feed the streams of a hub. */
export interface HubObserver {
  /**
   * Called in order with the stream's bytes. On `began` and `resumed`, `stream.sourceRequest` says
   * who publishes; on `began`, a viewer that joins sees the source's first message. After an end
   * other than `unpublished`, a source may follow, or `unpublished`, or nothing: a stream without
   * source and viewers is forgotten. One that is viewed is not, so an observer that needs the
   * stream's end joins it.
   */
  onSourceChange(stream: Stream, change: SourceChange): void;
  /** A track's clock leapt or stands still, and stream time was corrected. */
  onClockChange?(stream: Stream, change: ClockChange): void;
  /** Another publisher has joined what the stream delivered before. */
  onSourceSwitch?(stream: Stream, change: SourceSwitch): void;
}

/**
 * The streams of one vhost by name. Streams are made when first wanted and forgotten when unused.
 */
export class Hub {
  #options: StreamOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #observers = new Set<HubObserver>();
  /** Counters of streams that have ended after media, by name, the newest last. */
  readonly #ended = new Map<string, StreamStats>();
  /** Sum of the counters that are kept no longer. */
  readonly #forgotten = createStreamStats();
  readonly #onIdle = (stream: Stream): void => {
    if (stream.hasSource || stream.isHeld || stream.viewerCount > 0) return;
    // A stream that was forgotten before may have a successor of the same name.
    if (this.#streams.get(stream.name) !== stream) return;
    this.#streams.delete(stream.name);
    // A client may ask for any number of names that never have media.
    if (stream.stats.messages === 0) return addStats(this.#forgotten, stream.stats);
    this.#ended.set(stream.name, stream.stats);
    if (this.#ended.size > MAX_ENDED) this.#forgetOldest();
  };

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Applies new settings of the same chunk size to all streams, present and future. */
  configure(options: StreamOptions): void {
    this.#options = options;
    for (const stream of this.#streams.values()) stream.configure(options);
  }

  /** Returns the stream `app/stream`, making it when there is none. */
  open(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new Stream(name, this.#options, this.#onIdle, this.#ended.get(name));
      this.#streams.set(name, stream);
      this.#ended.delete(name);
      this.#watch(stream);
    }
    return stream;
  }

  /** The streams in use. */
  streams(): IterableIterator<Stream> {
    return this.#streams.values();
  }

  /** Counters of streams that have ended after media, by name, the newest last. */
  get ended(): ReadonlyMap<string, StreamStats> {
    return this.#ended;
  }

  /**
   * Tells `observer` of every change from now on; sources that feed streams already are found by
   * {@linkcode streams}. @returns a function that ends it.
   */
  observe(observer: HubObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Sums over all streams since the start. */
  get totals(): StreamStats {
    const totals = { ...this.#forgotten };
    for (const stats of this.#ended.values()) addStats(totals, stats);
    for (const { stats } of this.#streams.values()) addStats(totals, stats);
    return totals;
  }

  #forgetOldest(): void {
    const [oldest] = this.#ended;
    this.#ended.delete(oldest![0]);
    addStats(this.#forgotten, oldest![1]);
  }

  #watch(stream: Stream): void {
    stream.observe({
      onSourceChange: (change) => {
        for (const observer of this.#observers) observer.onSourceChange(stream, change);
      },
      onClockChange: (change) => {
        for (const observer of this.#observers) observer.onClockChange?.(stream, change);
      },
      onSourceSwitch: (change) => {
        for (const observer of this.#observers) observer.onSourceSwitch?.(stream, change);
      },
    });
  }
}

function addStats(sum: StreamStats, stats: StreamStats): void {
  sum.messages += stats.messages;
  sum.videoMessages += stats.videoMessages;
  sum.payloadBytes += stats.payloadBytes;
  sum.sentBytes += stats.sentBytes;
  sum.edgeSentBytes += stats.edgeSentBytes;
  sum.slates += stats.slates;
  sum.splices += stats.splices;
  sum.restarts += stats.restarts;
  sum.lostFrames += stats.lostFrames;
  sum.doubledFrames += stats.doubledFrames;
  sum.clockChanges += stats.clockChanges;
}
