/** A tree of servers in memory that are restarted while encoders publish and players watch. */

import { addU32, diffU32 } from "../../lib/base/u32.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import type { Transport } from "../../lib/io/transport.ts";
import { MemoryClient, MemoryWorld } from "./memory_servers.ts";
import type { MemoryTransport } from "./memory_network.ts";
import { AAC_HEADER, AVC_HEADER, SET_METADATA, type TinyMessage } from "./tiny_media.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 25;
const KEYFRAME_BYTES = 900;
const INTER_FRAME_BYTES = 300;
const AUDIO_FRAME_BYTES = 90;
/** Offset of a frame's number in its payload. */
const NUMBER_AT = 5;

/** Servers, their ports, and the servers above them. */
const TREE = {
  o1: { port: 1_001, above: [] },
  o2: { port: 1_002, above: [] },
  m1: { port: 1_003, above: [1_001, 1_002] },
  m2: { port: 1_004, above: [1_001, 1_002] },
  l1: { port: 1_005, above: [1_003, 1_004] },
  l2: { port: 1_006, above: [1_003, 1_004] },
} as const;

type ServerName = keyof typeof TREE;

/** Pseudorandom numbers 0…1, the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Gives the connections of a network a latency of up to `maxMs`, each its own. */
function delayNetwork({ network, clock }: MemoryWorld, random: () => number, maxMs: number): void {
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(Math.round(ms), resolve));
  const delayReads = (transport: MemoryTransport) => {
    const read = transport.read.bind(transport);
    const latencyMs = random() * maxMs;
    transport.read = async (buffer) => {
      const bytes = new Uint8Array(buffer.length);
      const count = await read(bytes);
      await wait(random() < 0.2 ? random() * latencyMs * 2 : latencyMs / 3);
      if (transport.isClosed) throw new Deno.errors.BadResource("closed");
      if (count !== null) buffer.set(bytes.subarray(0, count));
      return count;
    };
  };
  const connect = network.connect.bind(network);
  network.connect = async (address, signal): Promise<Transport> => {
    await wait(random() * maxMs / 2);
    const connected = connect(address, signal);
    const connection = network.connections.at(-1);
    const transport = await connected;
    if (connection?.client === transport) {
      delayReads(connection.client);
      delayReads(connection.server);
    }
    return transport;
  };
}

async function openClient(
  { network }: MemoryWorld,
  kind: "play" | "publish",
  port: number,
  name: string,
): Promise<MemoryClient> {
  const address = { hostname: "127.0.0.1", port };
  const transport = await network.connect(address, new AbortController().signal);
  return new MemoryClient(transport as MemoryTransport, kind, name);
}

/** A frame with its number, and bytes that no frame with another number has. */
function numbered(head: readonly number[], number: number, length: number): TinyMessage["payload"] {
  const random = createRandom(number);
  const payload = Uint8Array.from({ length }, () => Math.floor(random() * 256));
  payload.set(head);
  new DataView(payload.buffer).setUint32(NUMBER_AT, number);
  return payload;
}

/** Publishes one encode to one or several servers. It connects again when it is closed. */
class TreeEncoder {
  readonly #world: MemoryWorld;
  readonly #name: string;
  readonly #loopFrames: number;
  readonly #legs: { port: number; client: MemoryClient | null; isOpening: boolean }[];
  readonly #startMs: number;
  #sent = 0;
  losses = 0;

  constructor(world: MemoryWorld, name: string, ports: readonly number[], loopFrames: number) {
    this.#world = world;
    this.#name = name;
    this.#loopFrames = loopFrames;
    this.#legs = ports.map((port) => ({ port, client: null, isOpening: false }));
    this.#startMs = world.clock.now();
    this.#tick();
  }

  #tick(): void {
    const { clock } = this.#world;
    for (const leg of this.#legs) {
      if (leg.isOpening || leg.client?.isEnded === false) continue;
      if (leg.client !== null) this.losses++;
      leg.isOpening = true;
      openClient(this.#world, "publish", leg.port, this.#name)
        .then((client) => leg.client = client, () => {})
        .then(() => clock.after(100, () => leg.isOpening = false));
    }
    while (this.#sent * FRAME_MS <= clock.now() - this.#startMs) this.#send(this.#sent++);
    clock.after(FRAME_MS / 2, () => this.#tick());
  }

  #send(index: number): void {
    const number = index % this.#loopFrames;
    const timestampMs = index * FRAME_MS;
    const isKey = number % GOP_FRAMES === 0;
    const length = isKey ? KEYFRAME_BYTES : INTER_FRAME_BYTES;
    const opening = [
      { typeId: 18, timestampMs: 0, payload: SET_METADATA },
      { typeId: 9, timestampMs, payload: AVC_HEADER },
      { typeId: 8, timestampMs, payload: AAC_HEADER },
    ];
    const frames = [
      {
        typeId: 9,
        timestampMs,
        payload: numbered([isKey ? 0x17 : 0x27, 1, 0, 0, 0], number, length),
      },
      { typeId: 8, timestampMs, payload: numbered([0xAF, 1], number, AUDIO_FRAME_BYTES) },
    ];
    for (const { client } of this.#legs) {
      if (client === null || client.isEnded || !client.isStarted) continue;
      if (isKey && !this.#begun.has(client)) client.push(...opening);
      if (isKey) this.#begun.add(client);
      if (this.#begun.has(client)) client.push(...frames);
    }
  }

  /** Connections that got a keyframe. */
  readonly #begun = new WeakSet<MemoryClient>();
}

/** What a player saw. */
interface SeenInMemory {
  readonly isEnded: boolean;
  /** Video frames. */
  readonly lost: number;
  readonly twice: number;
  readonly silenceMs: number;
  /** By how much its stream has left real time since it began to watch, in ms. */
  readonly driftMs: number;
}

/** Checks the numbers of all video frames. */
class TreePlayer {
  readonly label: string;
  readonly #world: MemoryWorld;
  readonly #loopFrames: number;
  readonly #client: MemoryClient;
  #next = -1;
  #newestMs = 0;
  #newestAtMs = 0;
  /** The newest frame at the last call of {@linkcode take}: its time, and when it arrived. */
  #takenMs = 0;
  #takenAtMs = 0;
  #counts = { lost: 0, twice: 0, silenceMs: 0 };

  constructor(label: string, world: MemoryWorld, client: MemoryClient, loopFrames: number) {
    this.label = label;
    this.#world = world;
    this.#client = client;
    this.#loopFrames = loopFrames;
    client.onMedia = (typeId, timestampMs, payload) => {
      if (typeId === 9 && payload.length >= INTER_FRAME_BYTES) this.#check(timestampMs, payload);
    };
  }

  /** Returns what it saw since the last call. */
  take(): SeenInMemory {
    const nowMs = this.#world.clock.now();
    const silenceMs = Math.max(this.#counts.silenceMs, nowMs - this.#newestAtMs);
    const passedMs = this.#newestAtMs - this.#takenAtMs;
    const driftMs = diffU32(this.#newestMs, this.#takenMs) - passedMs;
    const seen = { isEnded: this.#client.isEnded, ...this.#counts, silenceMs, driftMs };
    this.#counts = { lost: 0, twice: 0, silenceMs: 0 };
    [this.#takenMs, this.#takenAtMs] = [this.#newestMs, this.#newestAtMs];
    return seen;
  }

  #check(timestampMs: number, payload: Uint8Array): void {
    const nowMs = this.#world.clock.now();
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(NUMBER_AT);
    const loop = this.#loopFrames;
    if (this.#next >= 0) {
      const ahead = (number - this.#next + loop) % loop;
      if (ahead > loop / 2) this.#counts.twice += loop - ahead;
      else this.#counts.lost += ahead;
      this.#counts.silenceMs = Math.max(this.#counts.silenceMs, nowMs - this.#newestAtMs);
    }
    this.#next = (number + 1) % loop;
    this.#newestMs = addU32(timestampMs, 0);
    this.#newestAtMs = nowMs;
  }
}

/** Options of {@linkcode MemoryTree}. */
interface MemoryTreeOptions {
  readonly seed: number;
  /** Video frames after which the encoders repeat themselves. */
  readonly loopFrames: number;
}

/**
 * Two origins, two mids, two leaves, on a fake clock, and with latencies that the seed gives.
 *
 * ```
 *   encoder "both" ─▶ o1, o2 ◀── m1, m2 ◀── l1, l2 ◀── players of both streams
 *                                            ▲
 *                            encoder "leaf" ─┘
 * ```
 */
export class MemoryTree {
  readonly world = new MemoryWorld();
  readonly random: () => number;
  readonly #loopFrames: number;
  readonly #servers = new Map<ServerName, RunningServer>();
  readonly #players: TreePlayer[] = [];

  constructor({ seed, loopFrames }: MemoryTreeOptions) {
    this.random = createRandom(seed);
    this.#loopFrames = loopFrames;
    delayNetwork(this.world, this.random, 30);
  }

  /** Starts servers and encoders, then players. */
  async start(): Promise<void> {
    const { world } = this;
    for (const name of Object.keys(TREE) as ServerName[]) this.#start(name);
    new TreeEncoder(world, "both", [TREE.o1.port, TREE.o2.port], this.#loopFrames);
    new TreeEncoder(world, "leaf", [TREE.l1.port], this.#loopFrames);
    await this.run(1_500);
    for (const leaf of ["l1", "l2"] as const) {
      for (const name of ["both", "leaf"]) {
        void openClient(world, "play", TREE[leaf].port, name).then((client) =>
          this.#players.push(new TreePlayer(`${name} at ${leaf}`, world, client, this.#loopFrames))
        );
      }
    }
    await this.run(1_500 + Math.round(this.random() * 1_000));
    this.take();
  }

  async run(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      await this.world.clock.advance(10);
      for (let round = 0; round < 4; round++) await this.world.clock.settle();
    }
  }

  /** Stops a server, after a drain or at once, and starts it again half a second later. */
  async restart(name: ServerName, how: "stop" | "drain"): Promise<void> {
    const server = this.#servers.get(name)!;
    const order = { cause: "test", target: null, timeoutMs: 2_000, isReplaced: false };
    let isStopped = false;
    void (how === "drain" ? server.drain(order) : Promise.resolve())
      .then(() => server.stop()).then(() => isStopped = true);
    while (!isStopped) await this.run(10);
    await this.run(200 + Math.round(this.random() * 500));
    this.#start(name);
    await this.run(1_500);
  }

  /** Returns what each player saw since the last call. */
  take(): ReadonlyMap<string, SeenInMemory> {
    return new Map(this.#players.map((player) => [player.label, player.take()]));
  }

  #start(name: ServerName): void {
    const { port, above } = TREE[name];
    this.#servers.set(name, this.world.start(port, ...above));
  }
}
