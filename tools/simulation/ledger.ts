import type { Clock } from "../../lib/base/clock.ts";
import type { Audience } from "./server.ts";

/** How an event was seen by players. */
export interface Interruption {
  /** Players who saw nothing for a moment. */
  readonly players: number;
  /** How long half of them, 99 of 100, and the last one saw nothing, in ms. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

/** Counts who plays, and for how long players saw nothing. */
export class Ledger implements Audience {
  clock: Clock | null = null;
  playing = 0;
  /** Players by the time that they saw nothing, in ms. */
  #silences = new Map<number, number>();
  #interrupted = 0;

  onPlaying(players: number, silentMs: number): void {
    this.playing += players;
    this.#silences.set(silentMs, (this.#silences.get(silentMs) ?? 0) + players);
  }

  onSilent(players: number): void {
    this.playing -= players;
    this.#interrupted += players;
  }

  /** Reports what happened since the last call. */
  take(): Interruption {
    const silences = [...this.#silences].sort(([left], [right]) => left - right);
    const total = silences.reduce((sum, [, players]) => sum + players, 0);
    const at = (share: number) => {
      let rest = share * total;
      return silences.find(([, players]) => (rest -= players) <= 0)?.[0] ?? 0;
    };
    const players = this.#interrupted;
    this.#silences = new Map();
    this.#interrupted = 0;
    return {
      players,
      medianMs: at(0.5),
      p99Ms: at(0.99),
      longestMs: silences.at(-1)?.[0] ?? 0,
    };
  }
}
