import type { PublishHandle } from "../hub/publisher.ts";
import { Allowance } from "../io/allowance.ts";
import { mergedReadsOf } from "../io/read_pacer.ts";
import { ReadSize } from "../io/read_size.ts";
import type { PartedWork } from "../io/work_turns.ts";
import { MessageType } from "../rtmp/constants.ts";
import { isEdgeMoved } from "../rtmp/edge_report.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { Admission } from "./admission.ts";
import { PublishRate } from "./publish_rate.ts";
import type { ConnectionContext } from "./connection_context.ts";
import type { Departure, PublishAnswer, PublisherRole, PublishTicket } from "./vhost_service.ts";

/** What a {@linkcode Publication} needs of its connection. */
export interface PublicationHost {
  /** Announces the publish to the client. @returns false when the client has withdrawn it. */
  announcePublish(): boolean;
  /** Tells the client that it may not publish. */
  refusePublish(refusal: Refusal): void;
  /** Tells the client that another publisher has the stream now, and closes it. */
  onReplaced(): void;
  /** The client stands by for another publisher, or feeds the stream in place of another. */
  onRole(role: PublisherRole, cause: string): void;
  /** The client was asked to connect again. */
  readonly wasAskedToMove: boolean;
  /** Pings the client. `onAlive` is called once, later, when it sends anything. @returns cancels */
  probe(onAlive: () => void): () => void;
}

/** How long an edge whose publisher is alive may take to say so, before its media does. In ms. */
const EDGE_ANSWER_MS = 500;

/** A connection's publish: asked for, accepted, feeding a stream, over. */
export class Publication implements PublishAnswer {
  readonly #readSize = new ReadSize();
  /** What reading its bytes may cost at once. */
  readonly #allowance = new Allowance();
  readonly #host: PublicationHost;
  readonly #admission: Admission;
  /** Null before {@linkcode start} has returned. */
  #ticket: PublishTicket | null = null;
  /** Null until the vhost accepts the publish. */
  #handle: PublishHandle | null = null;
  #hasMedia = false;
  #isReserve = false;
  /** The edge publishes the stream to another server, too. */
  #hasMoved = false;
  /** Of all media so far. */
  #mediaBytes = 0;
  /** Null while the vhost has no `max_bitrate`. */
  #rate: PublishRate | null = null;
  /** Wait for a sign of life of the publisher behind an edge. */
  #onAlive = new Set<() => void>();
  /** When the first message arrived since an edge was probed; null before. */
  #mediaSinceMs: number | null = null;
  /** When it was accepted, then when the newest message arrived. */
  #lastMediaMs: number;

  constructor(host: PublicationHost, admission: Admission, nowMs: number) {
    this.#host = host;
    this.#admission = admission;
    this.#lastMediaMs = nowMs;
  }

  /** Asks the vhost for the stream. The host may get the answer before this returns. */
  start(): void {
    const { service, request } = this.#admission;
    this.#ticket = service.publish(request, this);
  }

  /** The vhost has accepted the publish and the client was told. */
  get isAccepted(): boolean {
    return this.#handle !== null;
  }

  /**
   * Whether an encoder was asked to connect again: then it ends its publish here to continue
   * elsewhere. An edge that moves never ends the stream.
   */
  get isMoving(): boolean {
    return this.#host.wasAskedToMove && this.#admission.request.edgePath.length === 0;
  }

  /** Size of the buffer for the next read, in bytes. */
  get bufferBytes(): number {
    return this.#readSize.bytes;
  }

  /** Called by the vhost. */
  onAccepted(handle: PublishHandle): void {
    if (this.#host.announcePublish()) {
      this.#handle = handle;
    } else {
      handle.end("unpublished");
    }
  }

  /** Called by the vhost. */
  onRefused(refusal: Refusal): void {
    this.#host.refusePublish(refusal);
  }

  /** Called by the vhost. */
  onReplaced(): void {
    this.#host.onReplaced();
  }

  /** Called by the vhost. */
  onRole(role: PublisherRole, cause: string): void {
    this.#isReserve = role === "reserve";
    this.#host.onRole(role, cause);
  }

  /** Whether it stands by for the publisher that feeds the stream. */
  get isReserve(): boolean {
    return this.#isReserve;
  }

  /**
   * Called by the vhost. An edge keeps talking while its own publisher is away, which may return
   * through another edge; so for an edge only the answer to a ping is a sign of life, which it
   * gives when its publisher is alive, and media that keeps coming without an answer. One whose
   * publisher is away or moves closes the connection.
   */
  probe(onAlive: () => void, onLeaving?: () => void): () => void {
    if (this.isMoving) {
      let isCancelled = false;
      queueMicrotask(() => isCancelled || onLeaving?.());
      return () => void (isCancelled = true);
    }
    if (!this.#isEdgeWithMedia) return this.#host.probe(onAlive);
    if (this.#onAlive.size === 0) this.#mediaSinceMs = null;
    this.#onAlive.add(onAlive);
    this.#host.probe(() => {});
    return () => void this.#onAlive.delete(onAlive);
  }

  /** Feeds the stream. `payload` is copied before this returns. */
  push(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): void {
    this.#hasMedia = true;
    this.#mediaBytes += payload.length;
    this.#lastMediaMs = nowMs;
    this.#allowance.countMessage();
    if (this.#onAlive.size > 0) this.#noteLife(nowMs);
    if (typeId === MessageType.DATA_AMF0 && this.#isEdgeWithMedia && isEdgeMoved(payload)) {
      this.#hasMoved = true;
      return;
    }
    this.#handle?.push(typeId, timestampMs, payload, nowMs);
  }

  /**
   * @param heardMs When the client last sent anything.
   * @returns why the publisher must be closed, or null.
   */
  check(nowMs: number, heardMs: number): string | null {
    if (this.#handle === null) {
      this.#lastMediaMs = nowMs;
      return null;
    }
    const { firstPacketTimeoutMs, normalTimeoutMs } = this.#admission.service.config.publish;
    const limitMs = this.#hasMedia ? normalTimeoutMs : firstPacketTimeoutMs;
    // An edge times out its own publisher; here it is enough that the edge is alive.
    const sinceMs = this.#isEdgeWithMedia ? heardMs : this.#lastMediaMs;
    const silentMs = nowMs - sinceMs;
    if (this.#hasMoved && (this.#handle.isClosed || this.#handle.hasAudience !== true)) {
      return "the edge publishes it elsewhere, and no one watches it here";
    }
    if (silentMs <= limitMs) return null;
    return this.#hasMedia
      ? `publisher sent nothing for ${Math.round(silentMs)} ms (publish.normal_timeout)`
      : `publisher sent no media within ${limitMs} ms (publish.firstpkt_timeout)`;
  }

  /** Called about once a second. @returns why the client may no longer publish, or null. */
  recheck(): string | null {
    return this.#admission.recheck?.() ?? null;
  }

  /** Called about once a second. @returns what to do about a rate above `max_bitrate`, or null. */
  checkRate(nowMs: number): { readonly type: "warn" | "close"; readonly reason: string } | null {
    const { maxBitrateKbps } = this.#admission.service.config.publish;
    if (maxBitrateKbps === 0) {
      this.#rate = null;
      return null;
    }
    this.#rate ??= new PublishRate();
    const verdict = this.#rate.check(nowMs, this.#mediaBytes, maxBitrateKbps);
    if (verdict === null) return null;
    const { type, kbps } = verdict;
    const allowed = `${maxBitrateKbps} (publish.max_bitrate)`;
    return { type, reason: `publisher sends ${kbps} kbit/s, more than the allowed ${allowed}` };
  }

  /**
   * Reads what the client has sent: `count` bytes, which arrived at `nowMs`.
   * @returns when its next bytes may be received, or null when they may be now
   */
  read(
    work: PartedWork,
    { turns, pacer }: Pick<ConnectionContext, "turns" | "pacer">,
    nowMs: number,
    count: number,
  ): Promise<void> | null {
    const isMore = this.#readSize.note(count);
    const later = turns.run(work, this.#allowance, nowMs);
    if (later !== null) return later.then(() => this.#catchUp() ?? undefined);
    return this.#catchUp() ??
      pacer.pause(mergedReadsOf(this.#admission.service.config), nowMs, isMore);
  }

  /** Waits for a stream in another thread that has fallen behind. */
  #catchUp(): Promise<void> | null {
    const handle = this.#handle;
    if (handle?.whenReady === undefined) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    return handle.whenReady(resolve) ? promise : null;
  }

  /** An edge that is slow to answer a ping sends media. */
  #noteLife(nowMs: number): void {
    this.#mediaSinceMs ??= nowMs;
    if (nowMs - this.#mediaSinceMs >= EDGE_ANSWER_MS) this.onPong();
  }

  /** The client has answered a ping. */
  onPong(): void {
    const waiting = this.#onAlive;
    this.#onAlive = new Set();
    for (const onAlive of waiting) onAlive();
  }

  /** The publisher stops or is gone. */
  leave(departure: Departure): void {
    this.#ticket?.leave(departure);
  }

  /** An edge that has sent media, and so may have lost its own publisher since. */
  get #isEdgeWithMedia(): boolean {
    return this.#hasMedia && this.#admission.request.edgePath.length > 0;
  }
}
