/** Accepts clients on all addresses and keeps them until they leave or the server stops. */

import { describeError } from "../base/errors.ts";
import { type CancelTimer, nextTurn } from "../base/clock.ts";
import type { ClientReport, ClientSource, ClientTotals } from "./client_report.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import type { Listener, NetAddress, Network, Transport } from "./transport.ts";

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

/** Clients accepted in one turn: while many come, accepting them one after the other has no end of its own. */
const ACCEPTS_PER_TURN = 16;

/** Pause after a failed accept: the usual cause, no free file descriptor, does not pass at once. */
const ACCEPT_RETRY_MS = 100;

/** See the file comment. */
export class Server implements ClientSource {
  readonly #options: ServerOptions;
  readonly #listeners: Listener[] = [];
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #accepting: Promise<void>[] = [];
  /** Ends the pauses of listeners that could not accept. */
  readonly #wakes = new Set<() => void>();
  #cancelCheck: CancelTimer | null = null;
  #isStopping = false;
  #lastId = 0;
  /** Refused since the last line about it. */
  #refusedCount = 0;
  #refusedTotal = 0;
  /** Costs of the connections that are over. */
  readonly #ended = { receivedBytes: 0, sentBytes: 0, skips: 0 };
  #failedAccepts = 0;
  #acceptError: unknown = null;
  // One for all: what waits for the end of a connection is held by each.
  readonly #onEnded = (connection: Connection): void => {
    this.#connections.delete(connection);
    addTotals(this.#ended, connection.totals);
  };

  constructor(options: ServerOptions) {
    this.#options = options;
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
    return { connections: this.#lastId, refused: this.#refusedTotal, ...sum };
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
    const listener = this.#options.network.listen(address);
    this.#listeners.push(listener);
    this.#accepting.push(this.#acceptUntilStopped(listener));
    this.#cancelCheck ??= this.#scheduleCheck();
    return { hostname: listener.hostname, port: listener.port };
  }

  /** Closes listeners and connections; settles when all are done. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelCheck?.();
    for (const listener of this.#listeners) listener.close();
    for (const wake of this.#wakes) wake();
    for (const connection of this.#connections.keys()) connection.close("server stops");
    await Promise.all([...this.#accepting, ...this.#connections.values()]);
  }

  async #acceptUntilStopped(listener: Listener): Promise<void> {
    const { clock } = this.#options.context;
    // Not `for await`: that ends at the first failed accept.
    for (let count = 1; !this.#isStopping; count++) {
      try {
        this.#admit(await listener.accept());
        if (count % ACCEPTS_PER_TURN === 0) await nextTurn(clock);
      } catch (error) {
        if (this.#isStopping) return;
        this.#failedAccepts++;
        this.#acceptError = error;
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.context.clock.after(ACCEPT_RETRY_MS, () => wake());
      const wake = () => {
        cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      this.#wakes.add(wake);
    });
  }

  #admit(transport: Transport): void {
    const { context, maxConnections, idPrefix } = this.#options;
    // It came in the very turn in which the server was stopped.
    if (this.#isStopping) return transport.close();
    if (this.#connections.size >= maxConnections) {
      this.#refusedCount++;
      this.#refusedTotal++;
      return transport.close();
    }
    const connection = new Connection(`${idPrefix}${++this.#lastId}`, transport, context);
    this.#connections.set(connection, connection.run(this.#onEnded));
  }

  #scheduleCheck(): CancelTimer {
    return this.#options.context.clock.after(CHECK_PERIOD_MS, () => {
      this.#cancelCheck = this.#scheduleCheck();
      this.#reportFailedAccepts();
      this.#reportRefused();
      const nowMs = this.#options.context.clock.now();
      for (const connection of this.#connections.keys()) connection.check(nowMs);
    });
  }

  /** One line a second however many there were. */
  #reportFailedAccepts(): void {
    if (this.#failedAccepts === 0) return;
    this.#options.context.logger.for("net").error(
      `Cannot accept connections: ${describeError(this.#acceptError)}`,
      {
        count: this.#failedAccepts,
        fix: "raise the limit of open files (ulimit -n) if that is the cause",
      },
    );
    this.#failedAccepts = 0;
  }

  /** One line a second however many came. */
  #reportRefused(): void {
    if (this.#refusedCount === 0) return;
    this.#options.context.logger.for("net").warning("Closed clients beyond the limit", {
      count: this.#refusedCount,
      limit: this.#options.maxConnections,
      fix: "raise max_connections",
    });
    this.#refusedCount = 0;
  }
}

/** Costs of clients, for adding up. */
type Costs = { -readonly [K in "receivedBytes" | "sentBytes" | "skips"]: ClientTotals[K] };

function addTotals(sum: Costs, costs: Readonly<Costs>): void {
  sum.receivedBytes += costs.receivedBytes;
  sum.sentBytes += costs.sentBytes;
  sum.skips += costs.skips;
}
