/** The stream that every interop test sends: made by ffmpeg, known packet by packet. */

import { startProcess } from "../helpers/processes.ts";

const SAMPLE_SECONDS = 10;
const DEFAULT_FRAMES_PER_SECOND = 30;
const GOP_SECONDS = 2;
const TIMEOUT_MS = 60_000;

/** Longer than any player watches, including its start. */
const LOOP_RESERVE_SECONDS = 60;

/** A short stream in files, and its packets. */
export interface Sample {
  /**
   * FLV file of `SAMPLE_SECONDS`, H.264 without B-frames and AAC; publishers repeat it endlessly.
   */
  readonly file: string;
  /** The same, repeated in one file, for publishers that cannot loop. */
  readonly loopedFile: string;
  /** MD5 of each video packet, in order; all different. */
  readonly videoHashes: readonly string[];
  /** Video packets and bytes per second. */
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * Makes the sample in `directory`; the looped file is long enough for players that watch for
 * `watchSeconds`.
 */
export async function createSample(
  directory: string,
  watchSeconds: number,
  framesPerSecond = DEFAULT_FRAMES_PER_SECOND,
): Promise<Sample> {
  const file = `${directory}/sample.flv`;
  const loopedFile = `${directory}/looped.flv`;
  await runFfmpeg([
    ...testVideo(framesPerSecond),
    ...testAudio(),
    ...encoding(framesPerSecond),
    file,
  ]);
  const loops = Math.ceil((watchSeconds + LOOP_RESERVE_SECONDS) / SAMPLE_SECONDS);
  await runFfmpeg([
    "-stream_loop",
    String(loops),
    "-i",
    file,
    "-c",
    "copy",
    "-f",
    "flv",
    loopedFile,
  ]);
  return {
    file,
    loopedFile,
    videoHashes: await readVideoHashes(file),
    packetsPerSecond: framesPerSecond,
    bytesPerSecond: (await Deno.stat(file)).size / SAMPLE_SECONDS,
  };
}

/** Returns the MD5 of each video packet of an FLV file, including a last packet that is cut off. */
export async function readVideoHashes(file: string): Promise<string[]> {
  return parseHashes(
    await runFfmpeg(["-i", file, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"]),
  );
}

/**
 * Returns the hashes in a packet list of ffmpeg (`framemd5`) or ffprobe (`-show_data_hash md5`).
 */
export function parseHashes(lines: readonly string[]): string[] {
  const packets = lines.filter((line) => !line.startsWith("#"));
  return packets.flatMap((line) => line.match(/\b[0-9a-f]{32}\b/)?.[0] ?? []);
}

async function runFfmpeg(args: readonly string[]): Promise<string[]> {
  const command = ["ffmpeg", "-nostdin", "-v", "error", ...args] as const;
  await using process = startProcess({ name: "ffmpeg", command });
  await process.waitForSuccess(TIMEOUT_MS);
  return process.stdout;
}

function testVideo(framesPerSecond: number): string[] {
  return ["-f", "lavfi", "-i", `testsrc2=size=640x360:rate=${framesPerSecond}`];
}

function testAudio(): string[] {
  return ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"];
}

function encoding(framesPerSecond: number): string[] {
  const gop = String(framesPerSecond * GOP_SECONDS);
  return [
    ...["-t", String(SAMPLE_SECONDS), "-f", "flv"],
    ...["-c:v", "libx264", "-preset", "veryfast", "-b:v", "400k", "-pix_fmt", "yuv420p"],
    ...["-bf", "0", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0"],
    ...["-c:a", "aac", "-b:a", "64k"],
  ];
}
