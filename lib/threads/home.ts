/**
 * The home's side of a link: the players and publishers of another event loop, who look to a vhost here like
 * any others. All players that the other loop has of a stream are one here.
 */

import type { Clock } from "../base/clock.ts";
import type { PublishHandle, SourceChange } from "../hub/publisher.ts";
import type { Stream, StreamObserver, Viewer } from "../hub/stream.ts";
import type { Flushable } from "../io/flush_queue.ts";
import type { FlushWheel, WheelSeat } from "../io/flush_wheel.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type {
  Departure,
  PublishAnswer,
  PublishTicket,
  VhostService,
} from "../server/vhost_service.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { HomewardEvent } from "./bridge_event.ts";
import type { BridgeLink } from "./bridge_link.ts";

/** Options of {@linkcode Home}. */
export interface HomeOptions {
  readonly link: BridgeLink;
  /** By name. */
  readonly vhosts: ReadonlyMap<string, VhostService>;
  /** When copies are sent. */
  readonly wheel: FlushWheel;
  readonly clock: Clock;
}

/** See the file comment. One per link. */
export class Home {
  readonly #options: HomeOptions;
  readonly #copies = new Map<number, Copy>();
  readonly #publishers = new Map<number, DistantPublisher>();

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  /** Takes what the other loop says. */
  handle(event: HomewardEvent): void {
    const { id } = event;
    switch (event.type) {
      case "play":
        this.#copies.set(id, new Copy(id, event.request, this.#vhost(event.vhost), this.#options));
        return;
      case "leave":
        this.#copies.get(id)?.leave();
        this.#copies.delete(id);
        return;
      case "publish": {
        const publisher = new DistantPublisher(id, this.#options);
        this.#publishers.set(id, publisher);
        publisher.ask(this.#vhost(event.vhost), event.request);
        return;
      }
      case "media":
        this.#publishers.get(id)?.push(event.typeId, event.timestampMs, event.payload);
        return;
      case "depart":
        this.#publishers.get(id)?.depart(event.departure);
        this.#publishers.delete(id);
        return;
      default:
        event satisfies never;
    }
  }

  /** The other loop is gone: so are its players, and its publishers are lost. */
  close(): void {
    for (const copy of this.#copies.values()) copy.leave();
    for (const publisher of this.#publishers.values()) publisher.depart("lost");
    this.#copies.clear();
    this.#publishers.clear();
  }

  #vhost(name: string): VhostService {
    return this.#options.vhosts.get(name)!;
  }
}

/** Sends a stream to the other loop: what joiners need, then all that comes, and what its source does. */
class Copy implements Viewer, StreamObserver, Flushable {
  isQueued = false;
  readonly #id: number;
  readonly #link: BridgeLink;
  readonly #service: VhostService;
  readonly #stream: Stream;
  readonly #seat: WheelSeat;
  #cursor = -1;

  constructor(id: number, request: StreamRequest, service: VhostService, options: HomeOptions) {
    this.#id = id;
    this.#link = options.link;
    this.#service = service;
    this.#stream = service.play(request, this);
    this.#stream.observe(this);
    if (this.#stream.isLive) this.#sendBacklog();
    this.#seat = options.wheel.add(this);
  }

  get cursor(): number {
    return this.#cursor;
  }

  onLive(): void {}

  onSourceChange(change: SourceChange): void {
    if (change.type === "began") {
      this.#cursor = this.#stream.log.head;
    } else {
      this.flush();
    }
    this.#link.send({ type: "change", id: this.#id, change });
  }

  flush(): void {
    const { log } = this.#stream;
    if (this.#cursor < 0) return;
    // A burst may have pushed out what was not visited yet: it is lost, as it is for players who lag so far.
    this.#cursor = Math.max(this.#cursor, log.tail);
    while (this.#cursor < log.head) {
      const view = log.view(this.#cursor);
      this.#cursor += view.length;
      this.#link.send({ type: "bytes", id: this.#id, bytes: view.slice() });
    }
  }

  leave(): void {
    this.#seat.leave();
    this.#stream.unobserve(this);
    this.#service.leave(this.#stream, this);
  }

  #sendBacklog(): void {
    const id = this.#id;
    this.#link.send({ type: "change", id, change: { type: "began" } });
    const oldest = this.#stream.joinPointAt(0);
    if (oldest !== null) {
      this.#link.send({ type: "bytes", id, bytes: this.#stream.preamble(oldest) });
    }
    this.#cursor = oldest?.offset ?? this.#stream.log.head;
    this.flush();
    if (this.#stream.hasSource) return;
    this.#link.send({ type: "change", id, change: { type: "ended", reason: "lost" } });
  }
}

/** A publisher whose connection is in the other loop. */
class DistantPublisher implements PublishAnswer {
  lastHeardMs: number;
  readonly #id: number;
  readonly #link: BridgeLink;
  readonly #clock: Clock;
  #ticket: PublishTicket | null = null;
  #handle: PublishHandle | null = null;

  constructor(id: number, { link, clock }: HomeOptions) {
    this.#id = id;
    this.#link = link;
    this.#clock = clock;
    this.lastHeardMs = clock.now();
  }

  /** Asks the vhost; the answer may come at once. */
  ask(service: VhostService, request: StreamRequest): void {
    this.#ticket = service.publish(request, this);
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.lastHeardMs = this.#clock.now();
    this.#handle?.push(typeId, timestampMs, payload);
  }

  depart(departure: Departure): void {
    this.#ticket?.leave(departure);
  }

  onAccepted(handle: PublishHandle): void {
    this.#handle = handle;
    this.#link.send({ type: "accepted", id: this.#id });
  }

  onRefused(refusal: Refusal): void {
    this.#link.send({ type: "refused", id: this.#id, refusal });
  }

  onReplaced(): void {
    this.#link.send({ type: "replaced", id: this.#id });
  }
}
