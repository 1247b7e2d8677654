/** Recordings of a real encoder, as ffmpeg reads them: what survives which accident. */

import { readFlv } from "../../lib/media/flv_file.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { edgeCommand, startEdge } from "../helpers/edge_server.ts";
import { describeMismatch } from "../helpers/packet_match.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { streamUrl } from "../helpers/servers.ts";
import { until } from "../helpers/until.ts";
import { NumberedEncoder, numberOf } from "./numbered_frames.ts";
import { FFMPEG, publish } from "./publishers.ts";
import { createSample, readVideoHashes, type Sample } from "./sample.ts";

const TIMEOUT_MS = 20_000;
/** Frames that a publisher has sent before something happens. */
const WATCH_FRAMES = 75;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("ffmpeg");

const FORMATS = ["flv", "mp4"] as const;

/** Returns the paths of the files in a folder, which may not exist yet. */
async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(`${folder}/${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** Waits for files that are complete. */
async function untilComplete(folder: string, count: number): Promise<string[]> {
  return await until(`${count} files in ${folder}`, async () => {
    const paths = await filesIn(folder);
    return paths.length === count && paths.every((path) => !path.endsWith(".tmp")) && paths;
  }, { timeoutMs: TIMEOUT_MS });
}

function vhosts(folder: string, format: string, more = ""): string {
  const path = `${folder}/rec/[stream].[timestamp].${format}`;
  return `vhost __defaultVhost__ { dvr { enabled on; dvr_path ${path}; ${more} } }`;
}

async function kill(process: ChildProcess): Promise<void> {
  Deno.kill(process.pid, "SIGKILL");
  await process.stop();
}

/** Returns the number that ffmpeg last printed for the video frames it has sent. */
function framesSent({ stdout }: ChildProcess): number {
  const line = stdout.findLast((line) => line.startsWith("frame="));
  return Number(line?.slice("frame=".length));
}

/** Waits until ffmpeg has sent that many video frames. */
async function untilSent(publisher: ChildProcess, count: number): Promise<void> {
  await publisher.waitFor(`${count} frames`, () => framesSent(publisher) >= count, TIMEOUT_MS);
}

/** Splits frames where the publisher, which always sends the sample from its start, began again. */
function runsOf(sample: Sample, hashes: readonly string[]): string[][] {
  const runs: string[][] = [];
  for (const hash of hashes) {
    if (hash === sample.videoHashes[0]) runs.push([]);
    runs.at(-1)!.push(hash);
  }
  return runs;
}

/** Returns the durations that ffprobe reports and finds: in seconds, of the file and its frames. */
async function timesOf(path: string): Promise<{ duration: number; times: number[] }> {
  await using probe = startProcess({
    name: "ffprobe",
    command: [
      ...["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0"] as const,
      ...["-show_entries", "packet=dts_time:format=duration", path],
    ],
  });
  await probe.waitForSuccess(TIMEOUT_MS);
  const numbers = probe.stdout.map((line) => parseFloat(line));
  return { duration: numbers.at(-1)!, times: numbers.slice(0, -1) };
}

Deno.test({
  name: "recordings survive accidents, frame by frame",
  ignore: !isPossible,
  fn: (t) =>
    inTempDirectory(async (folder) => {
      const sample = await createSample(folder, 1);
      for (const format of FORMATS) {
        const scene = { folder: `${folder}/${format}`, format, sample };
        await Deno.mkdir(scene.folder);
        await t.step(`${format}: one file, time continuing, when the publisher returns`, () =>
          testReturn(scene));
        await Deno.remove(`${scene.folder}/rec`, { recursive: true });
        await t.step(`${format}: playable up to the last second after kill -9`, () =>
          testKill(scene));
      }
      const scene = { folder: `${folder}/full`, format: "flv", sample };
      await Deno.mkdir(`${scene.folder}/rec`, { recursive: true });
      await t.step("full disk: keeps what fits, resumes with the next publish", () =>
        testFullDisk(scene));
      await t.step("50 recorded streams: players and files have every frame once", () =>
        testMany(`${folder}/many`));
    }),
});

interface Scene {
  readonly folder: string;
  readonly format: string;
  readonly sample: Sample;
}

async function startScene({ folder, format }: Scene) {
  return await startEdge({ name: "origin", directory: folder, vhosts: vhosts(folder, format) });
}

async function testReturn(scene: Scene): Promise<void> {
  const { folder, sample } = scene;
  const server = await startScene(scene);
  await using _process = server.process;
  const url = streamUrl(server, "show");
  const first = await publish(FFMPEG, { sample, url });
  await untilSent(first, WATCH_FRAMES);
  await kill(first);
  const second = await publish(FFMPEG, { sample, url });
  await untilSent(second, WATCH_FRAMES);
  await second.stop();
  const [path] = await untilComplete(`${folder}/rec`, 1);
  const runs = runsOf(sample, await readVideoHashes(path!));
  assertEquals(runs.length, 2);
  for (const run of runs) {
    assertEquals(describeMismatch(sample.videoHashes, run), undefined);
    assert(run.length > 0.6 * WATCH_FRAMES, `${run.length} frames`);
  }
  const { duration, times } = await timesOf(path!);
  assertEquals(times, times.toSorted((one, other) => one - other));
  assert(Math.abs(duration - times.at(-1)!) < 0.5, `${duration} ${times.at(-1)}`);
}

async function testKill(scene: Scene): Promise<void> {
  const { folder, format, sample } = scene;
  const server = await startScene(scene);
  const publisher = await publish(FFMPEG, { sample, url: streamUrl(server, "show") });
  await untilSent(publisher, 2 * WATCH_FRAMES);
  const sent = framesSent(publisher);
  await kill(server.process);
  await publisher.stop();
  const [path] = await filesIn(`${folder}/rec`);
  assert(path!.endsWith(`.${format}.tmp`), path);
  const hashes = await readVideoHashes(path!);
  assertEquals(hashes[0], sample.videoHashes[0]);
  assertEquals(describeMismatch(sample.videoHashes, hashes), undefined);
  // ffmpeg reports what it has sent every half second; the last second may be missing.
  assert(hashes.length >= sent - sample.packetsPerSecond, `${hashes.length} of ${sent}`);
}

/** Starts a server with its own disk of 256 KiB, at `folder/rec`. */
function startWithDisk(folder: string): ChildProcess {
  const mount = `mount -t tmpfs -o size=256k none ${folder}/rec && exec "$@"`;
  return startProcess({
    name: "origin",
    command: [
      ...["unshare", "-m", "sh", "-c", mount, "sh"] as const,
      ...[...edgeCommand(), "--config", `${folder}/edge.conf`, "--listen", "127.0.0.1:0"],
    ],
    cwd: folder,
  });
}

async function testFullDisk({ folder, sample }: Scene): Promise<void> {
  await Deno.writeTextFile(`${folder}/edge.conf`, `listen 1935;\n${vhosts(folder, "flv")}\n`);
  await using process = startWithDisk(folder);
  const [, port] = await process.waitForLine(/Listening on rtmp:\/\/\S*:(\d+)/, TIMEOUT_MS);
  const url = `rtmp://127.0.0.1:${port}/live/show`;
  // The disk as the server sees it.
  const disk = `/tmp/recording-disk-${process.pid}`;
  await using publisher = await publish(FFMPEG, { sample, url });
  await process.waitForLine(/Recording failed: No space left on device/, TIMEOUT_MS);
  await untilSent(publisher, framesSent(publisher) + 30);
  assertEquals(process.stderr.filter((line) => line.includes("Recording failed")).length, 1);
  await publisher.stop();
  await inDisk(process, `mkdir ${disk} && mv ${folder}/rec/* ${disk}`);
  try {
    const again = await publish(FFMPEG, { sample, url });
    await untilSent(again, 30);
    await again.stop();
    const isDone = () => process.stderr.filter((line) => line.includes("complete")).length > 1;
    await until("another recording", isDone, { timeoutMs: TIMEOUT_MS });
    await inDisk(process, `cp ${folder}/rec/*.flv ${disk}`);
    const paths = await filesIn(disk);
    assertEquals(paths.length, 2);
    for (const path of paths) {
      const hashes = await readVideoHashes(path);
      assertEquals(hashes[0], sample.videoHashes[0]);
      assertEquals(describeMismatch(sample.videoHashes, hashes), undefined);
      const { duration, times } = await timesOf(path);
      assert(Math.abs(duration - times.at(-1)!) < 0.2, `${duration} ${times.at(-1)}`);
    }
  } finally {
    await Deno.remove(disk, { recursive: true });
  }
}

/** Runs a shell command that sees the disks of `process`. */
async function inDisk(process: ChildProcess, script: string): Promise<void> {
  await using shell = startProcess({
    name: "nsenter",
    command: ["nsenter", "-m", "-t", String(process.pid), "sh", "-c", script],
  });
  await shell.waitForSuccess(TIMEOUT_MS);
}

const STREAMS = 50;

async function testMany(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  const server = await startEdge({
    name: "origin",
    directory: folder,
    vhosts: vhosts(folder, "flv"),
  });
  await using stack = new AsyncDisposableStack();
  stack.use(server.process);
  const names = Array.from({ length: STREAMS }, (_, index) => `s${index}`);
  const publishers = await Promise.all(names.map((name) => RtmpClient.publish(server.port, name)));
  const seen = await Promise.all(names.map(async (name) => {
    const numbers: number[] = [];
    const player = stack.use(await RtmpClient.play(server.port, name));
    player.onMediaMessage = (message) => numbers.push(numberOf(message) ?? -1);
    await player.untilStatus("NetStream.Play.Start");
    return numbers;
  }));
  const encoder = new NumberedEncoder(publishers, { frameMs: 40, gopFrames: 25 });
  stack.use(encoder);
  await until("100 frames", () => encoder.count >= 100, { timeoutMs: TIMEOUT_MS });
  // Closes the publishers, whose last frames are on the way.
  await encoder[Symbol.asyncDispose]();
  const all = Array.from({ length: encoder.count }, (_, number) => number);
  const areThere = () => seen.every((numbers) => numbers.length >= all.length);
  await until("all frames", areThere, { timeoutMs: TIMEOUT_MS }).catch(() => {});
  for (const numbers of seen) assertEquals(numbers, all);
  await server.process.stop();
  const paths = await filesIn(`${folder}/rec`);
  assertEquals(paths.length, STREAMS);
  for (const path of paths) {
    const recorded = readFlv(await Deno.readFile(path)).tags.map(numberOf);
    assertEquals(recorded.filter((number) => number !== null), all, path);
  }
}
