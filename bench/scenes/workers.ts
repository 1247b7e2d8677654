import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { type FanOutResult, measureFanOut } from "../fan_out.ts";
import { figure } from "../report.ts";
import { startEdgeOnCore } from "../servers.ts";

const MERGE_MS = 350;
/** Two cores carry at least this many times what one does. */
const WORTH = 1.7;

interface Run {
  readonly workers: number;
  readonly result: FanOutResult;
  /** Players of each thread. */
  readonly shares: readonly number[];
  /** Connections to the origin, in total. */
  readonly upstreams: number;
}

/**
 * Our server with one thread and with two, on all cores. Players per thread are the same in both
 * runs. The load is light, so the second thread can use the rest of its core.
 */
export async function workers(context: BenchContext): Promise<SceneResult> {
  const { players } = context.plan;
  const [one, two] = [await measure(context, 1), await measure(context, 2)];
  return {
    tables: [{
      title: `${players} players of 1 Mbit/s a thread, merged for ${MERGE_MS} ms, on all cores`,
      columns: [
        ...["workers", "CPU % in all", "µs per flush", "of one", "RSS MiB", "got %", "worst"],
        ...["players of each", "upstreams", "faults"],
      ],
      rows: [one, two].map(({ workers, result, shares, upstreams }) => [
        String(workers),
        figure(result.cpuPercent),
        figure(flushMicroseconds(result)),
        `× ${figure(flushMicroseconds(result) / flushMicroseconds(one.result))}`,
        figure(result.rssMiB),
        figure(result.heldPercent.mean),
        figure(result.heldPercent.min),
        shares.join(" + "),
        String(upstreams),
        String(result.faults + result.lostPlayers),
      ]),
      notes: ["µs per flush: all CPU of the process, by players and merge periods"],
    }],
    goals: players === 2000 ? goalsOf(one, two) : [],
    figures: players === 2000
      ? { "two workers: CPU per player, of one's": `× ${figure(costOfTwo(one, two))}` }
      : {},
    points: [],
  };
}

async function measure(
  { pinning, programs, plan }: BenchContext,
  workers: number,
): Promise<Run> {
  say(`${plan.players * workers} players: workers ${workers}`);
  await using server = await startEdgeOnCore(pinning, {
    global: `workers ${workers};`,
    vhost: `play { mw_latency ${MERGE_MS}; }`,
    publishAt: "origin",
    cores: "all",
  });
  const result = await measureFanOut(programs.load, server, {
    ...plan,
    players: plan.players * workers,
  });
  return {
    workers,
    result,
    shares: countPlays(server.log),
    upstreams: countPlays(server.originLog).reduce((sum, count) => sum + count, 0),
  };
}

/** CPU of the whole process, per player and merge period. */
function flushMicroseconds({ cpuPercent, players }: FanOutResult): number {
  return cpuPercent / 100 * MERGE_MS * 1000 / players;
}

/** CPU per player with two threads, relative to one thread. */
function costOfTwo(one: Run, two: Run): number {
  return flushMicroseconds(two.result) / flushMicroseconds(one.result);
}

/**
 * Returns how many clients started to play on each thread. Client ids name the thread: `w0c12`, or
 * `c12` without threads.
 */
function countPlays(log: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const line of log) {
    const thread = line.match(/\[\S+ (w\d+)?c\d+\] Play started/);
    if (thread === null) continue;
    const name = thread[1] ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts.values()];
}

function goalsOf(one: Run, two: Run): Goal[] {
  return [
    {
      what: "CPU per player with two workers, of one's",
      value: costOfTwo(one, two),
      bound: Math.round(2 / WORTH * 100) / 100,
      unit: "×",
    },
    { what: "upstreams of two workers", value: two.upstreams, bound: 1, unit: "" },
    {
      what: "frames lost or players closed, two workers",
      value: two.result.faults + two.result.lostPlayers,
      bound: 0,
      unit: "",
    },
  ];
}
