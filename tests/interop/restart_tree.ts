/** A tree of real servers that are restarted one after the other, its encoders and its players. */

import { FrameCheck, FrameLedger, isFrame } from "../../lib/demo/frame_check.ts";
import { LoopedSample } from "../../lib/demo/looped_sample.ts";
import type { FlvTag } from "../../lib/media/flv_file.ts";
import { classifyVideo, VideoKind } from "../../lib/media/flv_tag.ts";
import { endOf } from "../helpers/child.ts";
import { startEdgeFromFile } from "../helpers/edge_server.ts";
import { OwnPauses } from "../helpers/own_pauses.ts";
import { freePort } from "../helpers/ports.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

/** How a server is restarted: drained by a signal, by its successor, or stopped without a drain. */
export type Restart = "SIGQUIT" | "--replace" | "SIGTERM";

/** Between two frames of the sample's video there are audio frames, so this is on time. */
const TICK_MS = 10;

/** Number of lines of each log that a failure message shows. */
const SHOWN_LOG_LINES = 30;

const TIMEOUT = { timeoutMs: 20_000, everyMs: 20 };

/** Drains fast. */
const SETTINGS = "grace_start_wait 100; grace_final_wait 0;";

/** Encoders at origins cannot move, and are cut then; edges have moved by then. */
const ORIGIN_TIMEOUT = "2s";
/** All clients of mids move. */
const MID_TIMEOUT = "10s";
/** No client of a leaf can move. */
const LEAF_TIMEOUT = "500ms";

/** A server that can be restarted on its port. */
class TreeServer {
  readonly name: string;
  readonly port = freePort();
  readonly #directory: string;
  #process: ChildProcess | null = null;

  constructor(
    directory: string,
    name: string,
    timeout: string,
    origins: readonly TreeServer[],
  ) {
    this.name = name;
    this.#directory = directory;
    const cluster = origins.length === 0
      ? ""
      : `mode remote; origin ${origins.map(({ port }) => `127.0.0.1:${port}`).join(" ")};`;
    Deno.writeTextFileSync(
      `${directory}/${name}.conf`,
      `listen 127.0.0.1:${this.port}; pid ${name}.pid; srs_log_file ${name}.log; ${SETTINGS}
       drain_timeout ${timeout};
       vhost __defaultVhost__ { min_latency on; ${cluster} }\n`,
    );
  }

  async start(...args: readonly string[]): Promise<void> {
    const { process } = await startEdgeFromFile({
      name: this.name,
      directory: this.#directory,
      configFile: `${this.#directory}/${this.name}.conf`,
      args,
    });
    this.#process = process;
  }

  async restart(how: Restart): Promise<void> {
    const old = this.#process!;
    if (how === "--replace") {
      await this.start("--replace");
    } else {
      Deno.kill(old.pid, how);
    }
    const { code } = await endOf(old);
    if (code !== 0) throw new Error(`${this.name} ended with ${code}\n${old.describe()}`);
    if (how !== "--replace") await this.start();
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  get log(): string[] {
    return Deno.readTextFileSync(`${this.#directory}/${this.name}.log`).trimEnd().split("\n");
  }
}

/** A connection of an encoder to one server, made again when it is lost. */
class EncoderLeg {
  readonly #port: number;
  readonly #name: string;
  #client: RtmpClient | null = null;
  #isConnecting = false;
  /** Sends nothing before a keyframe. */
  #isWaiting = true;
  losses = 0;

  constructor(port: number, name: string) {
    this.#port = port;
    this.#name = name;
  }

  get isReady(): boolean {
    return this.#client !== null && !this.#client.isEnded;
  }

  send(opening: readonly FlvTag[], tag: FlvTag): void {
    if (!this.isReady) return this.#connect();
    if (this.#isWaiting) {
      if (tag.typeId !== 9 || classifyVideo(tag.payload) !== VideoKind.keyframe) return;
      this.#isWaiting = false;
      for (const each of opening) {
        this.#client!.push({ ...each, timestampMs: tag.timestampMs });
      }
    }
    this.#client!.push(tag);
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  #connect(): void {
    if (this.#isConnecting) return;
    if (this.#client !== null) this.losses++;
    this.#client = null;
    this.#isConnecting = true;
    this.#isWaiting = true;
    RtmpClient.publish(this.#port, this.#name).then((client) => {
      this.#client = client;
      this.#isConnecting = false;
    }, () => {
      setTimeout(() => this.#isConnecting = false, 100);
    });
  }
}

/** Sends the sample in real time to one or several servers, as one encode. */
class Encoder {
  readonly ledger = new FrameLedger();
  readonly legs: readonly EncoderLeg[];
  readonly #servers: readonly TreeServer[];
  readonly #sample = new LoopedSample();
  readonly #opening: FlvTag[] = [];
  readonly #startMs = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(name: string, servers: readonly TreeServer[]) {
    this.#servers = servers;
    this.legs = servers.map(({ port }) => new EncoderLeg(port, name));
    this.#timer = setInterval(() => this.#send(), TICK_MS);
  }

  /** Whether it sends to this server alone. */
  needs(server: string): boolean {
    return this.#servers.every(({ name }) => name === server);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const leg of this.legs) await leg.close();
  }

  #send(): void {
    for (const tag of this.#sample.takeDue(performance.now() - this.#startMs)) {
      if (isFrame(tag)) this.ledger.record(tag);
      else this.#opening.push(tag);
      for (const leg of this.legs) if (isFrame(tag)) leg.send(this.#opening, tag);
    }
  }
}

/** What a player saw during one restart. */
interface Seen {
  readonly disconnects: number;
  readonly lost: number;
  readonly twice: number;
  readonly silenceMs: number;
}

/** What the players of all leaves but one saw. */
interface Outcome extends Seen {
  /** Part of the silence: the machine kept this process from its work. */
  readonly pauseMs: number;
}

/** A player that checks every frame. */
class CheckedPlayer {
  #check: FrameCheck;
  readonly #client: RtmpClient;
  readonly encoder: Encoder;
  /** Received so far. */
  frames = 0;
  #lastMs = 0;
  #silenceMs = 0;
  #before = { lost: 0, duplicated: 0 };

  constructor(client: RtmpClient, encoder: Encoder) {
    this.#client = client;
    this.encoder = encoder;
    this.#check = new FrameCheck(encoder.ledger);
    client.onMediaMessage = (message) => {
      if (!isFrame(message)) return;
      const nowMs = performance.now();
      if (this.#lastMs > 0) this.#silenceMs = Math.max(this.#silenceMs, nowMs - this.#lastMs);
      this.#lastMs = nowMs;
      this.frames++;
      this.#check.accept(message);
    };
  }

  /** Checks what arrives from now on: the encoder has begun another broadcast. */
  restartCheck(): void {
    this.#check = new FrameCheck(this.encoder.ledger);
    this.#before = { lost: 0, duplicated: 0 };
  }

  /** Returns what it saw since the last call. */
  take(): Seen {
    const { lost, duplicated, foreign } = this.#check.counts;
    const seen = {
      disconnects: this.#client.isEnded ? 1 : 0,
      lost: lost - this.#before.lost,
      twice: duplicated + foreign - this.#before.duplicated,
      silenceMs: Math.round(Math.max(this.#silenceMs, performance.now() - this.#lastMs)),
    };
    this.#before = { lost, duplicated: duplicated + foreign };
    this.#silenceMs = 0;
    return seen;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** Players of one leaf. */
interface Leaf {
  readonly server: TreeServer;
  players: CheckedPlayer[];
}

/**
 * Two origins, two mids, four leaves.
 *
 * ```
 *   encoder "both" ─▶ o1, o2 ◀── m1, m2 ◀── l1, l2, l3, l4 ◀── 6 players each
 *                                            ▲
 *                            encoder "leaf" ─┘
 * ```
 */
export class RestartTree implements AsyncDisposable {
  readonly servers: ReadonlyMap<string, TreeServer>;
  readonly #leaves: readonly Leaf[];
  readonly #encoders: ReadonlyMap<string, Encoder>;
  readonly #pauses = new OwnPauses();

  private constructor(
    servers: ReadonlyMap<string, TreeServer>,
    leaves: readonly Leaf[],
    encoders: ReadonlyMap<string, Encoder>,
  ) {
    this.servers = servers;
    this.#leaves = leaves;
    this.#encoders = encoders;
  }

  static async start(directory: string): Promise<RestartTree> {
    const servers = new Map<string, TreeServer>();
    const make = (name: string, timeout: string, ...origins: readonly TreeServer[]) => {
      const server = new TreeServer(directory, name, timeout, origins);
      servers.set(name, server);
      return server;
    };
    const origins = ["o1", "o2"].map((name) => make(name, ORIGIN_TIMEOUT));
    const mids = ["m1", "m2"].map((name) => make(name, MID_TIMEOUT, ...origins));
    const leaves = ["l1", "l2", "l3", "l4"].map((name) => ({
      server: make(name, LEAF_TIMEOUT, ...mids),
      players: [],
    }));
    await Promise.all([...servers.values()].map((server) => server.start()));
    const encoders = new Map([
      ["both", new Encoder("both", origins)],
      ["leaf", new Encoder("leaf", [leaves[0]!.server])],
    ]);
    const tree = new RestartTree(servers, leaves, encoders);
    for (const encoder of encoders.values()) {
      await until("encoders publish", () => encoder.legs.every(({ isReady }) => isReady), TIMEOUT);
    }
    await tree.#openPlayers();
    await tree.#untilMore(25, "");
    return tree;
  }

  /** Times that an encoder's connection to a server was lost. */
  lossesOf(encoder: string): number {
    return this.#encoders.get(encoder)!.legs.reduce((sum, { losses }) => sum + losses, 0);
  }

  /** Restarts a server. Returns the worst that players of other leaves saw. */
  async restart(name: string, how: Restart): Promise<Outcome> {
    this.#take("");
    this.#pauses.takeLongestMs();
    await this.servers.get(name)!.restart(how);
    await this.#untilMore(50, name);
    const seen = { ...this.#take(name), pauseMs: this.#pauses.takeLongestMs() };
    await this.#openPlayers();
    for (const encoder of this.#encoders.values()) {
      await until("encoders publish", () => encoder.legs.every(({ isReady }) => isReady), TIMEOUT);
    }
    await this.#untilMore(25, "");
    for (const { players } of this.#leaves) {
      for (const player of players) if (player.encoder.needs(name)) player.restartCheck();
    }
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pauses[Symbol.dispose]();
    for (const encoder of this.#encoders.values()) await encoder.stop();
    for (const { players } of this.#leaves) for (const player of players) await player.close();
    await Promise.all([...this.servers.values()].map((server) => server.stop()));
  }

  /** Returns the last lines of all servers. */
  describe(): string {
    return [...this.servers.values()].flatMap(({ name, log }) =>
      log.slice(-SHOWN_LOG_LINES).map((line) => `${name}: ${line}`)
    ).join("\n");
  }

  /** Opens the players of leaves that have none. */
  async #openPlayers(): Promise<void> {
    await Promise.all(this.#leaves.map(async (leaf) => {
      if (leaf.players.length > 0) return;
      for (const [name, encoder] of this.#encoders) {
        for (let count = 0; count < 3; count++) {
          const client = await RtmpClient.play(leaf.server.port, name);
          leaf.players.push(new CheckedPlayer(client, encoder));
        }
      }
    }));
  }

  /** Waits for frames of all players but those of a leaf. */
  async #untilMore(frames: number, without: string): Promise<void> {
    const players = this.#leaves.filter(({ server }) => server.name !== without)
      .flatMap(({ players }) => players);
    const goals = players.map((player) => player.frames + frames);
    try {
      const haveAll = () => players.every((player, index) => player.frames >= goals[index]!);
      await until("players get frames", haveAll, TIMEOUT);
    } catch (error) {
      throw new Error(`${error}\n${this.describe()}`);
    }
  }

  #take(without: string): Seen {
    const worst = { disconnects: 0, lost: 0, twice: 0, silenceMs: 0 };
    for (const leaf of this.#leaves) {
      if (leaf.server.name === without) {
        for (const player of leaf.players) void player.close();
        leaf.players = [];
      }
      for (const player of leaf.players) {
        const { disconnects, lost, twice, silenceMs } = player.take();
        worst.disconnects += disconnects;
        // Its encoder was disconnected, and sends no frame until it has connected again.
        if (player.encoder.needs(without)) continue;
        worst.lost = Math.max(worst.lost, lost);
        worst.twice = Math.max(worst.twice, twice);
        worst.silenceMs = Math.max(worst.silenceMs, silenceMs);
      }
    }
    return worst;
  }
}
