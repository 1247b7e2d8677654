import type { CancelTimer, Clock } from "../base/clock.ts";
import type { LogFields, Logger } from "../base/log.ts";

/** Time in which further probes are counted before they are logged, in ms. */
const PERIOD_MS = 1_000;

/** What a {@linkcode ProbeLog} works with. */
interface ProbeLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the clients should have spoken, for the log. */
  readonly protocol: "RTMP" | "HTTP";
}

/**
 * Logs clients that never spoke the protocol of their port: port scanners, clients of other
 * protocols. The first one is logged at once, and others once a second as a number.
 */
export class ProbeLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #protocol: ProbeLogOptions["protocol"];
  /** Null when there was no probe lately. */
  #cancel: CancelTimer | null = null;
  #count = 0;
  #total = 0;
  #last = { peer: "", cause: "" };

  constructor({ clock, logger, protocol }: ProbeLogOptions) {
    this.#clock = clock;
    this.#protocol = protocol;
    this.#logger = logger.for("conn");
  }

  /** Probes since the start. */
  get total(): number {
    return this.#total;
  }

  /**
   * Logs a probe, or counts it.
   *
   * @param logger The client's own.
   */
  add(logger: Logger, cause: string, fields: LogFields & { readonly peer: string }): void {
    this.#total++;
    if (this.#cancel === null) {
      logger.info(`Client closed: ${cause}`, fields);
      return this.#wait();
    }
    this.#count++;
    this.#last = { peer: fields.peer, cause };
  }

  /** Reports what was counted since the last report. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#report();
  }

  #wait(): void {
    this.#cancel = this.#clock.after(PERIOD_MS, () => {
      this.#cancel = null;
      if (this.#count > 0) this.#wait();
      this.#report();
    });
  }

  #report(): void {
    if (this.#count === 0) return;
    const { peer, cause } = this.#last;
    this.#logger.info(`Clients closed: they did not speak ${this.#protocol}`, {
      count: this.#count,
      last_peer: peer,
      last_cause: cause,
    });
    this.#count = 0;
  }
}
