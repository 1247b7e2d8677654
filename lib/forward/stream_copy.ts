import type { Logger } from "../base/log.ts";
import type { ForwardDestination } from "../config/forward_config.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { formatAddress } from "../io/address.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import { isRefusedLoop } from "../upstream/edge_path.ts";
import type { OriginSet } from "../upstream/origin_set.ts";
import { Pusher } from "../upstream/pusher.ts";
import type { UpstreamContext } from "../upstream/upstream_context.ts";
import type { UpstreamSnapshot, UpstreamTotals } from "../upstream/upstream_snapshot.ts";
import { isForeign, targetOf, withoutNames } from "./destination.ts";

/** Options of {@linkcode StreamCopy}. */
interface StreamCopyOptions {
  readonly destination: ForwardDestination;
  readonly context: UpstreamContext;
  /** The destination alone. */
  readonly origins: OriginSet;
  readonly totals: UpstreamTotals;
  readonly stream: Stream;
  /** That of the newest source. */
  readonly request: () => StreamRequest;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /** Calls `answer` as soon as the publisher gives a sign of life. */
  readonly vouch: (answer: () => void, deny: () => void) => void;
  /** Takes a promise for the end of every push. */
  readonly onTask: (ended: Promise<void>) => void;
}

/**
 * One stream on its way to one destination. It begins when a source does, outlasts the source's
 * absence, and continues with the next one over the same connection.
 *
 * A destination that the stream came from refuses it, because it finds itself in the edge path. Two
 * servers that forward to each other do so for each stream. Such a copy rests until another source
 * begins.
 */
export class StreamCopy {
  readonly #options: StreamCopyOptions;
  readonly #ownId = crypto.randomUUID();
  #pusher: Pusher | null = null;

  constructor(options: StreamCopyOptions) {
    this.#options = options;
  }

  /** Empty while it rests. */
  get snapshots(): readonly UpstreamSnapshot[] {
    return this.#pusher === null ? [] : [this.#pusher.report.snapshot()];
  }

  /** A source begins, or continues. */
  begin(): void {
    if (this.#pusher !== null) return;
    const { destination, onTask, vouch, ...shared } = this.#options;
    const isElsewhere = isForeign(destination);
    this.#pusher = new Pusher({
      ...shared,
      kind: "forward",
      request: () => this.#request(),
      target: ({ url }) => targetOf(destination, url),
      mayIgnorePings: isElsewhere,
      // Others close a publisher that does not answer, and the next connection is a new recording.
      ...(isElsewhere ? {} : { vouch }),
      judgeFailure: (failure) => this.#judge(failure),
      onAccepted() {},
      onRefused() {},
      onDisplaced() {},
    });
    onTask(this.#pusher.start());
  }

  /** The stream is over, or no longer for this destination. */
  stop(): void {
    this.#pusher?.stop();
    this.#pusher = null;
  }

  /** This server stops, the publisher does not. */
  leave(): void {
    this.#pusher?.leave();
    this.#pusher = null;
  }

  /** The id of a broadcast is for servers that join what they get of it: not for strangers. */
  #request(): StreamRequest {
    const request = this.#options.request();
    const isElsewhere = isForeign(this.#options.destination);
    const broadcastId = isElsewhere ? undefined : request.broadcastId ?? this.#ownId;
    return { ...request, broadcastId };
  }

  #judge(failure: unknown): unknown {
    const { destination, logger } = this.#options;
    if (!isRefusedLoop(failure)) return withoutNames(destination, failure);
    logger.info("Forward rests: the stream comes from there", {
      origin: formatAddress(destination.address),
    });
    this.leave();
    return null;
  }
}
