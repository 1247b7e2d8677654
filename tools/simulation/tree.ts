import type { OriginAddress } from "../../lib/config/config.ts";
import { DEFAULT_VHOST } from "../../lib/config/config.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { formatAddress } from "../../lib/io/address.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { type Audience, SimulatedServer, type World, type WorldSettings } from "./server.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** The tiers of a tree and what is watched at its leaves. */
export interface TreePlan {
  /** Servers of each tier: origins first, leaves last. */
  readonly tiers: readonly number[];
  readonly streams: number;
  readonly playersPerLeaf: number;
  /** All players arrive within this time. */
  readonly arrivalMs: number;
  readonly settings: WorldSettings;
}

/** Names of the tiers, from the top; the last is that of the leaves. */
const TIER_NAMES = ["origin", "mid", "leaf"] as const;

/** The seed of all that is random, so that every run is the same. */
const SEED = 320;

/** A tree of simulated servers. */
export class Tree {
  readonly clock = new VirtualClock();
  /** Origins first, leaves last. */
  readonly tiers: readonly (readonly SimulatedServer[])[];
  readonly #byAddress = new Map<string, SimulatedServer>();

  constructor(plan: TreePlan, audience: Audience) {
    const random = createRandom(SEED);
    const requests = new Map<number, StreamRequest>();
    const world: World = {
      clock: this.clock,
      settings: plan.settings,
      random,
      audience,
      request: (stream) => {
        const known = requests.get(stream) ?? requestFor(stream);
        requests.set(stream, known);
        return known;
      },
      find: (address) => this.#byAddress.get(formatAddress(address))!,
    };
    let above: readonly OriginAddress[] = [];
    this.tiers = plan.tiers.map((count, tier) => {
      const servers = Array.from(
        { length: count },
        (_, index) => new SimulatedServer(world, addressOf(plan, tier, index), above),
      );
      for (const server of servers) this.#byAddress.set(server.name, server);
      above = servers.map(({ address }) => address);
      return servers;
    });
    this.#admitPlayers(plan, random);
  }

  /** Spreads players over streams by Zipf's law: the second has half the players of the first. */
  #admitPlayers({ streams, playersPerLeaf, arrivalMs }: TreePlan, random: () => number): void {
    const shares: number[] = [];
    let sum = 0;
    for (let rank = 1; rank <= streams; rank++) shares.push(sum += 1 / rank);
    for (const leaf of this.tiers.at(-1)!) {
      const counts = new Map<number, number>();
      for (let player = 0; player < playersPerLeaf; player++) {
        const stream = findShare(shares, random() * sum);
        counts.set(stream, (counts.get(stream) ?? 0) + 1);
      }
      for (const [stream, count] of counts) {
        this.clock.after(random() * arrivalMs, () => leaf.stream(stream).addPlayers(count));
      }
    }
  }
}

/** Names a tier of a tree with `count` tiers. */
export function tierName(tier: number, count: number): string {
  return tier === count - 1 ? TIER_NAMES[2] : TIER_NAMES[tier]!;
}

function addressOf({ tiers }: TreePlan, tier: number, index: number): OriginAddress {
  return { hostname: `${tierName(tier, tiers.length)}-${index + 1}.example`, port: 1935 };
}

function requestFor(stream: number): StreamRequest {
  const app = "live";
  const name = `stream${stream}`;
  const url = parseStreamUrl({ tcUrl: `rtmp://${DEFAULT_VHOST}/${app}`, app, stream: name });
  return { url, name: `${app}/${name}`, edgePath: [], backlogMs: 0 };
}

/** Returns the index of the first share that is above `value`. */
function findShare(shares: readonly number[], value: number): number {
  let [low, high] = [0, shares.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shares[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Returns a source of numbers from 0 to 1 (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
