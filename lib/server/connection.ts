import type { AmfObject } from "../amf/amf_value.ts";
import { describeError } from "../base/errors.ts";
import { SocketWriter, type SocketWriterHost } from "../io/socket_writer.ts";
import { describeExpectedEnd } from "../io/connection_end.ts";
import { ipOf } from "../io/address.ts";
import type { Transport } from "../io/transport.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { takesMultitrack } from "../rtmp/enhanced_connect.ts";
import type { Refusal } from "../rtmp/status.ts";
import {
  type ConnectRequest,
  ServerSession,
  type ServerSessionHandler,
} from "../session/server_session.ts";
import type { MediaTrack, StreamCommand } from "../session/server_stream.ts";
import { parseEdgeInfo } from "../upstream/edge_path.ts";
import type { StreamAction } from "./access_rules.ts";
import { ClientReader } from "./client_reader.ts";
import type { ClientReport, ClientTotals } from "./client_report.ts";
import { connectUrl } from "./connect_url.ts";
import type { ConnectionContext } from "./connection_context.ts";
import { ConnectionLog } from "./connection_log.ts";
import { edgeNameOf, reportConnection } from "./connection_report.ts";
import { type ConnectionState, DEFAULT_WINDOWS } from "./connection_state.ts";
import { checkTimeouts } from "./connection_timeouts.ts";
import type { ClientAccess } from "./client_access.ts";
import { type Admission, type Refused, refusedBy } from "./admission.ts";
import { moveTargetOf } from "./move_clients.ts";
import { PingWatch } from "./ping_watch.ts";
import type { RefusalCause } from "./refusal_counts.ts";
import { Player, type PlayerHost } from "./player.ts";
import { Publication, type PublicationHost } from "./publication.ts";
import type { Departure, PublisherRole } from "./vhost_service.ts";

/**
 * One RTMP client: its socket, its session, and what it does here. The worst a peer can do ends
 * here: it closes this connection with one log line and affects no other. Its states are drawn at
 * {@linkcode ConnectionState}.
 */
export class Connection
  implements ServerSessionHandler, PlayerHost, PublicationHost, SocketWriterHost {
  readonly id: string;
  readonly writer: SocketWriter;
  readonly #context: ConnectionContext;
  readonly #transport: Transport;
  readonly #session: ServerSession;
  readonly #openedMs: number;
  readonly #pings: PingWatch;
  #state: ConnectionState;
  /** Null before `connect`. */
  #access: ClientAccess | null = null;
  readonly #reader: ClientReader;
  #onEnded: (connection: Connection) => void = () => {};
  takesTracks = false;
  /** It was asked to connect again. */
  wasAskedToMove = false;
  /** Skips of plays that are over. */
  #endedSkips = 0;

  constructor(id: string, transport: Transport, context: ConnectionContext) {
    const { queue, clock } = context;
    this.id = id;
    this.#context = context;
    this.#transport = transport;
    this.#openedMs = Math.floor(clock.now());
    this.#pings = new PingWatch(this.#openedMs);
    this.#state = { type: "connecting", sinceMs: this.#openedMs };
    this.#session = new ServerSession(this, context);
    this.writer = new SocketWriter({ transport, queue, clock, host: this });
    const [session, pings] = [this.#session, this.#pings];
    this.#reader = new ClientReader(this, { transport, session, pings, context });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What the client has cost so far. */
  get totals(): Pick<ClientTotals, "receivedBytes" | "sentBytes" | "skips"> {
    const state = this.#state;
    const skips = state.type === "playing" ? state.player.stats?.skips ?? 0 : 0;
    return {
      receivedBytes: this.#reader.readBytes,
      sentBytes: this.writer.writtenBytes,
      skips: this.#endedSkips + skips,
    };
  }

  /** Null while the client neither plays nor publishes. */
  report(nowMs: number): ClientReport | null {
    const costs = { ageMs: nowMs - this.#openedMs, ...this.totals };
    return reportConnection(this.#state, this.#access, costs);
  }

  /** Serves the client until it leaves or is closed, then calls `onEnded`. Never rejects. */
  run(onEnded: (connection: Connection) => void): Promise<void> {
    this.#onEnded = onEnded;
    this.#log.connected();
    return this.#reader.run();
  }

  /** Closes the connection at once. Only the first reason counts. */
  close(reason: string): void {
    if (this.#state.type === "closed") return;
    this.#leaveStream(reason, "lost");
    this.#state = { type: "closed" };
    this.#transport.close();
    this.#access?.close(this.totals);
    this.#log.gone(reason, this.totals);
  }

  stop(): void {
    this.close("server stops");
  }

  /**
   * Asks the client to connect again, at its next keyframe. It is served until it leaves.
   *
   * @param target As {@linkcode ClientSource.move}.
   * @returns false when it does not know such requests, or has no stream.
   */
  requestReconnect(target: string | null): boolean {
    if (!("admission" in this.#state)) return false;
    const { request, service } = this.#state.admission;
    const tcUrl = target && moveTargetOf(target, request.url.app, service.config.name);
    if (!this.#session.requestReconnect(tcUrl)) return false;
    this.wasAskedToMove = true;
    this.#log.askedToMove(this.#state.admission, tcUrl);
    return true;
  }

  /** Checks the timeouts; called about once a second. */
  check(readUntilMs: number): void {
    const isRead = this.#reader.hasReadUntil(readUntilMs);
    const times = { readUntilMs, isRead, nowMs: this.#context.clock.now() };
    const action = checkTimeouts(this.#state, this.#pings, times);
    if (action === null) return;
    switch (action.type) {
      case "ping":
        return this.#ping();
      case "refuse":
        return this.#refuse(action.commandId, action.refusal, "not_live");
      case "endPublish":
        return this.end("publishing", StatusCode.PUBLISH_FAILED, action.reason, action.departure);
      case "warn":
        return this.#log.warned(action.reason);
      case "close":
        if (action.isUnusual) this.#log.closed(action.reason);
        return this.close(action.reason);
      default:
        action satisfies never;
    }
  }

  // Called by the reader.
  /** The client has left, which is normal once it has said what it wants. */
  onGone(reason: string): void {
    const { type } = this.#state;
    if (type === "closed") return;
    // A client that sends nothing only checks whether the port is open.
    if (type !== "connecting" || this.#reader.readBytes === 0) return this.close(reason);
    this.#log.leftEarly(this.#reader.readBytes);
    this.close(reason);
  }

  onReadFailed(error: unknown): void {
    this.#closeFor(error);
  }

  onReadEnded(): void {
    this.#onEnded(this);
  }

  // Called by the session.
  send(bytes: Uint8Array): void {
    this.writer.send(bytes);
  }

  onConnect(request: ConnectRequest, info: AmfObject): void {
    const url = connectUrl(request);
    if ("code" in url) return this.#refuse(request.id, url, "name");
    const access = this.#context.gate.accessFor({
      id: this.id,
      protocol: "rtmp",
      ip: ipOf(this.#transport.remote),
      connect: request,
      ...parseEdgeInfo(info),
    });
    this.#access = access;
    this.takesTracks = takesMultitrack(info);
    this.#state = { type: "checking" };
    access.connect(url, (verdict) => {
      this.#judge(request.id, verdict, ({ service }) => {
        this.#state = { type: "idle", sinceMs: this.#context.clock.now() };
        const { serverName } = this.#context;
        const self = edgeNameOf(access.client) ? { clientId: this.id, serverName } : null;
        this.#session.acceptConnect(request.id, service?.config ?? DEFAULT_WINDOWS, self);
      });
    });
  }

  onPlay(command: StreamCommand): void {
    this.#ask("play", command, (admission) => {
      const player = new Player(this, this.#context, admission);
      this.#state = { type: "playing", player, commandId: command.id, admission };
      player.start();
      if (player.isHeld) this.#log.held(admission);
    });
  }

  onPublish(command: StreamCommand): void {
    this.#ask("publish", command, (admission) => {
      const publication = new Publication(this, admission, this.#context.clock.now());
      this.#state = { type: "publishing", publication, commandId: command.id, admission };
      publication.start();
    });
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#state.type !== "publishing") return;
    this.#state.publication.push(typeId, timestampMs, payload, this.#pings.lastHeardMs);
  }

  onPlayerData(payload: Uint8Array): void {
    if (this.#state.type === "playing") this.#state.player.onData(payload);
  }

  onStreamClosed(): void {
    const isMoving = this.#state.type === "publishing" && this.#state.publication.isMoving;
    this.#leaveStream("closed by client", isMoving ? "lost" : "stopped");
  }

  onPause(isPaused: boolean): void {
    if (this.#state.type === "playing") this.#state.player.setPaused(isPaused);
  }

  onReceive(track: MediaTrack, isWanted: boolean): void {
    if (this.#state.type === "playing") this.#state.player.receive(track, isWanted);
  }
  onPong(): void {
    if (this.#state.type === "publishing") this.#state.publication.onPong();
  }
  onAcknowledgement(): void {}

  onIgnored(what: string): void {
    this.#log.ignored(what);
  }

  onRefused(refusal: Refusal): void {
    this.#onRefused(refusal, "protocol");
  }

  // Called by the player and the publication.
  get unwantedTracks(): readonly MediaTrack[] {
    return this.#session.unwantedTracks;
  }

  announcePlay(): boolean {
    const state = this.#state;
    if (state.type !== "playing" || !this.#session.acceptPlay(state.commandId)) return false;
    this.#log.playStarted(state.admission);
    return true;
  }

  onWriteFailed(error: unknown): void {
    this.close(describeExpectedEnd(error) ?? describeError(error));
  }

  onStalled(): void {
    this.close("client takes no data");
  }

  announcePublish(): boolean {
    const state = this.#state;
    if (state.type !== "publishing" || !this.#session.acceptPublish(state.commandId)) return false;
    this.#log.publishStarted(state.admission);
    return true;
  }

  refusePublish(refusal: Refusal): void {
    if (this.#state.type !== "publishing") return;
    const { commandId, admission } = this.#state;
    this.#refuse(commandId, refusal, refusedBy(admission));
  }

  refusePlay(refusal: Refusal): void {
    if (this.#state.type === "playing") this.#refuse(this.#state.commandId, refusal, null);
  }

  onReplaced(): void {
    this.end("publishing", StatusCode.PUBLISH_BAD_NAME, "replaced by a newer publisher", "stopped");
  }

  onRole(role: PublisherRole, cause: string): void {
    if (this.#state.type === "publishing") this.#log.role(this.#state.admission, role, cause);
  }

  probe(onAlive: () => void): () => void {
    this.#ping();
    return this.#pings.expect(onAlive);
  }

  #ping(): void {
    this.#session.ping(Math.trunc(this.#context.clock.now()));
  }

  /** Asks the gate for a stream; `onAdmitted` runs when the client may have it. */
  #ask(
    action: StreamAction,
    command: StreamCommand,
    onAdmitted: (admission: Admission) => void,
  ): void {
    // A refused client gets no second answer: that would be more work and more log lines.
    if (this.#state.type !== "idle") return;
    const access = this.#access!;
    const url = access.urlOf(command.streamName);
    this.#state = { type: "checking" };
    access.ask(action, url, (verdict) => this.#judge(command.id, verdict, onAdmitted));
  }

  /** Acts on a verdict, which may come at once, or later and outside of {@linkcode run}. */
  #judge<V extends { readonly type: "admitted" }>(
    commandId: number,
    verdict: V | Refused,
    onAdmitted: (verdict: V) => void,
  ): void {
    try {
      if (verdict.type === "admitted") return onAdmitted(verdict);
      this.#refuse(commandId, verdict.refusal, null);
    } catch (error) {
      this.#closeFor(error);
    }
  }

  /** @param cause Null when the gate has counted it. */
  #refuse(commandId: number, refusal: Refusal, cause: RefusalCause | null): void {
    this.#session.reject(commandId, refusal);
    this.#onRefused(refusal, cause);
  }

  #onRefused(refusal: Refusal, cause: RefusalCause | null): void {
    if (cause !== null) this.#context.gate.countRefusal(cause);
    this.#log.refused(refusal);
    this.#closeSoon(refusal.code);
  }

  /** Ends the client's publish or play with a status that says why, and closes it soon. */
  end(type: "publishing" | "playing", code: string, reason: string, departure: Departure): void {
    this.#session.end(type, { code, description: `${code.split(".")[1]} ended: ${reason}` });
    this.#closeSoon(reason, departure);
  }

  /** Gives the client a moment to read why. */
  #closeSoon(reason: string, departure: Departure = "stopped"): void {
    this.#leaveStream(reason, departure);
    this.#state = { type: "refused", sinceMs: this.#context.clock.now(), reason };
  }

  /** Leaves the stream, or stops asking for it; the connection stays. */
  #leaveStream(reason: string, departure: Departure): void {
    const state = this.#state;
    if (state.type !== "checking" && state.type !== "playing" && state.type !== "publishing") {
      return;
    }
    this.#context.sessions?.add(this, reason);
    this.#state = { type: "idle", sinceMs: this.#context.clock.now() };
    if (state.type === "playing") {
      state.player.leave();
      const { skips = 0 } = state.player.stats ?? {};
      this.#endedSkips += skips;
      this.#log.playEnded(state.admission, reason, this.totals, skips);
    } else if (state.type === "publishing") {
      const { publication, admission } = state;
      publication.leave(departure);
      if (publication.isAccepted) this.#log.publishEnded(admission, reason, this.totals);
    }
    this.#access?.leaveStream();
  }

  #closeFor(error: unknown): void {
    if (this.#state.type === "closed") return;
    const expected = describeExpectedEnd(error);
    if (expected !== null) return this.onGone(expected);
    this.#log.failed(error);
    this.close(describeError(error));
  }

  /** Made for each line: thousands of players log nothing for most of their time. */
  get #log(): ConnectionLog {
    const edge = edgeNameOf(this.#access?.client);
    return new ConnectionLog(this.#context, this.id, this.#transport.remote, edge);
  }
}
