import type { Logger } from "../base/log.ts";
import type { VhostConfig } from "../config/config.ts";
import type { ForwardDestination } from "../config/forward_config.ts";
import { parseDestination } from "../config/forward_values.ts";
import type { Hub, HubObserver } from "../hub/hub.ts";
import type { SourceChange } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { formatAddress } from "../io/address.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import { DialGate } from "../upstream/dial_gate.ts";
import { MovePace } from "../upstream/move_pace.ts";
import { OutageRoom } from "../upstream/outage_room.ts";
import { OriginSet, type OriginSettings } from "../upstream/origin_set.ts";
import type {
  UpstreamContext,
  UpstreamDeps,
  UpstreamSettings,
} from "../upstream/upstream_context.ts";
import { createUpstreamTotals } from "../upstream/upstream_report.ts";
import type { UpstreamSnapshot, UpstreamTotals } from "../upstream/upstream_snapshot.ts";
import { isForOne, takes } from "./destination.ts";
import { ForwardedStream } from "./forwarded_stream.ts";
import { StreamCopy } from "./stream_copy.ts";

/** Options of {@linkcode Forward}. */
interface ForwardOptions {
  readonly config: VhostConfig;
  readonly hub: Hub;
  readonly deps: UpstreamDeps;
  readonly wheels: FlushWheels;
  readonly logger: Logger;
  /** Calls `answer` as soon as the publisher of stream `name` gives a sign of life. */
  readonly vouch: (name: string, answer: () => void, deny: () => void) => void;
  /** Asks the `backend` of the vhost where a stream goes; null when it did not say. */
  readonly ask: (
    config: VhostConfig,
    request: StreamRequest,
  ) => Promise<readonly string[] | null>;
  /** Whether stream `name` comes from the process that this one replaces, which forwards it. */
  readonly isPulled: (name: string) => boolean;
}

/** What copies for one destination share. */
interface Lane {
  readonly context: UpstreamContext;
  readonly origins: OriginSet;
  readonly settings: () => LaneSettings;
}

type LaneSettings = UpstreamSettings & OriginSettings;

/** Destinations are flushed often: there are a few per stream, not thousands. */
const PERIOD_MS = 20;

/** Pause before a `backend` that did not answer is asked again, in ms. */
const ASK_AGAIN_MS = 5_000;

/** Longest pause before a destination that failed is tried again, in ms, at least. */
const RETRY_MAX_MS = 3_000;

/**
 * Copies the streams of an origin vhost to other servers (`forward`). Each copy has its own
 * connection, so a destination that is dead or slow hurts no other and no player. Follows the
 * sources of the hub, and the settings: destinations come and go while streams run.
 */
export class Forward implements HubObserver {
  readonly totals: UpstreamTotals = createUpstreamTotals();
  readonly #options: ForwardOptions;
  readonly #streams = new Map<Stream, ForwardedStream>();
  readonly #lanes = new Map<string, Lane>();
  /** Pushes that are not over yet, including stopped ones. */
  readonly #tasks = new Set<Promise<void>>();
  #config: VhostConfig;
  #unobserve: () => void = () => {};

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** Begins to follow the hub. Called once. */
  start(): void {
    this.#unobserve = this.#options.hub.observe(this);
  }

  /** Applies new settings: destinations that stay keep their connections. */
  configure(config: VhostConfig): void {
    this.#config = config;
    for (const { origins, settings } of this.#lanes.values()) origins.configure(settings());
    for (const stream of this.#options.hub.streams()) {
      if (stream.hasSource) this.#begin(stream);
    }
    this.#arrange();
  }

  /** The copies of stream `name`. */
  of(name: string): readonly UpstreamSnapshot[] {
    for (const { stream, snapshots } of this.#streams.values()) {
      if (stream.name === name) return snapshots;
    }
    return [];
  }

  /** Copies that are sent, or wait for their destination. */
  get count(): number {
    let count = 0;
    for (const { snapshots } of this.#streams.values()) count += snapshots.length;
    return count;
  }

  onSourceChange(stream: Stream, change: SourceChange): void {
    const isOver = change.type === "unpublished" ||
      change.type === "ended" && change.reason === "unpublished";
    if (isOver) return this.#end(stream);
    if (change.type === "ended") return;
    if (this.#begin(stream)) this.#arrange();
  }

  /** Destinations get what is left, but not the end of the streams. */
  async close(): Promise<void> {
    this.#unobserve();
    for (const forwarded of this.#streams.values()) {
      for (const copy of forwarded.copies.values()) copy.leave();
      forwarded.cancelAsk();
      forwarded.stream.leave(forwarded);
    }
    this.#streams.clear();
    await Promise.all(this.#tasks);
  }

  /** @returns whether the stream is new */
  #begin(stream: Stream): boolean {
    const { forward } = this.#config;
    const request = stream.sourceRequest;
    const known = this.#streams.get(stream);
    if (request === null || !forward.enabled || this.#options.isPulled(stream.name)) return false;
    if (known !== undefined) {
      known.begin(request);
      return false;
    }
    const forwarded = new ForwardedStream(stream, request);
    this.#streams.set(stream, forwarded);
    stream.join(forwarded);
    return true;
  }

  #end(stream: Stream): void {
    const forwarded = this.#streams.get(stream);
    if (forwarded === undefined) return;
    this.#streams.delete(stream);
    forwarded.keepOnly(new Set());
    forwarded.cancelAsk();
    stream.leave(forwarded);
    // A destination that takes one stream at a time is free for the next.
    this.#arrange();
  }

  /** Begins copies that are wanted, and ends those that no longer are. */
  #arrange(): void {
    for (const forwarded of this.#streams.values()) {
      this.#chooseSource(forwarded);
      const wanted = this.#destinationsOf(forwarded);
      forwarded.keepOnly(new Set(wanted.map(({ url }) => url)));
    }
    for (const forwarded of this.#streams.values()) {
      for (const destination of this.#destinationsOf(forwarded)) this.#add(forwarded, destination);
    }
    this.#dropLanes();
  }

  /** The list of the settings, or what `backend` says. */
  #chooseSource(forwarded: ForwardedStream): void {
    const { enabled, backend } = this.#config.forward;
    if (!enabled || backend.length === 0) {
      forwarded.cancelAsk();
      forwarded.answered = null;
    } else if (forwarded.answered === null) {
      forwarded.answered = [];
      void this.#ask(forwarded);
    }
  }

  async #ask(forwarded: ForwardedStream): Promise<void> {
    const { ask, deps: { clock }, logger } = this.#options;
    const urls = await ask(this.#config, forwarded.request);
    const { stream } = forwarded;
    if (this.#streams.get(stream) !== forwarded || forwarded.answered === null) return;
    if (urls === null) {
      forwarded.cancelAsk = clock.after(ASK_AGAIN_MS, () => void this.#ask(forwarded));
      return;
    }
    forwarded.answered = urls.flatMap((url) =>
      parseDestination(url, (fix) => {
        const line = logger.for("forward", stream.name);
        line.warning("Callback on_forward names a destination that is not valid", { fix });
      }) ?? []
    );
    this.#arrange();
  }

  #destinationsOf({ stream, answered }: ForwardedStream): readonly ForwardDestination[] {
    const { enabled, destinations } = this.#config.forward;
    if (!enabled) return [];
    return (answered ?? destinations).filter((destination) => takes(destination, stream.name));
  }

  #add(forwarded: ForwardedStream, destination: ForwardDestination): void {
    const { url, address } = destination;
    const { stream, copies, passedOver } = forwarded;
    if (copies.has(url)) return;
    const logger = this.#options.logger.for("forward", stream.name);
    if (isForOne(destination) && this.#isUsed(url)) {
      if (passedOver.has(url)) return;
      passedOver.add(url);
      const fix = "write live/show=URL for the stream that goes there, or [stream] in the URL";
      return logger.info("Forward passed over: another stream goes there", {
        origin: formatAddress(address),
        fix,
      });
    }
    const copy = new StreamCopy({
      destination,
      ...this.#laneOf(destination),
      totals: this.totals,
      stream,
      request: () => forwarded.request,
      wheel: this.#options.wheels.for(PERIOD_MS),
      logger,
      vouch: (answer, deny) => this.#options.vouch(stream.name, answer, deny),
      onTask: (ended) => this.#track(ended),
    });
    copies.set(url, copy);
    copy.begin();
  }

  #isUsed(url: string): boolean {
    for (const { copies } of this.#streams.values()) if (copies.has(url)) return true;
    return false;
  }

  #laneOf(destination: ForwardDestination): Lane {
    const { url } = destination;
    let lane = this.#lanes.get(url);
    if (lane === undefined) {
      lane = this.#createLane(destination);
      this.#lanes.set(url, lane);
    }
    return lane;
  }

  #createLane({ address, app, stream }: ForwardDestination): Lane {
    const { deps, logger } = this.#options;
    const { clock, signer } = deps;
    const { name } = this.#config;
    const isAsPublished = app + stream === "";
    const settings = (): LaneSettings => {
      const { cluster } = this.#config;
      return {
        ...cluster,
        origins: [address],
        originSelect: "ordered",
        vhost: "[vhost]",
        debugSrsUpnode: false,
        retryMaxMs: Math.max(cluster.retryMaxMs, RETRY_MAX_MS),
      };
    };
    return {
      settings,
      origins: new OriginSet({ vhost: name, settings: settings(), clock }),
      context: {
        ...deps,
        settings,
        sign: (action, target) => isAsPublished && signer?.sign(name, action, target) || target,
        gate: new DialGate({
          clock,
          logger: logger.for("forward", name),
          maxUpstreams: () => this.#config.cluster.maxUpstreams,
        }),
        pace: new MovePace(clock, Math.random),
        room: new OutageRoom(),
      },
    };
  }

  #dropLanes(): void {
    for (const url of this.#lanes.keys()) if (!this.#isUsed(url)) this.#lanes.delete(url);
  }

  #track(ended: Promise<void>): void {
    const task = ended.finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }
}
