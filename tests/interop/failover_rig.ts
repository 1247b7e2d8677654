/** Servers of one failover test, who publishes to them, and who watches what comes out. */

import { type EdgeOptions, startEdge } from "../helpers/edge_server.ts";
import { startNginxRtmp } from "../helpers/nginx_rtmp.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient, type RtmpClientOptions } from "../helpers/rtmp_client.ts";
import { addressOf, type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { until } from "../helpers/until.ts";
import { publish, type Publisher } from "./publishers.ts";
import type { Sample } from "./sample.ts";

/** `stall_timeout` unless configured otherwise. */
export const STALL_TIMEOUT_MS = 2_000;

/** "Time goes on": the most by which one picture may be later than the one before, in the stream's time. */
export const MAX_STEP_MS = 1_000;

/** Longer than anything takes. */
export const TIMEOUT_MS = 60_000;

/** The stream of most tests. */
export const STREAM = "show";

/** Pictures after which a stream counts as running. */
const ENOUGH_PICTURES = 60;

/**
 * Players are written to once per `mw_latency`; the servers here do so every 30 ms, so that the silence
 * seen is the stream's.
 */
export const LOCAL_VHOST = "vhost __defaultVhost__ { min_latency on; }";

/** An edge of `origins`, as the vhost `name`. */
export function edgeVhost(origins: readonly string[], name = "__defaultVhost__"): string {
  return `vhost ${name} { mode remote; origin ${origins.join(" ")}; min_latency on; }`;
}

/** Whether tests with processes and ffmpeg are possible. */
export async function canRunPrograms(): Promise<boolean> {
  const granted = await needs("net", "read", "write", "run", "env");
  return !granted.ignore && await hasProgram("ffmpeg");
}

/** How many lines of each log a failure message shows. */
const SHOWN_LOG_LINES = 20;

/** Where a server listens; anywhere on loopback unless given. */
export type Place = Pick<EdgeOptions, "hostname" | "port" | "namespace">;

/** See the file comment. All that it started ends with it. */
export class FailoverRig implements AsyncDisposable {
  readonly directory: string;
  readonly #servers = new Map<string, RtmpServer>();
  readonly #stack = new AsyncDisposableStack();

  private constructor(directory: string) {
    this.directory = directory;
    this.#stack.defer(() => Deno.remove(directory, { recursive: true }));
  }

  static async create(): Promise<FailoverRig> {
    return new FailoverRig(await Deno.makeTempDir({ prefix: "edge-failover-" }));
  }

  /** Starts an origin; in the place of the one of this name, if there was one. */
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

  /** Has something end with the rig, before all that was there earlier. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource);
  }

  defer(onEnd: () => void): void {
    this.#stack.defer(onEnd);
  }

  /** One ffmpeg that sends the very same packets to all `servers`. */
  publishTee(sample: Sample, servers: readonly RtmpServer[]): ChildProcess {
    // Each with a queue of its own, so that one that takes nothing keeps nothing from the others.
    const options = "f=flv:onfail=ignore:use_fifo=1:fifo_options=drop_pkts_on_overflow=1";
    const outputs = servers.map((server) => `[${options}]${streamUrl(server, STREAM)}`);
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1"] as const,
      ...["-i", sample.file, "-map", "0", "-c", "copy", "-f", "tee", outputs.join("|")],
    ] as const;
    return this.use(startProcess({ name: "publisher", command }));
  }

  /** Starts a publisher, and returns when its stream was taken. */
  async publish(publisher: Publisher, sample: Sample, url: string): Promise<ChildProcess> {
    return this.use(await this.explain(publish(publisher, { sample, url })));
  }

  /** An ffmpeg that prints the hash of each picture it gets, for so long in the stream's time. */
  play(server: RtmpServer, seconds: number): ChildProcess {
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-i", streamUrl(server, STREAM)] as const,
      ...["-map", "0:v", "-c", "copy", "-t", String(seconds), "-f", "framemd5", "-"],
    ] as const;
    return this.use(startProcess({ name: `player of ${server.name}`, command }));
  }

  async watch(server: RtmpServer, stream = STREAM): Promise<ArrivalClock> {
    return this.use(await ArrivalClock.watch(server, stream));
  }

  /** Waits for a condition. @throws {Error} that shows all servers when it does not come true */
  async until(what: string, probe: () => boolean): Promise<void> {
    await this.explain(until(what, probe, { timeoutMs: TIMEOUT_MS, everyMs: 5 }));
  }

  /** Waits for `player` to end by itself. @throws {Error} that shows all servers when it fails */
  async waitForSuccess(player: ChildProcess): Promise<void> {
    await this.explain(player.waitForSuccess(TIMEOUT_MS));
  }

  /** What `action` gives. @throws {Error} that shows all servers when that fails */
  async explain<T>(action: Promise<T>): Promise<T> {
    try {
      return await action;
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.describe()}`);
    }
  }

  /** Waits until so many more pictures have come. */
  async untilMore(clock: ArrivalClock, what: string, pictures = ENOUGH_PICTURES): Promise<void> {
    const goal = clock.count + pictures;
    await this.until(what, () => clock.count >= goal || clock.isEnded);
    this.assert(!clock.isEnded, `${what}: the player of ${clock.name} was disconnected`);
  }

  /** @throws {Error} that shows all servers when `isTrue` is false */
  assert(isTrue: boolean, message: string): void {
    if (!isTrue) throw new Error(`${message}\n${this.describe()}`);
  }

  /** State of all servers, and the last lines of what they said and logged. */
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

  /** What a server has logged; foreign ones log elsewhere. */
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

/** Ends a server the hard way, and waits until it is gone. */
export async function kill({ process }: RtmpServer): Promise<void> {
  Deno.kill(process.pid, "SIGKILL");
  await process.stop();
}

/** A player that notes when pictures come. */
export class ArrivalClock implements AsyncDisposable {
  /** Of the server that is watched. */
  readonly name: string;
  /** Pictures so far. */
  count = 0;
  /** When the newest picture came, in ms of `performance.now()`; 0 before the first. */
  lastArrivalMs = 0;
  longestSilenceMs = 0;
  /** From one picture to the next, in ms of the stream's time. */
  largestStepMs = 0;
  isTimeForward = true;
  readonly #client: RtmpClient;
  #lastTimestampMs = 0;

  private constructor(name: string, client: RtmpClient) {
    this.name = name;
    this.#client = client;
    client.onMediaMessage = ({ typeId, timestampMs, payload }) => {
      if (typeId === 9 && isPicture(payload)) this.#note(timestampMs);
    };
  }

  /** Connects to `server` and plays `stream`. */
  static async watch(
    server: RtmpServer,
    stream: string,
    options: RtmpClientOptions = {},
  ): Promise<ArrivalClock> {
    const { hostname = "127.0.0.1", port, name } = server;
    const client = await RtmpClient.play(port, stream, { hostname, ...options });
    return new ArrivalClock(name, client);
  }

  /** The server has closed the connection. */
  get isEnded(): boolean {
    return this.#client.isEnded;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }

  #note(timestampMs: number): void {
    const nowMs = performance.now();
    if (this.count++ > 0) {
      const stepMs = timestampMs - this.#lastTimestampMs;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.lastArrivalMs);
      this.largestStepMs = Math.max(this.largestStepMs, stepMs);
      this.isTimeForward &&= stepMs >= 0;
    }
    this.lastArrivalMs = nowMs;
    this.#lastTimestampMs = timestampMs;
  }
}

/** AVC with pictures in it (FLV 10.1 E.4.3.1), not a sequence header. */
function isPicture(payload: Uint8Array): boolean {
  return payload[1] === 1;
}
