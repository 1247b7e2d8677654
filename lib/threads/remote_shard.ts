import type { Clock } from "../base/clock.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { NameReservation, PublishAnswer, PublishTicket } from "../server/vhost_service.ts";
import type { FromOwnerEvent } from "./bridge_event.ts";
import type { BridgeLink } from "./bridge_link.ts";
import { Mirror } from "./mirror.ts";
import { ProxiedPublisher } from "./proxied_publisher.ts";

/** What this worker has opened at the owner, and opens again when the owner is replaced. */
interface Opened {
  /** Sends the request to the owner. */
  open(): void;
  /** The owner died, with everything it knew. */
  onOwnerLost(): void;
  handle(event: FromOwnerEvent): void;
}

/**
 * The streams that another worker owns. Their players here follow a {@linkcode Mirror}, shared by
 * all players of a stream; each of their publishers here is a {@linkcode ProxiedPublisher}.
 */
export class RemoteShard {
  readonly #chunkSize: number;
  readonly #clock: Clock;
  /** By the streams they fill. */
  readonly #mirrors = new Map<Stream, Mirror>();
  readonly #opened = new Map<number, Opened>();
  #link: BridgeLink;
  #lastId = 0;

  constructor(link: BridgeLink, chunkSize: number, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.#chunkSize = chunkSize;
  }

  /** Handles an event of the owner. Ignores those about what was closed here meanwhile. */
  handle(event: FromOwnerEvent): void {
    this.#opened.get(event.id)?.handle(event);
  }

  /** The owner died and another worker replaces it: opens everything again over `link`. */
  reconnect(link: BridgeLink): void {
    this.#link.close();
    this.#link = link;
    for (const opened of this.#opened.values()) {
      opened.onOwnerLost();
      opened.open();
    }
  }

  /** Adds a player. `hub` holds the mirrors of the vhost. */
  play(vhost: string, hub: Hub, request: StreamRequest, viewer: Viewer): Stream {
    const stream = hub.open(request.name);
    stream.join(viewer);
    const mirror = this.#mirrors.get(stream) ?? this.#openMirror(vhost, stream, request);
    mirror.viewers.add(viewer);
    if (request.wantsAnswer === true && mirror.lacksAnswer) this.#askForAnswer(mirror);
    mirror.report();
    return stream;
  }

  /** Removes a player; closes the mirror with the last one. */
  leave(stream: Stream, viewer: Viewer): void {
    stream.leave(viewer);
    const mirror = this.#mirrors.get(stream);
    mirror?.viewers.delete(viewer);
    if (stream.viewerCount > 0) return mirror?.report();
    if (mirror === undefined) return;
    this.#mirrors.delete(stream);
    this.#opened.delete(mirror.id);
    mirror.close();
  }

  /** Reserves the name of a new publisher at its owner. */
  reserve(
    vhost: string,
    request: StreamRequest,
    onRoom: (hasRoom: boolean) => void,
  ): NameReservation {
    const id = ++this.#lastId;
    let isAnswered = false;
    const reservation: Opened = {
      open: () => this.#link.send({ type: "reserve", id, vhost, request }),
      onOwnerLost: () => {},
      handle: (event) => {
        if (event.type !== "room" || isAnswered) return;
        isAnswered = true;
        onRoom(event.hasRoom);
      },
    };
    this.#opened.set(id, reservation);
    reservation.open();
    const release = () => {
      if (this.#opened.delete(id)) this.#link.send({ type: "release", id });
    };
    return { isGranted: false, release };
  }

  /** Passes a publisher on to the owner. */
  publish(vhost: string, request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const publisher = new ProxiedPublisher({
      id: ++this.#lastId,
      answer,
      chunkSize: this.#chunkSize,
      send: (event) => this.#link.send(event),
      open: (id) => this.#link.send({ type: "publish", id, vhost, request }),
      onClosed: (id) => this.#opened.delete(id),
    });
    this.#opened.set(publisher.id, publisher);
    publisher.open();
    return publisher;
  }

  /** Those before wait for the stream; the newcomer wants to know that no one has it. */
  #askForAnswer(mirror: Mirror): void {
    this.#opened.delete(mirror.id);
    mirror.askForAnswer(++this.#lastId);
    this.#opened.set(mirror.id, mirror);
  }

  #openMirror(vhost: string, stream: Stream, request: StreamRequest): Mirror {
    const mirror = new Mirror({
      stream,
      id: ++this.#lastId,
      chunkSize: this.#chunkSize,
      clock: this.#clock,
      wantsAnswer: request.wantsAnswer === true,
      open: (id, wantsAnswer) =>
        this.#link.send({ type: "play", id, vhost, request: { ...request, wantsAnswer } }),
      close: (id) => this.#link.send({ type: "leave", id }),
      onAudience: (id, audience) => this.#link.send({ type: "audience", id, audience }),
    });
    this.#mirrors.set(stream, mirror);
    this.#opened.set(mirror.id, mirror);
    mirror.open();
    return mirror;
  }
}
