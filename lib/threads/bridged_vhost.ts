import type { VhostConfig } from "../config/config.ts";
import { groupOf } from "../hls/master_playlists.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type {
  ClientCheck,
  NameReservation,
  PublishAnswer,
  PublishTicket,
  VhostService,
  VhostUpstreams,
} from "../server/vhost_service.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { RemoteShard } from "./remote_shard.ts";

/** Options of {@linkcode BridgedVhost}. */
interface BridgedVhostOptions {
  /** Serves the streams owned by this worker. */
  readonly inner: VhostService;
  /** Holds the mirrors of the other streams. */
  readonly mirrors: Hub;
  /** Returns the shard that owns a stream, or null when this worker does. */
  readonly shardFor: (vhost: string, stream: string) => RemoteShard | null;
}

/** A vhost in one of several workers: streams owned here, and mirrors of the others. */
export class BridgedVhost implements VhostService {
  readonly #options: BridgedVhostOptions;
  /** Those at the start: a live stream must not change its owner. */
  readonly #variants: readonly string[];

  constructor(options: BridgedVhostOptions) {
    this.#options = options;
    this.#variants = options.inner.config.hls.variants;
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

  reserve(request: StreamRequest, onRoom: (hasRoom: boolean) => void): NameReservation {
    const shard = this.#shardFor(request.name);
    return shard === null
      ? this.#options.inner.reserve(request, onRoom)
      : shard.reserve(this.config.name, request, onRoom);
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    const { inner, mirrors } = this.#options;
    const shard = this.#shardFor(request.name);
    return shard === null
      ? inner.play(request, viewer)
      : shard.play(this.config.name, mirrors, request, viewer);
  }

  leave(stream: Stream, viewer: Viewer): void {
    const shard = this.#shardFor(stream.name);
    if (shard === null) return this.#options.inner.leave(stream, viewer);
    shard.leave(stream, viewer);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const shard = this.#shardFor(request.name);
    return shard === null
      ? this.#options.inner.publish(request, answer)
      : shard.publish(this.config.name, request, answer);
  }

  close(): Promise<void> {
    return this.#options.inner.close();
  }

  /** Renditions have one owner, which writes the master playlist that they share. */
  #shardFor(stream: string): RemoteShard | null {
    const name = groupOf(stream, this.#variants)?.name ?? stream;
    return this.#options.shardFor(this.config.name, name);
  }
}
