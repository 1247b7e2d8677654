import type { Clock } from "../base/clock.ts";
import { describeError, WireError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { describeExpectedEnd } from "./connection_end.ts";
import type { ProbeLog } from "./probe_log.ts";
import type { Transport } from "./transport.ts";

/** What {@linkcode Preparations} works with. */
interface PreparationOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly probes: ProbeLog;
}

/** Longest wait for a PROXY header and a TLS handshake together, in ms. */
const PREPARE_TIMEOUT_MS = 10_000;

/** Connections that are prepared for service; see {@linkcode Transport.prepare}. */
export class Preparations {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #probes: ProbeLog;
  /** When each one began. */
  readonly #startMs = new Map<Transport, number>();
  readonly #runs = new Set<Promise<void>>();

  constructor({ clock, logger, probes }: PreparationOptions) {
    this.#clock = clock;
    this.#logger = logger.for("conn");
    this.#probes = probes;
  }

  get size(): number {
    return this.#startMs.size;
  }

  /**
   * Prepares a connection, or closes it.
   *
   * @param onEnd Called once, with whether the connection can be served now. Must not throw.
   */
  add(transport: Transport, onEnd: (isReady: boolean) => void): void {
    this.#startMs.set(transport, this.#clock.now());
    const run = this.#run(transport, onEnd);
    this.#runs.add(run);
    void run.then(() => this.#runs.delete(run));
  }

  /** Closes connections that take too long; called once a second. */
  check(nowMs: number): void {
    for (const [transport, startMs] of this.#startMs) {
      if (nowMs - startMs <= PREPARE_TIMEOUT_MS) continue;
      const reason = `no PROXY header or TLS handshake within ${PREPARE_TIMEOUT_MS} ms`;
      this.#probes.add(this.#logger, reason, { peer: transport.remote });
      this.#close(transport);
    }
  }

  /** Closes all of them; settles when they have ended. */
  async stop(): Promise<void> {
    for (const transport of this.#startMs.keys()) this.#close(transport);
    await Promise.all(this.#runs);
  }

  /** Never rejects. */
  async #run(transport: Transport, onEnd: (isReady: boolean) => void): Promise<void> {
    let isReady = false;
    try {
      isReady = await transport.prepare!();
    } catch (error) {
      if (this.#startMs.has(transport)) this.#logFailure(transport, error);
    }
    // Its time may have run out in the same turn.
    isReady &&= this.#startMs.has(transport);
    if (isReady) this.#startMs.delete(transport);
    else this.#close(transport);
    onEnd(isReady);
  }

  #close(transport: Transport): void {
    this.#startMs.delete(transport);
    transport.close();
  }

  #logFailure({ remote }: Transport, error: unknown): void {
    if (error instanceof WireError) {
      const { code, fix, message } = error;
      this.#probes.add(this.#logger, message, { peer: remote, code, fix });
    } else if (describeExpectedEnd(error) === null) {
      this.#logger.error(`Internal error; connection closed: ${describeError(error)}`, {
        peer: remote,
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
  }
}
