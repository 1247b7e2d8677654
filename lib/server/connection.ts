/**
 * One client: its socket, its session, and what it does here. The place where session, vhost and policy
 * meet. The worst a peer can do ends here: it closes this connection with one log line, and nothing
 * else notices.
 */

import type { AmfObject } from "../amf/amf_value.ts";
import type { Clock } from "../base/clock.ts";
import { describeError, WireError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText, stripParams } from "../base/text.ts";
import { type Deed, refuse, type Wanted } from "./admission.ts";
import type { HookClient } from "./hook_client.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";
import type { Refusal } from "../rtmp/status.ts";
import { parseStreamUrl, type StreamUrl } from "../rtmp/url.ts";
import {
  type ConnectRequest,
  ServerSession,
  type ServerSessionHandler,
  type StreamCommand,
} from "../session/server_session.ts";
import { ClientHooks, type HookPlace } from "./client_hooks.ts";
import type { ClientReport, ClientTotals } from "./client_report.ts";
import { describeExpectedEnd } from "../io/connection_end.ts";
import {
  BACKLOG_PROPERTY,
  EDGE_PATH_PROPERTY,
  parseBacklog,
  parseEdgePath,
  refuseLoop,
} from "../upstream/edge_path.ts";
import { findStream } from "./find_stream.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import { PingWatch } from "./ping_watch.ts";
import { Player, type PlayerHost } from "./player.ts";
import { Publication, type PublicationHost } from "./publication.ts";
import type { ReadBuffers } from "../io/read_buffers.ts";
import { SocketWriter } from "../io/socket_writer.ts";
import { ipOf } from "../io/address.ts";
import type { Transport } from "../io/transport.ts";
import type { WorkTurns } from "../io/work_turns.ts";
import type { VhostDirectory } from "./vhost_directory.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { ClientCheck, Departure, VhostService } from "./vhost_service.ts";

/** What the connections of a server share. */
export interface ConnectionContext {
  readonly vhosts: VhostDirectory;
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly buffers: ReadBuffers;
  /** What clients ask for, but for publishers' media, is done in these. */
  readonly turns: WorkTurns;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handshake: HandshakeOptions;
  /** Size of the chunks written to all clients, in bytes. */
  readonly chunkSize: number;
  /** Id of this process among edges. */
  readonly edgeId: string;
  readonly hooks: HookClient;
}

/** A client must have asked for a stream this long after it connected or left one. */
const IDENTIFY_TIMEOUT_MS = 30_000;

/** A refused client gets this long to read why before the socket is closed. */
const REFUSED_TIMEOUT_MS = 1_000;

/** Answers that a client lets pile up unread, in bytes. An honest one has read them long before. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** Acknowledgement windows of a client whose vhost is not configured; it is refused later. */
const DEFAULT_WINDOWS = { outAckSizeBytes: 2_500_000, inAckSizeBytes: 0 };

/** Commands are short; a player sends 18 bytes now and then, a publisher a lot. */
const READ_BUFFER_BYTES = {
  idle: 2 * 1024,
  checked: 2 * 1024,
  refused: 2 * 1024,
  playing: 64,
  publishing: 64 * 1024,
} as const;

/** What the client does. */
type Doing =
  | { readonly type: "idle"; readonly sinceMs: number }
  | { readonly type: "checked"; readonly check: ClientCheck }
  | { readonly type: "refused"; readonly sinceMs: number }
  | { readonly type: "playing"; readonly wish: Wish; readonly player: Player }
  | { readonly type: "publishing"; readonly wish: Wish; readonly publication: Publication };

/** A wish for a stream that passed the checks. */
interface Wish extends StreamRequest {
  readonly requestId: number;
  readonly service: VhostService;
}

/** See the file comment. */
export class Connection implements ServerSessionHandler, PlayerHost, PublicationHost {
  readonly id: string;
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly writer: SocketWriter;
  readonly #context: ConnectionContext;
  readonly #transport: Transport;
  readonly #session: ServerSession;
  #connect: ConnectRequest | null = null;
  #edgePath: readonly string[] = [];
  #backlogMs = 0;
  #doing: Doing;
  /** The wish that a vhost is asked for right now or has answered. */
  #wish: Wish | null = null;
  /** Null before `connect`. */
  #hooks: ClientHooks | null = null;
  readonly #openedMs: number;
  readonly #pings: PingWatch;
  #readBytes = 0;
  /** Skips of plays that are over. */
  #endedSkips = 0;
  #closeReason: string | null = null;

  constructor(id: string, transport: Transport, context: ConnectionContext) {
    const { queue, wheels, clock } = context;
    this.id = id;
    this.queue = queue;
    this.wheels = wheels;
    this.#context = context;
    this.#transport = transport;
    this.#openedMs = clock.now();
    this.#pings = new PingWatch(this.#openedMs);
    this.#doing = { type: "idle", sinceMs: this.#openedMs };
    this.#session = new ServerSession(this, context);
    this.writer = new SocketWriter({
      transport,
      queue,
      clock,
      onError: (error) => this.close(describeExpectedEnd(error) ?? describeError(error)),
    });
  }

  /** What the client does, for counts. */
  get role(): Doing["type"] {
    return this.#doing.type;
  }

  /** What the client has cost so far. */
  get totals(): Pick<ClientTotals, "receivedBytes" | "sentBytes" | "skips"> {
    const doing = this.#doing;
    const skips = doing.type === "playing" ? doing.player.stats?.skips ?? 0 : 0;
    return {
      receivedBytes: this.#readBytes,
      sentBytes: this.writer.writtenBytes,
      skips: this.#endedSkips + skips,
    };
  }

  /** What is told about the client; null while it neither plays nor publishes. */
  report(nowMs: number): ClientReport | null {
    const doing = this.#doing;
    if (doing.type !== "playing" && doing.type !== "publishing") return null;
    const { tcUrl, pageUrl, swfUrl } = this.#connect!;
    return {
      id: this.id,
      type: doing.type === "playing" ? "rtmp-play" : "fmle-publish",
      vhost: doing.wish.service.config.name,
      stream: doing.wish.name,
      ip: ipOf(this.#transport.remote),
      tcUrl: stripParams(tcUrl),
      pageUrl: stripParams(pageUrl),
      swfUrl: stripParams(swfUrl),
      isHeld: doing.type === "playing" && doing.player.isHeld,
      ageMs: nowMs - this.#openedMs,
      ...this.totals,
      ...(doing.type === "playing" ? { sentBytes: doing.player.sentBytes } : {}),
    };
  }

  /** Serves the client until it leaves or is closed, then calls `onEnded`. Never rejects. */
  // All that waits here while a client plays: each asynchronous function that waits holds half a kilobyte.
  async run(onEnded: (connection: Connection) => void): Promise<void> {
    const { buffers } = this.#context;
    let buffer = buffers.take(READ_BUFFER_BYTES.idle);
    this.#logger.debug("Client connected", { peer: this.#transport.remote });
    try {
      while (this.#closeReason === null) {
        const count = await this.#transport.read(buffer);
        if (count === null) {
          this.#onGone("closed by peer");
          break;
        }
        await this.#take(buffer.subarray(0, count));
        const wanted = READ_BUFFER_BYTES[this.#doing.type];
        if (buffer.length === wanted) continue;
        buffers.give(buffer);
        buffer = buffers.take(wanted);
      }
    } catch (error) {
      this.#closeFor(error);
    }
    buffers.give(buffer);
    onEnded(this);
  }

  /** Closes the connection at once. Only the first reason counts. */
  close(reason: string): void {
    if (this.#closeReason !== null) return;
    this.#closeReason = reason;
    this.#endDoing(reason, "lost");
    this.#transport.close();
    this.#hooks?.close(this.totals);
    this.#logger.debug("Client gone", { reason, ...this.#totals() });
  }

  /** Ends the connection; the server stops. */
  stop(): void {
    this.close("server stops");
  }

  /** Looks at the timeouts; called about once a second. */
  check(nowMs: number): void {
    const doing = this.#doing;
    switch (doing.type) {
      case "idle":
        if (nowMs - doing.sinceMs <= IDENTIFY_TIMEOUT_MS) return;
        return this.#giveUp(`it asked for no stream within ${IDENTIFY_TIMEOUT_MS} ms`);
      case "checked":
        return; // The checks have budgets of their own.
      case "refused":
        if (nowMs - doing.sinceMs > REFUSED_TIMEOUT_MS) this.close("refused");
        return;
      case "playing":
        return this.#checkPlayer(doing.wish, doing.player, nowMs);
      case "publishing": {
        const reason = doing.publication.check(nowMs);
        if (reason !== null) return this.close(reason);
        return this.#requireLife(doing.wish, nowMs);
      }
      default:
        doing satisfies never;
    }
  }

  // What the session calls.

  send(bytes: Uint8Array): void {
    this.writer.send(bytes);
  }

  onConnect(request: ConnectRequest, info: AmfObject): void {
    const { tcUrl, app } = request;
    // Throws here, with a clear text, when the address cannot be read. Without any stream the end of a
    // longer app would be taken for one.
    const url = parseStreamUrl({ tcUrl, app, stream: "-" });
    this.#connect = request;
    this.#edgePath = parseEdgePath(info.get(EDGE_PATH_PROPERTY));
    this.#backlogMs = parseBacklog(info.get(BACKLOG_PROPERTY));
    const loop = refuseLoop(this.#edgePath, this.#context.edgeId);
    if (loop !== null) return this.#refuse(request.id, loop);
    this.#checkConnect(request.id, url);
  }

  onPlay(command: StreamCommand): void {
    const wish = this.#admit("play", command);
    if (wish !== null) this.#checkWish("play", wish, () => this.#play(wish));
  }

  onPublish(command: StreamCommand): void {
    const wish = this.#admit("publish", command);
    if (wish !== null) this.#checkWish("publish", wish, () => this.#publish(wish));
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#doing.type !== "publishing") return;
    this.#doing.publication.push(typeId, timestampMs, payload, this.#pings.lastHeardMs);
  }

  onStreamClosed(): void {
    this.#endDoing("closed by client", "stopped");
  }

  onPause(isPaused: boolean): void {
    if (this.#doing.type === "playing") this.#doing.player.setPaused(isPaused);
  }

  onPong(): void {
    // Any byte from the client shows that it is there; see #readUntilEnd.
  }

  onAcknowledgement(): void {
    // Players' lag is seen at the cursor.
  }

  onIgnored(what: string): void {
    this.#logger.debug("Passed over something unknown", { what });
  }

  // What the player and the publication call.

  announcePlay(): boolean {
    const wish = this.#wish;
    if (wish === null || !this.#session.acceptPlay(wish.requestId)) return false;
    this.#logger.info("Play started", this.#about(wish));
    return true;
  }

  onStalled(): void {
    this.close("client takes no data");
  }

  announcePublish(): boolean {
    const wish = this.#wish;
    if (wish === null || !this.#session.acceptPublish(wish.requestId)) return false;
    this.#logger.info("Publish started", this.#about(wish));
    return true;
  }

  refusePublish(refusal: Refusal): void {
    if (this.#wish !== null) this.#refuse(this.#wish.requestId, refusal);
  }

  onReplaced(): void {
    const reason = "replaced by a newer publisher";
    const description = "Another publisher has taken the stream over";
    this.#session.endPublish({ code: StatusCode.PUBLISH_BAD_NAME, description });
    this.#closeSoon(reason);
  }

  get lastHeardMs(): number {
    return this.#pings.lastHeardMs;
  }

  /** @returns when the bytes are done with, if that was not at once. */
  #take(bytes: Uint8Array): Promise<void> | null {
    this.#readBytes += bytes.length;
    this.#pings.onHeard(this.#context.clock.now());
    if (this.#doing.type !== "publishing") {
      return this.#context.turns.run(() => this.#answer(bytes));
    }
    this.#answer(bytes);
    return null;
  }

  /** Done in its turn, by when the client may have been closed. */
  #answer(bytes: Uint8Array): void {
    if (this.#closeReason !== null) return;
    this.#session.push(bytes);
    this.#requireReader();
  }

  /** A client that asks and asks but reads no answer must not fill the memory. */
  #requireReader(): void {
    const { waitingControlBytes } = this.writer;
    if (waitingControlBytes <= MAX_UNREAD_BYTES) return;
    throw new WireError(
      "session.unread_answers",
      `Cannot answer any more: ${waitingControlBytes} bytes of answers are unread`,
    );
  }

  /** The client left, which is its right once it has said what it came for. */
  #onGone(reason: string): void {
    if (this.#closeReason !== null) return;
    // Whoever says nothing at all only looks whether somebody answers here.
    if (this.#connect !== null || this.#readBytes === 0) return this.close(reason);
    this.#giveUp(`it left before "connect", after ${this.#readBytes} bytes`);
  }

  /** Closes with a line for whoever wonders why. */
  #giveUp(reason: string): void {
    this.#logger.warning(`Closed client: ${reason}`, { peer: this.#transport.remote });
    this.close(reason);
  }

  #closeFor(error: unknown): void {
    if (this.#closeReason !== null) return;
    const expected = describeExpectedEnd(error);
    if (expected !== null) return this.#onGone(expected);
    const peer = this.#transport.remote;
    if (error instanceof WireError) {
      const { code, offset, fix } = error;
      this.#logger.warning(`Closed client: ${error.message}`, {
        peer,
        code,
        byte: offset < 0 ? undefined : offset,
        fix: fix === "" ? undefined : fix,
      });
    } else {
      this.#logger.error(`Closed client after a fault of ours: ${describeError(error)}`, {
        peer,
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
    this.close(describeError(error));
  }

  /** The checks that come before success is announced. @returns null when the client was refused. */
  #admit(deed: Deed, command: StreamCommand): Wish | null {
    // Once is enough: more answers would be more work and more lines in the log.
    if (this.#doing.type === "refused") return null;
    const { tcUrl, app, pageUrl } = this.#connect!;
    const url = parseStreamUrl({ tcUrl, app, stream: command.streamName });
    const client = { ip: ipOf(this.#transport.remote), pageUrl };
    const found = findStream(this.#context.vhosts, { deed, url, client });
    if (found.type === "refused") {
      this.#refuse(command.id, found.refusal);
      return null;
    }
    const wish = {
      requestId: command.id,
      service: found.service,
      url: found.url,
      name: found.name,
      edgePath: this.#edgePath,
      backlogMs: this.#backlogMs,
    };
    this.#wish = wish;
    return wish;
  }

  /** Accepts the connect once the HTTP callbacks do not object to the client. */
  #checkConnect(requestId: number, url: StreamUrl): void {
    const config = this.#context.vhosts.find(url.vhost)?.config;
    const accept = () => {
      this.#doing = { type: "idle", sinceMs: this.#context.clock.now() };
      this.#session.acceptConnect(requestId, config ?? DEFAULT_WINDOWS);
    };
    // A client of no vhost is refused when it asks for a stream, which may name another one.
    if (config === undefined || !config.enabled) return accept();
    const place = { config, url: { ...url, vhost: config.name } };
    this.#check("connect", requestId, (answer) => this.#ask("connect", place, answer), accept);
  }

  /** Asks the HTTP callbacks of the vhost, if there are any. */
  #ask(
    wanted: Wanted,
    place: HookPlace,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    if (!place.config.httpHooks.enabled) return null;
    if (this.#hooks === null) {
      const { tcUrl, pageUrl } = this.#connect!;
      const ip = ipOf(this.#transport.remote);
      this.#hooks = new ClientHooks(this.#context.hooks, { id: this.id, ip, tcUrl, pageUrl });
    }
    return this.#hooks.ask(wanted, place, onAnswer);
  }

  /** Goes on once neither the HTTP callbacks nor the vhost object to the client. */
  #checkWish(deed: Deed, wish: Wish, goOn: () => void): void {
    const { requestId, service, url } = wish;
    const place = { config: service.config, url };
    this.#check(deed, requestId, (answer) => this.#ask(deed, place, answer), () => {
      this.#check(deed, requestId, (answer) => service.check(wish, this.#connect!, answer), goOn);
    });
  }

  /** Goes on once what `begin` begins has no objection to the client. */
  #check(
    wanted: Wanted,
    requestId: number,
    begin: (onAnswer: (objection: string | null) => void) => ClientCheck | null,
    goOn: () => void,
  ): void {
    const check = begin((objection) => {
      try {
        if (objection === null) return goOn();
        this.#refuse(requestId, refuse(wanted, objection));
      } catch (error) {
        this.#closeFor(error);
      }
    });
    if (check === null) return goOn();
    this.#doing = { type: "checked", check };
  }

  #play(wish: Wish): void {
    const player = new Player(this, wish.service, wish, this.#context.clock.now());
    this.#doing = { type: "playing", wish, player };
    if (player.isHeld) this.#logger.info("Player waits for the stream", this.#about(wish));
  }

  #publish(wish: Wish): void {
    const publication = new Publication(this, wish.service, wish, this.#context.clock.now());
    if (this.#wish === wish) this.#doing = { type: "publishing", wish, publication };
  }

  #refuse(requestId: number, refusal: Refusal): void {
    this.#session.reject(requestId, refusal);
    this.#hooks?.onRefused();
    this.#logger.warning(`Refused client: ${refusal.description}`, {
      code: refusal.code,
      peer: this.#transport.remote,
    });
    this.#closeSoon(refusal.code);
  }

  /** The client gets a moment to read why, and nothing else. */
  #closeSoon(reason: string): void {
    this.#endDoing(reason, "stopped");
    this.#doing = { type: "refused", sinceMs: this.#context.clock.now() };
  }

  #checkPlayer(wish: Wish, player: Player, nowMs: number): void {
    if (player.isWaitOver(nowMs)) {
      return this.#refuse(wish.requestId, {
        code: StatusCode.PLAY_STREAM_NOT_FOUND,
        description: `Nobody publishes ${quotePeerText(wish.name)}`,
      });
    }
    this.#requireLife(wish, nowMs);
  }

  /** A silent client is asked whether it is still there: a dead host's connection has no end of its own. */
  #requireLife(wish: Wish, nowMs: number): void {
    const { play } = wish.service.config;
    const advice = this.#pings.check(nowMs, play);
    if (advice === "ping") this.#session.ping(Math.trunc(nowMs));
    if (advice === "give up") this.close(`no answer to a ping within ${play.pingTimeoutMs} ms`);
  }

  /** Leaves the stream; the connection goes on. */
  #endDoing(reason: string, departure: Departure): void {
    const doing = this.#doing;
    // A refused client has nothing but its time to read why.
    if (doing.type === "refused") return;
    this.#wish = null;
    this.#doing = { type: "idle", sinceMs: this.#context.clock.now() };
    if (doing.type === "checked") {
      doing.check.cancel();
    } else if (doing.type === "playing") {
      doing.player.leave();
      const { skips = 0 } = doing.player.stats ?? {};
      this.#endedSkips += skips;
      this.#logger.info("Play ended", {
        ...this.#about(doing.wish),
        reason,
        ...this.#totals(),
        skips,
      });
    } else if (doing.type === "publishing") {
      doing.publication.leave(departure);
      this.#logger.info("Publish ended", { ...this.#about(doing.wish), reason, ...this.#totals() });
    }
    this.#hooks?.leaveStream();
  }

  #about(wish: Wish): { stream: string; vhost: string; peer: string } {
    return { stream: wish.name, vhost: wish.service.config.name, peer: this.#transport.remote };
  }

  /** Made when there is something to say: thousands of players have nothing for hours. */
  get #logger(): Logger {
    return this.#context.logger.for("conn", this.id);
  }

  #totals(): { received_bytes: number; sent_bytes: number } {
    return { received_bytes: this.#readBytes, sent_bytes: this.writer.writtenBytes };
  }
}
