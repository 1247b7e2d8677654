import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { CpuMeter } from "../cpu_meter.ts";
import { type FanOutResult, measurePlayers } from "../fan_out.ts";
import { LoadProcess } from "../load_process.ts";
import { ManySources } from "../many_sources.ts";
import { readUsage } from "../machine.ts";
import { figure } from "../report.ts";
import { openSampleOf } from "../sample.ts";
import { startEdgeOnCore } from "../servers.ts";

const MOST_STREAMS = 1000;
/**
 * Bitrate of each stream in kbit/s. There are a tenth as many publishers, which send as many bytes
 * in total.
 */
const KILOBITS = 100;
const STREAMS_PER_PUBLISHER = 10;
const SAMPLE_SIZE = 10;
/** Players that join per second; each one causes a new upstream. */
const RATE = 500;

type Measured = Pick<FanOutResult, "cpuPercent" | "rssMiB" | "heldPercent"> & {
  /** Frames lost, and clients closed. */
  readonly faults: number;
  readonly inMegabits: number;
  readonly outMegabits: number;
};

/**
 * Many streams with one player each, beside one stream with as many players, and many publishers.
 */
export async function streams(context: BenchContext): Promise<SceneResult> {
  const count = Math.min(context.plan.players, MOST_STREAMS);
  const publisherCount = Math.ceil(count / STREAMS_PER_PUBLISHER);
  const one = await measureStreams(context, { count: 1, players: count });
  const many = await measureStreams(context, { count, players: count });
  const publishers = await measurePublishers(context, publisherCount);
  const rows: readonly (readonly [string, Measured])[] = [
    [`1 stream, ${count} players`, one],
    [`${count} streams, 1 player each`, many],
    [`${publisherCount} publishers, pushed to an origin`, publishers],
  ];
  const streamKiB = (many.rssMiB - one.rssMiB) * 1024 / (count - 1);
  const publisherKiB = publishers.addedMiB * 1024 / publisherCount;
  return {
    tables: [{
      title: `Many streams of ${KILOBITS} kbit/s, merged for 350 ms, and publishers of ` +
        `${KILOBITS * STREAMS_PER_PUBLISHER} kbit/s`,
      columns: [
        ...["", "in Mbit/s", "out Mbit/s", "CPU %", "CPU % per 100 Mbit/s in and out"],
        ...["RSS MiB", "got %", "worst", "faults"],
      ],
      rows: rows.map(([name, { inMegabits, outMegabits, cpuPercent, rssMiB, ...rest }]) => [
        name,
        ...[inMegabits, outMegabits, cpuPercent].map(figure),
        figure(cpuPercent / (inMegabits + outMegabits) * 100),
        figure(rssMiB),
        ...[rest.heldPercent.mean, rest.heldPercent.min].map(figure),
        String(rest.faults),
      ]),
      notes: [
        `a stream takes ${figure(streamKiB)} KiB beyond its player, a publisher ${
          figure(publisherKiB)
        } KiB in all`,
        `${SAMPLE_SIZE} more players check every byte`,
      ],
    }],
    goals: count === MOST_STREAMS ? goalsOf({ one, many, publishers, streamKiB }) : [],
    figures: count === MOST_STREAMS
      ? {
        "1,000 streams: CPU per player, of one's": `× ${figure(many.cpuPercent / one.cpuPercent)}`,
      }
      : {},
    points: [],
  };
}

async function measureStreams(
  { pinning, programs, plan }: BenchContext,
  { count, players }: { readonly count: number; readonly players: number },
): Promise<Measured> {
  say(`streams: ${count}, players: ${players}`);
  const vhost = "play { mw_latency 350; }";
  await using server = await startEdgeOnCore(pinning, { vhost, publishAt: "origin" });
  const port = server.publishPort;
  await using source = await ManySources.start({ port, count, kilobits: KILOBITS });
  await using sample = await openSampleOf(server.port, sampleNames(count));
  await using process = new LoadProcess(programs.load, {
    ...{ port: server.port, players, warmSeconds: plan.warmSeconds, seconds: plan.seconds },
    rate: RATE,
    ...(count === 1 ? { stream: "many-0" } : { stream: "many", flags: ["--own-streams"] }),
  });
  const result = await measurePlayers({ server, source, sample, process, others: players });
  return {
    ...result,
    faults: result.faults + result.lostPlayers + source.countLost(),
    inMegabits: count * KILOBITS / 1000,
    outMegabits: result.players * KILOBITS / 1000,
  };
}

/** Measures publishers at the edge, which pushes to its origin, where the sample plays. */
async function measurePublishers(
  { pinning, plan }: BenchContext,
  count: number,
): Promise<Measured & { readonly addedMiB: number }> {
  say(`${count} publishers`);
  await using server = await startEdgeOnCore(pinning, { vhost: "", publishAt: "origin" });
  const idle = await readUsage(server.pid);
  const kilobits = KILOBITS * STREAMS_PER_PUBLISHER;
  await using source = await ManySources.start({ port: server.port, count, kilobits });
  await using sample = await openSampleOf(server.publishPort, sampleNames(count));
  await sleep(plan.warmSeconds * 1000);
  const meter = await CpuMeter.start(server.pid);
  sample.begin();
  await sleep(plan.seconds * 1000);
  const use = await meter.read();
  const megabits = count * kilobits / 1000;
  return {
    ...use,
    addedMiB: use.rssMiB - idle.rssMiB,
    heldPercent: { min: NaN, mean: NaN },
    faults: sample.countFaults() + sample.countLost() + source.countLost(),
    inMegabits: megabits,
    outMegabits: megabits,
  };
}

function sampleNames(count: number): string[] {
  return Array.from({ length: SAMPLE_SIZE }, (_, index) => `many-${index % count}`);
}

function goalsOf(
  { one, many, publishers, streamKiB }:
    & Record<"one" | "many" | "publishers", Measured>
    & { readonly streamKiB: number },
): Goal[] {
  const faults = one.faults + many.faults + publishers.faults;
  return [
    {
      what: "CPU per player of 1,000 streams, of one's",
      value: many.cpuPercent / one.cpuPercent,
      bound: 2,
      unit: "×",
    },
    // A stream keeps some 5 s, which are 70 kB here, and has an upstream.
    { what: "memory of a stream of 100 kbit/s", value: streamKiB, bound: 256, unit: "KiB" },
    { what: "frames lost or clients closed, many streams", value: faults, bound: 0, unit: "" },
  ];
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
