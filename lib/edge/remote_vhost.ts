import { UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ClusterConfig, OriginAddress, VhostConfig } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { mergedReadsOf } from "../io/read_pacer.ts";
import { formatAddress } from "../io/address.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import { type CheckRoom, NameReservations } from "../server/name_reservations.ts";
import type { SlateDeps } from "../server/slate.ts";
import type {
  ClientCheck,
  NameReservation,
  PublishAnswer,
  PublishTicket,
  UpstreamSelector,
  VhostService,
  VhostUpstreams,
} from "../server/vhost_service.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { DialGate } from "../upstream/dial_gate.ts";
import { OriginDiscovery } from "../upstream/origin_discovery.ts";
import { MovePace } from "../upstream/move_pace.ts";
import { OutageRoom } from "../upstream/outage_room.ts";
import { OriginSet } from "../upstream/origin_set.ts";
import { findOrigin, mayLeadTo } from "../upstream/redirect.ts";
import type { UpstreamDeps } from "../upstream/upstream_context.ts";
import { createUpstreamTotals } from "../upstream/upstream_report.ts";
import type {
  DiscoveryReport,
  UpstreamConnections,
  UpstreamSnapshot,
  UpstreamTotals,
} from "../upstream/upstream_snapshot.ts";
import type { EdgeContext } from "./edge_context.ts";
import { EdgeStream } from "./edge_stream.ts";
import { TokenCheck } from "./token_traverse.ts";

/** Options of {@linkcode RemoteVhost}. */
interface RemoteVhostOptions {
  readonly config: VhostConfig;
  readonly hub: Hub;
  readonly deps: UpstreamDeps;
  readonly wheels: FlushWheels;
  readonly logger: Logger;
  /** As of {@linkcode EdgeContext}. */
  readonly slates?: SlateDeps | undefined;
}

/** The settings in force, by which upstream connections are made. */
type ResolvedCluster = Omit<ClusterConfig, "origins"> & {
  readonly origins: readonly OriginAddress[];
};

/** Why streams move, in the log. */
const PLACED_ELSEWHERE = "the addresses of the origins have changed";

/** Pushes are flushed often: there is one origin per stream, not thousands. */
const PUSH_PERIOD_MS = 20;

/**
 * An edge: its streams live at origins, from which they are pulled and to which they are pushed.
 */
export class RemoteVhost implements VhostService, VhostUpstreams {
  readonly totals: UpstreamTotals = createUpstreamTotals();
  readonly #options: RemoteVhostOptions;
  readonly #context: EdgeContext;
  readonly #streams = new Map<string, EdgeStream>();
  readonly #reservations: NameReservations;
  /** Pulls and pushes that are not over yet, including stopped ones. */
  readonly #tasks = new Set<Promise<void>>();
  readonly #discovery: OriginDiscovery;
  #config: VhostConfig;
  /** Those of the vhost, with the origins that names stand for now. */
  #settings: ResolvedCluster;

  constructor(options: RemoteVhostOptions) {
    const { config, deps } = options;
    const { name, cluster } = config;
    this.#options = options;
    this.#reservations = new NameReservations(deps.clock);
    this.#config = config;
    this.#discovery = new OriginDiscovery(cluster, {
      resolver: deps.network.names,
      clock: deps.clock,
      logger: options.logger.for("edge", name),
      onChange: () => this.#applyOrigins(),
    });
    this.#settings = { ...cluster, origins: this.#discovery.origins };
    this.#context = {
      ...deps,
      config: () => this.#config,
      sign: (action, target) => deps.signer?.sign(name, action, target) ?? target,
      settings: () => this.#settings,
      mergedReads: () => mergedReadsOf(this.#config),
      origins: new OriginSet({ vhost: name, settings: this.#settings, clock: deps.clock }),
      gate: new DialGate({
        clock: deps.clock,
        logger: options.logger.for("edge", name),
        maxUpstreams: () => this.#config.cluster.maxUpstreams,
      }),
      pace: new MovePace(deps.clock, Math.random),
      room: new OutageRoom(),
      totals: this.totals,
      slates: options.slates,
    };
  }

  /** Begins to resolve the names among the origins. Called once. */
  start(): void {
    this.#discovery.start();
  }

  get config(): VhostConfig {
    return this.#config;
  }

  configure(config: VhostConfig): void {
    this.#config = config;
    this.#discovery.configure(config.cluster);
    this.#applyOrigins();
  }

  upstreams(): VhostUpstreams {
    return this;
  }

  get count(): number {
    let count = 0;
    for (const { upstreams } of this.#streams.values()) count += upstreams.length;
    return count;
  }

  get connections(): UpstreamConnections {
    const { openCount, waitingCount } = this.#context.gate;
    let lingering = 0;
    for (const stream of this.#streams.values()) if (stream.isLingering) lingering++;
    return { open: openCount, waiting: waitingCount, lingering };
  }

  get discoveries(): readonly DiscoveryReport[] {
    return this.#discovery.reports;
  }

  of(name: string): readonly UpstreamSnapshot[] {
    return this.#streams.get(name)?.upstreams ?? [];
  }

  move(selector: UpstreamSelector, to?: OriginAddress): number {
    const target = to === undefined ? null : this.#moveTarget(to);
    const selects = (upstream: UpstreamSnapshot) => isSelected(upstream, selector);
    let count = 0;
    for (const [name, stream] of this.#streams) {
      if (selector.type === "stream" && selector.name !== name) continue;
      const selected = stream.upstreams.filter(selects).length;
      if (selected > 0) this.#context.pace.add(() => stream.move(selects, target));
      count += selected;
    }
    return count;
  }

  check(
    request: StreamRequest,
    client: ConnectRequest,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    if (!this.#config.cluster.tokenTraverse) return null;
    const logger = this.#options.logger.for("edge", request.name);
    const check = new TokenCheck(this.#context, { request, client, logger, onAnswer });
    check.start();
    return check;
  }

  reserve(request: StreamRequest, onRoom: (hasRoom: boolean) => void): NameReservation {
    const { name } = request;
    const checkRoom: CheckRoom = (onChecked) =>
      this.#streams.get(name)?.checkRoom(request, onChecked) ?? null;
    return this.#reservations.reserve(name, checkRoom, onRoom);
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
    this.#discovery.close();
    this.#context.pace.close();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    // Publishers have just left: their last bytes and the end of the stream go to the origins
    // first.
    await Promise.all(this.#tasks);
  }

  /** @throws {UpstreamError} when streams may not be led there */
  #moveTarget(address: OriginAddress): OriginAddress {
    const settings = this.#settings;
    if (!mayLeadTo(address, settings)) {
      throw new UpstreamError(
        "command",
        `${formatAddress(address)} is no origin of vhost ${this.#config.name}: ` +
          "list it in cluster.origin, or write cluster { redirect any; }",
      );
    }
    return findOrigin(address, settings) ?? address;
  }

  /** Uses the origins that there are now, and moves the streams that belong elsewhere. */
  #applyOrigins(): void {
    const { origins, pace } = this.#context;
    const before = new Map(origins.all.map((origin) => [formatAddress(origin), origin]));
    this.#settings = { ...this.#config.cluster, origins: this.#discovery.origins };
    const moved = new Set(origins.configure(this.#settings));
    const present = new Set(origins.all.map(formatAddress));
    for (const [name, stream] of this.#streams) {
      for (const { state, origin } of stream.upstreams) {
        const from = before.get(origin);
        if (state !== "live" || from === undefined) continue;
        if (!moved.has(name) && present.has(origin)) continue;
        pace.add(() => this.#moveToPlace(name, from));
      }
      stream.configure();
    }
  }

  /** Moves what stream `name` has at `from` to where it belongs among the origins of that name. */
  #moveToPlace(name: string, from: OriginAddress): void {
    const to = this.#context.origins.placeOf(name, from);
    const address = formatAddress(from);
    if (to === null || formatAddress(to) === address) return;
    this.#streams.get(name)?.move(({ origin }) => origin === address, to, PLACED_ELSEWHERE);
  }

  #track(ended: Promise<void>): void {
    const task = ended.finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  #open(name: string): EdgeStream {
    let edgeStream = this.#streams.get(name);
    if (edgeStream === undefined) {
      const { hub, wheels, logger } = this.#options;
      edgeStream = new EdgeStream({
        context: this.#context,
        stream: hub.open(name),
        wheel: wheels.for(PUSH_PERIOD_MS),
        logger: logger.for("edge", name),
        onTask: (ended) => this.#track(ended),
        onUnused: () => this.#streams.delete(name),
      });
      edgeStream.start();
      this.#streams.set(name, edgeStream);
    }
    return edgeStream;
  }
}

/** A standby does not move: it is lost without a trace, and finds another origin by itself. */
function isSelected(
  { kind, state, origin }: UpstreamSnapshot,
  selector: UpstreamSelector,
): boolean {
  if (kind === "standby" || state !== "live") return false;
  return selector.type !== "origin" || origin === formatAddress(selector.origin);
}
