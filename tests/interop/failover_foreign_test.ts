/** Origins that differ: other encodes, and nginx in place of one of them. */

import { countLost } from "../helpers/packet_match.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import {
  canRunPrograms,
  type FailoverRig,
  kill,
  MAX_STEP_MS,
  STREAM,
  TIMEOUT_MS,
} from "./failover_rig.ts";
import {
  type Blow,
  checkGapless,
  checkPlayers,
  checkPublisher,
  runAlone,
  runScenesInTurn,
  type Scene,
  WATCH_SECONDS,
} from "./failover_scenes.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

/** Maximum silence after a killed origin, where there is nothing to wait for. */
const MAX_SILENCE_MS = 250;

/** Time from one keyframe of the sample to the next. */
const GOP_MS = 2_000;

/** nginx is killed; the next origin is ours, and keeps the frames needed to continue. */
const NGINX_KILLED: Blow = {
  name: "killed",
  maxSilenceMs: MAX_SILENCE_MS,
  maxPushMs: 500,
  isSlow: true,
  async startOrigins(rig) {
    const origins = [await rig.nginx("nginx"), await rig.origin("origin")] as const;
    return { origins, strike: () => kill(origins[0]) };
  },
};

const NGINX_SCENES: readonly Scene[] = [
  {
    name: "players lose and duplicate nothing when nginx is killed",
    run: (rig, sample) => checkPlayers(rig, { blow: NGINX_KILLED, sample }),
  },
  {
    name: "a publisher stays and loses nothing when nginx is killed",
    run: (rig, sample) => checkPublisher(rig, { blow: NGINX_KILLED, sample }),
  },
  {
    name:
      "players lose at most the frames up to the next keyframe when nginx, which keeps none, is next",
    run: checkPlayersOfNginx,
  },
  {
    name: "a publisher stays and loses nothing when nginx is next",
    run: checkPublisherToNginx,
  },
];

const ignore = !await canRunPrograms();

Deno.test({
  name: "players of an edge continue with the other encode when the serving origin is killed",
  ignore,
  fn: () =>
    runAlone(async (rig) => {
      await checkOtherEncode(rig, await createSample(rig.directory, WATCH_SECONDS));
    }),
});

Deno.test({
  name: "an edge keeps its clients when one of nginx and an origin of ours is killed",
  ignore: ignore || !await hasProgram("nginx-rtmp"),
  fn: (t) => runScenesInTurn(t, NGINX_SCENES),
});

async function checkOtherEncode(rig: FailoverRig, sample: Sample): Promise<void> {
  const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
  const edge = await rig.edge("edge", origins);
  const other = { ...sample, file: await createOtherEncode(rig, sample) };
  await rig.publish(FFMPEG, sample, streamUrl(origins[0], STREAM));
  await rig.publish(FFMPEG, other, streamUrl(origins[1], STREAM));

  const decoder = decode(rig, edge);
  const recorder = rig.use(await RtmpClient.play(edge.port, STREAM));
  const clock = await rig.watch(edge);
  await rig.untilMore(clock, "the stream has run for a while");
  await kill(origins[0]);
  await rig.waitForSuccess(decoder);

  const silenceMs = Math.round(clock.longestSilenceMs);
  const stepMs = clock.largestStepMs;
  const frames = Number(decoder.stdout.findLast((line) => line.startsWith("frame="))?.slice(6));
  say(`  other encode: ${silenceMs} ms of silence, step ${stepMs} ms, ${frames} frames decoded`);
  const complaints = decoder.stderr.filter((line) => !PARSER_LINE.test(line));
  rig.assert(complaints.length === 0, `The decoder complained: ${complaints.join("; ")}`);
  rig.assert(frames >= (WATCH_SECONDS - 1) * OTHER_RATE, `Only ${frames} frames were decoded`);
  rig.assert(clock.isTimeForward, "Time went back");
  rig.assert(stepMs <= MAX_STEP_MS, `Time leapt by ${stepMs} ms`);
  rig.assert(!clock.isEnded, "A player was disconnected");
  checkBeginning(rig, recorder);
  rig.assertInTime(silenceMs, MAX_SILENCE_MS, "Players were without frames");
}

/** Checks that the other encode starts with its sequence header, followed by a keyframe. */
function checkBeginning(rig: FailoverRig, recorder: RtmpClient): void {
  const video = recorder.media.filter(({ typeId }) => typeId === 9);
  // AVC (FLV 10.1 E.4.3): frame and codec, then 0 for a sequence header.
  const headers = video.flatMap(({ payload }, index) => payload[1] === 0 ? [index] : []);
  const isOther = headers.length === 2 &&
    video[headers[0]!]!.payload.toString() !== video[headers[1]!]!.payload.toString();
  rig.assert(isOther, `The other encode's header is not among ${headers.length}`);
  rig.assert(video[headers[1]! + 1]?.payload[0] === 0x17, "No keyframe follows the header");
}

const OTHER_RATE = 25;

/**
 * Lines of ffmpeg's parser, which keeps the first sequence header while the decoder follows: it
 * reports errors in any stream that changes.
 */
const PARSER_LINE = /^\[NULL @|^ *Last message repeated/;

/** Encodes the sample with other frames, GOPs and sizes. */
async function createOtherEncode(rig: FailoverRig, sample: Sample): Promise<string> {
  const file = `${rig.directory}/other.flv`;
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-i", sample.file, "-c:a", "copy"] as const,
    ...["-vf", "scale=320:180", "-r", String(OTHER_RATE), "-c:v", "libx264"],
    ...["-preset", "ultrafast", "-bf", "0", "-g", String(OTHER_RATE), file],
  ] as const;
  await using process = startProcess({ name: "ffmpeg", command });
  await process.waitForSuccess(TIMEOUT_MS);
  return file;
}

/** Starts a player that decodes every frame, and stops at the first damaged one. */
function decode(rig: FailoverRig, server: RtmpServer): ChildProcess {
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-progress", "pipe:1"] as const,
    ...["-i", streamUrl(server, STREAM), "-map", "0:v", "-t", String(WATCH_SECONDS)],
    ...["-f", "null", "-"],
  ] as const;
  return rig.use(startProcess({ name: "decoder", command }));
}

async function checkPlayersOfNginx(rig: FailoverRig, sample: Sample): Promise<void> {
  const origins = [await rig.origin("origin"), await rig.nginx("nginx")] as const;
  const edge = await rig.edge("edge", origins);
  const far = await rig.edge("far", [edge]);
  rig.publishTee(sample, origins);
  const players = [edge, far].map((server) => rig.play(server, WATCH_SECONDS));
  const clock = await rig.watch(far);
  await rig.untilMore(clock, "the stream has run for a while");
  await kill(origins[0]);

  await Promise.all(players.map((player) => rig.waitForSuccess(player)));
  const losses = players.map((player) => countLost(sample.videoHashes, parseHashes(player.stdout)));
  const silenceMs = Math.round(clock.longestSilenceMs);
  say(`  nginx next: ${losses.join(" and ")} frames lost, ${silenceMs} ms of silence`);
  for (const lost of losses) {
    const gop = sample.packetsPerSecond * GOP_MS / 1_000;
    rig.assert(lost <= gop, `${lost} frames were lost`);
  }
  rig.assert(clock.isTimeForward, "Time went back");
  rig.assert(clock.largestStepMs <= GOP_MS + MAX_SILENCE_MS, "Time leapt");
  rig.assertInTime(silenceMs, GOP_MS + MAX_SILENCE_MS, "Players were without frames");
}

async function checkPublisherToNginx(rig: FailoverRig, sample: Sample): Promise<void> {
  const origins = [await rig.origin("origin"), await rig.nginx("nginx")] as const;
  const edge = await rig.edge("edge", origins);
  // Connect before the stream starts: nginx keeps nothing of it.
  const player = rig.play(origins[1], WATCH_SECONDS / 2);
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(edge, STREAM));
  const before = rig.play(origins[0], 2 * WATCH_SECONDS);
  const hasRun = () => parseHashes(before.stdout).length > 2 * sample.packetsPerSecond;
  await rig.until("the stream has run for a while", hasRun);
  await kill(origins[0]);

  const [first] = await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS / 2 });
  const hasOverlap = parseHashes(before.stdout).includes(first!);
  rig.assert(hasOverlap, "nginx received the stream only after the lost origin's last frame");
  rig.assert(publisher.status === undefined, `The publisher was dropped: ${publisher.describe()}`);
}
