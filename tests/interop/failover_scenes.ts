/**
 * Scenes of failover tests and how they run side by side; and the two that every loss of an origin goes
 * through: players of the edge, and a publisher through it.
 */

import { describeMismatch } from "../helpers/packet_match.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { say } from "../helpers/say.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { FailoverRig, STREAM } from "./failover_rig.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

/** Something that happens to servers of its own. */
export interface Scene {
  readonly name: string;
  run(rig: FailoverRig, sample: Sample): Promise<void>;
}

/** Runs all scenes side by side, and reports each as a test step. */
export async function runScenes(t: Deno.TestContext, scenes: readonly Scene[]): Promise<void> {
  await using shared = await FailoverRig.create();
  const sample = await createSample(shared.directory, WATCH_SECONDS);
  const outcomes = await Promise.allSettled(scenes.map((scene) => runAlone(scene, sample)));
  for (const [index, { name }] of scenes.entries()) {
    await t.step(name, () => {
      const outcome = outcomes[index]!;
      if (outcome.status === "rejected") throw outcome.reason;
    });
  }
}

/** Runs one scene after the other: what they may cost in time leaves no room for neighbours. */
export async function runScenesInTurn(
  t: Deno.TestContext,
  scenes: readonly Scene[],
): Promise<void> {
  await using shared = await FailoverRig.create();
  const sample = await createSample(shared.directory, WATCH_SECONDS);
  for (const scene of scenes) await t.step(scene.name, () => runAlone(scene, sample));
}

/** Runs a scene with servers of its own. */
async function runAlone(scene: Scene, sample: Sample): Promise<void> {
  await using rig = await FailoverRig.create();
  await scene.run(rig, sample);
}

/** How one origin is taken away, and what that may cost. */
export interface Blow {
  /** In the tests' names: "its origin is …". */
  readonly name: string;
  /** How long players may see nothing. */
  readonly maxSilenceMs: number;
  /** How long the next origin may take to have a publisher's stream. */
  readonly maxPushMs: number;
  /** Two origins; the first is the one that serves. */
  startOrigins(rig: FailoverRig): Promise<Victims>;
}

/** See {@linkcode Blow}. */
export interface Victims {
  readonly origins: readonly [RtmpServer, RtmpServer];
  /** Takes the first one away. */
  strike(): Promise<void> | void;
  /** Brings it back, where that is possible, while the other one serves. */
  heal?(): Promise<void>;
}

/** How long players watch, in seconds. */
export const WATCH_SECONDS = 12;

/** What {@linkcode checkPlayers} and {@linkcode checkPublisher} are about. */
export interface BlowScene {
  readonly blow: Blow;
  readonly sample: Sample;
}

/** Players at the edge, and at an edge of the edge, lose and double nothing. */
export async function checkPlayers(rig: FailoverRig, { blow, sample }: BlowScene): Promise<void> {
  const { origins, strike, heal } = await blow.startOrigins(rig);
  const edge = await rig.edge("edge", origins);
  const far = await rig.edge("far", [edge]);
  rig.publishTee(sample, origins);

  const players = [edge, far].map((server) => rig.play(server, WATCH_SECONDS));
  const clock = await rig.watch(far);
  await rig.untilMore(clock, "the stream has run for a while");
  await strike();
  await rig.untilMore(clock, "the stream goes on");
  await heal?.();

  for (const player of players) await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS });
  say(`  players silent for ${Math.round(clock.longestSilenceMs)} ms`);
  rig.assert(
    clock.longestSilenceMs <= blow.maxSilenceMs,
    `Players saw nothing for ${Math.round(clock.longestSilenceMs)} ms`,
  );
  rig.assert(clock.isTimeForward, "Time went back");
  const hasSwitched = rig.readLog(edge.name).some((line) => line.includes("Pull switched"));
  rig.assert(hasSwitched, "The edge never left the first origin");
}

/** A publisher of the edge stays, and players of the next origin get everything. */
export async function checkPublisher(rig: FailoverRig, { blow, sample }: BlowScene): Promise<void> {
  const { origins, strike, heal } = await blow.startOrigins(rig);
  const edge = await rig.edge("edge", origins);
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(edge, STREAM));
  const before = rig.play(origins[0], 2 * WATCH_SECONDS);
  await rig.until("the stream has run for a while", () => parseHashes(before.stdout).length > 60);

  const player = rig.play(origins[1], WATCH_SECONDS);
  const clock = await rig.watch(origins[1]);
  const struckMs = performance.now();
  await strike();
  await rig.until("the next origin has it", () => clock.count > 0);
  const tookMs = Math.round(performance.now() - struckMs);
  say(`  the next origin has the stream after ${tookMs} ms`);
  rig.assert(tookMs <= blow.maxPushMs, `The next origin had nothing for ${tookMs} ms`);
  await rig.untilMore(clock, "the stream goes on");
  await heal?.();

  const [first] = await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS });
  const hasOverlap = parseHashes(before.stdout).includes(first!);
  rig.assert(hasOverlap, "The next origin began after what the lost one had");
  rig.assert(publisher.status === undefined, `The publisher was dropped: ${publisher.describe()}`);
}

/** What {@linkcode checkGapless} looks at. */
export interface Watch {
  readonly player: ChildProcess;
  readonly sample: Sample;
  /** How long the player was to watch. */
  readonly seconds: number;
}

/** The player ends by itself, and got a gapless run of the sample, which is returned as hashes. */
export async function checkGapless(
  rig: FailoverRig,
  { player, sample, seconds }: Watch,
): Promise<string[]> {
  await rig.waitForSuccess(player);
  const hashes = parseHashes(player.stdout);
  const mismatch = describeMismatch(sample.videoHashes, hashes);
  rig.assert(mismatch === undefined, `${player.name}: ${mismatch}`);
  const enough = (seconds - 2) * sample.packetsPerSecond;
  rig.assert(hashes.length >= enough, `${player.name}: only ${hashes.length} packets`);
  return hashes;
}
