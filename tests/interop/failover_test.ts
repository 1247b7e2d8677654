/** An edge with two real origins that carry the same encode: what players see when one of them dies. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { startEdge } from "../helpers/edge_server.ts";
import { describeMismatch } from "../helpers/packet_match.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { until } from "../helpers/until.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

/** How one origin is taken away, and how long players may see nothing then. */
interface Blow {
  readonly name: string;
  readonly signal: Deno.Signal;
  readonly maxSilenceMs: number;
}

/** `stall_timeout` unless configured otherwise. */
const STALL_TIMEOUT_MS = 2_000;

/**
 * Players are written to once per `mw_latency`; the edges here do so every 30 ms, so that the silence seen
 * is the stream's.
 */
const VHOST = (origins: string) =>
  `vhost __defaultVhost__ { mode remote; origin ${origins}; min_latency on; }`;

const BLOWS: readonly Blow[] = [
  { name: "killed", signal: "SIGKILL", maxSilenceMs: 250 },
  { name: "frozen", signal: "SIGSTOP", maxSilenceMs: STALL_TIMEOUT_MS + 300 },
];

const WATCH_SECONDS = 12;
const TIMEOUT_MS = 60_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("ffmpeg");

for (const blow of BLOWS) {
  Deno.test({
    name: `players of an edge lose and double nothing when the serving origin is ${blow.name}`,
    ignore: !isPossible,
    fn: () => checkBlow(blow),
  });
}

async function checkBlow({ signal, maxSilenceMs }: Blow): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "edge-failover-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const start = async (name: string, vhosts: string) => {
    const server = await startEdge({ name, directory, vhosts });
    stack.use(server.process);
    return server;
  };
  const origins = [
    await start("origin1", "vhost __defaultVhost__ { }"),
    await start("origin2", "vhost __defaultVhost__ { }"),
  ];
  const addresses = origins.map(({ port }) => `127.0.0.1:${port}`).join(" ");
  const edge = await start("edge", VHOST(addresses));
  const second = await start("edge2", VHOST(`127.0.0.1:${edge.port}`));
  const sample = await createSample(directory, WATCH_SECONDS);
  stack.use(publishToBoth(sample, origins));

  const players = [edge, second].map((server) => stack.use(startPlayer(server)));
  await using clock = await ArrivalClock.watch(second);
  await until("the stream has run for a while", () => clock.count > 60, { timeoutMs: TIMEOUT_MS });
  Deno.kill(origins[0]!.process.pid, signal);
  if (signal === "SIGSTOP") stack.defer(() => Deno.kill(origins[0]!.process.pid, "SIGCONT"));

  for (const player of players) {
    await player.waitForSuccess(TIMEOUT_MS);
    const hashes = parseHashes(player.stdout);
    assertEquals(describeMismatch(sample.videoHashes, hashes), undefined, edge.process.describe());
    assert(hashes.length >= WATCH_SECONDS * sample.packetsPerSecond - 60, `only ${hashes.length}`);
  }
  assert(
    clock.longestSilenceMs <= maxSilenceMs,
    `players saw nothing for ${Math.round(clock.longestSilenceMs)} ms: ${edge.process.describe()}`,
  );
  assert(clock.isTimeForward, "time went back");
}

/** One ffmpeg that sends the very same packets to both origins. */
function publishToBoth(sample: Sample, origins: readonly RtmpServer[]) {
  const outputs = origins.map((origin) => `[f=flv:onfail=ignore]${streamUrl(origin, "show")}`);
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1"] as const,
    ...["-i", sample.file, "-map", "0", "-c", "copy", "-f", "tee", outputs.join("|")],
  ] as const;
  return startProcess({ name: "publisher", command });
}

function startPlayer(server: RtmpServer) {
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-i", streamUrl(server, "show")] as const,
    ...["-map", "0:v", "-c", "copy", "-t", String(WATCH_SECONDS), "-f", "framemd5", "-"],
  ] as const;
  return startProcess({ name: `player of ${server.name}`, command });
}

/** A player that notes when pictures come. */
class ArrivalClock implements AsyncDisposable {
  count = 0;
  longestSilenceMs = 0;
  isTimeForward = true;
  readonly #client: RtmpClient;
  #lastArrivalMs = 0;
  #lastTimestampMs = 0;

  private constructor(client: RtmpClient) {
    this.#client = client;
    client.onMediaMessage = ({ typeId, timestampMs }) => {
      if (typeId === 9) this.#note(timestampMs);
    };
  }

  static async watch(server: RtmpServer): Promise<ArrivalClock> {
    return new ArrivalClock(await RtmpClient.play(server.port, "show"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }

  #note(timestampMs: number): void {
    const nowMs = performance.now();
    if (this.count++ > 0) {
      this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#lastArrivalMs);
      this.isTimeForward &&= timestampMs >= this.#lastTimestampMs;
    }
    this.#lastArrivalMs = nowMs;
    this.#lastTimestampMs = timestampMs;
  }
}
