/** Measures a server while thousands play, all the time or whenever it is its turn. */

import { delay } from "../tests/helpers/until.ts";
import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { LoadProcess, type LoadResult, type LoadState } from "./load_process.ts";
import { type Delays, openSample, type Sample } from "./sample.ts";
import type { BenchServer } from "./servers.ts";
import { Source } from "./source.ts";
import { type Contender, MOST_SECONDS, SETTLE_MS, untilIdle } from "./turns.ts";

/** Players that look at every byte. */
export const SAMPLE_SIZE = 10;

/** How many players, and for how long. */
export interface FanOutLoad {
  readonly players: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** What was measured. */
export interface FanOutResult extends CpuUse {
  readonly players: number;
  /** What the worst player and all together got of what was published, in percent. */
  readonly heldPercent: { readonly min: number; readonly mean: number };
  /** From the publisher to the sample's players, in ms. */
  readonly delayMs: Delays;
  /** From a ping to its answer, in ms. */
  readonly answerMs: Delays;
  /** Longest time without a byte, of all but one in a hundred players, in ms. */
  readonly longestGapMs: number;
  /** Players that the server closed or never let in. */
  readonly lostPlayers: number;
  /** Frames of the sample that were lost, doubled or changed. */
  readonly faults: number;
}

/** Thousands play one stream; `load` is the program's path. */
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

/** Who plays what. */
export interface Audience {
  readonly server: BenchServer;
  /** Publishes so many bytes for each player. */
  readonly source: { readonly sentBytes: number };
  readonly sample: Sample;
  /** All others, just started. */
  readonly process: LoadProcess;
  readonly others: number;
}

/** Waits until all play, and measures. */
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

/** Thousands who play one stream of a server that is measured in turns with others. */
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
   * Lets all come and warm up, and pauses. What they get is counted from here on, and the server is stopped with
   * them. `load` is the program's path.
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
    // A server that has its hands full with the stream may never let all in.
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

  /** Ends it, while it pauses. @param use What was measured of the server in its turns */
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
    /** Published for each player in between. */
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
