/**
 * Publishers and players of another make: `rtmp_pub.c` and `rtmp_sink.c`, which are not part of
 * this repository. They are light, so that a thousand publishers fit beside the
 * server.
 */

import { type ChildProcess, startProcess } from "../tests/helpers/processes.ts";
import { encodeFlvHeader, encodeFlvTag } from "../lib/media/flv_file.ts";
import { concatBytes } from "../lib/base/bytes.ts";
import { delay } from "../tests/helpers/until.ts";
import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { AAC_HEADER, AUDIO, AVC_HEADER, makeFrame, VIDEO } from "./frames.ts";
import { buildProgram, WORKSHOP } from "./workshop.ts";

/** Length of the files, which publishers send again and again. */
const FILE_SECONDS = 10;
const GOP_SECONDS = 2;
/** An AAC frame has 1024 samples, here at 44.1 kHz. */
const AUDIO_FRAME_MS = 1024 / 44.1;
/** Size of a keyframe, as a multiple of the other frames. */
const KEYFRAME_RATIO = 6;
/** Time that all may take to connect, beyond what they run. */
const SLACK_MS = 60_000;
/** The programs run for longer than is measured: some have connected before others. */
const MARGIN_SECONDS = 6;
/**
 * Programs at once: each connects one publisher after the other, and some servers delay their
 * answers by 40 ms (Nagle).
 */
const PROCESSES = 10;

/** What each publisher sends. */
export interface MediaShape {
  readonly name: string;
  readonly videoKilobits: number;
  readonly audioKilobits: number;
  readonly framesPerSecond: number;
}

/** Paths of the two programs. */
export interface IndependentLoad {
  readonly publishers: string;
  readonly players: string;
}

/** Compiles the programs in `directory`. @throws {Error} when they are not there, or without gcc */
export async function buildIndependentLoad(directory: string): Promise<IndependentLoad> {
  const build = (name: string, ...flags: string[]) =>
    buildProgram(`${directory}/${name}.c`, name, ...flags);
  return { publishers: await build("rtmp_pub"), players: await build("rtmp_sink", "-pthread") };
}

/** Writes a file of this shape, and returns its path. */
export async function writeMedia(shape: MediaShape): Promise<string> {
  const path = `${WORKSHOP}/${shape.name}.flv`;
  const tracks = { hasVideo: true, hasAudio: true };
  const tags = [
    { typeId: VIDEO, timestampMs: 0, payload: AVC_HEADER },
    { typeId: AUDIO, timestampMs: 0, payload: AAC_HEADER },
    ...framesOf(shape).sort((left, right) => left.timestampMs - right.timestampMs),
  ];
  await Deno.writeFile(path, concatBytes([encodeFlvHeader(tracks), ...tags.map(encodeFlvTag)]));
  return path;
}

function framesOf({ videoKilobits, audioKilobits, framesPerSecond }: MediaShape) {
  const gopFrames = framesPerSecond * GOP_SECONDS;
  const interBytes = videoKilobits * 125 * GOP_SECONDS / (gopFrames - 1 + KEYFRAME_RATIO);
  const video = Array.from({ length: framesPerSecond * FILE_SECONDS }, (_, number) => {
    const isKeyframe = number % gopFrames === 0;
    const size = Math.round(interBytes * (isKeyframe ? KEYFRAME_RATIO : 1));
    const kind = isKeyframe ? "keyframe" : "inter";
    const timestampMs = Math.floor(number * 1000 / framesPerSecond);
    return { typeId: VIDEO, timestampMs, payload: makeFrame({ kind, number, size }) };
  });
  const size = Math.round(audioKilobits * 125 * AUDIO_FRAME_MS / 1000);
  const audioCount = Math.floor(FILE_SECONDS * 1000 / AUDIO_FRAME_MS);
  const audio = Array.from({ length: audioCount }, (_, number) => ({
    typeId: AUDIO,
    timestampMs: Math.floor(number * AUDIO_FRAME_MS),
    payload: makeFrame({ kind: "audio", number, size }),
  }));
  return [...video, ...audio];
}

/** One run of {@linkcode runLoad}. */
interface LoadRun {
  readonly load: IndependentLoad;
  readonly port: number;
  /** The server to measure. */
  readonly pid: number;
  /** Streams, with one publisher each; a multiple of ten. */
  readonly count: number;
  readonly file: string;
  /** Whether each stream has a player. */
  readonly hasPlayers: boolean;
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** What a run measured. */
export interface LoadUse extends CpuUse {
  /** Publishers and players that were refused or closed. */
  readonly faults: number;
}

/**
 * Publishes `count` streams, and measures the server after the warm-up.
 *
 * @throws {Error} when connecting took so long that not all published at the same time
 */
export async function runLoad(run: LoadRun): Promise<LoadUse> {
  const { load, pid, file, hasPlayers, warmSeconds, seconds } = run;
  await using processes = new AsyncDisposableStack();
  const start = (name: string, program: string, args: (string | number)[]) =>
    processes.use(startProcess({ name, command: [program, ...args.map(String)] }));
  const lasting = warmSeconds + seconds + MARGIN_SECONDS;
  const publishers = targetsOf(run).map((target) =>
    start("the publishers", load.publishers, [...target, file, lasting])
  );
  for (const each of publishers) await each.waitForLine(/^published /, SLACK_MS);
  const players: ChildProcess[] = [];
  for (const target of hasPlayers ? targetsOf(run) : []) {
    // They wait for a second before they count, and we count nothing of theirs.
    const each = start("the players", load.players, [...target, 1, lasting - 1]);
    players.push(each);
    await each.waitForLine(/^joined /, SLACK_MS);
  }
  await delay(warmSeconds * 1000);
  const meter = await CpuMeter.start(pid);
  await delay(seconds * 1000);
  const use = await meter.read();
  if (publishers.some(({ status }) => status !== undefined)) {
    throw new Error("Some publishers ended while others connected: the machine is too busy");
  }
  let faults = 0;
  for (const each of [...publishers, ...players]) {
    await each.waitForLine(/closed=/, SLACK_MS);
    faults += countFaults(each);
  }
  return { ...use, faults };
}

/** Address, application, names of streams and their number, for each process. */
function targetsOf({ port, count }: LoadRun): (string | number)[][] {
  return Array.from(
    { length: PROCESSES },
    (_, index) => [`127.0.0.1:${port}`, "live", `s${index}-%d`, count / PROCESSES],
  );
}

/** Both programs print how many could not connect, and how many were closed. */
function countFaults({ stdout }: ChildProcess): number {
  const counts = stdout.join(" ").matchAll(/(?:failed|closed)=(\d+)/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
