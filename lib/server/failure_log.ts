import type { Clock } from "../base/clock.ts";
import type { LogFields, Logger } from "../base/log.ts";

/** Options of {@linkcode FailureLog}. */
interface FailureLogOptions {
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** What failed: `Login failed: …`. */
  readonly message: string;
  readonly fix: string;
}

/** An address is forgotten after this long without a failure. */
const FORGET_MS = 600_000;

/** Most addresses remembered; beyond that the oldest are forgotten. */
const MAX_ADDRESSES = 1_000;

/** Each of the first failures is logged: tools such as fail2ban count lines. */
const LOGGED_ONE_BY_ONE = 5;

/**
 * Logs failed attempts to get in, with the address but without what was tried. However long an
 * address keeps trying, it leaves few lines: each of the first 5 failures, then the 10th, 20th,
 * 50th, 100th, …
 */
export class FailureLog {
  readonly #options: FailureLogOptions;
  /** By address, the one that failed last at the end. */
  readonly #failures = new Map<string, { count: number; lastMs: number }>();

  constructor(options: FailureLogOptions) {
    this.#options = options;
  }

  /** Counts a failure of an IP address, and logs it if due. */
  add(ip: string, fields: LogFields = {}): void {
    const { clock, logger, message, fix } = this.#options;
    const nowMs = clock.now();
    const before = this.#failures.get(ip);
    const isRecent = before !== undefined && nowMs - before.lastMs < FORGET_MS;
    const count = isRecent ? before.count + 1 : 1;
    this.#failures.delete(ip);
    this.#failures.set(ip, { count, lastMs: nowMs });
    if (this.#failures.size > MAX_ADDRESSES) this.#forgetOldest();
    if (isLogged(count)) logger.warning(message, { peer: ip, ...fields, failures: count, fix });
  }

  #forgetOldest(): void {
    const [oldest] = this.#failures.keys();
    this.#failures.delete(oldest!);
  }
}

/** Whether `count` is at most 5, or 1, 2 or 5 followed by zeros. */
function isLogged(count: number): boolean {
  return count <= LOGGED_ONE_BY_ONE || /^[125]0+$/.test(String(count));
}
