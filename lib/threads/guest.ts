/**
 * The other side of a link: streams whose home is another event loop. Their players here follow a copy, and
 * their publishers are handed over.
 */

import type { Hub } from "../hub/hub.ts";
import { HeaderSet } from "../hub/header_set.ts";
import type { EndReason, PublishHandle, SourceChange } from "../hub/publisher.ts";
import { qualifiedName } from "../hub/qualified_name.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { TimePair } from "../hub/timeline.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Departure, PublishAnswer, PublishTicket } from "../server/vhost_service.ts";
import { MessageType } from "../rtmp/constants.ts";
import { isMedia, payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { OutwardEvent } from "./bridge_event.ts";
import type { BridgeLink } from "./bridge_link.ts";

/** A wish that its home is told of, again when the home has to be replaced. */
interface Wish {
  /** Asks the home. */
  ask(): void;
  /** The home is gone with all it knew. */
  onHomeLost(): void;
  handle(event: OutwardEvent): void;
}

/** See the file comment. One per home. */
export class Guest {
  readonly #chunkSize: number;
  readonly #copies = new Map<string, CopiedStream>();
  readonly #wishes = new Map<number, Wish>();
  #link: BridgeLink;
  #lastId = 0;

  constructor(link: BridgeLink, chunkSize: number) {
    this.#link = link;
    this.#chunkSize = chunkSize;
  }

  /** Takes what the home says. */
  handle(event: OutwardEvent): void {
    this.#wishes.get(event.id)?.handle(event);
  }

  /** The home was lost, and another loop is in its place: whatever is wished for is asked for again. */
  reconnect(link: BridgeLink): void {
    this.#link.close();
    this.#link = link;
    for (const wish of this.#wishes.values()) {
      wish.onHomeLost();
      wish.ask();
    }
  }

  /** Adds a player. `hub` keeps the copies of the vhost. */
  play(vhost: string, hub: Hub, request: StreamRequest, viewer: Viewer): Stream {
    const key = qualifiedName(vhost, request.name);
    let copy = this.#copies.get(key);
    if (copy === undefined) {
      copy = new CopiedStream({
        stream: hub.open(request.name),
        id: ++this.#lastId,
        chunkSize: this.#chunkSize,
        ask: (id) => this.#link.send({ type: "play", id, vhost, request }),
      });
      this.#copies.set(key, copy);
      this.#wishes.set(copy.id, copy);
      copy.ask();
    }
    copy.stream.join(viewer);
    return copy.stream;
  }

  /** Removes a player. */
  leave(vhost: string, stream: Stream, viewer: Viewer): void {
    const key = qualifiedName(vhost, stream.name);
    const copy = this.#copies.get(key);
    stream.leave(viewer);
    if (copy === undefined || stream.viewerCount > 0) return;
    this.#copies.delete(key);
    this.#wishes.delete(copy.id);
    copy.close();
    this.#link.send({ type: "leave", id: copy.id });
  }

  /** Hands a publisher over. */
  publish(vhost: string, request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const publisher = new HandedOver({
      id: ++this.#lastId,
      answer,
      chunkSize: this.#chunkSize,
      link: () => this.#link,
      ask: (id) => this.#link.send({ type: "publish", id, vhost, request }),
      onLeft: (id) => this.#wishes.delete(id),
    });
    this.#wishes.set(publisher.id, publisher);
    publisher.ask();
    return publisher;
  }
}

/** Options of {@linkcode CopiedStream}. */
interface CopiedStreamOptions {
  readonly id: number;
  readonly stream: Stream;
  readonly chunkSize: number;
  readonly ask: (id: number) => void;
}

/** A stream as its home tells it. */
class CopiedStream implements Wish {
  readonly id: number;
  readonly stream: Stream;
  readonly #options: CopiedStreamOptions;
  #handle: PublishHandle | null = null;
  /** The newest message, on the home's clock and on ours. */
  #newest: TimePair | null = null;

  constructor(options: CopiedStreamOptions) {
    this.id = options.id;
    this.stream = options.stream;
    this.#options = options;
  }

  ask(): void {
    this.#options.ask(this.id);
  }

  onHomeLost(): void {
    this.#end("lost");
  }

  handle(event: OutwardEvent): void {
    if (event.type === "bytes") this.#append(event.bytes);
    if (event.type === "change") this.#change(event.change);
  }

  /** Nobody plays it any more. */
  close(): void {
    this.#end("lost");
  }

  #change(change: SourceChange): void {
    switch (change.type) {
      case "began":
        this.#handle = this.stream.publish();
        return;
      case "resumed":
        this.#handle = this.#newest === null
          ? this.stream.publish()
          : this.stream.resume(this.#newest);
        return;
      case "ended":
        return this.#end(change.reason);
      case "unpublished":
        return this.stream.unpublish();
      default:
        change satisfies never;
    }
  }

  #append(bytes: Uint8Array): void {
    const { chunkSize } = this.#options;
    for (const message of splitMessages(bytes, chunkSize)) {
      const { typeId, timestampMs } = message;
      // Statuses for players come from the stream here.
      if (!isMedia(typeId)) continue;
      const streamMs = this.#handle!.push(typeId, timestampMs, payloadOf(message, chunkSize));
      if (typeId !== MessageType.DATA_AMF0) this.#newest = { sourceMs: timestampMs, streamMs };
    }
  }

  #end(reason: EndReason): void {
    this.#handle?.end(reason);
    this.#handle = null;
  }
}

/** Options of {@linkcode HandedOver}. */
interface HandedOverOptions {
  readonly id: number;
  readonly answer: PublishAnswer;
  readonly chunkSize: number;
  readonly link: () => BridgeLink;
  readonly ask: (id: number) => void;
  readonly onLeft: (id: number) => void;
}

/** A publisher who is connected here and feeds a stream at its home. */
class HandedOver implements Wish, PublishTicket, PublishHandle {
  readonly id: number;
  readonly #options: HandedOverOptions;
  /** Knows the headers, which a home that takes the place of a lost one must be told. */
  #headers = new HeaderSet();
  #isAccepted = false;
  #isClosed = false;

  constructor(options: HandedOverOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  ask(): void {
    this.#options.ask(this.id);
  }

  onHomeLost(): void {}

  handle(event: OutwardEvent): void {
    const { answer, onLeft } = this.#options;
    switch (event.type) {
      case "accepted":
        if (this.#isAccepted) return this.#sendHeaders();
        this.#isAccepted = true;
        return answer.onAccepted(this);
      case "refused":
        onLeft(this.id);
        if (!this.#isAccepted) return answer.onRefused(event.refusal);
        this.#isClosed = true;
        return answer.onReplaced();
      case "replaced":
        onLeft(this.id);
        this.#isClosed = true;
        return answer.onReplaced();
    }
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): number {
    if (this.#isClosed) return 0;
    this.#headers = this.#headers.after(typeId, payload);
    this.#send(typeId, timestampMs, payload.slice());
    return timestampMs;
  }

  end(): void {
    this.leave("stopped");
  }

  leave(departure: Departure): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onLeft(this.id);
    this.#options.link().send({ type: "depart", id: this.id, departure });
  }

  #sendHeaders(): void {
    const { chunkSize } = this.#options;
    const headers = this.#headers.encode(0, chunkSize);
    for (const message of splitMessages(headers, chunkSize)) {
      this.#send(message.typeId, 0, payloadOf(message, chunkSize).slice());
    }
  }

  #send(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#options.link().send({ type: "media", id: this.id, typeId, timestampMs, payload });
  }
}
