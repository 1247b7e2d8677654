import type { Clock } from "../../lib/base/clock.ts";
import { silentLogger } from "../../lib/base/log.ts";
import type { OriginAddress, OriginSelect } from "../../lib/config/config.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { formatAddress } from "../../lib/io/address.ts";
import { DialGate } from "../../lib/upstream/dial_gate.ts";
import { OriginSet } from "../../lib/upstream/origin_set.ts";
import { SimulatedStream } from "./stream.ts";

/** What all servers of a simulation share. */
export interface World {
  readonly clock: Clock;
  readonly settings: WorldSettings;
  /** Returns 0…1. */
  readonly random: () => number;
  readonly audience: Audience;
  /** Returns what edges ask for, for a stream. */
  request(stream: number): StreamRequest;
  /** Returns the server that listens at an address. */
  find(address: OriginAddress): SimulatedServer;
}

/** The defaults of `docs/configuration.md`, and how fast the network and the servers are. */
export interface WorldSettings {
  readonly originSelect: OriginSelect;
  readonly connectTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  readonly lingerMs: number;
  readonly maxUpstreams: number;
  /** Between any two servers. */
  readonly roundTripMs: number;
  /** Connections that a server accepts per second. */
  readonly acceptsPerSecond: number;
}

/** What happens to players. */
export interface Audience {
  /** Players of a leaf see the stream again. @param silentMs since when they did not, in ms */
  onPlaying(players: number, silentMs: number): void;
  /** They see nothing any longer. */
  onSilent(players: number): void;
}

/**
 * State of a server: `killed` refuses connections and ends its own; one whose host is `lost`
 * answers nothing, and its connections fall silent.
 */
export type ServerState = "up" | "killed" | "lost";

/** Round trips of an RTMP handshake with its commands, up to the first media message. */
const START_ROUND_TRIPS = 4;

/** A simulated origin or edge: the real choice of origins and limits, over a network of numbers. */
export class SimulatedServer {
  readonly world: World;
  readonly address: OriginAddress;
  /** Null for an origin. */
  readonly origins: OriginSet | null;
  readonly gate: DialGate;
  readonly streams = new Map<number, SimulatedStream>();
  /** Connections of edges that it serves. */
  edgeCount = 0;
  /** Connections that it was asked for in each second so far. */
  readonly dialsBySecond = new Map<number, number>();
  #state: ServerState = "up";
  #acceptsAtMs = 0;

  /** @param upstreams the tier above; empty for an origin */
  constructor(world: World, address: OriginAddress, upstreams: readonly OriginAddress[]) {
    const { clock, settings } = world;
    this.world = world;
    this.address = address;
    this.gate = new DialGate({
      clock,
      logger: silentLogger,
      maxUpstreams: () => settings.maxUpstreams,
    });
    this.origins = upstreams.length === 0 ? null : new OriginSet({
      vhost: "__defaultVhost__",
      settings: { ...settings, origins: upstreams },
      clock,
    });
  }

  get name(): string {
    return formatAddress(this.address);
  }

  get state(): ServerState {
    return this.#state;
  }

  /** Returns the stream, which an origin has from the start. */
  stream(number: number): SimulatedStream {
    let stream = this.streams.get(number);
    if (stream === undefined) {
      stream = new SimulatedStream(this, number);
      this.streams.set(number, stream);
    }
    return stream;
  }

  /** Changes its state. A server that is `up` again has no connections. */
  become(state: ServerState): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === "up") return;
    for (const stream of this.streams.values()) stream.onServerGone(state);
  }

  /** An edge asks for a connection; `onAccepted` is called when it may expect media. */
  accept(onAccepted: () => void): void {
    const { clock, settings } = this.world;
    const nowMs = clock.now();
    const second = Math.floor(nowMs / 1000);
    this.dialsBySecond.set(second, (this.dialsBySecond.get(second) ?? 0) + 1);
    this.#acceptsAtMs = Math.max(nowMs, this.#acceptsAtMs) + 1000 / settings.acceptsPerSecond;
    const restMs = (START_ROUND_TRIPS - 1) * settings.roundTripMs;
    clock.after(this.#acceptsAtMs - nowMs + restMs, onAccepted);
  }
}
