import { ReadWait } from "../io/read_wait.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import type { Transport } from "../io/transport.ts";
import type { PartedWork } from "../io/work_turns.ts";
import type { ServerSession } from "../session/server_session.ts";
import type { ConnectionContext } from "./connection_context.ts";
import { type ConnectionState, readBufferBytes } from "./connection_state.ts";
import type { PingWatch } from "./ping_watch.ts";
import { checkUnread } from "./unread_answers.ts";

/** The connection that a {@linkcode ClientReader} reads for. */
interface ReaderHost {
  readonly state: ConnectionState;
  readonly writer: SocketWriter;
  /** The client has left. */
  onGone(reason: string): void;
  /** The socket has failed, or the client has broken the protocol. */
  onReadFailed(error: unknown): void;
  /** Nothing more is read. */
  onReadEnded(): void;
}

/** What a {@linkcode ClientReader} works with. */
interface ReaderParts {
  readonly transport: Transport;
  readonly session: ServerSession;
  readonly pings: PingWatch;
  readonly context: ConnectionContext;
}

/** Reads what one client sends: counts it, and passes it to the session in fair turns. */
export class ClientReader implements PartedWork {
  readonly #host: ReaderHost;
  readonly #transport: Transport;
  readonly #session: ServerSession;
  readonly #pings: PingWatch;
  readonly #context: ConnectionContext;
  #readBytes = 0;
  /** What was received but not read yet: a view of the read buffer. */
  #unread: Uint8Array | null = null;
  readonly #wait = new ReadWait();

  constructor(host: ReaderHost, { transport, session, pings, context }: ReaderParts) {
    this.#host = host;
    this.#transport = transport;
    this.#session = session;
    this.#pings = pings;
    this.#context = context;
  }

  /** Bytes received from the client. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /** As {@linkcode ReadWait.hasReadUntil}. */
  hasReadUntil(readUntilMs: number): boolean {
    return this.#wait.hasReadUntil(readUntilMs);
  }

  /** Reads until the connection ends or is closed. Never rejects. */
  // Keep this the only suspended async function per connection; each one costs about 500 bytes.
  async run(): Promise<void> {
    const host = this.#host;
    const { buffers, clock } = this.#context;
    let buffer = buffers.take(readBufferBytes(host.state));
    try {
      while (host.state.type !== "closed") {
        const count = await this.#transport.read(buffer);
        if (count === null) {
          host.onGone("closed by peer");
          break;
        }
        // Waiting for nothing would cost a turn of the microtasks per read.
        const later = this.#take(buffer.subarray(0, count));
        if (later !== null) {
          this.#wait.begin();
          await later;
          this.#wait.end(clock.now());
        }
        const wantedBytes = readBufferBytes(host.state);
        if (buffer.length === wantedBytes) continue;
        buffers.give(buffer);
        buffer = buffers.take(wantedBytes);
      }
    } catch (error) {
      host.onReadFailed(error);
    }
    buffers.give(buffer);
    host.onReadEnded();
  }

  /** @returns when the bytes are done with, or null if they already are. */
  #take(bytes: Uint8Array): Promise<void> | null {
    const { state } = this.#host;
    const nowMs = this.#context.clock.now();
    this.#readBytes += bytes.length;
    this.#pings.onHeard(nowMs);
    this.#unread = bytes;
    if (state.type !== "publishing") return this.#context.turns.run(this, null, nowMs);
    return state.publication.read(this, this.#context, nowMs, bytes.length);
  }

  /** Called by the turns, maybe in a later one, when the client may have been closed. */
  doPart(): boolean {
    const bytes = this.#unread!;
    this.#unread = null;
    const { state, writer } = this.#host;
    if (state.type === "closed" || state.type === "refused") return true;
    const count = this.#session.pushPart(bytes);
    checkUnread(writer.waitingControlBytes);
    if (count === bytes.length) return true;
    this.#unread = bytes.subarray(count);
    return false;
  }
}
