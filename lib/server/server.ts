import { matchesAny } from "../config/address_match.ts";
import type { Config } from "../config/config.ts";
import { Acceptor, type ListenOptions } from "../io/acceptor.ts";
import { type ConnectionLimit, ConnectionSet } from "../io/connection_set.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { ClientReport, ClientSource, ClientTotals, SourceTotals } from "./client_report.ts";
import { Connection } from "./connection.ts";
import type { ConnectionContext } from "./connection_context.ts";
import { isSelected, type MoveCounts, type MoveSelector } from "./move_clients.ts";
import { ProbeLog } from "../io/probe_log.ts";
import type { NetAddress, Network, TlsIdentity, Transport } from "../io/transport.ts";

/** Options of {@linkcode Server}. */
interface ServerOptions {
  readonly network: Network;
  readonly context: Omit<ConnectionContext, "probes">;
  readonly limit: ConnectionLimit;
  /** What ids of clients begin with. */
  readonly idPrefix: string;
}

/** Counts of a server. */
export interface ServerCounts {
  readonly connections: number;
  readonly players: number;
  readonly publishers: number;
}

/** Serves RTMP clients on any number of addresses. */
export class Server implements ClientSource {
  readonly #options: ServerOptions;
  readonly #context: ConnectionContext;
  readonly #acceptor: Acceptor;
  readonly #connections: ConnectionSet<Connection>;
  #proxies: readonly string[] = [];
  #lastId = 0;
  /** Costs of the connections that have ended. */
  readonly #ended = { receivedBytes: 0, sentBytes: 0, skips: 0 };
  readonly #isProxy = (ip: string) => matchesAny(this.#proxies, ip);

  constructor(options: ServerOptions) {
    const { network, limit, context } = options;
    this.#options = options;
    const probes = new ProbeLog({ ...context, protocol: "RTMP" });
    this.#context = { ...context, probes };
    this.#acceptor = new Acceptor({ ...context, network });
    this.#connections = new ConnectionSet({
      ...context,
      limit,
      probes,
      onEnded: ({ totals }) => addTotals(this.#ended, totals),
    });
  }

  /** Applies new settings to new connections. */
  configure({ proxyProtocol }: Pick<Config, "proxyProtocol">): void {
    this.#proxies = proxyProtocol;
  }

  /** Held players and publishers that wait for an answer count too. */
  get counts(): ServerCounts {
    let players = 0;
    let publishers = 0;
    for (const { state: { type } } of this.#connections) {
      if (type === "playing") players++;
      if (type === "publishing") publishers++;
    }
    return { connections: this.#connections.size, players, publishers };
  }

  /** Connections that ended before their `connect` command, as of port scanners. */
  get handshakeFailures(): number {
    return this.#context.probes.total;
  }

  get clientTotals(): SourceTotals {
    const sum = { ...this.#ended };
    for (const { totals } of this.#connections) addTotals(sum, totals);
    return { connections: this.#lastId, ...sum };
  }

  clientReports(nowMs: number, ids?: ReadonlySet<string>): ClientReport[] {
    const reports: ClientReport[] = [];
    for (const connection of this.#connections) {
      if (ids?.has(connection.id) === false) continue;
      const report = connection.report(nowMs);
      if (report !== null) reports.push(report);
    }
    return reports;
  }

  kick(id: string, reason: string): boolean {
    for (const connection of this.#connections) {
      if (connection.id !== id) continue;
      connection.close(reason);
      return true;
    }
    return false;
  }

  move(selector: MoveSelector, target: string | null): MoveCounts {
    let asked = 0;
    let unable = 0;
    for (const connection of this.#connections) {
      const { id, state, wasAskedToMove: wasAsked } = connection;
      if (!("admission" in state) || state.admission.isHandover === true) continue;
      const { service: { config: { name: vhost } }, request: { name: stream } } = state.admission;
      const action = state.type === "playing" ? "play" : "publish";
      if (!isSelected(selector, { id, vhost, stream, action, wasAsked })) continue;
      if (connection.requestReconnect(target)) asked++;
      else unable++;
    }
    return { asked, unable };
  }

  /** No client is to connect again any longer; all may be asked another time. */
  forgetMoves(): void {
    for (const connection of this.#connections) connection.wasAskedToMove = false;
  }

  closeClients(vhost: string, reason: string): void {
    for (const connection of this.#connections) {
      const { state } = connection;
      if (!("admission" in state) || state.admission.service.config.name !== vhost) continue;
      connection.end(state.type, END_CODES[state.type], reason, "stopped");
    }
  }

  /**
   * Listens on an address.
   *
   * @param identity Makes all connections TLS.
   * @returns the real address, which differs when port 0 was requested.
   * @throws when the address is in use or not permitted.
   */
  listen(address: NetAddress, identity?: TlsIdentity): NetAddress {
    return this.#acceptor.listen(address, this.#listenOptions(identity), this.#admit);
  }

  /**
   * Changes the certificate of a listener, whose address {@linkcode listen} returned. Clients stay.
   *
   * @throws when the new one cannot be used; the old one stays then.
   */
  replace(address: NetAddress, identity: TlsIdentity): Promise<void> {
    return this.#acceptor.replace(address, this.#listenOptions(identity), this.#admit);
  }

  /** Closes one listener, whose address {@linkcode listen} returned. Its clients stay. */
  unlisten(address: NetAddress): Promise<void> {
    return this.#acceptor.unlisten(address);
  }

  /** Accepts what waits in these listeners, then closes them. Clients stay. */
  finishListening(addresses: readonly NetAddress[]): Promise<void> {
    return this.#acceptor.finish(addresses);
  }

  /** Closes listeners and connections, publishers last; settles when all have ended. */
  async stop(): Promise<void> {
    for (const connection of this.#connections) {
      if (connection.state.type === "playing") connection.stop();
    }
    await Promise.all([this.#acceptor.stop(), this.#connections.stop(0)]);
    this.#context.probes.stop();
  }

  #listenOptions(identity: TlsIdentity | undefined): ListenOptions {
    const isProxy = this.#isProxy;
    if (identity === undefined) return { scheme: "rtmp", isProxy };
    return {
      scheme: "rtmps",
      isProxy,
      tls: { identity, followsProxy: this.#proxies.length > 0 },
    };
  }

  readonly #admit = (transport: Transport, listener: string): void => {
    this.#connections.admit(transport, listener, () => this.#create(transport));
  };

  #create(transport: Transport): Connection {
    const { idPrefix } = this.#options;
    return new Connection(`${idPrefix}${++this.#lastId}`, transport, this.#context);
  }
}

/** The status of a client whose vhost is gone. */
const END_CODES = {
  publishing: StatusCode.PUBLISH_FAILED,
  playing: StatusCode.PLAY_FAILED,
} as const;

/** Costs of one client, or of several added up. */
type Costs = { -readonly [K in "receivedBytes" | "sentBytes" | "skips"]: ClientTotals[K] };

function addTotals(sum: Costs, costs: Readonly<Costs>): void {
  sum.receivedBytes += costs.receivedBytes;
  sum.sentBytes += costs.sentBytes;
  sum.skips += costs.skips;
}
