/** Programs that play a stream, and the video packets each of them received. */

import { startProcess } from "../helpers/processes.ts";
import type { ProgramName } from "../helpers/programs.ts";
import { parseHashes, readVideoHashes } from "./sample.ts";
import type { Sample } from "./sample.ts";

/** Time for a player beyond the time it watches: to start, and to wait for the stream. */
const START_TIMEOUT_MS = 30_000;

/**
 * Extra seconds for every player, because each counts its own way: by timestamps, from a packet
 * that it may drop, or by bytes.
 */
const MARGIN_SECONDS = 2;

type Command = readonly [string, ...string[]];

/** A program that plays. */
export type Player =
  /** Prints the hash of each packet and ends after a number of seconds. */
  | {
    readonly kind: "lists";
    readonly name: ProgramName;
    command(url: string, seconds: number): Command;
  }
  /** Writes the stream into an FLV file until it is stopped. */
  | {
    readonly kind: "dumps";
    readonly name: ProgramName;
    command(url: string, file: string): Command;
  };

/** Options of {@linkcode watch}. */
interface WatchOptions {
  readonly url: string;
  readonly seconds: number;
  readonly sample: Sample;
  /** File that a dumping player may write. */
  readonly dumpFile: string;
}

/** ffmpeg, with its own RTMP client. */
export const FFMPEG_PLAYER: Player = {
  kind: "lists",
  name: "ffmpeg",
  command: (url, seconds) => [
    ...["ffmpeg", "-nostdin", "-v", "error", "-i", url, "-map", "0:v", "-c", "copy"] as const,
    ...["-t", String(seconds), "-f", "framemd5", "-"],
  ],
};

/** All players. They cover the RTMP clients of ffmpeg, librtmp and GStreamer. */
export const PLAYERS: readonly Player[] = [
  FFMPEG_PLAYER,
  {
    kind: "lists",
    name: "ffprobe",
    command: (url, seconds) => [
      ...["ffprobe", "-v", "error", "-select_streams", "v", "-show_packets"] as const,
      ...["-show_data_hash", "md5", "-show_entries", "packet=data_hash", "-of", "csv=p=0"],
      ...["-read_intervals", `%+${seconds}`, url],
    ],
  },
  {
    kind: "dumps",
    name: "mpv",
    command: (url, file) => [
      ...["mpv", "--no-config", "--no-terminal", `--stream-dump=${file}`, url] as const,
    ],
  },
  {
    kind: "dumps",
    name: "rtmpdump",
    command: (url, file) => ["rtmpdump", "--live", "-r", url, "-o", file],
  },
  {
    kind: "dumps",
    name: "gst rtmpsrc",
    command: (url, file) => gstreamer(["rtmpsrc", `location=${url} live=1`], file),
  },
  {
    kind: "dumps",
    name: "gst rtmp2src",
    command: (url, file) => gstreamer(["rtmp2src", `location=${url}`], file),
  },
];

/**
 * Plays for a number of seconds and returns the hashes of the video packets, in order.
 *
 * @throws {Error} when the player fails, or receives too little in time
 */
export async function watch(player: Player, options: WatchOptions): Promise<string[]> {
  return await (player.kind === "lists" ? watchList(player, options) : watchDump(player, options));
}

async function watchList(
  player: Player & { readonly kind: "lists" },
  { url, seconds }: WatchOptions,
): Promise<string[]> {
  const command = player.command(url, seconds + MARGIN_SECONDS);
  await using process = startProcess({ name: player.name, command });
  await process.waitForSuccess(seconds * 1000 + START_TIMEOUT_MS);
  return parseHashes(process.stdout);
}

async function watchDump(
  player: Player & { readonly kind: "dumps" },
  { url, seconds, sample, dumpFile }: WatchOptions,
): Promise<string[]> {
  const wantedBytes = (seconds + MARGIN_SECONDS) * sample.bytesPerSecond;
  const hasEnough = async () => await sizeOf(dumpFile) >= wantedBytes;
  await using process = startProcess({ name: player.name, command: player.command(url, dumpFile) });
  await process.waitFor("enough bytes", hasEnough, seconds * 1000 + START_TIMEOUT_MS);
  await process.stop();
  // The last packet is cut off where the player was stopped.
  return (await readVideoHashes(dumpFile)).slice(0, -1);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await Deno.stat(file)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

function gstreamer(source: readonly string[], file: string): Command {
  const sink = ["filesink", `location=${file}`, "buffer-mode=unbuffered"];
  return ["gst-launch-1.0", "-q", ...source, "!", ...sink];
}
