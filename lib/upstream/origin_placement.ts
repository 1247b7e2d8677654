import { hashText } from "../base/hash_text.ts";
import type { DiscoveredOrigin } from "../config/origin_address.ts";
import { formatAddress } from "../io/address.ts";

/** An origin gets at most this many times its share of the streams, */
const MAX_LOAD_RATIO = 1.25;

/** and any number up to this one: few streams need no balance, and edges agree about them. */
const FREE_STREAMS = 16;

/** A stream's place, for as long as it is pulled or pushed. */
interface Placed {
  /** Null while there is no origin. */
  origin: DiscoveredOrigin | null;
  /** Pulls and pushes of the stream. */
  users: number;
}

/**
 * Places streams on the origins that a name stands for: weighted rendezvous hashing with bounded
 * loads. Every origin draws a number for the stream, and the highest one gets it, unless it has its
 * bound of streams already. So all edges agree about nearly every stream, and when addresses are
 * added or removed, only streams that now prefer an added one, were on a removed one, or exceed a
 * bound change their place.
 *
 * The bound counts the streams of one edge (of one worker). Only origins with the lowest `tier`
 * get streams; the others follow in the order of a stream, for when those fail.
 */
export class OriginPlacement {
  /** Names the vhost in draws. */
  readonly #vhost: string;
  readonly #streams = new Map<string, Placed>();
  /** Streams per origin, by address. */
  readonly #loads = new Map<string, number>();
  #origins: readonly DiscoveredOrigin[] = [];
  /** Those that get streams. */
  #first: readonly DiscoveredOrigin[] = [];

  constructor(vhost: string) {
    this.#vhost = vhost;
  }

  /** Replaces the origins. @returns the streams whose place has changed */
  update(origins: readonly DiscoveredOrigin[]): readonly string[] {
    const before = new Map(Array.from(this.#streams, ([name, { origin }]) => [name, origin]));
    const added = origins.filter((origin) => !this.#first.some((old) => isSame(old, origin)));
    const lowest = Math.min(...origins.map(({ tier }) => tier));
    this.#origins = origins;
    this.#first = origins.filter(({ tier }) => tier === lowest);
    this.#keepPlaces(added);
    this.#fillPlaces();
    this.#enforceBounds();
    return [...before].flatMap(([name, old]) => {
      const { origin } = this.#streams.get(name)!;
      const isMoved = origin !== null && (old === null || !isSame(old, origin));
      return isMoved ? [name] : [];
    });
  }

  /** A pull or push of the stream begins. */
  enter(streamName: string): void {
    const placed = this.#streams.get(streamName);
    if (placed !== undefined) {
      placed.users++;
      return;
    }
    const fresh: Placed = { origin: null, users: 1 };
    this.#streams.set(streamName, fresh);
    this.#put(fresh, this.#best(streamName));
  }

  /** A pull or push that entered has ended. */
  leave(streamName: string): void {
    const placed = this.#streams.get(streamName);
    if (placed === undefined || --placed.users > 0) return;
    this.#put(placed, null);
    this.#streams.delete(streamName);
  }

  /** Returns all origins for a stream, best first: its place, then as they draw. */
  orderFor(streamName: string): readonly DiscoveredOrigin[] {
    const place = this.#streams.get(streamName)?.origin ?? this.#best(streamName);
    const others = this.#ranked(streamName, this.#origins).filter((origin) => origin !== place);
    const byTier = others.toSorted((left, right) => left.tier - right.tier);
    return place === null ? byTier : [place, ...byTier];
  }

  /** Streams stay where they are, unless that is gone or an added origin draws higher. */
  #keepPlaces(added: readonly DiscoveredOrigin[]): void {
    this.#loads.clear();
    for (const [name, placed] of this.#streams) {
      const { origin } = placed;
      placed.origin = null;
      if (origin === null) continue;
      const current = this.#first.find((each) => isSame(each, origin));
      if (current === undefined) continue;
      const drawn = this.#draw(current, name);
      if (added.some((each) => each.tier === current.tier && this.#draw(each, name) > drawn)) {
        continue;
      }
      this.#put(placed, current);
    }
  }

  /** Streams without a place get one. */
  #fillPlaces(): void {
    for (const [name, placed] of this.#streams) {
      if (placed.origin === null) this.#put(placed, this.#best(name));
    }
  }

  /** More origins lower the bound of each: streams that draw lowest leave the ones above it. */
  #enforceBounds(): void {
    for (const origin of this.#first) {
      const excess = this.#loadOf(origin) - this.#boundOf(origin);
      if (excess <= 0) continue;
      const here = [...this.#streams].filter(([, placed]) => placed.origin === origin)
        .sort(([a], [b]) => this.#draw(origin, a) - this.#draw(origin, b));
      for (const [name, placed] of here.slice(0, excess)) this.#put(placed, this.#best(name));
    }
  }

  /** The highest draw among the origins with room. There always is one, unless there are none. */
  #best(streamName: string): DiscoveredOrigin | null {
    const ranked = this.#ranked(streamName, this.#first);
    return ranked.find((origin) => this.#loadOf(origin) < this.#boundOf(origin)) ?? ranked[0] ??
      null;
  }

  #ranked(
    streamName: string,
    origins: readonly DiscoveredOrigin[],
  ): readonly DiscoveredOrigin[] {
    return origins
      .map((origin) => ({ origin, drawn: this.#draw(origin, streamName) }))
      .sort((left, right) => right.drawn - left.drawn)
      .map(({ origin }) => origin);
  }

  /** Weighted rendezvous hashing: an origin wins as often as its weight's share of all weights. */
  #draw(origin: DiscoveredOrigin, streamName: string): number {
    const hash = hashText(`${formatAddress(origin)}/${this.#vhost}/${streamName}`);
    return -origin.weight / Math.log((hash + 0.5) / 2 ** 32);
  }

  #boundOf({ weight }: DiscoveredOrigin): number {
    const weights = this.#first.reduce((sum, each) => sum + each.weight, 0);
    const share = this.#streams.size * weight / weights;
    return Math.max(FREE_STREAMS, Math.ceil(MAX_LOAD_RATIO * share));
  }

  #loadOf(origin: DiscoveredOrigin): number {
    return this.#loads.get(formatAddress(origin)) ?? 0;
  }

  #put(placed: Placed, origin: DiscoveredOrigin | null): void {
    if (placed.origin !== null) this.#count(placed.origin, -1);
    placed.origin = origin;
    if (origin !== null) this.#count(origin, 1);
  }

  #count(origin: DiscoveredOrigin, change: number): void {
    this.#loads.set(formatAddress(origin), this.#loadOf(origin) + change);
  }
}

function isSame(left: DiscoveredOrigin, right: DiscoveredOrigin): boolean {
  return left.hostname === right.hostname && left.port === right.port;
}
