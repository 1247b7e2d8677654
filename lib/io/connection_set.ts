import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Transport } from "./transport.ts";

/** Limits the connections of several sets together (`server/client_limits.ts`). */
export interface ConnectionLimit {
  /**
   * Counts a connection if there is room for it.
   *
   * @param listener Name of the listener it arrived at, `rtmp://0.0.0.0:1935`.
   * @returns false when it must be closed.
   */
  tryAdd(listener: string): boolean;
  /** A connection that was counted has ended. */
  remove(): void;
}

/** A connection to one client. */
interface ServedConnection<C> {
  /** Serves the client. Calls `onEnded` once, when the connection is closed. Never rejects. */
  run(onEnded: (connection: C) => void): Promise<void>;
  /** Checks the timeouts; called once a second. Must not throw. */
  check(nowMs: number): void;
  /** Ends the connection when its work in progress is done; at once if there is none. */
  stop(): void;
  /** Ends the connection at once. Harmless when repeated. */
  close(reason: string): void;
}

/** Options of {@linkcode ConnectionSet}. */
interface ConnectionSetOptions<C> {
  readonly clock: Clock;
  readonly limit: ConnectionLimit;
  /** Called for each connection that has ended. */
  readonly onEnded?: (connection: C) => void;
}

/** Time between two checks of the timeouts. */
const CHECK_PERIOD_MS = 1_000;

/** The open connections of a server: admits, checks and ends them. */
export class ConnectionSet<C extends ServedConnection<C>> implements Iterable<C> {
  readonly #options: ConnectionSetOptions<C>;
  readonly #runs = new Map<C, Promise<void>>();
  /** Null while there are no connections. */
  #cancelCheck: CancelTimer | null = null;
  /** Called when the last connection has ended. */
  #onEmpty = () => {};
  // One closure for all: each connection holds it.
  readonly #onEnded = (connection: C): void => {
    this.#runs.delete(connection);
    this.#options.limit.remove();
    this.#options.onEnded?.(connection);
    if (this.#runs.size === 0) this.#onEmpty();
  };

  constructor(options: ConnectionSetOptions<C>) {
    this.#options = options;
  }

  get size(): number {
    return this.#runs.size;
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#runs.keys();
  }

  /** Serves a new connection, or closes it when there are too many. */
  admit(transport: Transport, listener: string, create: (transport: Transport) => C): void {
    if (!this.#options.limit.tryAdd(listener)) return transport.close();
    const connection = create(transport);
    this.#runs.set(connection, connection.run(this.#onEnded));
    this.#cancelCheck ??= this.#scheduleCheck();
  }

  /**
   * Ends all connections; those with work in progress get `graceMs` to finish it. Settles when all
   * have ended. No connection may be admitted from now on.
   */
  async stop(graceMs: number): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const connection of this.#runs.keys()) connection.stop();
    if (graceMs > 0 && this.#runs.size > 0) await this.#untilEmpty(graceMs);
    for (const connection of this.#runs.keys()) connection.close("server stops");
    this.#cancelCheck?.();
    this.#cancelCheck = null;
    await Promise.all(runs);
  }

  #scheduleCheck(): CancelTimer {
    const { clock } = this.#options;
    return clock.after(CHECK_PERIOD_MS, () => {
      this.#cancelCheck = this.#runs.size > 0 ? this.#scheduleCheck() : null;
      const nowMs = clock.now();
      for (const connection of this.#runs.keys()) connection.check(nowMs);
    });
  }

  async #untilEmpty(graceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(graceMs, resolve);
    this.#onEmpty = resolve;
    await promise;
    cancel();
  }
}
