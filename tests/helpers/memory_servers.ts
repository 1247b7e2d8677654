/** Complete servers and their clients, in memory and on a fake clock. */

import { describeError } from "../../lib/base/errors.ts";
import { startServer } from "../../lib/app/compose.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { csidOf } from "../../lib/rtmp/encoded_messages.ts";
import { encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import type { Status } from "../../lib/rtmp/status.ts";
import { ClientSession, type ClientSessionHandler } from "../../lib/session/client_session.ts";
import { FakeClock } from "./fake_clock.ts";
import { CollectedLog } from "./local_server.ts";
import { MemoryNetwork, type MemoryTransport } from "./memory_network.ts";
import type { TinyMessage } from "./tiny_media.ts";

const CHUNK_SIZE = 60_000;

/** Of `capsEx` in Enhanced RTMP: the client takes ReconnectRequest. */
const CAN_RECONNECT = 1;

/** Enough for a command to pass through three servers. */
const SETTLE_ROUNDS = 60;

/** A set of servers that share a memory network and a fake clock. */
export class MemoryWorld {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly log = new CollectedLog();
  readonly #servers: RunningServer[] = [];

  /** Starts a server on `port`: an edge of `origins`, or an origin without them. */
  start(port: number, ...origins: readonly number[]): RunningServer {
    const cluster = origins.length === 0
      ? ""
      : `cluster { mode remote; origin ${origins.map((each) => `127.0.0.1:${each}`).join(" ")}; }`;
    return this.startWith(port, cluster);
  }

  /** Starts a server on `port` with these directives in its vhost, and others outside it. */
  startWith(port: number, directives: string, root = ""): RunningServer {
    const vhost = `vhost __defaultVhost__ { play { mw_latency 20; } ${directives} }`;
    const text = `listen ${port}; ${root} ${vhost}`;
    const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
    const { network, clock } = this;
    const server = startServer(config, { network, clock, logger: this.log.logger });
    this.#servers.push(server);
    return server;
  }

  async play(port: number, name = "show"): Promise<MemoryClient> {
    return await this.#client("play", port, name);
  }

  async publish(port: number, name = "show"): Promise<MemoryClient> {
    return await this.#client("publish", port, name);
  }

  /** Returns how often `port` was dialled. */
  dialCount(port: number): number {
    return this.network.dialled.filter((each) => each === port).length;
  }

  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await this.clock.settle();
  }

  /** Advances time in small steps, so that every server acts at its time. */
  async advance(ms: number): Promise<void> {
    const stepMs = 20;
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      await this.clock.advance(Math.min(stepMs, ms - passedMs));
    }
    await this.settle();
  }

  /** Stops all servers. */
  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    await this.settle();
  }

  async #client(kind: "play" | "publish", port: number, name: string): Promise<MemoryClient> {
    const signal = new AbortController().signal;
    await this.network.connect({ hostname: "127.0.0.1", port }, signal);
    const client = new MemoryClient(this.network.connections.at(-1)!.client, kind, name);
    await this.settle();
    return client;
  }
}

/** A client that plays or publishes one stream of `live`. */
export class MemoryClient implements ClientSessionHandler {
  readonly media: TinyMessage[] = [];
  readonly statuses: string[] = [];
  /** The server's reason for refusing, or an empty string. */
  refusal = "";
  /** Whether the publish was accepted, or media arrived. */
  isStarted = false;
  isEnded = false;
  /** Whether the server has asked it to connect again. */
  isAskedToMove = false;
  readonly #transport: MemoryTransport;
  readonly #session: ClientSession;
  #outbox: Uint8Array[] = [];
  #isWriting = false;
  #isLost = false;

  constructor(transport: MemoryTransport, kind: "play" | "publish", name: string) {
    this.#transport = transport;
    this.#session = new ClientSession(this, {
      target: { kind, tcUrl: "rtmp://127.0.0.1/live", app: "live", streamName: name },
      chunkSize: CHUNK_SIZE,
      handshake: { random: (length) => new Uint8Array(length).fill(3), nowMs: 0 },
      connectProperties: () => kind === "publish" ? { capsEx: CAN_RECONNECT } : {},
    });
    this.#session.start();
    void this.#read();
  }

  /** Publishes messages. */
  push(...messages: readonly TinyMessage[]): void {
    for (const { typeId, timestampMs, payload } of messages) {
      const header = { csid: csidOf(typeId), typeId, msid: 1, timestampMs };
      this.send(encodeMessage(header, payload, CHUNK_SIZE));
    }
  }

  /** Ends the stream as clients do. */
  stop(): void {
    this.#session.stop();
  }

  /** Closes the socket. */
  close(): void {
    this.#transport.close();
  }

  /** Its network fails without a FIN: nothing reaches the server from now on. */
  lose(): void {
    this.#isLost = true;
  }

  // Called by the session.

  send(bytes: Uint8Array): void {
    if (this.#isLost) return;
    this.#outbox.push(bytes);
    void this.#write();
  }

  onStarted(): void {
    this.isStarted = true;
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.media.push({ typeId, timestampMs, payload: new Uint8Array(payload) });
  }

  onStreamEof(): void {}

  onStatus({ code }: Status): void {
    this.statuses.push(code);
  }

  onReconnectRequest(): void {
    this.isAskedToMove = true;
  }

  onPong(): void {}

  onAcknowledgement(): void {}

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (true) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#session.push(buffer.subarray(0, count));
      }
    } catch (error) {
      if (!this.#transport.isClosed) this.refusal = describeError(error);
    }
    this.isEnded = true;
    this.#transport.close();
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#outbox.length > 0) await this.#transport.write(this.#outbox.shift()!);
    } catch {
      // The server has closed the connection.
    }
    this.#isWriting = false;
  }
}
