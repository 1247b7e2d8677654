import type { VhostConfig } from "../config/config.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { NetAddress } from "../io/transport.ts";
import type { LocalVhost } from "../origin/local_vhost.ts";
import { hasHandoverToken, withHandoverToken } from "../server/handover.ts";
import type {
  NameReservation,
  PublishAnswer,
  PublishTicket,
  VhostService,
  VhostUpstreams,
} from "../server/vhost_service.ts";

/**
 * The other processes of a replacement: those that this one replaces, while they serve their last
 * clients, and those that replace this one.
 */
export interface HandoverTarget {
  /** Where they are; empty while none of them runs. */
  readonly addresses: readonly NetAddress[];
  /** Lets this process in there. */
  readonly token: string;
}

/** Options of {@linkcode HandoverVhost}. */
interface HandoverVhostOptions {
  /** The origin's vhost. */
  readonly local: LocalVhost;
  /** Makes an edge of the other processes, with the hub of the origin. */
  readonly createEdge: (target: HandoverTarget) => VhostService;
  /** The settings of such an edge. */
  readonly configFor: (target: HandoverTarget) => VhostConfig;
}

/** Makes the edge want a stream. Players join the hub's stream by themselves. */
class Keeper implements Viewer {
  readonly cursor = -1;
  /** The other processes do not have the stream. Called again whenever they say so. */
  readonly onMissing: () => void;

  constructor(onMissing: () => void) {
    this.onMissing = onMissing;
  }

  onLive(): void {}
}

/** A stream that has players, and what the newest of them asked for. */
interface WatchedStream {
  readonly stream: Stream;
  readonly request: StreamRequest;
  readonly playerCount: number;
}

/** A stream that comes from another process. */
interface Pull {
  readonly edge: VhostService;
  readonly stream: Stream;
  readonly keeper: Keeper;
}

/**
 * An origin's vhost in a process that replaces another one, and in that one while it serves its
 * last clients: streams that have no publisher here are pulled from the other process, as long as
 * it runs. So the new process has what is still published at the old one, and players that stay
 * with the old one keep a stream whose publisher has returned to the new one. There are several
 * others when the old process has itself replaced one that still runs.
 *
 * ```
 *            play, no publisher, takeOver()          publish, no players, takeOver(null)
 *   local ────────────────────────────────▶ pulled ─────────────────────────────────────▶ local
 *            publisher left, players stay
 * ```
 *
 * So a publisher that ends the stream may have moved. Players wait for the other process's answer,
 * and are told the end when it does not have the stream.
 */
export class HandoverVhost implements VhostService {
  readonly #options: HandoverVhostOptions;
  readonly #local: LocalVhost;
  /** By stream name. */
  readonly #pulls = new Map<string, Pull>();
  /** By stream name. */
  readonly #watched = new Map<string, WatchedStream>();
  /** The pulls of the other process, for which nothing is pulled from there. */
  readonly #foreign = new Set<Viewer>();
  #target: HandoverTarget | null = null;

  constructor(options: HandoverVhostOptions) {
    this.#options = options;
    this.#local = options.local;
  }

  /** The other processes that can be reached; null when there are none and none will be. */
  takeOver(target: HandoverTarget | null): void {
    const isSame = target !== null && target.token === this.#target?.token;
    this.#target = target === null || target.addresses.length === 0 ? null : target;
    for (const [name, { edge }] of [...this.#pulls]) {
      if (isSame && this.#target !== null) edge.configure(this.#options.configFor(target));
      else this.#endPull(name);
    }
    for (const watched of [...this.#watched.values()]) this.#want(watched);
  }

  /** Takes no more streams from the other processes: the server stops. */
  takeNoMore(): void {
    this.#target = null;
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

  check(): null {
    return this.#local.check();
  }

  reserve(request: StreamRequest, onRoom: (hasRoom: boolean) => void): NameReservation {
    return this.#local.reserve(request, onRoom);
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    if (hasHandoverToken(request.url.params)) return this.#playForeign(request, viewer);
    // While the other process runs, it may have the stream.
    const wantsAnswer = request.wantsAnswer === true && this.#target === null;
    const stream = this.#local.play({ ...request, wantsAnswer }, viewer);
    const { playerCount = 0 } = this.#watched.get(request.name) ?? {};
    const watched = { stream, request, playerCount: playerCount + 1 };
    this.#watched.set(request.name, watched);
    this.#want(watched);
    return stream;
  }

  leave(stream: Stream, viewer: Viewer): void {
    const { name } = stream;
    this.#local.leave(stream, viewer);
    const watched = this.#watched.get(name);
    if (this.#foreign.delete(viewer) || watched === undefined) return;
    const playerCount = watched.playerCount - 1;
    if (playerCount > 0) return void this.#watched.set(name, { ...watched, playerCount });
    this.#watched.delete(name);
    this.#endPull(name);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const { name } = request;
    this.#endPull(name);
    const ticket = this.#local.publish(request, answer);
    return {
      leave: (departure) => {
        const watched = this.#watched.get(name);
        if (watched === undefined || this.#target === null) return ticket.leave(departure);
        ticket.leave("lost");
        this.#want(watched, departure === "stopped");
      },
    };
  }

  async close(): Promise<void> {
    this.#watched.clear();
    this.takeOver(null);
    await this.#local.close();
  }

  /** The other process plays a stream. It gets nothing that comes from there. */
  #playForeign(request: StreamRequest, viewer: Viewer): Stream {
    const { name } = request;
    this.#foreign.add(viewer);
    // No stream has such a name, so it is not there.
    return this.#local.play(
      this.#pulls.has(name) ? { ...request, name: `${name}?` } : request,
      viewer,
    );
  }

  /**
   * Pulls a stream, unless it has a source.
   *
   * @param isEnded Its publisher has ended it here.
   */
  #want({ stream: { hasSource }, request }: WatchedStream, isEnded = false): void {
    const { name, url } = request;
    const target = this.#target;
    if (target === null || hasSource || this.#pulls.has(name)) return;
    const edge = this.#options.createEdge(target);
    const keeper = new Keeper(() => {
      if (isEnded) this.#local.endWait(name);
    });
    const params = withHandoverToken(url.params, target.token);
    const stream = edge.play(
      { ...request, url: { ...url, params }, wantsAnswer: true },
      keeper,
    );
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
