/**
 * Scenes of failover tests and how to run them, and the two checks for every loss of an origin:
 * players of the edge, and a publisher through it.
 */

import { describeMismatch } from "../helpers/packet_match.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { say } from "../helpers/say.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { FailoverRig, STREAM, TooLateError } from "./failover_rig.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

/** A busy machine may hold up any process, so what takes too long is measured again. */
const MAX_ATTEMPTS = 3;

/** A scenario with its own servers. */
export interface Scene {
  readonly name: string;
  run(rig: FailoverRig, sample: Sample): Promise<void>;
}

/** Runs all scenes concurrently, and reports each as a test step. */
export async function runScenes(t: Deno.TestContext, scenes: readonly Scene[]): Promise<void> {
  await using shared = await FailoverRig.create();
  const sample = await createSample(shared.directory, WATCH_SECONDS);
  const outcomes = await Promise.allSettled(
    scenes.map((scene) => runAlone((rig) => scene.run(rig, sample))),
  );
  for (const [index, { name }] of scenes.entries()) {
    await t.step(name, () => {
      const outcome = outcomes[index]!;
      if (outcome.status === "rejected") throw outcome.reason;
    });
  }
}

/** Runs one scene after another: their time limits are too tight to share the machine. */
export async function runScenesInTurn(
  t: Deno.TestContext,
  scenes: readonly Scene[],
): Promise<void> {
  await using shared = await FailoverRig.create();
  const sample = await createSample(shared.directory, WATCH_SECONDS);
  for (const scene of scenes) {
    await t.step(scene.name, () => runAlone((rig) => scene.run(rig, sample)));
  }
}

/** Runs a scene with its own servers; again, with others, while it fails only by being late. */
export async function runAlone(run: (rig: FailoverRig) => Promise<void>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    await using rig = await FailoverRig.create();
    try {
      return await run(rig);
    } catch (error) {
      if (!(error instanceof TooLateError) || attempt === MAX_ATTEMPTS) throw error;
      say(`  measured again: ${error.message.split("\n")[0]}`);
    }
  }
}

/** How one origin is lost, and what that may cost. */
export interface Blow {
  /** Ends the sentence "its origin is …" in test names. */
  readonly name: string;
  /** Maximum time without a frame for players. */
  readonly maxSilenceMs: number;
  /** Maximum time until the next origin has a publisher's stream. */
  readonly maxPushMs: number;
  /**
   * The first origin sends nothing before the next keyframe, so an edge that comes later stays with
   * the second one, which has media first.
   */
  readonly isSlow?: true;
  /** Starts two origins; the first one serves. */
  startOrigins(rig: FailoverRig): Promise<Victims>;
}

/** The origins of a {@linkcode Blow}. */
interface Victims {
  readonly origins: readonly [RtmpServer, RtmpServer];
  /** Takes the first origin away. */
  strike(): Promise<void> | void;
  /** Brings it back, where that is possible, while the other one serves. */
  heal?(): Promise<void>;
}

/** How long players watch, in seconds. */
export const WATCH_SECONDS = 12;

/** Input of {@linkcode checkPlayers} and {@linkcode checkPublisher}. */
interface BlowScene {
  readonly blow: Blow;
  readonly sample: Sample;
}

/** Checks that players at the edge, and at an edge of the edge, lose and duplicate nothing. */
export async function checkPlayers(rig: FailoverRig, { blow, sample }: BlowScene): Promise<void> {
  const { origins, strike, heal } = await blow.startOrigins(rig);
  const edge = await rig.edge("edge", origins);
  const far = await rig.edge("far", [edge]);
  if (blow.isSlow) {
    await rig.watch(far);
    await rig.until("the second origin has been asked", () => hasAsked(rig, origins[1]));
  }
  rig.publishTee(sample, origins);

  const players = [edge, far].map((server) => rig.play(server, WATCH_SECONDS));
  const clock = await rig.watch(far);
  await rig.untilMore(clock, "the stream has run for a while");
  await strike();
  await rig.untilMore(clock, "the stream continues");
  await heal?.();

  for (const player of players) await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS });
  say(`  players silent for ${Math.round(clock.longestSilenceMs)} ms`);
  rig.assert(clock.isTimeForward, "Time went back");
  const hasSwitched = rig.readLog(edge.name).some((line) => line.includes("Pull switched"));
  // An origin that takes long to answer is overtaken by the next one before it is lost.
  rig.assertNotLate(hasSwitched, "The edge never switched origins");
  rig.assertInTime(clock.longestSilenceMs, blow.maxSilenceMs, "Players were without frames");
}

function hasAsked(rig: FailoverRig, origin: RtmpServer): boolean {
  return rig.readLog(origin.name).some((line) => line.includes("Player waiting"));
}

/**
 * Checks that a publisher at the edge stays connected, and players of the next origin receive
 * everything.
 */
export async function checkPublisher(rig: FailoverRig, { blow, sample }: BlowScene): Promise<void> {
  const { origins, strike, heal } = await blow.startOrigins(rig);
  const edge = await rig.edge("edge", origins);
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(edge, STREAM));
  const before = rig.play(origins[0], 2 * WATCH_SECONDS);
  await rig.until("the stream has run for a while", () => parseHashes(before.stdout).length > 60);

  const player = rig.play(origins[1], WATCH_SECONDS);
  const clock = await rig.watch(origins[1]);
  const struckMs = rig.now();
  await strike();
  await rig.until("the next origin to have the stream", () => clock.count > 0);
  const tookMs = Math.round(rig.now() - struckMs);
  say(`  the next origin has the stream after ${tookMs} ms`);
  await rig.untilMore(clock, "the stream continues");
  await heal?.();

  const [first] = await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS });
  const hasOverlap = parseHashes(before.stdout).includes(first!);
  rig.assert(hasOverlap, "The next origin started after the lost one's last frame");
  rig.assert(publisher.status === undefined, `The publisher was dropped: ${publisher.describe()}`);
  rig.assertInTime(tookMs, blow.maxPushMs, "The next origin was without the stream");
}

/** Input of {@linkcode checkGapless}. */
interface Watch {
  readonly player: ChildProcess;
  readonly sample: Sample;
  /** How long the player was to watch. */
  readonly seconds: number;
}

/**
 * Waits for the player to end and checks that it received the sample without a gap. @returns the
 * hashes of its frames
 */
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
