import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { Tally } from "../base/tally.ts";
import type { ConnectionLimit } from "../io/connection_set.ts";

/** Limits of {@linkcode ClientLimits}. */
interface ClientLimitSettings {
  /** Most connections at a time, 1 or more. */
  readonly maxConnections: number;
  /** Connections beyond the maximum that only clients of `http_api` get; 0 by default. */
  readonly apiReserve?: number;
}

/** How much of {@linkcode ClientLimits} is in use. */
export interface ConnectionUse {
  readonly open: number;
  readonly limit: number;
}

/** What a {@linkcode ClientLimits} works with. */
interface ClientLimitDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What names of listeners begin with that serve the API. */
const API_LISTENER = "http_api";

/**
 * Limits the connections of all listeners together: RTMP, `http_server` and `http_api`. Connections
 * beyond the limit are refused, and reported once a second for each listener.
 */
export class ClientLimits implements ConnectionLimit {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #refusals = new Map<string, Tally>();
  #settings: ClientLimitSettings;
  #count = 0;

  constructor(settings: ClientLimitSettings, { clock, logger }: ClientLimitDeps) {
    this.#settings = settings;
    this.#clock = clock;
    this.#logger = logger.for("net");
  }

  /** Connections refused since the start, at all listeners. */
  get refusedCount(): number {
    let count = 0;
    for (const { total } of this.#refusals.values()) count += total;
    return count;
  }

  /** Connections that are open, and how many may be. */
  get use(): ConnectionUse {
    return { open: this.#count, limit: this.#settings.maxConnections };
  }

  /** Applies new limits to new connections. Open ones stay. */
  configure(settings: ClientLimitSettings): void {
    this.#settings = settings;
  }

  tryAdd(listener: string): boolean {
    const { maxConnections, apiReserve = 0 } = this.#settings;
    const reserve = listener.startsWith(API_LISTENER) ? apiReserve : 0;
    if (this.#count < maxConnections + reserve) {
      this.#count++;
      return true;
    }
    this.#refusalsAt(listener).add();
    return false;
  }

  remove(): void {
    this.#count--;
  }

  /** Cancels pending reports. */
  stop(): void {
    for (const tally of this.#refusals.values()) tally.stop();
  }

  #refusalsAt(listener: string): Tally {
    let tally = this.#refusals.get(listener);
    if (tally === undefined) {
      tally = new Tally(this.#clock, (count) => {
        this.#logger.warning("Client refused: connection limit reached", {
          listener,
          count,
          limit: this.#settings.maxConnections,
          fix: "raise max_connections",
        });
      });
      this.#refusals.set(listener, tally);
    }
    return tally;
  }
}
