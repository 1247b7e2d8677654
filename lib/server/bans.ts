import type { Clock } from "../base/clock.ts";

/** Refuses an address for a time. */
export interface Ban {
  readonly ip: string;
  /** Time that is left, in ms. */
  readonly ms: number;
  /** Id of the client that an operator closed with it; empty if the address itself was named. */
  readonly client: string;
  /** The stream that the client played or published: the `url` of the API; or empty. */
  readonly stream: string;
}

/** Longest ban, in ms: a rule of the configuration is for longer. */
const MAX_BAN_MS = 24 * 60 * 60 * 1000;

/** Most addresses; beyond that the oldest ban ends. */
const MAX_BANS = 10_000;

/**
 * Addresses that an operator has banned. They may not play or publish, over any protocol. Bans
 * survive a reload; {@linkcode Bans.list} hands them to another thread or process.
 */
export class Bans {
  readonly #clock: Pick<Clock, "now">;
  /** By address, oldest first. */
  readonly #bans = new Map<string, { readonly ban: Ban; readonly untilMs: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Bans addresses from now on; replaces earlier bans of them. */
  add(bans: readonly Ban[]): void {
    const nowMs = this.#clock.now();
    for (const ban of bans) {
      this.#bans.delete(ban.ip);
      this.#bans.set(ban.ip, { ban, untilMs: nowMs + Math.min(ban.ms, MAX_BAN_MS) });
      const [oldest] = this.#bans.keys();
      if (this.#bans.size > MAX_BANS) this.#bans.delete(oldest!);
    }
  }

  /** Ends a ban. Returns false when there is none. */
  lift(ip: string): boolean {
    const isBanned = this.has(ip);
    this.#bans.delete(ip);
    return isBanned;
  }

  /** The bans in force, newest first. */
  list(): Ban[] {
    const nowMs = this.#clock.now();
    return [...this.#bans.values()]
      .map(({ ban, untilMs }) => ({ ...ban, ms: untilMs - nowMs }))
      .filter(({ ms }) => ms > 0)
      .reverse();
  }

  /** Addresses that are banned now. */
  get count(): number {
    const nowMs = this.#clock.now();
    return [...this.#bans.values()].filter(({ untilMs }) => untilMs > nowMs).length;
  }

  has(ip: string): boolean {
    const found = this.#bans.get(ip);
    if (found === undefined) return false;
    if (this.#clock.now() < found.untilMs) return true;
    this.#bans.delete(ip);
    return false;
  }
}
