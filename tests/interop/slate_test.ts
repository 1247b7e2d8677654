/** What a decoder gets when publishers come and go: slates, and a publisher that stands by. */

import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { say } from "../helpers/say.ts";
import { findPrograms } from "../helpers/programs.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { until } from "../helpers/until.ts";
import { type Decoder, decoderListeners, startDecoders } from "./decoders.ts";
import { canRunPrograms, type FailoverRig, STREAM } from "./failover_rig.ts";
import { runScenes } from "./failover_scenes.ts";

/** From a source to a slate and back: two changes. */
const ROUNDS = 5;

/** A busy machine takes a minute to start a browser. */
const DECODER_TIMEOUT_MS = 180_000;

const ignore = !await canRunPrograms() || (await findPrograms(["mpv", "chromium"])).length < 2;

Deno.test({
  name: "ffmpeg, mpv and mpegts.js decode a stream over ten changes, and time goes forward",
  ignore,
  fn: (t) =>
    runScenes(t, [
      { name: "to a slate and back", run: checkSlate },
      { name: "between two publishers of different encodes", run: checkStandby },
    ]),
});

async function checkSlate(rig: FailoverRig): Promise<void> {
  const slate = `${rig.directory}/slate.flv`;
  await encode(rig, slate, { size: "320x180", rate: 25, hz: 220 });
  const show = `${rig.directory}/show.flv`;
  await encode(rig, show, { size: "640x360", rate: 30, hz: 440 });
  const { config, httpPort } = decoderListeners();
  const server = await rig.server(
    "origin",
    `${config} vhost __defaultVhost__ {
       min_latency on; http_remux { enabled on; } play { fallback ${slate}; fallback_after 200ms; }
     }`,
  );
  let publisher = rig.use(startPublisher(show, server));
  const decoders = startDecoders({ server, httpPort }).map((decoder) => rig.use(decoder));
  await untilMore(rig, decoders, "the first frames");
  for (let round = 1; round <= ROUNDS; round++) {
    // Killed, its connection breaks; asked to end, it ends the stream.
    Deno.kill(publisher.pid, round % 2 === 0 ? "SIGKILL" : "SIGTERM");
    await rig.until(`slate ${round}`, () => countLines(rig, "Slate shown") === round);
    await untilMore(rig, decoders, `frames of slate ${round}`);
    publisher = rig.use(startPublisher(show, server));
    await rig.until(
      `the end of slate ${round}`,
      () => countLines(rig, "Slate ended") === round,
    );
    await untilMore(rig, decoders, `frames after slate ${round}`);
  }
  await untilMore(rig, decoders, "the stream continues", 60);
  for (const { name, count } of decoders) say(`  ${name} showed ${count} frames`);
}

async function checkStandby(rig: FailoverRig): Promise<void> {
  const files = ["640x360", "480x270"].map((size) => `${rig.directory}/${size}.flv`);
  await encode(rig, files[0]!, { size: "640x360", rate: 30, hz: 440 });
  await encode(rig, files[1]!, { size: "480x270", rate: 25, hz: 220 });
  const { config, httpPort } = decoderListeners();
  const server = await rig.server(
    "origin",
    `${config} vhost __defaultVhost__ {
       min_latency on; http_remux { enabled on; } publish { takeover standby; }
     }`,
  );
  let first = rig.use(startPublisher(files[0]!, server));
  const decoders = startDecoders({ server, httpPort }).map((decoder) => rig.use(decoder));
  await untilMore(rig, decoders, "the first frames");
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
    await untilMore(rig, decoders, `frames after change ${change}`);
    first = second;
  }
  await untilMore(rig, decoders, "the stream continues", 60);
  for (const { name, count } of decoders) say(`  ${name} showed ${count} frames`);
}

/** Waits until all decoders have shown more. @throws {Error} if one has a fault */
async function untilMore(
  rig: FailoverRig,
  decoders: readonly Decoder[],
  what: string,
  frames = 10,
): Promise<void> {
  const goals = decoders.map(({ count }) => count + frames);
  const probe = () => {
    for (const { name, faults } of decoders) {
      rig.assert(faults === "", `${what}: ${name}: ${faults}`);
    }
    return decoders.every(({ count }, index) => count >= goals[index]!);
  };
  const counts = () => decoders.map(({ name, count }) => `${name} ${count}`).join(", ");
  try {
    await until(what, probe, { timeoutMs: DECODER_TIMEOUT_MS, everyMs: 100 });
  } catch (error) {
    throw new Error(`${error}\nshown: ${counts()}\n${rig.describe()}`);
  }
}

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
