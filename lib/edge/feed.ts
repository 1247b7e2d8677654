import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Audience } from "../hub/viewer.ts";
import { Upstream } from "../upstream/upstream.ts";
import type { UpstreamContext } from "../upstream/upstream_context.ts";
import type { UpstreamListener } from "../upstream/upstream_listener.ts";
import { ArrivalGaps } from "./arrival_gaps.ts";
import type { Joiner } from "../splice/joiner.ts";

/** What a {@linkcode Feed} reports. */
export interface FeedListener {
  /** `payload` is valid during the call only. */
  onFeedMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void;
  /**
   * The stream has ended at the origin. Unless `isCertain`, it may only have lost its publisher.
   */
  onFeedUnpublished(feed: Feed, isCertain: boolean): void;
  /** What follows is another publisher's. */
  onFeedSourceBegan(feed: Feed): void;
  /** The origin asks to be left, for `to` or any other. */
  onFeedMoveRequested(feed: Feed, to: OriginAddress | null): void;
  /** The connection has ended, from either side: `error` says why, null when it was ended here. */
  onFeedEnded(feed: Feed, error: unknown): void;
}

/** Options of {@linkcode Feed}. */
interface FeedOptions {
  readonly context: UpstreamContext;
  readonly logger: Logger;
  readonly origin: OriginAddress;
  readonly request: StreamRequest;
  readonly hasAlternative: () => boolean;
  /** As in the options of `Upstream`. */
  readonly backlogMs: () => number;
  readonly wantsAnswer: boolean;
  readonly listener: FeedListener;
  /** Joins it to what was delivered; null when nothing was. */
  readonly joiner: Joiner | null;
}

/** One origin as a source of a pulled stream: its connection, and how it joins the one before. */
export class Feed implements UpstreamListener {
  readonly origin: OriginAddress;
  /** What the origin is asked for. */
  readonly request: StreamRequest;
  /** Null when all that arrives is new. */
  joiner: Joiner | null;
  /** Whether the origin was asked to say at once that it lacks the stream. */
  readonly wantsAnswer: boolean;
  /** How regularly messages arrive. */
  readonly gaps: ArrivalGaps;
  hasMedia = false;
  /** When the feed was made. */
  readonly beganMs: number;
  readonly #options: FeedOptions;
  readonly #upstream: Upstream;
  /** Settles with the connection: resolves when it was ended here, else rejects with the reason. */
  #ended: Promise<void> = Promise.resolve();
  #abandoned = Promise.withResolvers<never>();

  constructor(options: FeedOptions) {
    const { context, logger, origin, request, hasAlternative, backlogMs, wantsAnswer } = options;
    this.origin = origin;
    this.request = request;
    this.joiner = options.joiner;
    this.wantsAnswer = wantsAnswer;
    this.beganMs = context.clock.now();
    this.gaps = new ArrivalGaps(this.beganMs);
    this.#options = options;
    this.#upstream = new Upstream(context, {
      kind: "play",
      logger,
      origin,
      request,
      hasAlternative,
      backlogMs,
      wantsAnswer,
      listener: this,
    });
    this.#abandoned.promise.catch(() => {});
  }

  /** When the newest message arrived, or when the feed was made. */
  get lastMediaMs(): number {
    return this.gaps.newestMs;
  }

  /**
   * Returns how long it was silent until `readUntilMs`, in ms: no time while it has to wait until
   * more of it is read.
   */
  silentMs(readUntilMs: number): number {
    return this.#upstream.hasReadUntil(readUntilMs) ? readUntilMs - this.lastMediaMs : 0;
  }

  /** Dials the origin. Called once. */
  start(): void {
    const { listener } = this.#options;
    this.#ended = this.#upstream.run().then(
      () => listener.onFeedEnded(this, null),
      (error) => {
        listener.onFeedEnded(this, error);
        throw error;
      },
    );
    // The connection may outlive its watcher.
    this.#ended.catch(() => {});
  }

  /**
   * Settles when the connection ends: resolves when it was ended here, rejects with the reason
   * otherwise. Also rejects when {@linkcode abandon} is called.
   */
  watch(): Promise<void> {
    return Promise.race([this.#ended, this.#abandoned.promise]);
  }

  /** Sends the watcher to another origin; the connection stays open. */
  abandon(reason: Error): void {
    this.#abandoned.reject(reason);
    this.#abandoned = Promise.withResolvers<never>();
    this.#abandoned.promise.catch(() => {});
  }

  /** Ends the play, then closes the connection. */
  finish(): void {
    this.#upstream.finish();
  }

  /** Tells the origin who plays the stream here. */
  report(audience: Audience): void {
    this.#upstream.report(audience);
  }

  onStarted(): void {}

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.gaps.note(this.#options.context.clock.now());
    this.hasMedia = true;
    this.#options.listener.onFeedMedia(this, typeId, timestampMs, payload);
  }

  onAcknowledgement(): void {}

  onUnpublished(isCertain: boolean): void {
    this.#options.listener.onFeedUnpublished(this, isCertain);
  }

  onMoveRequested(to: OriginAddress | null): void {
    this.#options.listener.onFeedMoveRequested(this, to);
  }

  onSourceBegan(): void {
    this.#options.listener.onFeedSourceBegan(this);
  }
}
