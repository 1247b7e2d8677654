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
}

/** Clients accepted in one turn: while many come, accepting them one after the other has no end of its own. */
const ACCEPTS_PER_TURN = 16;

/** Pause after a failed accept: the usual cause, no free file descriptor, does not pass at once. */
const ACCEPT_RETRY_MS = 100;

/** Failed accepts are reported in one line, this long after the first of them. */
const REPORT_DELAY_MS = 1_000;

/** See the file comment. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #listeners: Listener[] = [];
  readonly #accepting: Promise<void>[] = [];
  /** Ends the pauses of listeners that could not accept. */
  readonly #wakes = new Set<() => void>();
  #isStopping = false;
  #failedCount = 0;
  #cancelReport: CancelTimer | null = null;

  constructor(options: AcceptorOptions) {
    this.#options = options;
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
    this.#cancelReport?.();
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
        this.#onFailed(error);
        await this.#pause();
      }
    }
  }

  #admit(transport: Transport): void {
    // It came in the very turn in which the server was stopped.
    if (this.#isStopping) return transport.close();
    this.#options.onClient(transport);
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

  /** One line a second however many there were. */
  #onFailed(error: unknown): void {
    this.#failedCount++;
    if (this.#failedCount > 1) return;
    const { clock, logger } = this.#options;
    this.#cancelReport = clock.after(REPORT_DELAY_MS, () => {
      logger.for("net").error(`Cannot accept connections: ${describeError(error)}`, {
        count: this.#failedCount,
        fix: "raise the limit of open files (ulimit -n) if that is the cause",
      });
      this.#failedCount = 0;
    });
  }
}
