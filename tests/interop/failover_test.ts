/** An edge with two real origins that carry the same encode: what players see when one of them dies. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { startEdge } from "../helpers/edge_server.ts";
import { describeMismatch } from "../helpers/packet_match.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { until } from "../helpers/until.ts";
import { FFMPEG, publish } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

/** How one origin is taken away, and how long players may see nothing then. */
interface Blow {
  readonly name: string;
  readonly signal: Deno.Signal;
  readonly maxSilenceMs: number;
  /** How long the next origin may take to have a publisher's stream. */
  readonly maxPushMs: number;
}

/** `stall_timeout` unless configured otherwise. */
const STALL_TIMEOUT_MS = 2_000;

/**
 * Players are written to once per `mw_latency`; the edges here do so every 30 ms, so that the silence seen
 * is the stream's.
 */
function edgeVhost(...ports: readonly number[]): string {
  const origins = ports.map((port) => `127.0.0.1:${port}`).join(" ");
  return `vhost __defaultVhost__ { mode remote; origin ${origins}; min_latency on; }`;
}

const BLOWS: readonly Blow[] = [
  { name: "killed", signal: "SIGKILL", maxSilenceMs: 250, maxPushMs: 500 },
  {
    name: "frozen",
    signal: "SIGSTOP",
    maxSilenceMs: STALL_TIMEOUT_MS + 300,
    maxPushMs: STALL_TIMEOUT_MS + 500,
  },
];

const WATCH_SECONDS = 12;
const TIMEOUT_MS = 60_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("ffmpeg");

for (const blow of BLOWS) {
  Deno.test({
    name: `a publisher of an edge stays and loses nothing when its origin is ${blow.name}`,
    ignore: !isPossible,
    fn: () => checkPush(blow),
  });
  Deno.test({
    name: `players of an edge lose and double nothing when the serving origin is ${blow.name}`,
    ignore: !isPossible,
    fn: () => checkBlow(blow),
  });
}

async function checkBlow({ signal, maxSilenceMs }: Blow): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { directory, origins, edge } = await startServers(stack);
  const second = await startServer(
    { name: "edge2", directory, vhosts: edgeVhost(edge.port) },
    stack,
  );
  const sample = await createSample(directory, WATCH_SECONDS);
  stack.use(publishToBoth(sample, origins));

  const players = [edge, second].map((server) => stack.use(startPlayer(server)));
  await using clock = await ArrivalClock.watch(second);
  await until("the stream has run for a while", () => clock.count > 60, { timeoutMs: TIMEOUT_MS });
  strike(origins[0]!, signal, stack);

  for (const player of players) await checkPlayer(player, sample, edge);
  assert(
    clock.longestSilenceMs <= maxSilenceMs,
    `players saw nothing for ${Math.round(clock.longestSilenceMs)} ms: ${edge.process.describe()}`,
  );
  assert(clock.isTimeForward, "time went back");
}

async function checkPush({ signal, maxPushMs }: Blow): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { directory, origins, edge } = await startServers(stack);
  const sample = await createSample(directory, WATCH_SECONDS);
  const publisher = stack.use(await publish(FFMPEG, { sample, url: streamUrl(edge, "show") }));
  await using before = await ArrivalClock.watch(origins[0]!);
  await until("the stream has run for a while", () => before.count > 60, { timeoutMs: TIMEOUT_MS });

  const player = stack.use(startPlayer(origins[1]!));
  await using clock = await ArrivalClock.watch(origins[1]!);
  const struckMs = performance.now();
  strike(origins[0]!, signal, stack);
  await until("the next origin has it", () => clock.count > 0, {
    timeoutMs: TIMEOUT_MS,
    everyMs: 5,
  });
  const tookMs = Math.round(performance.now() - struckMs);
  assert(tookMs <= maxPushMs, `it took ${tookMs} ms: ${edge.process.describe()}`);

  await checkPlayer(player, sample, edge);
  assertEquals(publisher.status, undefined, "the publisher was dropped");
}

/** The player has ended, and got a gapless run of the sample. */
async function checkPlayer(player: ChildProcess, sample: Sample, edge: RtmpServer): Promise<void> {
  await player.waitForSuccess(TIMEOUT_MS);
  const hashes = parseHashes(player.stdout);
  assertEquals(describeMismatch(sample.videoHashes, hashes), undefined, edge.process.describe());
  const enough = (WATCH_SECONDS - 2) * sample.packetsPerSecond;
  assert(hashes.length >= enough, `only ${hashes.length} packets`);
}

/** Takes an origin away. A frozen one is thawed at the end, so that it can be stopped. */
function strike(origin: RtmpServer, signal: Deno.Signal, stack: AsyncDisposableStack): void {
  Deno.kill(origin.process.pid, signal);
  if (signal === "SIGSTOP") stack.defer(() => Deno.kill(origin.process.pid, "SIGCONT"));
}

async function startServers(stack: AsyncDisposableStack) {
  const directory = await Deno.makeTempDir({ prefix: "edge-failover-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const local = "vhost __defaultVhost__ { min_latency on; }";
  const origins = [
    await startServer({ name: "origin1", directory, vhosts: local }, stack),
    await startServer({ name: "origin2", directory, vhosts: local }, stack),
  ];
  const vhosts = edgeVhost(...origins.map(({ port }) => port));
  return {
    directory,
    origins,
    edge: await startServer({ name: "edge", directory, vhosts }, stack),
  };
}

async function startServer(
  options: Parameters<typeof startEdge>[0],
  stack: AsyncDisposableStack,
): Promise<RtmpServer> {
  const server = await startEdge(options);
  stack.use(server.process);
  return server;
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
