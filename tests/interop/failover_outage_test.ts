/**
 * Origins that are away for long, and origins that keep restarting. All scenes run at once, because
 * each takes minutes.
 */

import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { outageSeconds, restartSeconds } from "../helpers/settings.ts";
import { delay } from "../helpers/until.ts";
import {
  type ArrivalClock,
  canRunPrograms,
  type FailoverRig,
  kill,
  MAX_STEP_MS,
  STREAM,
  TIMEOUT_MS,
} from "./failover_rig.ts";
import { checkGapless, runScenes, type Scene } from "./failover_scenes.ts";
import { FFMPEG } from "./publishers.ts";
import { parseHashes, type Sample } from "./sample.ts";

/** Maximum time from an origin's recovery until all clients have the stream again. */
const MAX_RETURN_MS = 1_000;

/** Time from an origin's start to its end. */
const RESTART_PERIOD_MS = 5_000;

/** Longer than any scene. */
const ENDLESS_SECONDS = 3_600;

/** How long the only origin stands still: it is left after 7 s; keyframes are kept for 5.5 s. */
const PAUSE_SECONDS = 16;

/** The bulky publisher sends 6 MB a second, with a keyframe each second. */
const BULK = { periodMs: 10, framesPerGop: 100, frameBytes: 60_000 } as const;

/**
 * Maximum memory growth of an edge while no origin takes what is published. The log itself was
 * there before; the rest is room for the garbage collector.
 */
const MAX_GROWTH_BYTES = 40e6;

const SCENES: readonly Scene[] = [
  {
    name: "players stay while all origins are away, and see the stream again within a second",
    run: checkOutageOfPlayers,
  },
  {
    name:
      "a publisher stays while all origins are away, and the first one back has its stream at once",
    run: checkOutageOfPublisher,
  },
  {
    name: "an only origin that stands still loses nothing of what is pushed to it",
    run: checkPausedOrigin,
  },
  {
    name: "memory is bounded while no origin takes what is published",
    run: checkMemory,
  },
  {
    name: "players stay while their only origin restarts over and over",
    run: checkRestartsOfPlayers,
  },
  {
    name: "players stay while two origins restart in turn",
    run: checkRestartsInTurn,
  },
  {
    name: "a publisher stays while its only origin restarts over and over",
    run: checkRestartsOfPublisher,
  },
];

const ignore = !await canRunPrograms() || !await hasProgram("ps");

Deno.test({
  name: "an edge keeps its clients while origins are away or restart",
  ignore,
  fn: (t) => runScenes(t, SCENES),
});

async function checkOutageOfPlayers(rig: FailoverRig, sample: Sample): Promise<void> {
  const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
  const edge = await rig.edge("edge", origins);
  const far = await rig.edge("far", [edge]);
  rig.publishTee(sample, origins);
  const players = [edge, far].map((server) => rig.play(server, ENDLESS_SECONDS));
  const clocks = [await rig.watch(edge), await rig.watch(far)];
  await untilAllMore(rig, clocks, "the stream has run for a while");

  await Promise.all(origins.map(kill));
  await delay(outageSeconds() * 1_000);
  const seen = players.map(countFrames);
  const origin = await rig.origin("origin2", { port: origins[1].port });
  const direct = await rig.watch(origin);
  const returns = [direct, ...clocks].map((clock) => timeOfNext(rig, clock));
  await rig.publish(FFMPEG, sample, streamUrl(origin, STREAM));
  const [directMs, ...edgeMs] = await Promise.all(returns);
  const lateMs = edgeMs.map((ms) => Math.round(ms - directMs!));
  say(`  players after the outage: first frame ${lateMs.join(" and ")} ms after the origin's own`);
  await untilAllMore(rig, clocks, "the stream runs again");
  checkTime(rig, clocks);
  for (const [index, player] of players.entries()) {
    checkStays(rig, player);
    rig.assert(countFrames(player) > seen[index]!, `${player.name} received no more frames`);
  }
  for (const ms of lateMs) {
    rig.assertInTime(ms, MAX_RETURN_MS, "The first frame, after the origin had its own");
  }
}

async function checkOutageOfPublisher(rig: FailoverRig, sample: Sample): Promise<void> {
  const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
  const edge = await rig.edge("edge", origins);
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(edge, STREAM));
  await rig.untilMore(await rig.watch(origins[0]), "the stream has run for a while");

  await Promise.all(origins.map(kill));
  await delay(outageSeconds() * 1_000);
  const origin = await rig.origin("origin2", { port: origins[1].port });
  const backMs = rig.now();
  const clock = await rig.watch(origin);
  const lateMs = Math.round(await timeOfNext(rig, clock) - backMs);
  say(`  publisher after the outage: the origin has its stream ${lateMs} ms after its start`);
  await rig.untilMore(clock, "the stream runs again");
  checkTime(rig, [clock]);
  checkStays(rig, publisher);
  rig.assertInTime(lateMs, MAX_RETURN_MS, "The origin had the stream after its start");
}

async function checkPausedOrigin(rig: FailoverRig, sample: Sample): Promise<void> {
  const origin = await rig.origin("origin");
  const edge = await rig.edge("edge", [origin]);
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(edge, STREAM));
  const seconds = PAUSE_SECONDS + 10;
  const player = rig.play(origin, seconds);
  await rig.untilMore(await rig.watch(origin), "the stream has run for a while");

  Deno.kill(origin.process.pid, "SIGSTOP");
  await delay(PAUSE_SECONDS * 1_000);
  Deno.kill(origin.process.pid, "SIGCONT");
  await checkGapless(rig, { player, sample, seconds });
  checkStays(rig, publisher);
  const hasLeft = rig.readLog(edge.name).some((line) => line.includes("Push switched"));
  rig.assert(hasLeft, "The edge never left the origin");
}

async function checkMemory(rig: FailoverRig): Promise<void> {
  const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
  const edge = await rig.edge("edge", origins);
  const publisher = rig.use(await RtmpClient.publish(edge.port, STREAM));
  const stopSending = sendBulk(publisher);
  rig.defer(stopSending);
  const clock = await rig.watch(origins[0]);
  await rig.untilMore(clock, "the log is full", 10 * BULK.framesPerGop);

  await Promise.all(origins.map(kill));
  const beforeBytes = await readMemory(edge);
  let peakBytes = beforeBytes;
  const endMs = performance.now() + outageSeconds() * 1_000;
  while (performance.now() < endMs) {
    await delay(250);
    peakBytes = Math.max(peakBytes, await readMemory(edge));
  }
  const grown = peakBytes - beforeBytes;
  const [before, growth] = [beforeBytes, grown].map((bytes) => (bytes / 1e6).toFixed(1));
  say(`  memory in the outage: ${growth} MB more than the ${before} MB before`);
  rig.assert(grown <= MAX_GROWTH_BYTES, `The edge grew by ${growth} MB`);
  rig.assert(!publisher.isEnded, "The publisher was dropped");
  const origin = await rig.origin("origin2", { port: origins[1].port });
  await rig.untilMore(await rig.watch(origin), "the stream runs again");
}

async function checkRestartsOfPlayers(rig: FailoverRig, sample: Sample): Promise<void> {
  await checkRestarts(rig, sample, [await rig.origin("origin")]);
}

async function checkRestartsInTurn(rig: FailoverRig, sample: Sample): Promise<void> {
  await checkRestarts(rig, sample, [await rig.origin("origin1"), await rig.origin("origin2")]);
}

/** Each origin has its own encoder, which restarts with it. */
async function checkRestarts(
  rig: FailoverRig,
  sample: Sample,
  origins: readonly RtmpServer[],
): Promise<void> {
  const edge = await rig.edge("edge", origins);
  const far = await rig.edge("far", [edge]);
  const player = rig.play(far, ENDLESS_SECONDS);
  const clocks = [await rig.watch(edge), await rig.watch(far)];
  const encode = (origin: RtmpServer) => rig.publish(FFMPEG, sample, streamUrl(origin, STREAM));
  await Promise.all(origins.map(encode));
  await untilAllMore(rig, clocks, "the stream has run for a while");
  const rounds = await restartInTurn(rig, origins, async (origin) => {
    await encode(origin);
    await untilAllMore(rig, clocks, "frames after a restart");
  });
  const silences = clocks.map((clock) => Math.round(clock.longestSilenceMs)).join(" and ");
  say(`  ${rounds} restarts of ${origins.length}: players silent for ${silences} ms at most`);
  checkTime(rig, clocks);
  checkStays(rig, player);
}

async function checkRestartsOfPublisher(rig: FailoverRig, sample: Sample): Promise<void> {
  const first = await rig.origin("origin");
  const edge = await rig.edge("edge", [first]);
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(edge, STREAM));
  let longestMs = 0;
  const rounds = await restartInTurn(rig, [first], async (origin) => {
    const backMs = rig.now();
    const clock = await rig.watch(origin);
    longestMs = Math.max(longestMs, await timeOfNext(rig, clock) - backMs);
    await rig.untilMore(clock, "the stream is back after a restart");
    checkTime(rig, [clock]);
    checkStays(rig, publisher);
  });
  const lateMs = Math.round(longestMs);
  say(`  ${rounds} restarts: the origin had the stream ${lateMs} ms after its start at most`);
  rig.assertInTime(lateMs, MAX_RETURN_MS, "The origin had the stream after its start");
}

/**
 * Restarts one origin after the other, alternately by SIGKILL and by SIGTERM.
 *
 * @param onStarted Called with each restarted origin.
 * @returns the number of restarts
 */
async function restartInTurn(
  rig: FailoverRig,
  origins: readonly RtmpServer[],
  onStarted: (origin: RtmpServer) => Promise<void>,
): Promise<number> {
  const running = [...origins];
  const endMs = performance.now() + restartSeconds() * 1_000;
  let rounds = 0;
  while (performance.now() < endMs) {
    const nextMs = performance.now() + RESTART_PERIOD_MS;
    const index = rounds % running.length;
    const { name, port, process } = running[index]!;
    const isKilled = Math.floor(rounds++ / running.length) % 2 === 0;
    await (isKilled ? kill(running[index]!) : process.stop());
    running[index] = await rig.origin(name, { port });
    await onStarted(running[index]);
    await delay(Math.max(0, nextMs - performance.now()));
  }
  return rounds;
}

/** Returns when the next frame arrives, in ms without own pauses. */
async function timeOfNext(rig: FailoverRig, clock: ArrivalClock): Promise<number> {
  await rig.untilMore(clock, "frames are back", 1);
  return clock.lastArrivalMs;
}

async function untilAllMore(
  rig: FailoverRig,
  clocks: readonly ArrivalClock[],
  what: string,
): Promise<void> {
  await Promise.all(clocks.map((clock) => rig.untilMore(clock, what)));
}

function checkTime(rig: FailoverRig, clocks: readonly ArrivalClock[]): void {
  for (const { name, isTimeForward, largestStepMs } of clocks) {
    rig.assert(isTimeForward, `Time went back at the ${name}`);
    rig.assert(largestStepMs <= MAX_STEP_MS, `Time leapt by ${largestStepMs} ms at the ${name}`);
  }
}

function checkStays(rig: FailoverRig, client: ChildProcess): void {
  rig.assert(client.status === undefined, `A client was dropped: ${client.describe()}`);
}

function countFrames(player: ChildProcess): number {
  return parseHashes(player.stdout).length;
}

/** Sends frames in real time. @returns a function that stops it */
function sendBulk(publisher: RtmpClient): () => void {
  const { periodMs, framesPerGop, frameBytes } = BULK;
  const payload = new Uint8Array(frameBytes);
  const beganMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = (performance.now() - beganMs) / periodMs;
    for (; sent < due && !publisher.isEnded; sent++) {
      // AVC frame with composition time 0 (FLV 10.1 E.4.3); the first of a GOP is a keyframe.
      payload.set([sent % framesPerGop === 0 ? 0x17 : 0x27, 1, 0, 0, 0]);
      publisher.push({ typeId: 9, timestampMs: sent * periodMs, payload });
    }
  }, periodMs);
  return () => clearInterval(timer);
}

/** Returns the resident memory of a server in bytes. */
async function readMemory({ process }: RtmpServer): Promise<number> {
  // Not from /proc: Deno grants that only with all permissions.
  const command = ["ps", "-o", "rss=", "-p", String(process.pid)] as const;
  await using ps = startProcess({ name: "ps", command });
  await ps.waitForSuccess(TIMEOUT_MS);
  return Number(ps.stdout[0]) * 1_024;
}
