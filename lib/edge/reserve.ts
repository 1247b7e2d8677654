import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import { RESERVE_STATES, type ReserveSnapshot } from "../upstream/upstream_snapshot.ts";
import type { EdgeContext } from "./edge_context.ts";
import type { PlayerRequests } from "./player_requests.ts";
import { Probe } from "./probe.ts";

/** Options of {@linkcode Reserve}. */
interface ReserveOptions {
  readonly context: EdgeContext;
  readonly streamName: string;
  readonly requests: PlayerRequests;
  /** All origins, best first. */
  readonly order: () => readonly OriginAddress[];
}

/** Of many origins, those that a pull would try first. */
const MAX_OTHERS = 3;

/** What was found out counts for this long, in ms; with `probe`, for as many of its periods. */
const MEMORY_MS = 30_000;
const MEMORY_PERIODS = 3;

/** Probes are up to this share of `probe` early or late: streams must not ask in step. */
const SPREAD = 0.25;

/**
 * What is known of the origins to which a pull would switch: from switches, from races, and, with
 * `probe`, from asking them periodically.
 */
export class Reserve {
  readonly #options: ReserveOptions;
  #probe: Probe | null = null;
  /** When the next probe is due; null before that is known. */
  #dueMs: number | null = null;

  constructor(options: ReserveOptions) {
    this.#options = options;
  }

  /** Returns the best of the origins other than `active`. */
  snapshot(active: OriginAddress): ReserveSnapshot {
    let best: ReserveSnapshot = { state: "none", origin: "", ageMs: null };
    for (const origin of this.#others(active)) {
      const found = this.#describe(origin);
      if (rankOf(found) < rankOf(best)) best = found;
    }
    return best;
  }

  /** Begins a probe that is due. Called every 100 ms while `active` feeds the stream. */
  check(active: OriginAddress, nowMs: number): void {
    const { probeMs } = this.#options.context.config().cluster;
    this.#probe?.check(nowMs);
    if (probeMs === 0) this.#dueMs = null;
    if (probeMs === 0 || this.#probe !== null) return;
    // The first ones are spread over the whole period.
    this.#dueMs ??= nowMs + probeMs * Math.random();
    if (nowMs < this.#dueMs || !this.#begin(active)) return;
    this.#dueMs = nowMs + probeMs * (1 + SPREAD * (2 * Math.random() - 1));
  }

  /** Ends a probe that runs. */
  stop(): void {
    this.#probe?.close();
    this.#probe = null;
  }

  #others(active: OriginAddress): readonly OriginAddress[] {
    return this.#options.order().filter((origin) => origin !== active).slice(0, MAX_OTHERS);
  }

  #describe(origin: OriginAddress): ReserveSnapshot {
    const { context: { origins, clock, config }, streamName } = this.#options;
    const failedAtMs = origins.failedAtMs(origin);
    const about = (state: ReserveSnapshot["state"], atMs: number) => ({
      state,
      origin: formatAddress(origin),
      ageMs: Math.round(clock.now() - atMs),
    });
    if (failedAtMs !== null) return about("down", failedAtMs);
    const maxAgeMs = Math.max(MEMORY_MS, MEMORY_PERIODS * config().cluster.probeMs);
    const place = origins.places.find(origin, streamName, maxAgeMs);
    if (place === null || place.state === "slow") {
      return { state: "unknown", origin: formatAddress(origin), ageMs: null };
    }
    return about(place.state === "carried" ? "ready" : place.state, place.atMs);
  }

  /** @returns false when it has to wait */
  #begin(active: OriginAddress): boolean {
    const { context, requests } = this.#options;
    const { origins, gate } = context;
    const origin = this.#longestUnasked(active);
    const request = origin === null ? null : requests.bestFor(origin);
    if (origin === null || request === null) return true;
    if (!gate.hasSpareRoom(origin) || !origins.probePace.tryBegin(origin)) return false;
    if (!origins.beginReturn(origin)) {
      origins.probePace.end(origin);
      return true;
    }
    context.totals.probes++;
    const probe = new Probe(context, origin, request);
    this.#probe = probe;
    void probe.run().then(() => {
      if (this.#probe === probe) this.#probe = null;
    });
    return true;
  }

  #longestUnasked(active: OriginAddress): OriginAddress | null {
    const { context: { origins }, streamName } = this.#options;
    const askedMs = (origin: OriginAddress) =>
      Math.max(
        origins.places.find(origin, streamName, Infinity)?.atMs ?? -Infinity,
        origins.failedAtMs(origin) ?? -Infinity,
      );
    const [longest = null] = this.#others(active)
      .toSorted((left, right) => askedMs(left) - askedMs(right));
    return longest;
  }
}

function rankOf({ state }: ReserveSnapshot): number {
  return RESERVE_STATES.indexOf(state);
}
