/** Players that check every byte, among thousands that only count bytes. */

import { SamplePlayer } from "./sample_player.ts";

/** Interval between pings, which the players send in turn, in ms. */
const PING_EVERY_MS = 25;

/** Median, 99th percentile and maximum, in ms. */
export interface Delays {
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** A few players that check what they receive and how late it is. */
export class Sample implements AsyncDisposable {
  readonly #players: readonly SamplePlayer[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #pingCount = 0;

  constructor(players: readonly SamplePlayer[]) {
    this.#players = players;
  }

  get size(): number {
    return this.#players.length;
  }

  /** Starts counting; a player's first frames are old ones from the GOP cache. */
  begin(): void {
    for (const player of this.#players) player.begin();
    this.startPings();
  }

  /** Resumes pinging the server after {@linkcode stopPings}. */
  startPings(): void {
    this.#timer ??= setInterval(() => this.#ping(), PING_EVERY_MS);
  }

  stopPings(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Delays of all frames from the publisher to the players, since {@linkcode begin}. */
  delaysMs(): Delays {
    return summarize(this.#players.flatMap(({ delaysMs }) => delaysMs));
  }

  /**
   * Delays from a ping to its answer, since {@linkcode begin}: of the event loop, and of everything
   * queued before this client.
   */
  answersMs(): Delays {
    return summarize(this.#players.flatMap(({ answersMs }) => answersMs));
  }

  /** Returns the number of frames that were lost, duplicated or changed. */
  countFaults(): number {
    return this.#players.reduce((sum, { faultCount }) => sum + faultCount, 0);
  }

  /**
   * Returns the number of players that were closed, or received nothing since {@linkcode begin}.
   */
  countLost(): number {
    return this.#players.filter(({ isEnded, frameCount }) => isEnded || frameCount === 0).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopPings();
    for (const player of this.#players) await player[Symbol.asyncDispose]();
  }

  #ping(): void {
    this.#players[this.#pingCount++ % this.size]?.ping();
  }
}

function summarize(values: readonly number[]): Delays {
  const sorted = Float64Array.from(values).sort();
  const at = (part: number) => sorted[Math.round((sorted.length - 1) * part)] ?? Infinity;
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}

/** Opens `count` players of a stream, which need not exist yet. */
export function openSample(port: number, stream: string, count: number): Promise<Sample> {
  return openSampleOf(port, Array.from({ length: count }, () => stream));
}

/** Opens one player of each stream. */
export async function openSampleOf(port: number, streams: readonly string[]): Promise<Sample> {
  const opening = streams.map((stream) => SamplePlayer.open(port, stream));
  return new Sample(await Promise.all(opening));
}
