/**
 * Fetches a stream from the origins into the hub, for as long as it is wanted.
 *
 * An origin that is lost is followed by the next, spliced on so that nothing is lost or doubled where
 * both carry the same encode. One that merely fell silent is kept while the next is tried: whichever has
 * something new first feeds the stream, and the other is left. So a publisher's pause changes nothing, and
 * an origin's hiccup costs nothing.
 */

import type { CancelTimer } from "../base/clock.ts";
import { describeError, UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { EndReason, PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import { formatAddress } from "../io/address.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { DeliveryHistory } from "./delivery_history.ts";
import type { EdgeContext } from "./edge_context.ts";
import { Feed, type FeedListener } from "./feed.ts";
import { OriginLoop } from "../upstream/origin_loop.ts";
import { type Joined, Joiner } from "./splice.ts";
import { UpstreamReport } from "../upstream/upstream_report.ts";

/** Options of {@linkcode Puller}. */
export interface PullerOptions {
  readonly context: EdgeContext;
  readonly stream: Stream;
  readonly logger: Logger;
  /** The newest request of a player: its parameters (tokens) are used for the next connection. */
  readonly request: () => StreamRequest;
  /** Media arrives, for the first time since the beginning or since a loss. */
  readonly onMedia: () => void;
  /** Nothing feeds the stream; the next origin is being dialled. */
  readonly onLost: () => void;
}

/** What is asked for beyond the silence, in ms: the next origin may be a little behind. */
const BACKLOG_MARGIN_MS = 1_000;

/** See the file comment. */
export class Puller implements FeedListener {
  /** Settles when it was stopped and its last connection is over. */
  readonly ended: Promise<void>;
  readonly report: UpstreamReport;
  readonly #options: PullerOptions;
  readonly #loop: OriginLoop;
  /** Feeds the stream, or did last and is still connected. */
  #active: Feed | null = null;
  /** Is being tried. */
  #candidate: Feed | null = null;
  #handle: PublishHandle | null = null;
  /** What the origin said of the stream's end, while the others are being asked. */
  #end: "none" | "likely" | "certain" = "none";
  /** Ends the wait for a publisher that may be back. */
  #cancelGrace: CancelTimer | null = null;
  /** What was delivered since the publisher began; null before its first message. */
  #history: DeliveryHistory | null = null;
  /** Why the stream needs another origin, and since when it has had nothing; for the log. */
  #cause = "";
  #lastDeliveryMs = 0;
  #lastOrigin: OriginAddress | null = null;
  /** Origins whose failure was logged since the last one that had something. */
  readonly #complained = new Set<OriginAddress>();
  #isStopped = false;
  #cancelWatch: CancelTimer | null = null;

  constructor(options: PullerOptions) {
    const { context, stream } = options;
    this.#options = options;
    this.report = new UpstreamReport("pull", context.totals, context.clock);
    this.#loop = new OriginLoop({
      origins: context.origins,
      streamName: stream.name,
      clock: context.clock,
      random: Math.random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: () => {
        if (this.#end !== "none") this.#endStream();
      },
    });
    this.ended = this.#loop.run();
    this.#cancelWatch = context.ticker.add((nowMs) => this.#lookAtSilence(nowMs));
  }

  /** Ends the upstream connections; the stream waits for another source. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWatch?.();
    this.#cancelGrace?.();
    this.#loop.stop();
    this.#candidate?.finish();
    this.#active?.finish();
    this.#endHandle("lost");
  }

  onFeedMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#isStopped) return;
    if (feed === this.#active) return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    if (feed !== this.#candidate) return;
    if (feed.joiner === null) {
      this.#activate(feed, null);
      return this.#onActiveMedia(feed, typeId, timestampMs, payload);
    }
    const joined = feed.joiner.offer(typeId, timestampMs, payload, feed.lastMediaMs);
    if (joined !== null) this.#activate(feed, joined);
  }

  onFeedUnpublished(feed: Feed, isCertain: boolean): void {
    if (feed !== this.#active) return;
    this.#end = isCertain ? "certain" : "likely";
    if (!this.#options.context.origins.hasOtherThan(feed.origin)) return this.#endStream();
    // Another origin may still carry it: players are told when none does.
    const statusCode = StatusCode.PLAY_UNPUBLISH_NOTIFY;
    feed.giveUp(new UpstreamError("play", "The stream has ended", { statusCode }));
  }

  onFeedEnded(feed: Feed): void {
    if (feed === this.#candidate) this.#candidate = null;
    if (feed !== this.#active) return;
    this.#active = null;
    this.report.lost();
    this.#endHandle("lost");
    if (!this.#isStopped) this.#options.onLost();
  }

  /** Tries one origin, and stays with whichever feeds the stream. Rejects when another is needed. */
  async #attempt(origin: OriginAddress): Promise<void> {
    // Not an UpstreamError: it has not been asked, so nothing new is known of its health.
    if (this.#active?.origin === origin) throw new Error("Still silent");
    const { context, request } = this.#options;
    this.report.attempted(origin);
    const feed = new Feed({
      context,
      origin,
      request: request(),
      hasAlternative: () => context.origins.hasOtherThan(origin),
      listener: this,
      backlogMs: this.#history === null ? 0 : this.#silenceMs() + BACKLOG_MARGIN_MS,
      joiner: this.#history === null ? null : new Joiner(this.#history, this.#lastDeliveryMs),
    });
    this.#candidate = feed;
    await feed.watch();
    // Ended here, because the silent origin found its voice again: that one is stayed with.
    while (this.#active !== null && !this.#isStopped) await this.#active.watch();
  }

  #onActiveMedia(feed: Feed, typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#candidate !== null) {
      this.#candidate.finish();
      this.#candidate = null;
      this.#loop.returnedTo(feed.origin);
    }
    if (feed.joiner !== null && !feed.joiner.isNew(typeId, timestampMs, payload)) return;
    if (feed.joiner?.isDone) feed.joiner = null;
    if (this.#handle === null && !this.#begin()) return;
    this.#deliver(typeId, timestampMs, payload);
  }

  /** From now on `feed` feeds the stream. */
  #activate(feed: Feed, joined: Joined | null): void {
    const silenceMs = this.#silenceMs();
    const before = this.#active;
    this.#candidate = null;
    this.#active = feed;
    this.#endHandle("lost");
    before?.finish();
    this.#loop.succeeded();
    this.#reportSwitch(feed.origin, joined, silenceMs);
    if (joined === null) return;
    if (joined.align === null) {
      feed.joiner = null;
      this.#history = null;
      if (!this.#begin()) return;
    } else {
      this.#handle = this.#options.stream.resume(joined.align, this.#options.request());
      this.#options.onMedia();
    }
    for (const { typeId, timestampMs, payload } of joined.messages) {
      this.#deliver(typeId, timestampMs, payload);
    }
  }

  #begin(): boolean {
    this.#handle = this.#options.stream.publish(this.#options.request());
    if (this.#handle === null) return false;
    this.#cancelGrace?.();
    this.#cancelGrace = null;
    this.#history = new DeliveryHistory();
    this.#options.onMedia();
    return true;
  }

  #deliver(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#handle === null) return;
    this.#end = "none";
    this.#lastDeliveryMs = this.#options.context.clock.now();
    const streamMs = this.#handle.push(typeId, timestampMs, payload);
    this.#history?.note(typeId, streamMs, payload);
  }

  /** How long nothing was delivered. */
  #silenceMs(): number {
    return Math.round(this.#options.context.clock.now() - this.#lastDeliveryMs);
  }

  #reportSwitch(to: OriginAddress, joined: Joined | null, silenceMs: number): void {
    const { logger } = this.#options;
    const origin = formatAddress(to);
    if (this.#lastOrigin === null || this.#cause === "") {
      this.report.live(to);
      logger.info("Pull started", { origin });
    } else {
      const isSpliced = joined !== null && joined.align !== null;
      const lostFrames = isSpliced ? 0 : this.#framesIn(silenceMs);
      const how = isSpliced ? "spliced" : "restarted";
      this.report.switched({ to, how, silenceMs, lostFrames, doubledFrames: 0, lostBytes: 0 });
      logger.info("Pull switched", {
        from: formatAddress(this.#lastOrigin),
        to: origin,
        cause: this.#cause,
        silence_ms: silenceMs,
        lost_frames: lostFrames,
        doubled_frames: 0,
        how,
      });
    }
    this.#lastOrigin = to;
    this.#cause = "";
    this.#complained.clear();
  }

  /** What players missed in a silence of another encode can only be told by its length. */
  #framesIn(silenceMs: number): number {
    const frameMs = this.#history?.frameMs ?? 0;
    return frameMs === 0 ? 0 : Math.round(silenceMs / frameMs);
  }

  #onFailed(origin: OriginAddress, error: unknown): void {
    const reason = describeError(error);
    this.#cause ||= reason;
    this.report.failed(reason);
    const { logger } = this.#options;
    const fields = { origin: formatAddress(origin) };
    // An origin that stays away is worth one line, not one per attempt.
    if (this.#complained.has(origin)) {
      logger.debug(`Origin still gives no stream: ${reason}`, fields);
    } else {
      logger.warning(`Origin gives no stream: ${reason}`, fields);
    }
    this.#complained.add(origin);
  }

  /** The publisher stopped or is lost: its stream may come back, as another encode. */
  #endStream(): void {
    const { context, stream, logger } = this.#options;
    const { graceMs } = context.config().publish;
    const isCertain = this.#end === "certain" || graceMs === 0;
    this.#end = "none";
    this.#history = null;
    logger.info("Stream ended at the origin", { players_wait_ms: isCertain ? 0 : graceMs });
    this.#cancelGrace?.();
    this.#endHandle("away");
    if (isCertain) {
      stream.unpublish();
    } else {
      this.#cancelGrace = context.clock.after(graceMs, () => stream.unpublish());
    }
  }

  #endHandle(reason: EndReason): void {
    this.#handle?.end(reason);
    this.#handle = null;
  }

  #lookAtSilence(nowMs: number): void {
    const feed = this.#active;
    if (feed === null || this.#candidate !== null) return;
    const { origins, settings } = this.#options.context;
    if (!origins.hasOtherThan(feed.origin)) return;
    const { stallTimeoutMs, startTimeoutMs } = settings();
    // Without a publisher silence is to be expected: but it may be back at another origin.
    const limitMs = this.#handle === null ? startTimeoutMs : stallTimeoutMs;
    if (nowMs - feed.lastMediaMs < limitMs) return;
    feed.giveUp(new UpstreamError("media", `Silent for ${limitMs} ms`));
  }
}
