/** Our server with more and more players, beside a loop in C that only writes. */

import { startProcess } from "../../tests/helpers/processes.ts";
import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { type FanOutResult, measureFanOut } from "../fan_out.ts";
import { LoadProcess } from "../load_process.ts";
import { readUsage } from "../machine.ts";
import { figure } from "../report.ts";
import { startEdgeOnCore } from "../servers.ts";

const MERGE_MS = 350;
/** What 1 Mbit/s is in that time. */
const FLUSH_BYTES = 43_750;
const START_TIMEOUT_MS = 5_000;

interface Run {
  readonly ours: FanOutResult;
  readonly floorCpuPercent: number;
}

/** See the file comment. */
export async function scaling(context: BenchContext): Promise<SceneResult> {
  const runs: Run[] = [];
  for (const players of context.plan.counts) {
    say(`${players} players: edge, then the floor`);
    runs.push({
      ours: await measureOurs(context, players),
      floorCpuPercent: await measureFloor(context, players),
    });
  }
  return {
    tables: [{
      title: `Players of one stream of 1 Mbit/s, merged for ${MERGE_MS} ms; floor: a loop in C`,
      columns: [
        ...["players", "CPU %", "RSS MiB", "got %", "worst", "late ms", "faults"],
        ...["µs per flush", "floor µs", "× floor"],
      ],
      rows: runs.map(({ ours, floorCpuPercent }) => [
        String(ours.players),
        figure(ours.cpuPercent),
        figure(ours.rssMiB),
        figure(ours.heldPercent.mean),
        figure(ours.heldPercent.min),
        figure(latenessMs(ours)),
        String(ours.faults + ours.lostPlayers),
        figure(flushMicroseconds(ours.cpuPercent, ours.players)),
        figure(flushMicroseconds(floorCpuPercent, ours.players)),
        figure(ours.cpuPercent / floorCpuPercent),
      ]),
    }],
    goals: goalsOf(runs),
    figures: figuresOf(runs),
    points: runs.flatMap(({ ours, floorCpuPercent }) => [
      { series: "edge", players: ours.players, cpuPercent: ours.cpuPercent },
      { series: "floor: a write loop in C", players: ours.players, cpuPercent: floorCpuPercent },
    ]),
  };
}

async function measureOurs(
  { pinning, programs, plan }: BenchContext,
  players: number,
): Promise<FanOutResult> {
  const vhost = `play { mw_latency ${MERGE_MS}; }`;
  await using server = await startEdgeOnCore(pinning, { vhost, publishAt: "origin" });
  return await measureFanOut(programs.load, server, { ...plan, players });
}

async function measureFloor(
  { pinning, programs, plan }: BenchContext,
  players: number,
): Promise<number> {
  const command = [programs.floor, String(FLUSH_BYTES), String(MERGE_MS)];
  await using floor = startProcess({ name: "floor", command: pinning.onServerCore(command) });
  const [, port] = await floor.waitForLine(/listening on (\d+)/, START_TIMEOUT_MS);
  const { warmSeconds, seconds } = plan;
  await using load = new LoadProcess(programs.load, {
    ...{ port: Number(port), players, warmSeconds, seconds },
    flags: ["--raw"],
  });
  await load.untilBegun();
  const before = await readUsage(floor.pid);
  const fromMs = performance.now();
  await load.untilEnded();
  const { cpuMs } = await readUsage(floor.pid);
  return (cpuMs - before.cpuMs) / (performance.now() - fromMs) * 100;
}

/** Processor time for each player and merge period. */
function flushMicroseconds(cpuPercent: number, players: number): number {
  return cpuPercent / 100 * MERGE_MS * 1000 / players;
}

/** How much later than a merge period players were written to: mostly the delay of the event loop. */
function latenessMs({ longestGapMs }: FanOutResult): number {
  return Math.max(0, longestGapMs - MERGE_MS);
}

function goalsOf(runs: readonly Run[]): Goal[] {
  const largest = runs.find(({ ours }) => ours.players === 9000)?.ours;
  if (largest === undefined) return [];
  const costs = runs.map(({ ours }) => flushMicroseconds(ours.cpuPercent, ours.players));
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  const unevenness = Math.max(...costs.map((cost) => Math.abs(cost / mean - 1))) * 100;
  const overFloor = Math.max(
    ...runs.map(({ ours, floorCpuPercent }) => ours.cpuPercent / floorCpuPercent),
  );
  const missing = 100 - largest.heldPercent.mean;
  return [
    { what: "CPU at 9,000 players", value: largest.cpuPercent, bound: 60, unit: "%" },
    { what: "RSS at 9,000 players", value: largest.rssMiB, bound: 150, unit: "MiB" },
    { what: "of the stream missing at 9,000 players", value: missing, bound: 1, unit: "%" },
    {
      what: "frames lost or players closed at 9,000",
      value: largest.faults + largest.lostPlayers,
      bound: 0,
      unit: "",
    },
    { what: "latest flush at 9,000 players", value: latenessMs(largest), bound: 20, unit: "ms" },
    { what: "worst cost of a flush, of the floor's", value: overFloor, bound: 1.6, unit: "×" },
    { what: "cost of a flush apart from its mean", value: unevenness, bound: 30, unit: "%" },
  ];
}

function figuresOf(runs: readonly Run[]): Record<string, string> {
  const largest = runs.at(-1);
  if (largest === undefined || largest.ours.players !== 9000) return {};
  const { ours, floorCpuPercent } = largest;
  const micros = flushMicroseconds(ours.cpuPercent, ours.players);
  return {
    "9,000: CPU, RSS": `${figure(ours.cpuPercent)} %, ${figure(ours.rssMiB)} MiB`,
    "a flush, of floor": `${figure(micros)} µs, × ${figure(ours.cpuPercent / floorCpuPercent)}`,
  };
}
