/** Players that look at every byte, among the thousands that only count. */

import { SamplePlayer } from "./sample_player.ts";

/** One of the players pings the server so often, in ms. */
const PING_EVERY_MS = 25;

/** Middle, nearly worst and worst, in ms. */
export interface Delays {
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** See the file comment. */
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

  /** Counts from here on, for the start brings old frames. */
  begin(): void {
    for (const player of this.#players) player.begin();
    this.startPings();
  }

  /** Pings the server again after {@linkcode stopPings}. */
  startPings(): void {
    this.#timer ??= setInterval(() => this.#ping(), PING_EVERY_MS);
  }

  stopPings(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** From the publisher to the players: delays of all frames since {@linkcode begin}. */
  delaysMs(): Delays {
    return summarize(this.#players.flatMap(({ delaysMs }) => delaysMs));
  }

  /**
   * From a ping to its answer, since {@linkcode begin}: the event loop's delay, and that of all that stands
   * in line before a client.
   */
  answersMs(): Delays {
    return summarize(this.#players.flatMap(({ answersMs }) => answersMs));
  }

  /** Frames that were lost, doubled or changed. */
  countFaults(): number {
    return this.#players.reduce((sum, { faultCount }) => sum + faultCount, 0);
  }

  /** Players that were closed, or got nothing since {@linkcode begin}. */
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

/** Opens `count` players of a stream, which may not be there yet. */
export function openSample(port: number, stream: string, count: number): Promise<Sample> {
  return openSampleOf(port, Array.from({ length: count }, () => stream));
}

/** Opens one player of each stream. */
export async function openSampleOf(port: number, streams: readonly string[]): Promise<Sample> {
  const opening = streams.map((stream) => SamplePlayer.open(port, stream));
  return new Sample(await Promise.all(opening));
}
