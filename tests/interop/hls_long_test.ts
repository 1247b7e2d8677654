/**
 * HLS players that stay: ffmpeg and Chromium play the same live playlist of an origin at the same
 * time (for `EDGE_HLS_SECONDS`), without a gap or a pause.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { describeMismatch } from "../helpers/packet_match.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { say } from "../helpers/say.ts";
import { hlsSeconds } from "../helpers/settings.ts";
import type { Look, Watched } from "./hls_browser.ts";
import { HlsOrigin } from "./hls_origin.ts";
import { FFMPEG, publish } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

/** Time for a program, beyond the time it plays. */
const START_TIMEOUT_MS = 60_000;

/** Segments that exist when players start, so that no player waits for the third. */
const START_SEGMENTS = 3;

/** Time after the first video frame in which a player may still have to wait. */
const SETTLE_MS = 3_000;

/** Maximum total deviation of `currentTime` from the wall clock. */
const MAX_DRIFT_MS = 2_000;

/** Maximum time for which the video may stand still. */
const MAX_STILL_MS = 1_000;

const MAX_DROPPED_SHARE = 0.02;

/** Whole units of H.264 except those that containers write differently: SPS, PPS, delimiters. */
const SAME_UNITS = "filter_units=remove_types=7-9";

const granted = await needs("net", "read", "write", "run", "env");
const hasFfmpeg = !granted.ignore && await hasProgram("ffmpeg");
const hasChromium = hasFfmpeg && await hasProgram("chromium");

Deno.test({
  name: "Players of HLS stay with an origin, without a gap",
  ignore: !hasFfmpeg,
  async fn(t) {
    const seconds = hlsSeconds();
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "edge-hls-long-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const sample = await createSample(directory, seconds);
    const origin = stack.use(new HlsOrigin(directory));
    await origin.start();
    await origin.write(PAGE, await Deno.readTextFile(`${PROJECT_ROOT}tests/interop/hls_page.html`));
    const publisher = stack.use(await publish(FFMPEG, { sample, url: origin.publishUrl }));
    await untilSegments(publisher, origin);
    const beforePlayers = origin.requests.length;

    const [packets, watched] = await Promise.allSettled([
      playWithFfmpeg(urlOf(origin, PLAYLIST), seconds),
      hasChromium ? playWithChromium(urlOf(origin, PAGE), seconds) : null,
    ]);
    await t.step("ffmpeg gets every packet", async () => {
      await checkPackets(valueOf(packets), { sample, seconds });
    });
    await t.step({
      name: "the video in Chromium never pauses",
      ignore: !hasChromium,
      fn: () => checkVideo(valueOf(watched)!, { sample, seconds }),
    });
    await t.step("every request of the players succeeded", () => {
      const requests = origin.requests.slice(beforePlayers);
      assert(requests.length > seconds / 2, `only ${requests.length} requests`);
      assertEquals(requests.filter(({ status }) => status >= 400), []);
    });
    assertEquals(publisher.status, undefined, publisher.describe());
  },
});

const PLAYLIST = "/live/show.m3u8";
const PAGE = "/watch.html";

function urlOf({ httpPort }: HlsOrigin, path: string): string {
  return `http://127.0.0.1:${httpPort}${path}`;
}

async function untilSegments(publisher: ChildProcess, { html }: HlsOrigin): Promise<void> {
  const look = async () => {
    try {
      const text = await Deno.readTextFile(html + PLAYLIST);
      return text.split("#EXTINF").length > START_SEGMENTS;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  };
  await publisher.waitFor("the first segments", look, START_TIMEOUT_MS);
}

/** Bounds for a player. */
interface Standard {
  readonly sample: Sample;
  readonly seconds: number;
}

/** Hashes of packets, in order. */
interface Packets {
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

async function playWithFfmpeg(url: string, seconds: number): Promise<Packets> {
  const filters = ["-bsf:v", SAME_UNITS, "-bsf:a", "aac_adtstoasc"];
  return await listPackets(url, [...filters, "-t", String(seconds)], seconds * 1000);
}

async function checkPackets(
  { video, audio }: Packets,
  { sample, seconds }: Standard,
): Promise<void> {
  const source = await listPackets(
    sample.file,
    ["-bsf:v", `h264_mp4toannexb,${SAME_UNITS}`],
    START_TIMEOUT_MS,
  );
  say(`  ffmpeg: ${video.length} video packets, ${audio.length} audio packets`);
  assertEquals(describeMismatch(source.video, video), undefined, "video");
  assertEquals(describeMismatch(source.audio, audio), undefined, "audio");
  const wanted = seconds * sample.packetsPerSecond;
  assert(video.length >= wanted * 0.98, `only ${video.length} of ${wanted} video packets`);
  assert(audio.length >= video.length, `only ${audio.length} audio packets`);
}

async function listPackets(
  input: string,
  output: readonly string[],
  timeMs: number,
): Promise<Packets> {
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "warning", "-i", input] as const,
    ...["-map", "0:v", "-map", "0:a", "-c", "copy", ...output, "-f", "framemd5", "-"],
  ] as const;
  await using process = startProcess({ name: "ffmpeg", command });
  await process.waitForSuccess(timeMs + START_TIMEOUT_MS);
  assertEquals(process.stderr, []);
  const [video, audio] = ["0,", "1,"].map((track) =>
    parseHashes(process.stdout.filter((line) => line.startsWith(track)))
  );
  return { video: video!, audio: audio! };
}

async function playWithChromium(url: string, seconds: number): Promise<Watched> {
  const command = [
    ...[Deno.execPath(), "run", "--allow-all", `--config=${PROJECT_ROOT}deno.json`] as const,
    ...[`${PROJECT_ROOT}tests/interop/hls_browser.ts`, url, String(seconds)],
  ] as const;
  await using browser = startProcess({ name: "hls_browser.ts", command });
  await browser.waitForSuccess(seconds * 1000 + START_TIMEOUT_MS);
  return JSON.parse(browser.stdout.join(""));
}

function checkVideo(watched: Watched, { sample, seconds }: Standard): void {
  const looks = watched.looks.slice(watched.looks.findIndex(({ mediaMs }) => mediaMs > 0));
  const [first, last] = [looks[0]!, looks.at(-1)!];
  const [frames, dropped] = [last.frames - first.frames, last.dropped - first.dropped];
  const playedMs = last.mediaMs - first.mediaMs;
  const driftMs = largest(looks, (look) => Math.abs(leadMs(look) - leadMs(first)));
  const settled = looks.filter(({ atMs }) => atMs > first.atMs + SETTLE_MS);
  const stillMs = longestStillMs(settled);
  say(
    `  Chromium: ${Math.round(playedMs)} ms in ${Math.round(last.atMs - first.atMs)} ms, off by ` +
      `up to ${Math.round(driftMs)} ms, still for up to ${Math.round(stillMs)} ms, ` +
      `${frames} frames, ${dropped} of them dropped`,
  );
  assertEquals(watched.error, null);
  assertEquals(watched.complaints, []);
  const late = watched.pauses.filter(({ atMs }) => atMs > first.atMs + SETTLE_MS);
  assertEquals(late, [], `the video paused; its first frame was at ${first.atMs}`);
  assert(last.atMs - first.atMs > seconds * 1000 - MAX_STILL_MS, "the page was not watched");
  assert(driftMs <= MAX_DRIFT_MS, `${driftMs} ms off the wall clock`);
  assert(stillMs <= MAX_STILL_MS, `the video stood still for ${stillMs} ms`);
  const wanted = playedMs / 1000 * sample.packetsPerSecond;
  assert(frames >= wanted * (1 - MAX_DROPPED_SHARE), `only ${frames} of ${wanted} frames`);
  assert(dropped <= frames * MAX_DROPPED_SHARE, `${dropped} of ${frames} frames dropped`);
}

/** How far `currentTime` is ahead of the page's clock, plus a constant. */
function leadMs({ mediaMs, atMs }: Look): number {
  return mediaMs - atMs;
}

/** Longest time in which neither `currentTime` nor the number of frames changed. */
function longestStillMs(looks: readonly Look[]): number {
  let [moved, longestMs] = [looks[0]!, 0];
  for (const look of looks) {
    if (look.mediaMs > moved.mediaMs && look.frames > moved.frames) moved = look;
    else longestMs = Math.max(longestMs, look.atMs - moved.atMs);
  }
  return longestMs;
}

function largest<T>(items: readonly T[], measure: (item: T) => number): number {
  return Math.max(...items.map(measure));
}

/** @throws the reason of a rejected promise */
function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}
