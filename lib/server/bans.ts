import type { Clock } from "../base/clock.ts";

/** Refuses an address for a time. */
export interface Ban {
  readonly ip: string;
  readonly ms: number;
}

/** Longest ban, in ms: a rule of the configuration is for longer. */
const MAX_BAN_MS = 24 * 60 * 60 * 1000;

/** Most addresses; beyond that the oldest ban ends. */
const MAX_BANS = 10_000;

/** Addresses that an operator has banned. They may not play or publish, over any protocol. */
export class Bans {
  readonly #clock: Pick<Clock, "now">;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Bans an address from now on; replaces an earlier ban of it. */
  add({ ip, ms }: Ban): void {
    this.#untilMs.delete(ip);
    this.#untilMs.set(ip, this.#clock.now() + Math.min(ms, MAX_BAN_MS));
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > MAX_BANS) this.#untilMs.delete(oldest!);
  }

  /** Addresses that are banned now. */
  get count(): number {
    const nowMs = this.#clock.now();
    return [...this.#untilMs.values()].filter((untilMs) => untilMs > nowMs).length;
  }

  has(ip: string): boolean {
    const untilMs = this.#untilMs.get(ip);
    if (untilMs === undefined) return false;
    if (this.#clock.now() < untilMs) return true;
    this.#untilMs.delete(ip);
    return false;
  }
}
