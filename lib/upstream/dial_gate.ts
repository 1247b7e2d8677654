import type { Clock } from "../base/clock.ts";
import type { UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { formatAddress } from "../io/address.ts";
import { DialLanes, type Lane, type Waiter } from "./dial_lanes.ts";
import { RefusalMemory } from "./refusal_memory.ts";

/** Options of {@linkcode DialGate}. */
interface DialGateOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most connections to one server; asked at use. */
  readonly maxUpstreams: () => number;
}

/** What wants a connection. */
export interface DialRequest {
  readonly address: OriginAddress;
  readonly kind: "play" | "publish" | "connect";
  readonly request: StreamRequest;
}

/** A connection that may be made, until it is released. */
export interface DialPlace {
  /** The stream is live: it precedes unknown names from now on. */
  confirm(): void;
  /** The connection has ended. Called once. */
  release(): void;
}

/** Of the connections to a server, names that were never live get one in so many. */
const UNKNOWN_SHARE = 4;

/** One in so many is kept from connections that can wait. */
const SPARE_SHARE = 10;

/** Names remembered as live. */
const MAX_KNOWN_NAMES = 10_000;

/** Between two warnings of a limit that is reached. */
const WARN_PERIOD_MS = 60_000;

/**
 * Bounds the connections of a vhost to each server. Streams that are published here or were live
 * come first. Names that never were get a quarter of the places, and 200 a second after the first
 * 500: a client that asks for one name after the other must not fill an origin. What gets no place
 * waits for as long as a client wants it.
 */
export class DialGate {
  readonly #options: DialGateOptions;
  readonly #refusals: RefusalMemory;
  readonly #lanes: DialLanes;
  readonly #knownNames = new Set<string>();
  #delayed = 0;
  #warnedMs = -Infinity;

  constructor(options: DialGateOptions) {
    this.#options = options;
    this.#refusals = new RefusalMemory(options.clock);
    this.#lanes = new DialLanes(options.clock);
  }

  /** Connections open or being made. */
  get openCount(): number {
    let count = 0;
    for (const { open } of this.#lanes) count += open;
    return count;
  }

  /** Connections that wait for a place. */
  get waitingCount(): number {
    let count = this.#delayed;
    for (const { known, unknown } of this.#lanes) count += known.size + unknown.size;
    return count;
  }

  /** Whether others wait for a place at the server: then one that gets nothing there makes room. */
  isCrowded(address: OriginAddress): boolean {
    return (this.#lanes.find(address)?.unknown.size ?? 0) > 0;
  }

  /** Whether a connection that can wait may be made: none waits, and places are left. */
  hasSpareRoom(address: OriginAddress): boolean {
    const lane = this.#lanes.find(address);
    if (lane === undefined) return true;
    const spare = Math.ceil(this.#options.maxUpstreams() / SPARE_SHARE);
    return lane.known.size + lane.unknown.size === 0 &&
      lane.open < this.#options.maxUpstreams() - spare;
  }

  /** The server refused a play with a status. */
  refused(address: OriginAddress, request: StreamRequest, error: UpstreamError): void {
    this.#refusals.note(address, request, error);
  }

  /** Resolves when the connection may be made. Rejects when `signal` aborts before. */
  async enter(dial: DialRequest, signal: AbortSignal): Promise<DialPlace> {
    const { address, kind, request } = dial;
    const isKnown = kind !== "play" || this.#knownNames.has(request.name);
    if (!isKnown) await this.#delay(this.#refusals.remainingMs(address, request), signal);
    const lane = this.#lanes.of(address);
    await this.#wait(lane, isKnown ? lane.known : lane.unknown, signal);
    return this.#createPlace(lane, dial, isKnown);
  }

  async #delay(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(ms, resolve);
    signal.addEventListener("abort", () => {
      cancel();
      reject(signal.reason);
    });
    this.#delayed++;
    await promise.finally(() => this.#delayed--);
  }

  #wait(lane: Lane, queue: Set<Waiter>, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    queue.add(resolve);
    signal.addEventListener("abort", () => {
      if (!queue.delete(resolve)) return;
      reject(signal.reason);
      this.#admit(lane);
    });
    this.#admit(lane);
    if (queue.has(resolve)) this.#warn(lane);
    return promise;
  }

  /** Counted by {@linkcode DialGate.#admit} already. */
  #createPlace(lane: Lane, { kind, request }: DialRequest, wasKnown: boolean): DialPlace {
    let isKnown = wasKnown;
    return {
      confirm: () => {
        if (kind !== "connect") this.#remember(request.name);
        if (isKnown) return;
        isKnown = true;
        lane.openUnknown--;
        this.#admit(lane);
      },
      release: () => {
        lane.open--;
        if (!isKnown) lane.openUnknown--;
        this.#admit(lane);
      },
    };
  }

  #remember(name: string): void {
    this.#knownNames.delete(name);
    this.#knownNames.add(name);
    if (this.#knownNames.size <= MAX_KNOWN_NAMES) return;
    this.#knownNames.delete(this.#knownNames.values().next().value!);
  }

  /** Gives places to those that wait, as far as there are any. */
  #admit(lane: Lane): void {
    const { known, unknown } = lane;
    const max = this.#options.maxUpstreams();
    const maxUnknown = Math.ceil(max / UNKNOWN_SHARE);
    this.#lanes.refill(lane);
    while (lane.open < max && known.size > 0) this.#take(lane, known);
    while (
      lane.open < max && lane.openUnknown < maxUnknown && lane.allowance >= 1 && unknown.size > 0
    ) {
      lane.allowance--;
      lane.openUnknown++;
      this.#take(lane, unknown);
    }
    this.#scheduleRefill(lane, lane.open < max && lane.openUnknown < maxUnknown);
  }

  #take(lane: Lane, queue: Set<Waiter>): void {
    const waiter = queue.values().next().value!;
    queue.delete(waiter);
    lane.open++;
    waiter();
  }

  #scheduleRefill(lane: Lane, hasPlace: boolean): void {
    lane.cancelRefill?.();
    lane.cancelRefill = null;
    if (lane.unknown.size === 0 || !hasPlace) return;
    const { clock } = this.#options;
    lane.cancelRefill = clock.after(this.#lanes.waitMs(lane), () => this.#admit(lane));
  }

  #warn({ address, open, known, unknown }: Lane): void {
    const { clock, logger, maxUpstreams } = this.#options;
    const nowMs = clock.now();
    if (nowMs - this.#warnedMs < WARN_PERIOD_MS) return;
    this.#warnedMs = nowMs;
    logger.warning(
      "Connections to an origin wait: too many streams, or names that are not published; " +
        "raise cluster.max_upstreams if that is expected",
      {
        origin: formatAddress(address),
        open,
        waiting: known.size + unknown.size,
        max_upstreams: maxUpstreams(),
      },
    );
  }
}
