import { AmfObject, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import type { Clock } from "../../lib/base/clock.ts";
import { csidOf } from "../../lib/rtmp/encoded_messages.ts";
import { encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import { type Command, encodeCommand } from "../../lib/rtmp/commands.ts";
import { type Refusal, statusCommand } from "../../lib/rtmp/status.ts";
import {
  type ConnectRequest,
  ServerSession,
  type ServerSessionHandler,
} from "../../lib/session/server_session.ts";
import type { StreamCommand } from "../../lib/session/server_stream.ts";
import { hex } from "./hex.ts";
import type { Behaviour } from "./origin_behaviour.ts";
import type { MemoryNetwork, MemoryTransport } from "./memory_network.ts";
import type { TinyMessage } from "./tiny_media.ts";
import { commandsIn, isMedia, MessageRecorder, type WireMessage } from "./wire_message.ts";

const CHUNK_SIZE = 60_000;

/** C0, C1 and C2. */
const HANDSHAKE_BYTES = 1 + 1536 + 1536;

/** Data message of servers at the start of a play: `|RtmpSampleAccess`, true, true. */
const SAMPLE_ACCESS = hex("02 0011 7C52746D7053616D706C65416363657373 01 01 01 01");

/** `onStatus` as data: `NetStream.Data.Start` (Flash servers, SRS, nginx-rtmp). */
const DATA_START = hex(`
  02 0008 6F6E537461747573
  03 0004 636F6465 02 0014 4E657453747265616D2E446174612E5374617274 000009
`);

/**
 * An origin in memory that a test controls: whether it answers, what it refuses and sends, when it
 * stalls, freezes or hangs up. It keeps all that it receives, message by message.
 */
export class ScriptedOrigin {
  readonly port: number;
  /** Connections, oldest first. */
  readonly links: OriginLink[] = [];
  behaviour: Behaviour = { kind: "accept" };
  readonly #network: MemoryNetwork;
  readonly #listener;

  constructor(network: MemoryNetwork, port: number) {
    this.port = port;
    this.#network = network;
    this.#listener = network.listen({ hostname: "127.0.0.1", port });
    void this.#accept();
  }

  /** The newest connection. */
  get link(): OriginLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error(`No connection to port ${this.port}`);
    return link;
  }

  /** Number of open connections. */
  get openCount(): number {
    return this.links.filter(({ isOpen }) => isOpen).length;
  }

  /** Refuses new connections; existing ones stay. */
  stopListening(): void {
    this.#listener.close();
  }

  /** Refuses new connections and resets existing ones, as when the process is killed. */
  die(): void {
    this.stopListening();
    for (const link of this.links) link.reset();
  }

  async #accept(): Promise<void> {
    try {
      while (true) {
        const accepted = await this.#listener.accept();
        const { client, server } = this.#network.connections
          .find((connection) => connection.server === accepted)!;
        this.links.push(new OriginLink(client, server, this.behaviour));
      }
    } catch {
      // The listener was closed.
    }
  }
}

/** One connection of an edge. */
export class OriginLink implements ServerSessionHandler {
  readonly #behaviour: Behaviour;
  readonly #client: MemoryTransport;
  readonly #server: MemoryTransport;
  readonly #session: ServerSession;
  readonly #recorder = new MessageRecorder();
  #handshakeBytes = 0;
  #isEnded = false;
  #frozen: PromiseWithResolvers<void> | null = null;
  #outbox: Uint8Array[] = [];
  #isWriting = false;
  #isSilent = false;
  /** The play or publish that has no answer yet. */
  #pending: { readonly kind: "play" | "publish"; readonly command: StreamCommand } | null = null;
  connect: ConnectRequest | null = null;
  /** Name of the last play or publish, with its parameters. */
  streamName = "";
  pongCount = 0;

  constructor(client: MemoryTransport, server: MemoryTransport, behaviour: Behaviour) {
    this.#client = client;
    this.#server = server;
    this.#behaviour = behaviour;
    const options = {
      chunkSize: CHUNK_SIZE,
      handshake: { random: (length: number) => new Uint8Array(length).fill(7), nowMs: 0 },
    };
    this.#session = behaviour.kind === "other msid"
      ? new OtherMsidSession(this, options, behaviour.msid)
      : new ServerSession(this, options);
    if (behaviour.kind === "mute") this.freeze();
    if (behaviour.kind === "close at once") server.close();
    if (behaviour.kind === "send garbage") this.send(behaviour.bytes);
    void this.#read();
  }

  /** Neither side has closed the connection. */
  get isOpen(): boolean {
    return !this.#client.isClosed && !this.#server.isClosed;
  }

  /** The origin has read up to the end of the connection. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** All messages since the handshake. */
  get messages(): readonly WireMessage[] {
    return this.#recorder.messages;
  }

  /** Audio, video and data received. */
  get media(): WireMessage[] {
    return this.messages.filter(isMedia);
  }

  /** Commands received. */
  get commands(): Command[] {
    return commandsIn(this.messages);
  }

  /** Names of the commands received. */
  get commandNames(): string[] {
    return this.commands.map(({ name }) => name);
  }

  /** Number of ping requests received (user control event 6). */
  get pingCount(): number {
    return this.messages.filter(({ typeId, payload }) => typeId === 4 && payload[1] === 6).length;
  }

  /** Answers the play or publish that is held. */
  accept(): void {
    const { kind, command } = this.#pending!;
    this.#pending = null;
    if (kind === "play") {
      this.#session.acceptPlay(command.id);
    } else {
      this.#session.acceptPublish(command.id);
    }
  }

  /** Refuses the play or publish that is held. */
  refuse(refusal: Refusal): void {
    this.#session.reject(this.#pending!.command.id, refusal);
    this.#pending = null;
  }

  /** Sends media to the edge. */
  sendMedia(...messages: readonly TinyMessage[]): void {
    for (const { typeId, timestampMs, payload } of messages) {
      const header = { csid: csidOf(typeId), typeId, msid: 1, timestampMs };
      this.send(encodeMessage(header, payload, CHUNK_SIZE));
    }
  }

  /** Sends the data messages with which other servers begin every play. */
  sendPlayNotices(): void {
    for (const payload of [SAMPLE_ACCESS, DATA_START]) {
      this.sendMedia({ typeId: 18, timestampMs: 0, payload });
    }
  }

  /** Sends an RTMP 302. */
  redirect(ex: AmfObject): void {
    const command = { name: "onStatus", transactionId: 0, values: [null, redirectStatus(ex)] };
    this.send(encodeCommand(command, { msid: 0, chunkSize: CHUNK_SIZE }));
  }

  /** Sends Enhanced RTMP's request to be left, for the server at `tcUrl` or any other. */
  askToReconnect(tcUrl?: string): void {
    const status = amfObject({
      level: "status",
      code: "NetConnection.Connect.ReconnectRequest",
      description: "The server is shutting down",
      ...(tcUrl === undefined ? {} : { tcUrl }),
    });
    const command = { name: "onStatus", transactionId: 0, values: [null, status] };
    this.send(encodeCommand(command, { msid: 0, chunkSize: CHUNK_SIZE }));
  }

  /** Sends an `onStatus` of the running stream. */
  sendStatus(code: string, level: "status" | "error" = "status"): void {
    const command = statusCommand({ level, code, description: "" });
    this.send(encodeCommand(command, { msid: 1, chunkSize: CHUNK_SIZE }));
  }

  /** Reads nothing and takes no bytes, as a stopped process whose buffers are full. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers<void>();
    this.#client.block();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = null;
    this.#client.unblock();
  }

  /** Reads on, and sends nothing more: neither answers to pings nor acknowledgements. */
  stopSending(): void {
    this.#isSilent = true;
  }

  /** Takes bytes from the edge in small portions. */
  slowDown(clock: Clock, { maxBytes, everyMs }: { maxBytes: number; everyMs: number }): void {
    const client = this.#client;
    const write = client.write.bind(client);
    client.maxWriteBytes = maxBytes;
    client.write = async (bytes) => {
      await new Promise<void>((resolve) => clock.after(everyMs, resolve));
      return await write(bytes);
    };
  }

  /** Closes the connection. */
  close(): void {
    this.#server.close();
  }

  /** Breaks the connection on both sides. */
  reset(): void {
    this.#server.reset();
    this.#client.reset();
  }

  // Called by the session.

  send(bytes: Uint8Array): void {
    if (this.#isSilent) return;
    this.#outbox.push(bytes);
    void this.#write();
  }

  onConnect(request: ConnectRequest): void {
    this.connect = request;
    if (this.#behaviour.kind === "refuse connect") {
      return this.#session.reject(request.id, this.#behaviour.refusal);
    }
    if (this.#behaviour.kind === "redirect connect") {
      const values = [null, redirectStatus(this.#behaviour.ex)];
      const command = { name: "_error", transactionId: 1, values };
      // The edge was told of no other chunk size yet.
      return this.send(encodeCommand(command, { msid: 0, chunkSize: 128 }));
    }
    const windows = { outAckSizeBytes: 2_500_000, inAckSizeBytes: 0 };
    const isOurs = this.#behaviour.kind === "accept" && this.#behaviour.isOurs === true;
    const self = isOurs ? { clientId: "c1", serverName: "origin" } : null;
    this.#session.acceptConnect(request.id, windows, self);
  }

  onPlay(command: StreamCommand): void {
    this.#decide("play", command);
  }

  onPublish(command: StreamCommand): void {
    this.#decide("publish", command);
  }

  onMedia(): void {}

  onStreamClosed(): void {}

  onPause(): void {}

  onPong(): void {
    this.pongCount++;
  }

  onAcknowledgement(): void {}

  onReceive(): void {}
  onRefused(): void {}
  onIgnored(): void {}

  #decide(kind: "play" | "publish", command: StreamCommand): void {
    this.streamName = command.streamName;
    this.#pending = { kind, command };
    if (this.#behaviour.kind === "hold") return;
    if (this.#behaviour.kind === "refuse") return this.refuse(this.#behaviour.refusal);
    if (this.#behaviour.kind === "admit" && !this.#behaviour.names.includes(this.streamName)) {
      return this.refuse(this.#behaviour.refusal);
    }
    if (this.#behaviour.kind === "redirect") {
      if (kind === "play") this.accept();
      return this.redirect(this.#behaviour.ex);
    }
    this.accept();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (true) {
        await this.#frozen?.promise;
        const count = await this.#server.read(buffer);
        if (count === null) break;
        await this.#frozen?.promise;
        this.#record(buffer.subarray(0, count));
        this.#session.push(buffer.subarray(0, count));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource || isReset(error))) throw error;
    }
    this.#isEnded = true;
    this.#server.close();
  }

  #record(bytes: Uint8Array): void {
    const skipped = Math.min(bytes.length, HANDSHAKE_BYTES - this.#handshakeBytes);
    this.#handshakeBytes += skipped;
    this.#recorder.push(bytes.subarray(skipped));
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#outbox.length > 0) await this.#server.write(this.#outbox.shift()!);
    } catch {
      // The edge has closed the connection.
    }
    this.#isWriting = false;
  }
}

function isReset(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset;
}

/** The information object of a 302, with the fields of SRS. */
function redirectStatus(ex: AmfObject): AmfObject {
  return amfObject({
    level: "error",
    code: "NetConnection.Connect.Rejected",
    description: "RTMP 302 Redirect",
    ex,
  });
}

/** Answers `createStream` with a given id, as some servers do. */
class OtherMsidSession extends ServerSession {
  readonly #link: OriginLink;
  readonly #msid: number;

  constructor(
    link: OriginLink,
    options: ConstructorParameters<typeof ServerSession>[1],
    msid: number,
  ) {
    super(link, options);
    this.#link = link;
    this.#msid = msid;
  }

  override onCommand(command: Command, msid: number): void {
    if (command.name !== "createStream") return super.onCommand(command, msid === 0 ? 0 : 1);
    const { transactionId } = command;
    const result = { name: "_result", transactionId, values: [null, this.#msid] };
    this.#link.send(encodeCommand(result, { msid: 0, chunkSize: CHUNK_SIZE }));
  }
}

/** Returns a property of the `connect` object received. */
export function connectProperty(link: OriginLink, name: string): AmfValue {
  const info = link.commands[0]?.values[0];
  return info instanceof AmfObject ? info.get(name) : undefined;
}
