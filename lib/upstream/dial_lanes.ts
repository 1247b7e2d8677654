import type { CancelTimer, Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";

/** One that waits; called when it has its place. */
export type Waiter = () => void;

/** The connections to one server. */
export interface Lane {
  readonly address: OriginAddress;
  open: number;
  /** Those among them whose stream was never live. */
  openUnknown: number;
  /** Connections for unknown names that may be made now; fractions add up. */
  allowance: number;
  refilledMs: number;
  /** First come, first served; the known ones before all others. */
  readonly known: Set<Waiter>;
  readonly unknown: Set<Waiter>;
  cancelRefill: CancelTimer | null;
}

/** Connections for names that were never live, per second and at once. */
const UNKNOWN_PER_SECOND = 200;
const UNKNOWN_AT_ONCE = 500;

/** With more lanes, idle ones are forgotten: redirects and changing names lead to any number. */
const MAX_IDLE_LANES = 100;

/** The lanes of a vhost, by address. */
export class DialLanes {
  readonly #clock: Pick<Clock, "now">;
  readonly #lanes = new Map<string, Lane>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Lanes that are remembered. */
  get size(): number {
    return this.#lanes.size;
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#lanes.values();
  }

  /** Returns the lane of a server, if there is one. */
  find(address: OriginAddress): Lane | undefined {
    return this.#lanes.get(formatAddress(address));
  }

  /** Returns the lane of a server; makes it if it is missing. */
  of(address: OriginAddress): Lane {
    const found = this.find(address);
    if (found !== undefined) return found;
    if (this.size >= MAX_IDLE_LANES) this.#dropIdle();
    const lane = {
      address,
      open: 0,
      openUnknown: 0,
      allowance: UNKNOWN_AT_ONCE,
      refilledMs: this.#clock.now(),
      known: new Set<Waiter>(),
      unknown: new Set<Waiter>(),
      cancelRefill: null,
    };
    this.#lanes.set(formatAddress(address), lane);
    return lane;
  }

  /** Adds what a lane may dial since the last time. */
  refill(lane: Lane): void {
    const nowMs = this.#clock.now();
    const gained = (nowMs - lane.refilledMs) / 1000 * UNKNOWN_PER_SECOND;
    lane.allowance = Math.min(UNKNOWN_AT_ONCE, lane.allowance + gained);
    lane.refilledMs = nowMs;
  }

  /** How long until a lane may dial again for an unknown name, in ms. */
  waitMs({ allowance }: Lane): number {
    return Math.max(1, (1 - allowance) * 1000 / UNKNOWN_PER_SECOND);
  }

  /** A lane whose allowance is not whole yet is kept, so that the limit cannot be got around. */
  #dropIdle(): void {
    for (const [key, lane] of this.#lanes) {
      this.refill(lane);
      const { open, known, unknown, allowance } = lane;
      const isBusy = open + known.size + unknown.size > 0;
      if (!isBusy && allowance === UNKNOWN_AT_ONCE) this.#lanes.delete(key);
    }
  }
}
