import type { VhostConfig } from "../config/config.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { NetAddress } from "../io/transport.ts";
import { withHandoverToken } from "../server/handover.ts";
import type {
  NameReservation,
  PublishAnswer,
  PublishTicket,
  VhostService,
  VhostUpstreams,
} from "../server/vhost_service.ts";

/** The process that this one replaces, while it serves its last clients. */
export interface HandoverTarget {
  readonly address: NetAddress;
  /** Lets this process in. */
  readonly token: string;
}

/** Options of {@linkcode HandoverVhost}. */
interface HandoverVhostOptions {
  /** The origin's vhost. */
  readonly local: VhostService;
  /** Makes an edge of the other process, with the hub of the origin. */
  readonly createEdge: (target: HandoverTarget) => VhostService;
}

/** Makes the edge want a stream. Players join the hub's stream by themselves. */
class Keeper implements Viewer {
  readonly cursor = -1;
  onLive(): void {}
}

/** A stream that comes from the other process. */
interface Pull {
  readonly edge: VhostService;
  readonly stream: Stream;
  readonly keeper: Keeper;
}

/**
 * An origin's vhost in a process that replaces another one: streams that have no publisher here are
 * pulled from there, as long as it runs.
 *
 * ```
 *            play, no publisher, takeOver()          publish, no players, takeOver(null)
 *   local ────────────────────────────────▶ pulled ─────────────────────────────────────▶ local
 * ```
 */
export class HandoverVhost implements VhostService {
  readonly #options: HandoverVhostOptions;
  readonly #local: VhostService;
  /** By stream name. */
  readonly #pulls = new Map<string, Pull>();
  /** Newest request of each stream that players wait for. */
  readonly #wanted = new Map<string, StreamRequest>();
  #target: HandoverTarget | null = null;

  constructor(options: HandoverVhostOptions) {
    this.#options = options;
    this.#local = options.local;
  }

  /** The other process can be reached; null when it has ended. */
  takeOver(target: HandoverTarget | null): void {
    this.#target = target;
    for (const name of [...this.#pulls.keys()]) this.#endPull(name);
    for (const request of [...this.#wanted.values()]) this.#want(request);
  }

  /** Whether a stream comes from the other process, which then writes its HLS, too. */
  isPulled(name: string): boolean {
    return this.#pulls.has(name);
  }

  get config(): VhostConfig {
    return this.#local.config;
  }

  configure(config: VhostConfig): void {
    this.#local.configure(config);
  }

  upstreams(): VhostUpstreams | null {
    return this.#local.upstreams();
  }

  check(...args: Parameters<VhostService["check"]>): ReturnType<VhostService["check"]> {
    return this.#local.check(...args);
  }

  reserve(request: StreamRequest, onRoom: (hasRoom: boolean) => void): NameReservation {
    return this.#local.reserve(request, onRoom);
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    // While the other process runs, it may have the stream.
    const wantsAnswer = request.wantsAnswer === true && this.#target === null;
    const stream = this.#local.play({ ...request, wantsAnswer }, viewer);
    if (!stream.hasSource) {
      this.#wanted.set(request.name, request);
      this.#want(request);
    }
    return stream;
  }

  leave(stream: Stream, viewer: Viewer): void {
    this.#local.leave(stream, viewer);
    if (stream.viewerCount > (this.#pulls.has(stream.name) ? 1 : 0)) return;
    this.#wanted.delete(stream.name);
    this.#endPull(stream.name);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    this.#wanted.delete(request.name);
    this.#endPull(request.name);
    return this.#local.publish(request, answer);
  }

  async close(): Promise<void> {
    this.#wanted.clear();
    this.takeOver(null);
    await this.#local.close();
  }

  #want(request: StreamRequest): void {
    const { name, url } = request;
    const target = this.#target;
    if (target === null || this.#pulls.has(name)) return;
    const edge = this.#options.createEdge(target);
    const keeper = new Keeper();
    const params = withHandoverToken(url.params, target.token);
    const stream = edge.play({ ...request, url: { ...url, params } }, keeper);
    this.#pulls.set(name, { edge, stream, keeper });
  }

  #endPull(name: string): void {
    const pull = this.#pulls.get(name);
    if (pull === undefined) return;
    this.#pulls.delete(name);
    const { edge, stream, keeper } = pull;
    // It leaves the stream to the players.
    void edge.close();
    stream.leave(keeper);
  }
}
