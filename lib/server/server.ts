/** Accepts clients on all addresses and keeps them until they leave or the server stops. */

import type { CancelTimer } from "../base/clock.ts";
import { Acceptor } from "../io/acceptor.ts";
import type { ClientReport, ClientSource, ClientTotals } from "./client_report.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import type { NetAddress, Network, Transport } from "../io/transport.ts";

/** Options of {@linkcode Server}. */
export interface ServerOptions {
  readonly network: Network;
  readonly context: ConnectionContext;
  /** Clients beyond this number are closed as they come. */
  readonly maxConnections: number;
  /** What ids of clients begin with. */
  readonly idPrefix: string;
}

/** Counts of a server. */
export interface ServerCounts {
  readonly connections: number;
  readonly players: number;
  readonly publishers: number;
}

/** How often connections look at their timeouts. */
const CHECK_PERIOD_MS = 1_000;

/** See the file comment. */
export class Server implements ClientSource {
  readonly #options: ServerOptions;
  readonly #acceptor: Acceptor;
  readonly #connections = new Map<Connection, Promise<void>>();
  #cancelCheck: CancelTimer | null = null;
  #lastId = 0;
  /** Costs of the connections that are over. */
  readonly #ended = { receivedBytes: 0, sentBytes: 0, skips: 0 };
  // One for all: what waits for the end of a connection is held by each.
  readonly #onEnded = (connection: Connection): void => {
    this.#connections.delete(connection);
    addTotals(this.#ended, connection.totals);
  };

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#acceptor = new Acceptor({
      ...options.context,
      network: options.network,
      onClient: (transport) => this.#admit(transport),
      countClients: () => this.#connections.size,
      maxClients: options.maxConnections,
    });
  }

  /** What is going on. */
  get counts(): ServerCounts {
    let players = 0;
    let publishers = 0;
    for (const { role } of this.#connections.keys()) {
      if (role === "playing") players++;
      if (role === "publishing") publishers++;
    }
    return { connections: this.#connections.size, players, publishers };
  }

  get clientTotals(): ClientTotals {
    const sum = { ...this.#ended };
    for (const { totals } of this.#connections.keys()) addTotals(sum, totals);
    return { connections: this.#lastId, refused: this.#acceptor.refusedCount, ...sum };
  }

  clientReports(nowMs: number): ClientReport[] {
    const reports: ClientReport[] = [];
    for (const connection of this.#connections.keys()) {
      const report = connection.report(nowMs);
      if (report !== null) reports.push(report);
    }
    return reports;
  }

  kick(id: string): boolean {
    for (const connection of this.#connections.keys()) {
      if (connection.id !== id) continue;
      connection.close("kicked over the API");
      return true;
    }
    return false;
  }

  /**
   * Listens on an address. @returns the real one, which matters when port 0 was asked for.
   *
   * @throws when the address is in use or not allowed.
   */
  listen(address: NetAddress): NetAddress {
    const real = this.#acceptor.listen(address);
    this.#cancelCheck ??= this.#scheduleCheck();
    return real;
  }

  /** Closes listeners and connections; settles when all are done. */
  async stop(): Promise<void> {
    this.#cancelCheck?.();
    const accepted = this.#acceptor.stop();
    for (const connection of this.#connections.keys()) connection.close("server stops");
    await Promise.all([accepted, ...this.#connections.values()]);
  }

  #admit(transport: Transport): void {
    const { context, idPrefix } = this.#options;
    const connection = new Connection(`${idPrefix}${++this.#lastId}`, transport, context);
    this.#connections.set(connection, connection.run(this.#onEnded));
  }

  #scheduleCheck(): CancelTimer {
    return this.#options.context.clock.after(CHECK_PERIOD_MS, () => {
      this.#cancelCheck = this.#scheduleCheck();
      const nowMs = this.#options.context.clock.now();
      for (const connection of this.#connections.keys()) connection.check(nowMs);
    });
  }
}

/** Costs of clients, for adding up. */
type Costs = { -readonly [K in "receivedBytes" | "sentBytes" | "skips"]: ClientTotals[K] };

function addTotals(sum: Costs, costs: Readonly<Costs>): void {
  sum.receivedBytes += costs.receivedBytes;
  sum.sentBytes += costs.sentBytes;
  sum.skips += costs.skips;
}
