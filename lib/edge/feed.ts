/** One origin as a source of a pulled stream: its connection, and how it is joined to the one before. */

import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Joiner } from "./splice.ts";
import { Upstream, type UpstreamListener } from "../upstream/upstream.ts";
import type { UpstreamContext } from "../upstream/upstream_context.ts";

/** What a feed tells its puller. */
export interface FeedListener {
  /** `payload` is valid during the call only. */
  onFeedMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void;
  /** The stream has ended at the origin. Unless that is certain, its publisher may merely be lost. */
  onFeedUnpublished(feed: Feed, isCertain: boolean): void;
  /** The connection is over, by whichever side. */
  onFeedEnded(feed: Feed): void;
}

/** Options of {@linkcode Feed}. */
export interface FeedOptions {
  readonly context: UpstreamContext;
  readonly origin: OriginAddress;
  readonly request: StreamRequest;
  readonly hasAlternative: () => boolean;
  readonly backlogMs: number;
  readonly listener: FeedListener;
  /** Joins it to what was delivered; null when nothing was. */
  readonly joiner: Joiner | null;
}

/** See the file comment. Begins to dial when it is made. */
export class Feed implements UpstreamListener {
  readonly origin: OriginAddress;
  /** Null when all that comes is new. */
  joiner: Joiner | null;
  /** When the newest message came, or when it was made. */
  lastMediaMs: number;
  /** Settles with the connection: resolves when it was ended here, rejects with the reason otherwise. */
  readonly ended: Promise<void>;
  readonly #options: FeedOptions;
  readonly #upstream: Upstream;
  #given = Promise.withResolvers<never>();

  constructor(options: FeedOptions) {
    const { context, origin, request, hasAlternative, backlogMs, listener } = options;
    this.origin = origin;
    this.joiner = options.joiner;
    this.lastMediaMs = context.clock.now();
    this.#options = options;
    this.#upstream = new Upstream(context, {
      kind: "play",
      origin,
      request,
      hasAlternative,
      backlogMs,
      listener: this,
    });
    this.ended = this.#upstream.run().finally(() => listener.onFeedEnded(this));
    // It may outlive whoever waits for it.
    this.ended.catch(() => {});
    this.#given.promise.catch(() => {});
  }

  /** Like {@linkcode ended}, but also rejects when {@linkcode giveUp} is called. */
  watch(): Promise<void> {
    return Promise.race([this.ended, this.#given.promise]);
  }

  /** Lets whoever watches look for another origin; the connection stays. */
  giveUp(reason: Error): void {
    this.#given.reject(reason);
    this.#given = Promise.withResolvers<never>();
    this.#given.promise.catch(() => {});
  }

  /** Ends the connection in good order. */
  finish(): void {
    this.#upstream.finish();
  }

  onStarted(): void {}

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.lastMediaMs = this.#options.context.clock.now();
    this.#options.listener.onFeedMedia(this, typeId, timestampMs, payload);
  }

  onAcknowledgement(): void {}

  onUnpublished(isCertain: boolean): void {
    this.#options.listener.onFeedUnpublished(this, isCertain);
  }
}
