/** Our server with viewers over HTTP-FLV beside players of RTMP, and then slow ones among those. */

import { freePort } from "../../tests/helpers/ports.ts";
import { say } from "../../tests/helpers/say.ts";
import { until } from "../../tests/helpers/until.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { CpuMeter, type CpuUse } from "../cpu_meter.ts";
import { LoadProcess, type LoadState } from "../load_process.ts";
import { figure } from "../report.ts";
import { type Delays, openSample, type Sample } from "../sample.ts";
import { type BenchServer, startEdgeOnCore } from "../servers.ts";
import { Source } from "../source.ts";

const MOST_VIEWERS = 1000;
const SAMPLE_SIZE = 10;
const MERGE_MS = 350;
const SLOW_PART = 0.05;
/** Bytes per second that a slow viewer reads: a tenth of the stream. */
const SLOW_RATE = 12_500;
/**
 * Until the server skips for a slow viewer, or gives it up: kernel and runtime take about a MB for it first,
 * and `write_stall` is 15 s.
 */
const SLOW_WARM_SECONDS = 28;
/** Loads run until they are stopped. */
const ENDLESS_SECONDS = 600;
const END_TIMEOUT_MS = 10_000;
/** Of the plan's, for there are four steps. */
const STEP_PART = 0.6;

const VHOST = `play { mw_latency ${MERGE_MS}; queue_length 3; } http_remux { enabled on; }`;

/** What was measured while so many watched. */
interface Step extends CpuUse {
  readonly name: string;
  /** What each crowd got of what was published, in percent: RTMP first, without the slow ones. */
  readonly heldPercent: readonly number[];
  /** Of the sample, which plays RTMP. */
  readonly delayMs: Delays;
  /** Frames of the sample that were lost, doubled or changed, so far. */
  readonly faults: number;
  /** Players and viewers that were closed or never let in, so far and without the slow ones. */
  readonly lost: number;
}

/** See the file comment. */
export async function httpFlv({ pinning, programs, plan }: BenchContext): Promise<SceneResult> {
  const viewers = Math.min(plan.players, MOST_VIEWERS);
  const slowCount = Math.ceil(viewers * SLOW_PART);
  const httpPort = freePort();
  await using server = await startEdgeOnCore(pinning, {
    vhost: VHOST,
    global: `http_server { enabled on; listen 127.0.0.1:${httpPort}; }`,
    publishAt: "origin",
  });
  await using source = await Source.start({ ports: [server.publishPort], stream: "bench" });
  await using sample = await openSample(server.port, "bench", SAMPLE_SIZE);
  const { warmSeconds } = plan;
  const load = { players: viewers, warmSeconds, seconds: ENDLESS_SECONDS };
  const overHttp = { port: httpPort, flags: ["--http=/live/bench.flv"] };
  const crowds: Crowd[] = [];
  const measure = (name: string) => {
    say(`HTTP-FLV: ${name}`);
    return measureStep(name, {
      ...{ server, source, sample, crowds },
      seconds: plan.seconds * STEP_PART,
    });
  };
  await sleep(warmSeconds * 1000);
  const base = await measure(`${SAMPLE_SIZE} RTMP players`);
  await using rtmp = new LoadProcess(programs.load, { port: server.port, ...load });
  await rtmp.untilBegun();
  crowds.push({ process: rtmp, size: viewers });
  const alone = await measure(`+ ${viewers} RTMP players`);
  await using http = new LoadProcess(programs.load, { ...overHttp, ...load });
  await http.untilBegun();
  crowds.push({ process: http, size: viewers });
  const both = await measure(`+ ${viewers} HTTP viewers`);
  await using slow = new LoadProcess(programs.load, {
    ...{ ...load, port: httpPort, players: slowCount, warmSeconds: SLOW_WARM_SECONDS },
    flags: [...overHttp.flags, "--slow-percent=100", `--slow-rate=${SLOW_RATE}`],
  });
  await slow.untilBegun();
  const all = await measure(`+ ${slowCount} slow HTTP viewers`);
  await slow[Symbol.asyncDispose]();
  const behind = countBehind(await untilEnded(server, slowCount));
  const steps = [base, alone, both, all];
  const costs = steps.map(({ cpuPercent }, index) => {
    return (cpuPercent - (steps[index - 1]?.cpuPercent ?? 0)) / 100 * MERGE_MS * 1000;
  });
  const [rtmpMicros, httpMicros] = [costs[1]! / viewers, costs[2]! / viewers];
  const costRatio = httpMicros / rtmpMicros;
  return {
    tables: [{
      title: `HTTP-FLV beside RTMP, merged for ${MERGE_MS} ms, ${
        figure(SLOW_RATE * 8 / 1000)
      } kbit/s for slow ones`,
      columns: [
        ...["", "CPU %", "RSS MiB", "RTMP got %", "HTTP got %"],
        ...["RTMP delay p99 ms", "worst", "RTMP faults", "lost"],
      ],
      rows: steps.map(({ name, cpuPercent, rssMiB, heldPercent, delayMs, faults, lost }) => [
        name,
        ...[cpuPercent, rssMiB, heldPercent[0] ?? NaN, heldPercent[1] ?? NaN].map(figure),
        ...[delayMs.p99, delayMs.max].map(figure),
        ...[faults, lost].map(String),
      ]),
      notes: [
        `a flush costs ${figure(rtmpMicros)} µs over RTMP and ${figure(httpMicros)} µs over ` +
        `HTTP (× ${figure(costRatio)}): what each step adds`,
        `${behind} of ${slowCount} slow ones skipped or were closed`,
      ],
    }],
    goals: viewers === MOST_VIEWERS
      ? goalsOf({ alone, all, costRatio, unnoticed: slowCount - behind })
      : [],
    figures: viewers === MOST_VIEWERS ? { "HTTP viewer, of RTMP": `× ${figure(costRatio)}` } : {},
    points: [],
  };
}

/** Players that came together. */
interface Crowd {
  readonly process: LoadProcess;
  readonly size: number;
}

async function measureStep(
  name: string,
  options: {
    readonly server: BenchServer;
    readonly source: Source;
    readonly sample: Sample;
    readonly crowds: readonly Crowd[];
    readonly seconds: number;
  },
): Promise<Step> {
  const { server, source, sample, crowds, seconds } = options;
  const meter = await CpuMeter.start(server.pid);
  const statesBefore = crowds.map(({ process }) => process.state!);
  const sentBefore = source.sentBytes;
  const fromMs = performance.now();
  sample.begin();
  await sleep(seconds * 1000);
  const use = await meter.read();
  const elapsedMs = performance.now() - fromMs;
  const states = crowds.map(({ process }) => process.state!);
  const sentRate = (source.sentBytes - sentBefore) / elapsedMs;
  const lost = crowds.reduce((sum, { size }, index) => sum + size - states[index]!.playing, 0);
  return {
    name,
    ...use,
    heldPercent: states.map((state, index) => rateOf(statesBefore[index]!, state) / sentRate * 100),
    delayMs: sample.delaysMs(),
    faults: sample.countFaults(),
    lost: lost + sample.countLost(),
  };
}

/** Bytes per ms of each player. */
function rateOf(from: LoadState, to: LoadState): number {
  return (to.bytes - from.bytes) / (to.ms - from.ms) / to.playing;
}

/** Waits until the server has said of so many that they left. @returns those lines */
async function untilEnded(server: BenchServer, count: number): Promise<readonly string[]> {
  const lines = () => server.log.filter((line) => line.includes("] Play ended "));
  await until("the slow ones to be gone", () => lines().length >= count, {
    timeoutMs: END_TIMEOUT_MS,
    everyMs: 50,
  });
  return lines();
}

/** How many were too slow for the server. */
function countBehind(lines: readonly string[]): number {
  return lines.filter((line) => /skips=[1-9]|takes no data/.test(line)).length;
}

function goalsOf(
  { alone, all, costRatio, unnoticed }: {
    readonly alone: Step;
    readonly all: Step;
    readonly costRatio: number;
    /** Slow viewers that were not skipped or closed: they have proven nothing. */
    readonly unnoticed: number;
  },
): Goal[] {
  return [
    { what: "CPU of an HTTP viewer, of an RTMP player's", value: costRatio, bound: 2, unit: "×" },
    {
      what: "RTMP frames lost beside HTTP and slow viewers",
      value: all.faults,
      bound: 0,
      unit: "",
    },
    { what: "players and viewers closed beside slow ones", value: all.lost, bound: 0, unit: "" },
    { what: "slow viewers that the server missed", value: unnoticed, bound: 0, unit: "" },
    {
      what: "RTMP delay p99 that HTTP and slow viewers add",
      value: all.delayMs.p99 - alone.delayMs.p99,
      bound: 20,
      unit: "ms",
    },
  ];
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
