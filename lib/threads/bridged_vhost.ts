/** A vhost of one event loop among several: the streams at home here, and the others' copies. */

import type { VhostConfig } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type {
  ClientCheck,
  PublishAnswer,
  PublishTicket,
  VhostService,
  VhostUpstreams,
} from "../server/vhost_service.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { Guest } from "./guest.ts";

/** Options of {@linkcode BridgedVhost}. */
export interface BridgedVhostOptions {
  /** Serves the streams that are at home here. */
  readonly inner: VhostService;
  /** Keeps the copies of the others. */
  readonly copies: Hub;
  /** The loop that a stream is at home in, or null when that is this one. */
  readonly guestFor: (vhost: string, name: string) => Guest | null;
}

/** See the file comment. */
export class BridgedVhost implements VhostService {
  readonly #options: BridgedVhostOptions;

  constructor(options: BridgedVhostOptions) {
    this.#options = options;
  }

  get config(): VhostConfig {
    return this.#options.inner.config;
  }

  configure(config: VhostConfig): void {
    this.#options.inner.configure(config);
  }

  upstreams(): VhostUpstreams | null {
    return this.#options.inner.upstreams();
  }

  check(
    request: StreamRequest,
    client: ConnectRequest,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    return this.#options.inner.check(request, client, onAnswer);
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    const { inner, copies } = this.#options;
    const guest = this.#guestFor(request.name);
    return guest === null
      ? inner.play(request, viewer)
      : guest.play(this.config.name, copies, request, viewer);
  }

  leave(stream: Stream, viewer: Viewer): void {
    const guest = this.#guestFor(stream.name);
    if (guest === null) return this.#options.inner.leave(stream, viewer);
    guest.leave(this.config.name, stream, viewer);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const guest = this.#guestFor(request.name);
    return guest === null
      ? this.#options.inner.publish(request, answer)
      : guest.publish(this.config.name, request, answer);
  }

  close(): Promise<void> {
    return this.#options.inner.close();
  }

  #guestFor(name: string): Guest | null {
    return this.#options.guestFor(this.config.name, name);
  }
}
