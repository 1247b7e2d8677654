/** A connection that publishes: asked, accepted, feeding a stream, over. */

import type { PublishHandle } from "../hub/publisher.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Departure, PublishAnswer, PublishTicket, VhostService } from "./vhost_service.ts";

/** What a {@linkcode Publication} needs of its connection. */
export interface PublicationHost {
  /** Announces the publish to the client. @returns false when the client has withdrawn it. */
  announcePublish(): boolean;
  /** Tells the client that it may not publish. */
  refusePublish(refusal: Refusal): void;
  /** Tells the client that another one has the stream now, and closes it. */
  onReplaced(): void;
  /** When the client sent anything last, in ms. */
  readonly lastHeardMs: number;
}

/** See the file comment. */
export class Publication implements PublishAnswer {
  readonly #host: PublicationHost;
  readonly #service: VhostService;
  readonly #ticket: PublishTicket;
  readonly #isEdge: boolean;
  #handle: PublishHandle | null = null;
  #hasMedia = false;
  /** When it was accepted, then when the newest message came. */
  #lastMediaMs: number;

  constructor(
    host: PublicationHost,
    service: VhostService,
    request: StreamRequest,
    nowMs: number,
  ) {
    this.#host = host;
    this.#service = service;
    this.#lastMediaMs = nowMs;
    this.#isEdge = request.edgePath.length > 0;
    this.#ticket = service.publish(request, this);
  }

  /** Called by the vhost, maybe before the constructor is done. */
  onAccepted(handle: PublishHandle): void {
    if (this.#host.announcePublish()) {
      this.#handle = handle;
    } else {
      handle.end("unpublished");
    }
  }

  /** Called by the vhost, maybe before the constructor is done. */
  onRefused(refusal: Refusal): void {
    this.#host.refusePublish(refusal);
  }

  /** Called by the vhost. */
  onReplaced(): void {
    this.#host.onReplaced();
  }

  /** An edge goes on talking while its own publisher is away, which may come back by another edge. */
  get lastHeardMs(): number {
    return this.#isWaitingEdge ? this.#lastMediaMs : this.#host.lastHeardMs;
  }

  /** Feeds the stream. `payload` is copied before this returns. */
  push(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): void {
    this.#hasMedia = true;
    this.#lastMediaMs = nowMs;
    this.#handle?.push(typeId, timestampMs, payload);
  }

  /** @returns why the publisher is to be closed, or null. */
  check(nowMs: number): string | null {
    if (this.#handle === null) {
      this.#lastMediaMs = nowMs;
      return null;
    }
    const { firstPacketTimeoutMs, normalTimeoutMs } = this.#service.config.publish;
    const limitMs = this.#hasMedia ? normalTimeoutMs : firstPacketTimeoutMs;
    // An edge waits for its own publisher, which it gives up in its turn: that it lives is enough.
    const sinceMs = this.#isWaitingEdge ? this.#host.lastHeardMs : this.#lastMediaMs;
    const silentMs = nowMs - sinceMs;
    if (silentMs <= limitMs) return null;
    return this.#hasMedia
      ? `publisher sent nothing for ${Math.round(silentMs)} ms (publish.normal_timeout)`
      : `publisher sent no media within ${limitMs} ms (publish.firstpkt_timeout)`;
  }

  /** The publisher stops or is gone. */
  leave(departure: Departure): void {
    this.#ticket.leave(departure);
  }

  /** An edge that may have lost its own publisher since it sent media. */
  get #isWaitingEdge(): boolean {
    return this.#isEdge && this.#hasMedia;
  }
}
