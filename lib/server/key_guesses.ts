import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { FailureLog } from "./failure_log.ts";

/** Wrong keys that an address may try at once, and how long it takes until it may try one more. */
const MAX_GUESSES = 20;
const RECOVERY_MS = 3_000;

/** Most addresses remembered; beyond that the oldest are forgotten. */
const MAX_ADDRESSES = 10_000;

/** What a {@linkcode KeyGuesses} works with. */
interface KeyGuessesDeps {
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/** Bounds how fast an address can guess stream keys, and logs that it tries. */
export class KeyGuesses {
  readonly #clock: Pick<Clock, "now">;
  readonly #log: FailureLog;
  /** When the guesses of an address will be forgotten, by address; the newest at the end. */
  readonly #until = new Map<string, number>();

  constructor({ clock, logger }: KeyGuessesDeps) {
    this.#clock = clock;
    this.#log = new FailureLog({
      clock,
      logger: logger.for("access"),
      message: "Publisher refused: wrong stream key",
      fix: "block the address if it should not try",
    });
  }

  /** Whether keys from this IP address are looked up. */
  mayTry(ip: string): boolean {
    const until = this.#until.get(networkOf(ip)) ?? 0;
    return until - this.#clock.now() <= (MAX_GUESSES - 1) * RECOVERY_MS;
  }

  /** Counts a wrong key. */
  failed(ip: string, vhost: string): void {
    this.#log.add(ip, { vhost });
    const network = networkOf(ip);
    const nowMs = this.#clock.now();
    const until = Math.max(this.#until.get(network) ?? 0, nowMs) + RECOVERY_MS;
    this.#until.delete(network);
    this.#until.set(network, until);
    if (this.#until.size <= MAX_ADDRESSES) return;
    const [oldest] = this.#until.keys();
    this.#until.delete(oldest!);
  }
}

/** A subscriber has a whole /64 of IPv6. */
function networkOf(ip: string): string {
  if (!ip.includes(":") || ip.includes(".")) return ip;
  const [head = "", rear] = ip.split("::", 2);
  const groups = head.split(":");
  if (rear === undefined) return groups.slice(0, 4).join(":");
  const missing = Math.max(0, 8 - groups.length - rear.split(":").length);
  return [...groups, ...Array.from({ length: missing }, () => "0")].slice(0, 4).join(":");
}
