import type { Clock } from "../base/clock.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import type { NameReservation, VhostService } from "../server/vhost_service.ts";
import type { OpenEvent, ToOwnerEvent } from "./bridge_event.ts";
import type { BridgeLink } from "./bridge_link.ts";
import { MirrorFeed } from "./mirror_feed.ts";
import { RemotePublisher } from "./remote_publisher.ts";

/** Options of {@linkcode OwnerShard}. */
interface OwnerShardOptions {
  readonly link: BridgeLink;
  /** By name. Vhosts may be added and removed. */
  readonly vhosts: ReadonlyMap<string, VhostService>;
  /** Paces what is sent to mirrors. */
  readonly wheel: FlushWheel;
  readonly clock: Clock;
}

/**
 * Serves the players and publishers of another worker, one per link. To a vhost here they look like
 * its own clients: one {@linkcode MirrorFeed} per stream, one {@linkcode RemotePublisher} per
 * publisher.
 */
export class OwnerShard {
  readonly #options: OwnerShardOptions;
  readonly #feeds = new Map<number, MirrorFeed>();
  readonly #publishers = new Map<number, RemotePublisher>();
  readonly #reservations = new Map<number, NameReservation>();
  /** For vhosts that the other worker added a moment before this one. */
  readonly #early = new Map<number, OpenEvent>();

  constructor(options: OwnerShardOptions) {
    this.#options = options;
  }

  /** Handles an event of the other worker. */
  handle(event: ToOwnerEvent): void {
    const { id } = event;
    switch (event.type) {
      case "play":
      case "publish":
      case "reserve":
        return this.#open(event);
      case "release":
        this.#early.delete(id);
        this.#reservations.get(id)?.release();
        this.#reservations.delete(id);
        return;
      case "alive":
      case "leaving":
        return this.#publishers.get(id)?.onAnswer(event.type);
      case "audience":
        return this.#feeds.get(id)?.onAudience(event.audience);
      case "leave":
        this.#early.delete(id);
        this.#feeds.get(id)?.close();
        this.#feeds.delete(id);
        return;
      case "media":
        this.#publishers.get(id)?.push(event.typeId, event.timestampMs, event.payload);
        return;
      case "depart":
        this.#early.delete(id);
        this.#publishers.get(id)?.leave(event.departure);
        this.#publishers.delete(id);
        return;
      default:
        event satisfies never;
    }
  }

  /** Handles what was asked of this vhost before it was added. */
  onVhostAdded(name: string): void {
    for (const event of [...this.#early.values()]) {
      if (event.vhost !== name) continue;
      this.#early.delete(event.id);
      this.#open(event);
    }
  }

  /** The other worker is gone: removes its players; its publishers are lost. */
  close(): void {
    for (const feed of this.#feeds.values()) feed.close();
    for (const publisher of this.#publishers.values()) publisher.leave("lost");
    for (const reservation of this.#reservations.values()) reservation.release();
    this.#reservations.clear();
    this.#early.clear();
    this.#feeds.clear();
    this.#publishers.clear();
  }

  #open(event: OpenEvent): void {
    const { id, type, request, vhost } = event;
    const { link, wheel, clock } = this.#options;
    const service = this.#options.vhosts.get(vhost);
    if (service === undefined) {
      this.#early.set(id, event);
    } else if (type === "play") {
      const feed = new MirrorFeed({ id, link, wheel, service });
      this.#feeds.set(id, feed);
      feed.start(request);
    } else if (type === "reserve") {
      const onRoom = (hasRoom: boolean) => link.send({ type: "room", id, hasRoom });
      const reservation = service.reserve(request, onRoom);
      this.#reservations.set(id, reservation);
      if (reservation.isGranted) onRoom(true);
    } else {
      const onEnded = () => this.#publishers.delete(id);
      const publisher = new RemotePublisher({ id, link, clock, onEnded });
      this.#publishers.set(id, publisher);
      publisher.ask(service, request);
    }
  }
}
