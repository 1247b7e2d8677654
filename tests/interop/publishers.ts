/** Programs that publish the sample, repeatedly and in real time. */

import { startProcess } from "../helpers/processes.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import type { ProgramName } from "../helpers/programs.ts";
import type { Sample } from "./sample.ts";

const START_TIMEOUT_MS = 15_000;

type Command = readonly [string, ...string[]];

/** A program that publishes. */
export interface Publisher {
  readonly name: ProgramName;
  command(sample: Sample, url: string): Command;
  /**
   * Matches what it prints once the server has accepted the stream; without it, there is no
   * waiting.
   */
  readonly started?: RegExp;
}

/** ffmpeg, with its own RTMP client. */
export const FFMPEG: Publisher = {
  name: "ffmpeg",
  command: (sample, url) => [
    ...["ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1"] as const,
    ...["-re", "-stream_loop", "-1", "-i", sample.file, "-c", "copy", "-f", "flv", url],
  ],
  started: /^frame=[1-9]/,
};

/** GStreamer with librtmp. */
export const RTMPSINK: Publisher = {
  name: "gst rtmpsink",
  command: (sample, url) => gstreamer(sample, ["rtmpsink", `location=${url}`]),
};

/** GStreamer with its own RTMP client. */
export const RTMP2SINK: Publisher = {
  name: "gst rtmp2sink",
  command: (sample, url) => gstreamer(sample, ["rtmp2sink", `location=${url}`]),
};

/** Starts publishing to `url`. The caller stops the process. */
export async function publish(
  publisher: Publisher,
  options: { readonly sample: Sample; readonly url: string },
): Promise<ChildProcess> {
  const command = publisher.command(options.sample, options.url);
  const process = startProcess({ name: `publisher ${publisher.name}`, command });
  try {
    if (publisher.started !== undefined) {
      await process.waitForLine(publisher.started, START_TIMEOUT_MS);
    }
    return process;
  } catch (error) {
    await process.stop();
    throw error;
  }
}

function gstreamer(sample: Sample, sink: readonly string[]): Command {
  return [
    ...["gst-launch-1.0", "-q"] as const,
    ...["filesrc", `location=${sample.loopedFile}`, "!", "flvdemux", "name=in"],
    ...["flvmux", "name=out", "streamable=true", "!", ...sink],
    ...["in.video", "!", "queue", "!", "out.video", "in.audio", "!", "queue", "!", "out.audio"],
  ];
}
