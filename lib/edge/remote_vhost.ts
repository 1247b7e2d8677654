/** An edge: its streams live at origins and are carried from and to them. */

import type { VhostConfig } from "../config/config.ts";
import type { Logger } from "../base/log.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type {
  ClientCheck,
  PublishAnswer,
  PublishTicket,
  VhostService,
} from "../server/vhost_service.ts";
import type { UpstreamSnapshot, UpstreamTotals } from "../upstream/upstream_snapshot.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { EdgeContext } from "../upstream/edge_context.ts";
import { EdgeStream } from "./edge_stream.ts";
import { TokenCheck } from "./token_traverse.ts";

/** Options of {@linkcode RemoteVhost}. */
export interface RemoteVhostOptions {
  readonly config: VhostConfig;
  readonly hub: Hub;
  readonly context: EdgeContext;
  readonly wheels: FlushWheels;
  readonly logger: Logger;
}

/** Origins get a stream with little delay: there is one of them, not thousands. */
const PUSH_PERIOD_MS = 20;

/** See the file comment. */
export class RemoteVhost implements VhostService {
  readonly config: VhostConfig;
  readonly #options: RemoteVhostOptions;
  readonly #streams = new Map<string, EdgeStream>();
  /** Pulls and pushes that are not over yet, stopped ones among them. */
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: RemoteVhostOptions) {
    this.config = options.config;
    this.#options = options;
  }

  /** Connections to origins that this vhost has or is making. */
  get upstreamCount(): number {
    let count = 0;
    for (const { upstreams } of this.#streams.values()) count += upstreams.length;
    return count;
  }

  /** The connections to origins of the stream `name`. */
  upstreamsOf(name: string): readonly UpstreamSnapshot[] {
    return this.#streams.get(name)?.upstreams ?? [];
  }

  /** What all pulls and pushes since the start add up to. */
  get totals(): Readonly<UpstreamTotals> {
    return this.#options.context.totals;
  }

  check(
    request: StreamRequest,
    client: ConnectRequest,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    const { context } = this.#options;
    if (!context.cluster.tokenTraverse) return null;
    return new TokenCheck(context, { request, client, onAnswer });
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    const edgeStream = this.#open(request.name);
    edgeStream.addPlayer(request, viewer);
    return edgeStream.stream;
  }

  leave(stream: Stream, viewer: Viewer): void {
    this.#streams.get(stream.name)?.removePlayer(viewer);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    return this.#open(request.name).publish(request, answer);
  }

  async close(): Promise<void> {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    // Publishers have just left: their last bytes and the end of the stream go to the origins first.
    await Promise.all(this.#tasks);
  }

  #track(ended: Promise<void>): void {
    const task = ended.finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  #open(name: string): EdgeStream {
    let edgeStream = this.#streams.get(name);
    if (edgeStream === undefined) {
      const { hub, context, wheels, logger } = this.#options;
      edgeStream = new EdgeStream({
        context,
        publish: this.config.publish,
        stream: hub.open(name),
        wheel: wheels.for(PUSH_PERIOD_MS),
        logger: logger.for("edge", name),
        onTask: (ended) => this.#track(ended),
        onUnused: () => this.#streams.delete(name),
      });
      this.#streams.set(name, edgeStream);
    }
    return edgeStream;
  }
}
