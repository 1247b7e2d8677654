/**
 * An origin: publishers and players of a stream meet in its hub. Players wait a while for a publisher whose
 * connection was lost, and are told only when it does not return.
 */

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { VhostConfig } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import { mayTakeOver, refuseBusy } from "../server/takeover.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type {
  Departure,
  PublishAnswer,
  PublishTicket,
  VhostService,
} from "../server/vhost_service.ts";

/** Options of {@linkcode LocalVhost}. */
export interface LocalVhostOptions {
  readonly config: VhostConfig;
  readonly hub: Hub;
  readonly clock: Clock;
}

/** Who publishes a stream. */
interface Publisher {
  readonly answer: PublishAnswer;
  readonly handle: PublishHandle;
  readonly stream: Stream;
}

/** See the file comment. */
export class LocalVhost implements VhostService {
  #config: VhostConfig;
  readonly #hub: Hub;
  readonly #clock: Clock;
  /** By the names of their streams. */
  readonly #publishers = new Map<string, Publisher>();
  /** Streams with players whose publisher is away. */
  readonly #graces = new Map<Stream, CancelTimer>();

  constructor({ config, hub, clock }: LocalVhostOptions) {
    this.#config = config;
    this.#hub = hub;
    this.#clock = clock;
  }

  get config(): VhostConfig {
    return this.#config;
  }

  configure(config: VhostConfig): void {
    this.#config = config;
  }

  upstreams(): null {
    return null;
  }

  check(): null {
    return null;
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    const stream = this.#hub.open(request.name);
    stream.join(viewer);
    return stream;
  }

  leave(stream: Stream, viewer: Viewer): void {
    stream.leave(viewer);
    // The hub has forgotten it.
    if (stream.viewerCount === 0) this.#endGrace(stream);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const { name } = request;
    this.#makeRoom(name);
    const stream = this.#hub.open(name);
    const handle = stream.publish(request);
    if (handle === null) {
      answer.onRefused(refuseBusy(name));
      return { leave() {} };
    }
    this.#endGrace(stream);
    const publisher = { answer, handle, stream };
    this.#publishers.set(name, publisher);
    answer.onAccepted(handle);
    return { leave: (departure) => this.#end(publisher, departure) };
  }

  close(): Promise<void> {
    for (const cancel of this.#graces.values()) cancel();
    this.#graces.clear();
    return Promise.resolve();
  }

  /** Parts the stream from the publisher it has, if the newcomer may have it. */
  #makeRoom(name: string): void {
    const present = this.#publishers.get(name);
    if (present === undefined) return;
    if (!mayTakeOver(present.answer, this.config.publish.takeover, this.#clock.now())) return;
    this.#publishers.delete(name);
    present.handle.end("away");
    present.answer.onReplaced();
  }

  #end(publisher: Publisher, departure: Departure): void {
    const { stream, handle } = publisher;
    if (this.#publishers.get(stream.name) !== publisher) return;
    this.#publishers.delete(stream.name);
    const { graceMs } = this.config.publish;
    if (departure === "stopped" || graceMs === 0) return handle.end("unpublished");
    handle.end("away");
    if (stream.viewerCount > 0) this.#beginGrace(stream, graceMs);
  }

  #beginGrace(stream: Stream, graceMs: number): void {
    const cancel = this.#clock.after(graceMs, () => {
      this.#graces.delete(stream);
      stream.unpublish();
    });
    this.#graces.set(stream, cancel);
  }

  #endGrace(stream: Stream): void {
    this.#graces.get(stream)?.();
    this.#graces.delete(stream);
  }
}
