import { type CancelTimer, checkAfter, type Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { Preparations } from "./preparations.ts";
import type { ProbeLog } from "./probe_log.ts";
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
  /**
   * Checks the timeouts; called once a second. Must not throw.
   *
   * @param readUntilMs Everything was read that had arrived until then.
   */
  check(readUntilMs: number): void;
  /** Ends the connection when its work in progress is done; at once if there is none. */
  stop(): void;
  /** Ends the connection at once. Harmless when repeated. */
  close(reason: string): void;
}

/** Options of {@linkcode ConnectionSet}. */
interface ConnectionSetOptions<C> {
  readonly clock: Clock;
  readonly limit: ConnectionLimit;
  readonly logger: Logger;
  /** Logs clients that end before they can be served. */
  readonly probes: ProbeLog;
  /** Called for each connection that has ended. */
  readonly onEnded?: (connection: C) => void;
}

/** Time between two checks of the timeouts. */
const CHECK_PERIOD_MS = 1_000;

/** The open connections of a server: admits, checks and ends them. */
export class ConnectionSet<C extends ServedConnection<C>> implements Iterable<C> {
  readonly #options: ConnectionSetOptions<C>;
  readonly #runs = new Map<C, Promise<void>>();
  readonly #preparations: Preparations;
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
    this.#preparations = new Preparations(options);
  }

  /** Connections that are served. */
  get size(): number {
    return this.#runs.size;
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#runs.keys();
  }

  /**
   * Serves a new connection, or closes it when there are too many. One that must be prepared first
   * counts from the beginning, and is served when that is done.
   */
  admit(transport: Transport, listener: string, create: (transport: Transport) => C): void {
    const { limit } = this.#options;
    if (!limit.tryAdd(listener)) return transport.close();
    this.#cancelCheck ??= this.#scheduleCheck();
    if (transport.prepare === undefined) return this.#serve(create(transport));
    this.#preparations.add(transport, (isReady) => {
      if (isReady) this.#serve(create(transport));
      else limit.remove();
    });
  }

  /**
   * Ends all connections; those with work in progress get `graceMs` to finish it. Settles when all
   * have ended. No connection may be admitted from now on.
   */
  async stop(graceMs: number): Promise<void> {
    const prepared = this.#preparations.stop();
    const runs = [...this.#runs.values()];
    for (const connection of this.#runs.keys()) connection.stop();
    if (graceMs > 0 && this.#runs.size > 0) await this.#untilEmpty(graceMs);
    for (const connection of this.#runs.keys()) connection.close("server stops");
    this.#cancelCheck?.();
    this.#cancelCheck = null;
    await Promise.all([prepared, ...runs]);
  }

  #serve(connection: C): void {
    this.#runs.set(connection, connection.run(this.#onEnded));
  }

  #scheduleCheck(): CancelTimer {
    const { clock } = this.#options;
    return checkAfter(clock, CHECK_PERIOD_MS, (readUntilMs) => {
      const isInUse = this.#runs.size + this.#preparations.size > 0;
      this.#cancelCheck = isInUse ? this.#scheduleCheck() : null;
      this.#preparations.check(readUntilMs);
      for (const connection of this.#runs.keys()) connection.check(readUntilMs);
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
