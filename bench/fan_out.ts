/** Measures a server with thousands of players, continuously or in turns with other servers. */

import { delay } from "../tests/helpers/until.ts";
import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { LoadProcess, type LoadResult, type LoadState } from "./load_process.ts";
import { type Delays, openSample, type Sample } from "./sample.ts";
import type { BenchServer } from "./servers.ts";
import { Source } from "./source.ts";
import { type Contender, MOST_SECONDS, SETTLE_MS, untilIdle } from "./turns.ts";

/** Number of players that check every byte. */
export const SAMPLE_SIZE = 10;

/** Number of players, and how long they are measured. */
interface FanOutLoad {
  readonly players: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** What was measured. */
export interface FanOutResult extends CpuUse {
  readonly players: number;
  /** Share of the published bytes that arrived, in percent: the worst player's, and the mean. */
  readonly heldPercent: { readonly min: number; readonly mean: number };
  /** From the publisher to the players of the sample, in ms. */
  readonly delayMs: Delays;
  /** From a ping to its answer, in ms. */
  readonly answerMs: Delays;
  /** Longest time without a byte, in ms: the 99th percentile of all players. */
  readonly longestGapMs: number;
  /** Players that the server closed or never accepted. */
  readonly lostPlayers: number;
  /** Frames of the sample that were lost, duplicated or changed. */
  readonly faults: number;
}

/**
 * Measures a server with thousands of players of one stream. `load` is the path of `load.c`'s
 * program.
 */
export async function measureFanOut(
  load: string,
  server: BenchServer,
  { players, warmSeconds, seconds }: FanOutLoad,
): Promise<FanOutResult> {
  await using source = await Source.start({ ports: [server.publishPort], stream: "bench" });
  await using sample = await openSample(server.port, "bench", Math.min(SAMPLE_SIZE, players - 1));
  const others = players - sample.size;
  await using process = new LoadProcess(load, {
    port: server.port,
    players: others,
    warmSeconds,
    seconds,
  });
  return await measurePlayers({ server, source, sample, process, others });
}

/** Players and the publisher they play from. */
interface Audience {
  readonly server: BenchServer;
  /** Counts the bytes published for each player. */
  readonly source: { readonly sentBytes: number };
  readonly sample: Sample;
  /** All other players, just started. */
  readonly process: LoadProcess;
  readonly others: number;
}

/** Waits until all players have started, then measures. */
export async function measurePlayers(audience: Audience): Promise<FanOutResult> {
  const { server, source, sample, process } = audience;
  const begin = await process.untilBegun();
  const meter = await CpuMeter.start(server.pid);
  const sentBefore = source.sentBytes;
  const fromMs = performance.now();
  sample.begin();
  const end = await process.untilEnded();
  const use = await meter.read();
  const elapsedMs = performance.now() - fromMs;
  const sentBytes = (source.sentBytes - sentBefore) / elapsedMs * 1000 * end.seconds;
  return resultOf(audience, { use, begin, end, sentBytes });
}

/** A server with thousands of players of one stream, measured in turns with others. */
export class FanOut implements Contender, AsyncDisposable {
  readonly #audience: Audience & { readonly source: Source };
  readonly #begin: LoadState;
  readonly #sentBytesAtBegin: number;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    audience: Audience & { readonly source: Source },
    begin: LoadState,
    resources: AsyncDisposableStack,
  ) {
    this.#audience = audience;
    this.#begin = begin;
    this.#sentBytesAtBegin = audience.source.sentBytes;
    this.#resources = resources;
  }

  /**
   * Connects the players, lets them warm up, and pauses. Counting starts here. Stopping the server
   * stops its players, too. `load` is the path of `load.c`'s program.
   */
  static async start(
    load: string,
    server: BenchServer,
    { players, warmSeconds }: Omit<FanOutLoad, "seconds">,
  ): Promise<FanOut> {
    await using resources = new AsyncDisposableStack();
    resources.use(server);
    const { port, publishPort } = server;
    const source = resources.use(await Source.start({ ports: [publishPort], stream: "bench" }));
    // A server that is fully busy with the stream may never accept all players.
    source.pause();
    const sample = resources.use(
      await openSample(port, "bench", Math.min(SAMPLE_SIZE, players - 1)),
    );
    const others = players - sample.size;
    const process = resources.use(
      new LoadProcess(load, { port, players: others, seconds: MOST_SECONDS }),
    );
    await process.untilPlaying();
    source.resume();
    await delay(warmSeconds * 1000);
    source.pause();
    await untilIdle(server.pid);
    const begin = await process.begin();
    sample.begin();
    sample.stopPings();
    const audience = { server, source, sample, process, others };
    return new FanOut(audience, begin, resources.move());
  }

  get pid(): number {
    return this.#audience.server.pid;
  }

  get loadPid(): number {
    return this.#audience.process.pid;
  }

  async resume(): Promise<void> {
    const { source, sample, process } = this.#audience;
    source.resume();
    process.excuseSilence();
    await delay(SETTLE_MS);
    sample.startPings();
  }

  async pause(): Promise<void> {
    const { source, sample } = this.#audience;
    sample.stopPings();
    source.pause();
    await untilIdle(this.pid);
  }

  /** Ends the run; the server must be paused. @param use What its turns measured */
  async end(use: CpuUse): Promise<FanOutResult> {
    const { source, process } = this.#audience;
    process.excuseSilence();
    const end = await process.end();
    const sentBytes = source.sentBytes - this.#sentBytesAtBegin;
    return resultOf(this.#audience, { use, begin: this.#begin, end, sentBytes });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function resultOf(
  { sample, others }: Audience,
  measured: {
    readonly use: CpuUse;
    readonly begin: LoadState;
    readonly end: LoadResult;
    /** Bytes published for each player in between. */
    readonly sentBytes: number;
  },
): FanOutResult {
  const { use, begin, end, sentBytes } = measured;
  const meanBytes = (end.bytes - begin.bytes) / Math.max(1, begin.playing);
  return {
    players: others + sample.size,
    ...use,
    heldPercent: {
      min: (end.playerBytes?.min ?? 0) / sentBytes * 100,
      mean: meanBytes / sentBytes * 100,
    },
    delayMs: sample.delaysMs(),
    answerMs: sample.answersMs(),
    longestGapMs: end.longestGapMs?.p99 ?? Infinity,
    lostPlayers: others - Math.min(begin.playing, end.playing) + sample.countLost(),
    faults: sample.countFaults(),
  };
}
