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
 * Time until the server skips frames for a slow viewer, or closes it: kernel and runtime buffer
 * about 1 MB first, and `write_stall` is 15 s.
 */
const SLOW_WARM_SECONDS = 28;
/** The loads run until they are stopped. */
const ENDLESS_SECONDS = 600;
const END_TIMEOUT_MS = 10_000;
/** Share of the plan's seconds for each of the four steps. */
const STEP_PART = 0.6;

const VHOST = `play { mw_latency ${MERGE_MS}; queue_length 3; } http_remux { enabled on; }`;

/** Measurements with a given set of crowds. */
interface Step extends CpuUse {
  readonly name: string;
  /**
   * Share of the published bytes that each crowd received, in percent: RTMP first, without slow
   * viewers.
   */
  readonly heldPercent: readonly number[];
  /** Delays of the sample, which plays over RTMP. */
  readonly delayMs: Delays;
  /** Frames of the sample that were lost, duplicated or changed so far. */
  readonly faults: number;
  /** Players and viewers closed or never accepted so far, without the slow ones. */
  readonly lost: number;
}

/** Our server with viewers over HTTP-FLV beside RTMP players, then with slow viewers among them. */
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
  return resultOf({ steps: [base, alone, both, all], viewers, slowCount, behind });
}

/** Makes the tables, goals and figures of the four steps, in their order. */
function resultOf(
  { steps, viewers, slowCount, behind }: {
    readonly steps: readonly [base: Step, alone: Step, both: Step, all: Step];
    readonly viewers: number;
    readonly slowCount: number;
    /** Slow viewers that the server skipped or closed. */
    readonly behind: number;
  },
): SceneResult {
  const [base, alone, both, all] = steps;
  const flushMicros = (before: Step, after: Step) =>
    (after.cpuPercent - before.cpuPercent) / 100 * MERGE_MS * 1000 / viewers;
  const [rtmpMicros, httpMicros] = [flushMicros(base, alone), flushMicros(alone, both)];
  const costRatio = httpMicros / rtmpMicros;
  const isWhole = viewers === MOST_VIEWERS;
  return {
    tables: [{
      title: `HTTP-FLV beside RTMP, merged for ${MERGE_MS} ms; ` +
        `slow viewers read ${figure(SLOW_RATE * 8 / 1000)} kbit/s`,
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
        `${behind} of ${slowCount} slow viewers were skipped or closed`,
      ],
    }],
    goals: isWhole ? goalsOf({ alone, all, costRatio, unnoticed: slowCount - behind }) : [],
    figures: isWhole ? { "HTTP viewer: CPU, of an RTMP player's": `× ${figure(costRatio)}` } : {},
    points: [],
  };
}

/** A group of players that are started together. */
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

/** Returns the bytes per ms that each player received. */
function rateOf(from: LoadState, to: LoadState): number {
  return (to.bytes - from.bytes) / (to.ms - from.ms) / to.playing;
}

/** Waits until the server has logged that many departures. @returns those lines */
async function untilEnded(server: BenchServer, count: number): Promise<readonly string[]> {
  const lines = () => server.log.filter((line) => line.includes("] Play ended "));
  await until("the slow viewers to leave", () => lines().length >= count, {
    timeoutMs: END_TIMEOUT_MS,
    everyMs: 50,
  });
  return lines();
}

/** Returns how many clients were too slow for the server. */
function countBehind(lines: readonly string[]): number {
  return lines.filter((line) => /skips=[1-9]|takes no data/.test(line)).length;
}

function goalsOf(
  { alone, all, costRatio, unnoticed }: {
    readonly alone: Step;
    readonly all: Step;
    readonly costRatio: number;
    /** Slow viewers that were neither skipped nor closed, so that they prove nothing. */
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
