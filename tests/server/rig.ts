import { amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { startServer } from "../../lib/app/compose.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import type { ServerDeps } from "../../lib/app/server_deps.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { csidOf } from "../../lib/rtmp/encoded_messages.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { SocketWriter } from "../../lib/io/socket_writer.ts";
import { encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import { decodeCommand, encodeCommand } from "../../lib/rtmp/commands.ts";
import { parseStatus } from "../../lib/rtmp/status.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog, type LogLine } from "../helpers/local_server.ts";
import { MemoryNetwork, type MemoryTransport } from "../helpers/memory_network.ts";
import { wordFor } from "../helpers/read_messages.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { MessageRecorder, type WireMessage } from "../helpers/wire_message.ts";

const PORT = 1935;

/** All commands of a client are shorter, so none is split. */
const CHUNK_SIZE = 60_000;

/** A whole exchange takes far fewer. */
const SETTLE_ROUNDS = 12;

/** Parts of an answer to a client that do not matter here. */
const SMALL_TALK = [
  ...["type 5", "type 6", "type 1", "NetConnection.Connect.Success", "onBWDone", "_result"],
  "data", // |RtmpSampleAccess
];

/** What a test may replace. */
type RigDeps = Partial<Pick<ServerDeps, "network" | "hookFetch" | "createHttp">>;

/** A whole server in memory. Clients do to it what a test wants, command by command. */
export class ServerRig {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly log = new CollectedLog();
  readonly server: RunningServer;

  /** @param text Configuration, by default an origin that writes to players every 350 ms. */
  constructor(text = "vhost __defaultVhost__ { }", deps: RigDeps = {}) {
    const { config } = parseConfig(`listen ${PORT}; ${text}`, "test.conf", {
      readFile: () => undefined,
    });
    this.server = startServer(config, {
      network: this.network,
      clock: this.clock,
      logger: this.log.logger,
      ...deps,
    });
  }

  /** A client that has sent nothing yet. */
  async dial(): Promise<Client> {
    const signal = new AbortController().signal;
    await this.network.connect({ hostname: "127.0.0.1", port: PORT }, signal);
    const { client, server } = this.network.connections.at(-1)!;
    await this.settle();
    return new Client({ transport: client, far: server, clock: this.clock });
  }

  /** A client after handshake and `connect`; `properties` go into the connect object. */
  async connect(properties: Readonly<Record<string, AmfValue>> = {}): Promise<Client> {
    const client = await this.dial();
    client.send(SIMPLE_HANDSHAKE);
    client.connect(properties);
    await this.settle();
    return client;
  }

  /** A client that has asked to play `live/<name>`. */
  async play(name = "show"): Promise<Client> {
    const client = await this.connect();
    client.play(name);
    await this.settle();
    return client;
  }

  /** A client that has asked to publish `live/<name>`; `properties` as of {@linkcode connect}. */
  async publish(
    name = "show",
    properties: Readonly<Record<string, AmfValue>> = {},
  ): Promise<Client> {
    const client = await this.connect(properties);
    client.publish(name);
    await this.settle();
    return client;
  }

  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await this.clock.advance(0);
  }

  /** Advances time second by second, in step with the checks of connections. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) await this.clock.advance(Math.min(left, 1_000));
    await this.settle();
  }

  /** Stops the server and checks that it leaves nothing behind. */
  async stop(): Promise<void> {
    await this.server.stop();
    await this.settle();
    assertEquals(this.clock.pendingCount, 0, "timers are left");
    assertEquals(this.server.counts, { connections: 0, players: 0, publishers: 0 });
  }

  /** Messages of warnings and errors so far. */
  get warnings(): string[] {
    return this.log.urgent.map(({ message }) => message);
  }

  /** Log lines with this message. */
  linesOf(message: string): LogLine[] {
    return this.log.lines.filter((line) => line.message === message);
  }

  /** Why clients left, in order. */
  get endings(): string[] {
    return this.linesOf("Client disconnected").map(({ fields }) => String(fields["cause"]));
  }
}

/** An RTMP client, command by command. What it sends goes out when the clock settles. */
export class Client {
  /** What the server sent, after the handshake. */
  readonly messages: WireMessage[];
  isEnded = false;
  /** The server's end of the connection, whose writes can be blocked. */
  readonly far: MemoryTransport;
  readonly transport: MemoryTransport;
  readonly #recorder = new MessageRecorder();
  readonly #writer: SocketWriter;
  #handshakeBytes = SIMPLE_HANDSHAKE.length;

  constructor(
    { transport, far, clock }: {
      readonly transport: MemoryTransport;
      readonly far: MemoryTransport;
      readonly clock: FakeClock;
    },
  ) {
    this.transport = transport;
    this.far = far;
    this.messages = this.#recorder.messages;
    this.#writer = new SocketWriter({
      transport,
      queue: new FlushQueue(clock),
      clock,
      host: { onWriteFailed() {} },
    });
    void this.#readUntilEnd();
  }

  send(bytes: Uint8Array): void {
    this.#writer.send(bytes);
  }

  /** Announces the chunk size and connects, by default to `rtmp://server/live`. */
  connect(properties: Readonly<Record<string, AmfValue>> = {}): void {
    this.send(encodeMessage(
      { csid: 2, typeId: 1, msid: 0, timestampMs: 0 },
      new Uint8Array([0, 0, CHUNK_SIZE >>> 8, CHUNK_SIZE & 0xFF]),
      128,
    ));
    const info = amfObject({ app: "live", tcUrl: "rtmp://server/live", ...properties });
    this.command("connect", [info], { tid: 1 });
  }

  play(name = "show"): void {
    this.command("createStream", [null], { tid: 2 });
    this.command("play", [null, name], { msid: 1 });
  }

  publish(name = "show"): void {
    this.command("createStream", [null], { tid: 2 });
    this.command("publish", [null, name, "live"], { msid: 1 });
  }

  closeStream(): void {
    this.command("closeStream", [null], { msid: 1 });
  }

  command(
    name: string,
    values: readonly AmfValue[],
    { tid = 0, msid = 0 }: { readonly tid?: number; readonly msid?: number } = {},
  ): void {
    const command = { name, transactionId: tid, values };
    this.send(encodeCommand(command, { msid, chunkSize: CHUNK_SIZE }));
  }

  /** Sends a media message. */
  push(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const header = { csid: csidOf(typeId), typeId, msid: 1, timestampMs };
    this.send(encodeMessage(header, payload, CHUNK_SIZE));
  }

  /** The descriptions of the statuses that the server sent. */
  get descriptions(): string[] {
    const commands = this.messages.filter(({ typeId }) => typeId === 20);
    return commands.map(({ payload }) => parseStatus(decodeCommand(payload).values[1])?.description)
      .filter((text) => text !== undefined);
  }

  /** What the server sent, in words, without the parts that every client gets. */
  get words(): string[] {
    return this.messages.map(wordFor).filter((word) => !SMALL_TALK.includes(word));
  }

  /** Payloads of the video messages that the server sent. */
  get videos(): Uint8Array[] {
    return this.messages.filter(({ typeId }) => typeId === 9).map(({ payload }) => payload);
  }

  async #readUntilEnd(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (true) {
        const count = await this.transport.read(buffer);
        if (count === null) break;
        this.#accept(buffer.subarray(0, count));
      }
    } catch (error) {
      if (!this.transport.isClosed) throw error;
    }
    this.isEnded = true;
  }

  #accept(bytes: Uint8Array): void {
    const skipped = Math.min(bytes.length, this.#handshakeBytes);
    this.#handshakeBytes -= skipped;
    this.#recorder.push(bytes.subarray(skipped));
  }
}
