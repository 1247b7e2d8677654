/** Servers of one failover test, their publishers, and players that check the result. */

import { type EdgeOptions, startEdge } from "../helpers/edge_server.ts";
import { startNginxRtmp } from "../helpers/nginx_rtmp.ts";
import { OwnPauses } from "../helpers/own_pauses.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient, type RtmpClientOptions } from "../helpers/rtmp_client.ts";
import { addressOf, type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { until } from "../helpers/until.ts";
import { publish, type Publisher } from "./publishers.ts";
import type { Sample } from "./sample.ts";

/** Default of `stall_timeout`. */
export const STALL_TIMEOUT_MS = 2_000;

/** Maximum step from one video frame to the next in stream time, for a stream without a gap. */
export const MAX_STEP_MS = 1_000;

/** Longer than anything takes. */
export const TIMEOUT_MS = 60_000;

/** The stream of most tests. */
export const STREAM = "show";

/** Video frames after which a stream counts as running. */
const ENOUGH_FRAMES = 60;

/**
 * Players are written to once per `mw_latency`. With `min_latency` that is every 30 ms, so that
 * measured silence is the stream's.
 */
const LOCAL_VHOST = "vhost __defaultVhost__ { min_latency on; }";

/**
 * Each output has its own queue, so that a blocked server does not hold up the others. It is longer
 * than any test, and nothing is dropped: what players miss, servers have lost.
 */
const TEE_LEG = "f=flv:onfail=ignore:use_fifo=1:fifo_options=queue_size=20000";

/** Configures an edge of `origins`, as the vhost `name`. */
export function edgeVhost(origins: readonly string[], name = "__defaultVhost__"): string {
  return `vhost ${name} { mode remote; origin ${origins.join(" ")}; min_latency on; }`;
}

/** Returns whether tests can run processes and ffmpeg. */
export async function canRunPrograms(): Promise<boolean> {
  const granted = await needs("net", "read", "write", "run", "env");
  return !granted.ignore && await hasProgram("ffmpeg");
}

/** Number of lines of each log that a failure message shows. */
const SHOWN_LOG_LINES = 20;

/** Where a server listens; by default on any free port of loopback. */
type Place = Pick<EdgeOptions, "hostname" | "port" | "namespace">;

/** All that is wrong is that something took too long. */
export class TooLateError extends Error {
  override readonly name = "TooLateError";
}

/** The servers, publishers and players of one failover test. All of them end with it. */
export class FailoverRig implements AsyncDisposable {
  readonly directory: string;
  readonly #pauses: OwnPauses;
  readonly #servers = new Map<string, RtmpServer>();
  readonly #stack = new AsyncDisposableStack();

  private constructor(directory: string) {
    this.directory = directory;
    this.#stack.defer(() => Deno.remove(directory, { recursive: true }));
    this.#pauses = this.#stack.use(new OwnPauses());
  }

  static async create(): Promise<FailoverRig> {
    return new FailoverRig(await Deno.makeTempDir({ prefix: "edge-failover-" }));
  }

  /** Starts an origin, in place of the previous one with this name. */
  origin(name: string, place: Place = {}): Promise<RtmpServer> {
    return this.server(name, LOCAL_VHOST, place);
  }

  edge(
    name: string,
    upstreams: readonly RtmpServer[],
    place: Place = {},
  ): Promise<RtmpServer> {
    return this.server(name, edgeVhost(upstreams.map(addressOf)), place);
  }

  async nginx(name: string): Promise<RtmpServer> {
    return this.#keep(await startNginxRtmp({ name, directory: this.directory }));
  }

  async server(
    name: string,
    vhosts: string,
    place: Place = {},
  ): Promise<RtmpServer> {
    return this.#keep(await startEdge({ name, directory: this.directory, vhosts, ...place }));
  }

  /** Disposes `resource` with the rig, before everything added earlier. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource);
  }

  defer(onEnd: () => void): void {
    this.#stack.defer(onEnd);
  }

  /** Starts one ffmpeg that sends the same packets to all `servers`, with `leg` for each. */
  publishTee(sample: Sample, servers: readonly RtmpServer[], leg = TEE_LEG): ChildProcess {
    const outputs = servers.map((server) => `[${leg}]${streamUrl(server, STREAM)}`);
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1"] as const,
      ...["-i", sample.file, "-map", "0", "-c", "copy", "-f", "tee", outputs.join("|")],
    ] as const;
    return this.use(startProcess({ name: "publisher", command }));
  }

  /** Starts a publisher, and returns when its stream was accepted. */
  async publish(publisher: Publisher, sample: Sample, url: string): Promise<ChildProcess> {
    return this.use(await this.explain(publish(publisher, { sample, url })));
  }

  /** Starts an ffmpeg that prints the hash of each video frame, for that long in stream time. */
  play(server: RtmpServer, seconds: number, stream = STREAM): ChildProcess {
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-i", streamUrl(server, stream)] as const,
      ...["-map", "0:v", "-c", "copy", "-t", String(seconds), "-f", "framemd5", "-"],
    ] as const;
    return this.use(startProcess({ name: `player of ${server.name}`, command }));
  }

  /** Starts a player that notes when video frames arrive. */
  async watch(
    server: RtmpServer,
    stream = STREAM,
    options: RtmpClientOptions = {},
  ): Promise<ArrivalClock> {
    const { hostname = "127.0.0.1", port, name } = server;
    const client = this.use(await RtmpClient.play(port, stream, { hostname, ...options }));
    return new ArrivalClock(name, client, this.#pauses);
  }

  /** Time in ms, without the pauses of this process. */
  now(): number {
    return this.#pauses.now();
  }

  /** Waits for a condition. @throws {Error} that describes all servers if it stays false */
  async until(what: string, probe: () => boolean): Promise<void> {
    await this.explain(until(what, probe, { timeoutMs: TIMEOUT_MS, everyMs: 5 }));
  }

  /** Waits for `player` to end. @throws {Error} that describes all servers if it fails */
  async waitForSuccess(player: ChildProcess): Promise<void> {
    await this.explain(player.waitForSuccess(TIMEOUT_MS));
  }

  /** Waits for `action`. @throws {Error} that describes all servers if it fails */
  async explain<T>(action: Promise<T>): Promise<T> {
    try {
      return await action;
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.describe()}`);
    }
  }

  /** Waits until that many more video frames have arrived. */
  async untilMore(clock: ArrivalClock, what: string, frames = ENOUGH_FRAMES): Promise<void> {
    const goal = clock.count + frames;
    await this.until(what, () => clock.count >= goal || clock.isEnded);
    this.assert(!clock.isEnded, `${what}: the player of ${clock.name} was disconnected`);
  }

  /** @throws {Error} that describes all servers if `isTrue` is false */
  assert(isTrue: boolean, message: string): void {
    if (!isTrue) throw new Error(`${message}\n${this.describe()}`);
  }

  /** @throws {TooLateError} that describes all servers if `isTrue` is false */
  assertNotLate(isTrue: boolean, message: string): void {
    if (!isTrue) throw new TooLateError(`${message}\n${this.describe()}`);
  }

  /** @throws {TooLateError} that describes all servers if `tookMs` is more than `maxMs` */
  assertInTime(tookMs: number, maxMs: number, what: string): void {
    this.assertNotLate(tookMs <= maxMs, `${what}: ${Math.round(tookMs)} ms, at most ${maxMs}`);
  }

  /** Describes the state of all servers, with the last lines of their output and logs. */
  describe(): string {
    const parts = [...this.#servers.values()].flatMap(({ name, process }) => [
      process.describe(),
      ...this.readLog(name).slice(-SHOWN_LOG_LINES).map((line) => `  > ${line}`),
    ]);
    return parts.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Returns the log of a server; other programs log elsewhere. */
  readLog(name: string): string[] {
    try {
      return Deno.readTextFileSync(`${this.directory}/objs/${name}.log`).trimEnd().split("\n");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  #keep(server: RtmpServer): RtmpServer {
    this.use(server.process);
    this.#servers.set(server.name, server);
    return server;
  }
}

/** Kills a server, and waits until it has ended. */
export async function kill({ process }: RtmpServer): Promise<void> {
  Deno.kill(process.pid, "SIGKILL");
  await process.stop();
}

/** A player that records when video frames arrive. */
export class ArrivalClock {
  /** Name of the server it plays from. */
  readonly name: string;
  /** Video frames so far. */
  count = 0;
  /** Arrival of the newest video frame, in ms without own pauses; 0 before the first. */
  lastArrivalMs = 0;
  /** Without this process's own pauses. */
  longestSilenceMs = 0;
  /** The same with them. */
  longestWaitMs = 0;
  /** Largest step from one video frame to the next, in ms of stream time. */
  largestStepMs = 0;
  isTimeForward = true;
  readonly #client: RtmpClient;
  readonly #pauses: OwnPauses;
  /** Own pauses before the newest video frame. */
  #lastPausedMs = 0;
  #lastTimestampMs = 0;

  constructor(name: string, client: RtmpClient, pauses: OwnPauses) {
    this.name = name;
    this.#client = client;
    this.#pauses = pauses;
    client.onMediaMessage = ({ typeId, timestampMs, payload }) => {
      if (typeId === 9 && isVideoFrame(payload)) this.#note(timestampMs);
    };
  }

  /** Whether the server has closed the connection. */
  get isEnded(): boolean {
    return this.#client.isEnded;
  }

  #note(timestampMs: number): void {
    const nowMs = this.#pauses.now();
    const pausedMs = this.#pauses.totalMs;
    if (this.count++ > 0) {
      const stepMs = timestampMs - this.#lastTimestampMs;
      const silenceMs = nowMs - this.lastArrivalMs;
      const waitMs = silenceMs + pausedMs - this.#lastPausedMs;
      this.longestWaitMs = Math.max(this.longestWaitMs, waitMs);
      this.longestSilenceMs = Math.max(this.longestSilenceMs, silenceMs);
      this.largestStepMs = Math.max(this.largestStepMs, stepMs);
      this.isTimeForward &&= stepMs >= 0;
    }
    this.lastArrivalMs = nowMs;
    this.#lastPausedMs = pausedMs;
    this.#lastTimestampMs = timestampMs;
  }
}

/** Returns whether a payload is an AVC frame (FLV 10.1 E.4.3.1), not a sequence header. */
function isVideoFrame(payload: Uint8Array): boolean {
  return payload[1] === 1;
}
