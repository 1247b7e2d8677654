import type { SocketWriter } from "../io/socket_writer.ts";
import type { PartedWork } from "../io/work_turns.ts";
import type { ServerSession } from "../session/server_session.ts";
import type { ConnectionContext } from "./connection_context.ts";
import type { ConnectionState } from "./connection_state.ts";
import type { PingWatch } from "./ping_watch.ts";
import { checkUnread } from "./unread_answers.ts";

/** The connection that a {@linkcode ClientReader} reads for. */
interface ReaderHost {
  readonly state: ConnectionState;
  readonly writer: SocketWriter;
}

/** Reads what one client sends: counts it, and passes it to the session in fair turns. */
export class ClientReader implements PartedWork {
  readonly #host: ReaderHost;
  readonly #session: ServerSession;
  readonly #pings: PingWatch;
  readonly #context: ConnectionContext;
  #readBytes = 0;
  /** What was received but not read yet: a view of the read buffer. */
  #unread: Uint8Array | null = null;

  constructor(
    host: ReaderHost,
    session: ServerSession,
    pings: PingWatch,
    context: ConnectionContext,
  ) {
    this.#host = host;
    this.#session = session;
    this.#pings = pings;
    this.#context = context;
  }

  /** Bytes received from the client. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /** @returns when the bytes are done with, or null if they already are. */
  take(bytes: Uint8Array): Promise<void> | null {
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
