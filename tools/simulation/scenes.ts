import { type Interruption, Ledger } from "./ledger.ts";
import type { SimulatedServer, WorldSettings } from "./server.ts";
import { tierName, Tree, type TreePlan } from "./tree.ts";

/** The defaults of `docs/configuration.md`, in a data centre. */
export const SETTINGS: WorldSettings = {
  originSelect: "hash",
  connectTimeoutMs: 3_000,
  startTimeoutMs: 5_000,
  stallTimeoutMs: 2_000,
  retryMinMs: 500,
  retryMaxMs: 10_000,
  lingerMs: 10_000,
  maxUpstreams: 2_000,
  roundTripMs: 2,
  acceptsPerSecond: 2_000,
};

/** What one tier does while all players play. */
export interface TierLoad {
  readonly tier: string;
  readonly servers: number;
  /** Connections to the tier above. */
  readonly upstreams: number;
  /** Connections that it serves, of edges and of players. */
  readonly clients: number;
  /** Those of its busiest server. */
  readonly mostClients: number;
}

/** What an event did. */
export interface SceneResult extends Interruption {
  readonly name: string;
  /** Pulls that another server feeds afterwards. */
  readonly moved: number;
  /** All pulls before. */
  readonly pulls: number;
  /** Most connections that one server was asked for in a second. */
  readonly mostDials: number;
  /** Players who see nothing, every {@linkcode SAMPLE_MS} from the event on. */
  readonly silent: readonly number[];
}

/** A loss. Afterwards the tree is made whole. */
interface Scene {
  readonly name: string;
  readonly tier: number;
  /** How many of the tier, the busiest first. */
  readonly servers: number;
  readonly state: "killed" | "lost";
}

/** Between two samples of who plays. */
export const SAMPLE_MS = 100;

const SCENE_MS = 30_000;
/** Long enough for every failed origin to be tried again. */
const REST_MS = 60_000;

const SCENES: readonly Scene[] = [
  { name: "an origin is killed", tier: 0, servers: 1, state: "killed" },
  { name: "an origin's host is lost", tier: 0, servers: 1, state: "lost" },
  { name: "a mid is killed", tier: 1, servers: 1, state: "killed" },
  { name: "a mid's host is lost", tier: 1, servers: 1, state: "lost" },
  { name: "a rack of four mids is lost", tier: 1, servers: 4, state: "lost" },
];

/** Lets all players arrive. @returns the tree, whose players all play, and what each tier does */
export async function fill(
  plan: TreePlan,
): Promise<{ tree: Tree; ledger: Ledger; loads: TierLoad[]; start: Interruption }> {
  const ledger = new Ledger();
  const tree = new Tree(plan, ledger);
  await tree.clock.runUntil(plan.arrivalMs + REST_MS);
  const loads = tree.tiers.map((servers, tier) =>
    loadOf(servers, tierName(tier, plan.tiers.length))
  );
  return { tree, ledger, loads, start: ledger.take() };
}

/** Plays all scenes, one after the other, in a tree whose players all play. */
export async function playScenes(tree: Tree, ledger: Ledger): Promise<SceneResult[]> {
  const results: SceneResult[] = [];
  for (const scene of SCENES) results.push(await play(scene, tree, ledger));
  return results;
}

async function play(scene: Scene, tree: Tree, ledger: Ledger): Promise<SceneResult> {
  const { clock } = tree;
  const players = ledger.playing;
  const before = sourcesOf(tree);
  const second = Math.floor(clock.now() / 1000);
  const beganMs = clock.now();
  ledger.take();
  const victims = tree.tiers[scene.tier]!
    .toSorted((left, right) => right.edgeCount - left.edgeCount)
    .slice(0, scene.servers);
  for (const server of victims) server.become(scene.state);
  const silent: number[] = [];
  for (let ms = 0; ms <= SCENE_MS; ms += SAMPLE_MS) {
    await clock.runUntil(beganMs + ms);
    silent.push(players - ledger.playing);
  }
  const after = sourcesOf(tree);
  const result = {
    name: scene.name,
    ...ledger.take(),
    moved: [...before].filter(([pull, source]) => after.get(pull) !== source).length,
    pulls: before.size,
    mostDials: mostDialsSince(tree, second),
    silent,
  };
  for (const server of victims) server.become("up");
  await clock.runUntil(beganMs + SCENE_MS + REST_MS);
  return result;
}

/** Which server feeds each pull. */
function sourcesOf({ tiers }: Tree): Map<unknown, SimulatedServer> {
  const streams = tiers.flat().flatMap(({ streams }) => [...streams.values()]);
  return new Map(
    streams.flatMap((stream) => stream.source === null ? [] : [[stream, stream.source] as const]),
  );
}

function mostDialsSince({ tiers }: Tree, second: number): number {
  let most = 0;
  for (const { dialsBySecond } of tiers.flat()) {
    for (const [at, dials] of dialsBySecond) if (at >= second) most = Math.max(most, dials);
  }
  return most;
}

function loadOf(servers: readonly SimulatedServer[], tier: string): TierLoad {
  const clients = servers.map(({ streams }) => {
    let count = 0;
    for (const { playerCount, pullCount } of streams.values()) count += playerCount + pullCount;
    return count;
  });
  return {
    tier,
    servers: servers.length,
    upstreams: servers.reduce((sum, { gate }) => sum + gate.openCount, 0),
    clients: clients.reduce((sum, count) => sum + count, 0),
    mostClients: Math.max(...clients),
  };
}
