/** What a decoder gets when publishers come and go: slates, and a publisher that stands by. */

import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { say } from "../helpers/say.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { canRunPrograms, FailoverRig, STREAM } from "./failover_rig.ts";

/** From a source to a slate and back: two changes. */
const ROUNDS = 5;

const ignore = !await canRunPrograms();

Deno.test({
  name: "ffmpeg decodes a stream over ten changes to a slate and back, and time goes forward",
  ignore,
  async fn() {
    await using rig = await FailoverRig.create();
    const slate = `${rig.directory}/slate.flv`;
    await encode(rig, slate, { size: "320x180", rate: 25, hz: 220 });
    const show = `${rig.directory}/show.flv`;
    await encode(rig, show, { size: "640x360", rate: 30, hz: 440 });
    const server = await rig.server(
      "origin",
      `vhost __defaultVhost__ { min_latency on; play { fallback ${slate}; fallback_after 200ms; } }`,
    );
    let publisher = rig.use(startPublisher(show, server));
    const decoder = rig.use(Decoder.start(server));
    await rig.until("the first frames", () => decoder.count > 15);
    for (let round = 1; round <= ROUNDS; round++) {
      // Killed, its connection breaks; asked to end, it ends the stream.
      Deno.kill(publisher.pid, round % 2 === 0 ? "SIGKILL" : "SIGTERM");
      await rig.until(`slate ${round}`, () => countLines(rig, "Slate shown") === round);
      let goal = decoder.count + 15;
      await rig.until(`frames of slate ${round}`, () => decoder.count > goal);
      publisher = rig.use(startPublisher(show, server));
      await rig.until(
        `the end of slate ${round}`,
        () => countLines(rig, "Slate ended") === round,
      );
      goal = decoder.count + 15;
      await rig.until(`frames after slate ${round}`, () => decoder.count > goal);
    }
    decoder.assertWhole(rig);
    say(`  ${2 * ROUNDS} changes, ${decoder.count} frames decoded`);
  },
});

Deno.test({
  name: "ffmpeg decodes a stream over ten changes between two publishers of different encodes",
  ignore,
  async fn() {
    await using rig = await FailoverRig.create();
    const files = ["640x360", "480x270"].map((size) => `${rig.directory}/${size}.flv`);
    await encode(rig, files[0]!, { size: "640x360", rate: 30, hz: 440 });
    await encode(rig, files[1]!, { size: "480x270", rate: 25, hz: 220 });
    const server = await rig.server(
      "origin",
      "vhost __defaultVhost__ { min_latency on; publish { takeover standby; } }",
    );
    let first = rig.use(startPublisher(files[0]!, server));
    const decoder = rig.use(Decoder.start(server));
    await rig.until("the first frames", () => decoder.count > 15);
    for (let change = 1; change <= 2 * ROUNDS; change++) {
      const second = rig.use(startPublisher(files[change % 2]!, server));
      await rig.until(
        `reserve ${change}`,
        () => countLines(rig, "Publisher stands by") === change,
      );
      // It has a GOP.
      await new Promise((resolve) => setTimeout(resolve, 500));
      Deno.kill(first.pid, change % 2 === 0 ? "SIGKILL" : "SIGTERM");
      await rig.until(
        `takeover ${change}`,
        () => countLines(rig, "Reserve publisher took over") === change,
      );
      const goal = decoder.count + 15;
      await rig.until(`frames after change ${change}`, () => decoder.count > goal);
      first = second;
    }
    decoder.assertWhole(rig);
    say(`  ${2 * ROUNDS} changes, ${decoder.count} frames decoded`);
  },
});

/** Counts the lines with `text` in the log of the server. */
function countLines(rig: FailoverRig, text: string): number {
  const log = Deno.readTextFileSync(`${rig.directory}/objs/origin.log`);
  return log.split("\n").filter((line) => line.includes(text)).length;
}

/** How a file is made. */
interface Encoding {
  readonly size: string;
  readonly rate: number;
  /** Of its tone. */
  readonly hz: number;
}

/** Makes an FLV file of 4 s: H.264 with a keyframe a second, and AAC. */
async function encode(rig: FailoverRig, file: string, encoding: Encoding): Promise<void> {
  const { size, rate, hz } = encoding;
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-y"] as const,
    ...["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${rate}`],
    ...["-f", "lavfi", "-i", `sine=frequency=${hz}:sample_rate=44100`, "-t", "4"],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", String(rate)],
    ...["-c:a", "aac", "-f", "flv", file],
  ] as const;
  await rig.waitForSuccess(rig.use(startProcess({ name: "encoder", command })));
}

function startPublisher(file: string, server: RtmpServer): ChildProcess {
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", file] as const,
    ...["-c", "copy", "-f", "flv", streamUrl(server, STREAM)],
  ] as const;
  return startProcess({ name: "publisher", command });
}

/** An ffmpeg that decodes the stream. */
class Decoder implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static start(server: RtmpServer): Decoder {
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-i", streamUrl(server, STREAM)] as const,
      ...["-map", "0:v", "-map", "0:a", "-fps_mode", "passthrough", "-f", "framemd5"],
      ...["-flush_packets", "1", "-"],
    ] as const;
    return new Decoder(startProcess({ name: "decoder", command }));
  }

  /** Video frames decoded so far. */
  get count(): number {
    return this.#times("0").length;
  }

  /** Checks that it had no error, and that the time of each track goes forward. */
  assertWhole(rig: FailoverRig): void {
    const { stderr, status } = this.#process;
    rig.assert(status === undefined, "The decoder has ended");
    rig.assert(stderr.length === 0, `The decoder says: ${stderr.join("\n")}`);
    for (const track of ["0", "1"]) {
      const times = this.#times(track);
      const back = times.findIndex((time, index) => index > 0 && time < times[index - 1]!);
      rig.assert(back < 0, `Track ${track} goes back at frame ${back}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  /** The times of a track: `stream, dts, pts, duration, size, hash` per frame. */
  #times(track: string): number[] {
    return this.#process.stdout.map((line) => line.split(",").map((part) => part.trim()))
      .filter((parts) => parts.length === 6 && parts[0] === track)
      .map((parts) => Number(parts[2]));
  }
}
