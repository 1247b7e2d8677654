/** Accepts clients on some addresses until it is stopped, and says when it cannot. */

import { type CancelTimer, type Clock, nextTurn } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Listener, NetAddress, Network, Transport } from "./transport.ts";

/** Options of {@linkcode Acceptor}. */
export interface AcceptorOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Somebody has come. Must not throw. */
  readonly onClient: (transport: Transport) => void;
  /** Clients that are there. */
  readonly countClients: () => number;
  /** Clients beyond this number are closed as they come. */
  readonly maxClients: number;
}

/** Clients accepted in one turn: while many come, accepting them one after the other has no end of its own. */
const ACCEPTS_PER_TURN = 16;

/** Pause after a failed accept: the usual cause, no free file descriptor, does not pass at once. */
const ACCEPT_RETRY_MS = 100;

/** What goes wrong is told in one line, this long after the first time. */
const REPORT_DELAY_MS = 1_000;

/** See the file comment. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #listeners: Listener[] = [];
  readonly #accepting: Promise<void>[] = [];
  /** Ends the pauses of listeners that could not accept. */
  readonly #wakes = new Set<() => void>();
  readonly #failures: Tally;
  readonly #refusals: Tally;
  #acceptError: unknown = null;
  #isStopping = false;

  constructor(options: AcceptorOptions) {
    const { clock, maxClients } = options;
    const logger = options.logger.for("net");
    this.#options = options;
    this.#failures = new Tally(clock, (count) => {
      const fix = "raise the limit of open files (ulimit -n) if that is the cause";
      logger.error(`Cannot accept connections: ${describeError(this.#acceptError)}`, {
        count,
        fix,
      });
    });
    this.#refusals = new Tally(clock, (count) => {
      const fix = "raise max_connections";
      logger.warning("Closed clients beyond the limit", { count, limit: maxClients, fix });
    });
  }

  /** Clients that were closed as they came. */
  get refusedCount(): number {
    return this.#refusals.total;
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
    return { hostname: listener.hostname, port: listener.port };
  }

  /** Closes the listeners; settles when nobody comes any more. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#failures.stop();
    this.#refusals.stop();
    for (const listener of this.#listeners) listener.close();
    for (const wake of this.#wakes) wake();
    await Promise.all(this.#accepting);
  }

  async #acceptUntilStopped(listener: Listener): Promise<void> {
    // Not `for await`: that ends at the first failed accept.
    for (let count = 1; !this.#isStopping; count++) {
      try {
        this.#admit(await listener.accept());
        if (count % ACCEPTS_PER_TURN === 0) await nextTurn(this.#options.clock);
      } catch (error) {
        if (this.#isStopping) return;
        this.#acceptError = error;
        this.#failures.add();
        await this.#pause();
      }
    }
  }

  #admit(transport: Transport): void {
    // It came in the very turn in which the server was stopped.
    if (this.#isStopping) return transport.close();
    const { countClients, maxClients, onClient } = this.#options;
    if (countClients() < maxClients) return onClient(transport);
    this.#refusals.add();
    transport.close();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ACCEPT_RETRY_MS, () => wake());
      const wake = () => {
        cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      this.#wakes.add(wake);
    });
  }
}

/** Counts what happens, and reports it at most once a second. */
class Tally {
  total = 0;
  readonly #clock: Clock;
  readonly #report: (count: number) => void;
  #reported = 0;
  #cancel: CancelTimer | null = null;

  constructor(clock: Clock, report: (count: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  add(): void {
    this.total++;
    this.#cancel ??= this.#clock.after(REPORT_DELAY_MS, () => {
      this.#cancel = null;
      this.#report(this.total - this.#reported);
      this.#reported = this.total;
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
