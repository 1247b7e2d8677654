/** Fetches a stream from the origins into the hub, for as long as it is wanted. */

import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import { formatAddress } from "../net/deno_tcp.ts";
import type { StreamRequest } from "../net/vhost_service.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Status } from "../rtmp/status.ts";
import { OriginLoop } from "./origin_loop.ts";
import { Upstream, type UpstreamContext, type UpstreamListener } from "./upstream.ts";

/** Options of {@linkcode Puller}. */
export interface PullerOptions {
  readonly context: UpstreamContext;
  readonly stream: Stream;
  readonly logger: Logger;
  /** The newest request of a player: its parameters (tokens) are used for the next connection. */
  readonly request: () => StreamRequest;
  /** Media arrives, for the first time since the beginning or since a loss. */
  readonly onMedia: () => void;
  /** The connection broke; the next origin is being dialled. */
  readonly onLost: () => void;
}

/** See the file comment. */
export class Puller implements UpstreamListener {
  readonly #options: PullerOptions;
  readonly #loop: OriginLoop;
  #upstream: Upstream | null = null;
  #origin: OriginAddress | null = null;
  #handle: PublishHandle | null = null;
  #isStopped = false;

  constructor(options: PullerOptions) {
    const { context } = options;
    const { origins, retryMinMs, retryMaxMs } = context.cluster;
    this.#options = options;
    this.#loop = new OriginLoop({
      origins,
      backoff: { minMs: retryMinMs, maxMs: retryMaxMs },
      clock: context.clock,
      random: Math.random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: (origin, error) => this.#onFailed(origin, error),
      onRoundFailed: () => {},
    });
    void this.#loop.run();
  }

  /** Origin that feeds the stream, or null. */
  get origin(): OriginAddress | null {
    return this.#handle === null ? null : this.#origin;
  }

  /** Ends the upstream connection; the stream waits for another source. */
  stop(): void {
    this.#isStopped = true;
    this.#loop.stop();
    this.#upstream?.finish();
    this.#endHandle("lost");
  }

  onStarted(): void {}

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#isStopped) return;
    if (this.#handle === null && !this.#begin()) return;
    this.#handle!.push(typeId, timestampMs, payload);
  }

  onStatus(status: Status): void {
    // The publisher at the origin stopped: its stream may come back on this connection.
    if (status.code === StatusCode.PLAY_UNPUBLISH_NOTIFY) this.#endHandle("unpublished");
  }

  #begin(): boolean {
    this.#handle = this.#options.stream.publish();
    if (this.#handle === null) return false;
    this.#loop.succeeded();
    this.#options.logger.info("Pull started", { origin: formatAddress(this.#origin!) });
    this.#options.onMedia();
    return true;
  }

  async #attempt(origin: OriginAddress): Promise<void> {
    const { context, request } = this.#options;
    this.#origin = origin;
    this.#upstream = new Upstream(context, {
      kind: "play",
      origin,
      request: request(),
      listener: this,
      hasAlternative: context.cluster.origins.length > 1,
    });
    await this.#upstream.run();
  }

  #onFailed(origin: OriginAddress, error: unknown): void {
    this.#options.logger.warning(`Origin gives no stream: ${describeError(error)}`, {
      origin: formatAddress(origin),
    });
    this.#endHandle("lost");
    this.#options.onLost();
  }

  #endHandle(reason: "lost" | "unpublished"): void {
    this.#handle?.end(reason);
    this.#handle = null;
  }
}
