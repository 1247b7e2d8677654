/** Players that look at every byte, among the thousands that only count. */

import { SamplePlayer } from "./sample_player.ts";

/** Middle, nearly worst and worst delay from the publisher to the players, in ms. */
export interface Delays {
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** See the file comment. */
export class Sample implements AsyncDisposable {
  readonly #players: readonly SamplePlayer[];

  constructor(players: readonly SamplePlayer[]) {
    this.#players = players;
  }

  get size(): number {
    return this.#players.length;
  }

  /** Counts from here on, for the start brings old frames. */
  begin(): void {
    for (const player of this.#players) player.begin();
  }

  /** Delays of all frames since {@linkcode begin}. */
  delaysMs(): Delays {
    const delays = Float64Array.from(this.#players.flatMap(({ delaysMs }) => delaysMs)).sort();
    const at = (part: number) => delays[Math.round((delays.length - 1) * part)] ?? Infinity;
    return { median: at(0.5), p99: at(0.99), max: at(1) };
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
    for (const player of this.#players) await player[Symbol.asyncDispose]();
  }
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
