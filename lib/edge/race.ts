import { checkAfter, type Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";
import { OVERTAKEN } from "../upstream/origin_loop.ts";
import type { StreamPlaces } from "../upstream/stream_places.ts";
import type { Feed } from "./feed.ts";

/** An origin that has not answered for this long, in ms, is overtaken by the next one. */
const RACE_MS = 250;

/** Most origins that are asked at once and have not answered. */
const MAX_WAITING = 2;

/**
 * The origins that were asked for a stream and have not answered yet, while the next one is asked.
 * They stay connected: the first of all that has something feeds the stream.
 */
export class Race {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #waiting = new Set<Feed>();

  readonly #places: StreamPlaces;
  readonly #name: string;

  /** @param name of the stream */
  constructor(clock: Clock, places: StreamPlaces, name: string) {
    this.#clock = clock;
    this.#places = places;
    this.#name = name;
  }

  has(feed: Feed): boolean {
    return this.#waiting.has(feed);
  }

  /**
   * Settles as `candidate.watch()`, and rejects with {@linkcode OVERTAKEN} when it has sent nothing
   * for {@linkcode RACE_MS} and `mayOvertake` says so; then it waits here.
   */
  async run(candidate: Feed, mayOvertake: () => boolean): Promise<void> {
    const cancel = checkAfter(this.#clock, RACE_MS, () => {
      if (candidate.hasMedia || !mayOvertake()) return;
      this.#waiting.add(candidate);
      candidate.abandon(OVERTAKEN);
      if (this.#waiting.size > MAX_WAITING) this.#waiting.values().next().value!.finish();
    });
    await candidate.watch().finally(cancel);
  }

  /** Returns the one that waits for `origin`, which is the candidate again; null for none. */
  take(origin: OriginAddress): Feed | null {
    for (const feed of this.#waiting) {
      if (feed.origin === origin && this.#waiting.delete(feed)) return feed;
    }
    return null;
  }

  /** One that waited has ended, or has won. @returns false when it did not wait */
  remove(feed: Feed): boolean {
    return this.#waiting.delete(feed);
  }

  /** `winner` feeds the stream, whether it has waited or not: the next pull asks it first. */
  settle(winner: Feed): void {
    for (const { origin, hasMedia } of this.#waiting) {
      if (origin !== winner.origin && !hasMedia) this.#places.note(origin, this.#name, "slow");
    }
    this.#places.note(winner.origin, this.#name, "carried");
    this.#waiting.delete(winner);
    this.finish();
  }

  /** Ends all that wait. */
  finish(): void {
    for (const feed of [...this.#waiting]) feed.finish();
    this.#waiting.clear();
  }
}
