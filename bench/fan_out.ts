/** Measures one server while thousands play. */

import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { LoadProcess, type LoadResult, type LoadState } from "./load_process.ts";
import { type Delays, openSample, type Sample } from "./sample.ts";
import type { BenchServer } from "./servers.ts";
import { Source } from "./source.ts";

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
export async function measurePlayers(
  { server, source, sample, process, others }: Audience,
): Promise<FanOutResult> {
  const begin = await process.untilBegun();
  const meter = await CpuMeter.start(server.pid);
  const sentBefore = source.sentBytes;
  const fromMs = performance.now();
  sample.begin();
  const end = await process.untilEnded();
  const use = await meter.read();
  const elapsedMs = performance.now() - fromMs;
  return {
    players: others + sample.size,
    ...use,
    heldPercent: heldPercent(begin, end, (source.sentBytes - sentBefore) / elapsedMs * 1000),
    delayMs: sample.delaysMs(),
    answerMs: sample.answersMs(),
    longestGapMs: end.longestGapMs?.p99 ?? Infinity,
    lostPlayers: others - Math.min(begin.playing, end.playing) + sample.countLost(),
    faults: sample.countFaults(),
  };
}

function heldPercent(
  begin: LoadState,
  end: LoadResult,
  sentBytesPerSecond: number,
): FanOutResult["heldPercent"] {
  const sent = sentBytesPerSecond * end.seconds;
  const mean = (end.bytes - begin.bytes) / Math.max(1, begin.playing);
  return { min: (end.playerBytes?.min ?? 0) / sent * 100, mean: mean / sent * 100 };
}
