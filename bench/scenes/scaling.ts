import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import type { CpuUse } from "../cpu_meter.ts";
import { FanOut, type FanOutResult, SAMPLE_SIZE } from "../fan_out.ts";
import { FLOOR_TURN_MS, FloorProcess } from "../floor_process.ts";
import { figure } from "../report.ts";
import { startEdgeOnCore } from "../servers.ts";
import { measureInTurns, TURN_MS } from "../turns.ts";

const MERGE_MS = 350;
/** Bytes of a 1 Mbit/s stream in that period. */
const FLUSH_BYTES = 43_750;
/** The sample, which also pings the server, and one player that only reads. */
const BASE_PLAYERS = SAMPLE_SIZE + 1;
/**
 * With fewer players the load is so small that one full collection, about every ten seconds of
 * work, is a tenth of it. They are warmed up and measured for longer.
 */
const FEW_PLAYERS = 1000;
const FEW_FACTOR = 3;
/**
 * `ping`: while other servers have their turn, players are silent for longer than the default of 30
 * s.
 */
const VHOST = `play { mw_latency ${MERGE_MS}; ping 600s; }`;

interface Run {
  readonly ours: FanOutResult;
  /**
   * Use with {@linkcode BASE_PLAYERS} only: the server reads and keeps the stream, and answers
   * pings.
   */
  readonly base: CpuUse;
  readonly floor: CpuUse;
}

/**
 * Our server with increasing numbers of players, in turns with a C loop that only writes to as
 * many.
 */
export async function scaling(context: BenchContext): Promise<SceneResult> {
  const runs = await measureRuns(context);
  return {
    tables: [{
      title: `Players of one stream of 1 Mbit/s, merged for ${MERGE_MS} ms; floor: a loop in C`,
      columns: [
        ...["players", "CPU %", "base %", "RSS MiB", "got %", "worst", "late ms", "ping p99"],
        "faults",
        ...["µs per flush", "floor µs", "× floor", "µs with base"],
      ],
      rows: runs.map((run) => [
        String(run.ours.players),
        figure(run.ours.cpuPercent),
        figure(run.base.cpuPercent),
        figure(run.ours.rssMiB),
        figure(run.ours.heldPercent.mean),
        figure(run.ours.heldPercent.min),
        figure(latenessMs(run.ours)),
        figure(run.ours.answerMs.p99),
        String(run.ours.faults + run.ours.lostPlayers),
        figure(flushMicroseconds(run)),
        figure(microseconds(run.floor.cpuPercent, run.ours.players)),
        figure(overFloor(run)),
        figure(microseconds(run.ours.cpuPercent, run.ours.players)),
      ]),
      notes: [
        `base: the same server with ${BASE_PLAYERS} players, of whom ${SAMPLE_SIZE} are the sample and ping it`,
        "µs per flush: CPU beyond the base, by the other players and merge periods; µs with base: all CPU",
      ],
    }],
    goals: goalsOf(runs),
    figures: figuresOf(runs),
    points: runs.flatMap(({ ours, floor }) => [
      { series: "edge", players: ours.players, cpuPercent: ours.cpuPercent },
      {
        series: "floor: a write loop in C",
        players: ours.players,
        cpuPercent: floor.cpuPercent,
      },
    ]),
  };
}

async function measureRuns(context: BenchContext): Promise<Run[]> {
  say(`${BASE_PLAYERS} players connect to an edge`);
  await using base = await startOurs(context, BASE_PLAYERS);
  const runs: Run[] = [];
  for (const players of context.plan.counts) {
    if (players <= BASE_PLAYERS) {
      say(`skipped: ${players} players are no more than the base`);
      continue;
    }
    say(
      `${players} players connect to an edge, and as many to the floor; then they are measured in turns`,
    );
    await using edge = await startOurs(context, players);
    await using floor = await FloorProcess.start(context, {
      players,
      flushBytes: FLUSH_BYTES,
      periodMs: MERGE_MS,
    });
    const lengthMs = TURN_MS * patienceFor(players);
    const turns = [
      { contender: base, lengthMs },
      { contender: edge, lengthMs },
      { contender: floor, lengthMs: FLOOR_TURN_MS },
    ];
    const uses = await measureInTurns(turns, context.plan.rounds);
    runs.push({ base: uses[0]!, ours: await edge.end(uses[1]!), floor: uses[2]! });
  }
  return runs;
}

async function startOurs(
  { pinning, programs, plan }: BenchContext,
  players: number,
): Promise<FanOut> {
  const server = await startEdgeOnCore(pinning, { vhost: VHOST, publishAt: "origin" });
  const warmSeconds = plan.warmSeconds * patienceFor(players);
  return await FanOut.start(programs.load, server, { players, warmSeconds });
}

function patienceFor(players: number): number {
  return players < FEW_PLAYERS ? FEW_FACTOR : 1;
}

/** Processor time per player and merge period, in µs. */
function microseconds(cpuPercent: number, players: number): number {
  return cpuPercent / 100 * MERGE_MS * 1000 / players;
}

/** The same for what the players beyond the base add. */
function flushMicroseconds({ ours, base }: Run): number {
  return microseconds(ours.cpuPercent - base.cpuPercent, ours.players - BASE_PLAYERS);
}

function overFloor(run: Run): number {
  return flushMicroseconds(run) / microseconds(run.floor.cpuPercent, run.ours.players);
}

/** How much later than a merge period players were written to: mostly event loop delay. */
function latenessMs({ longestGapMs }: FanOutResult): number {
  return Math.max(0, longestGapMs - MERGE_MS);
}

function goalsOf(runs: readonly Run[]): Goal[] {
  const largest = runs.find(({ ours }) => ours.players === 9000)?.ours;
  if (largest === undefined) return [];
  const costs = runs.map((run) => flushMicroseconds(run));
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  const unevenness = Math.max(...costs.map((cost) => Math.abs(cost / mean - 1))) * 100;
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
    {
      what: "answer to a ping p99 at 9,000 players",
      value: largest.answerMs.p99,
      bound: 20,
      unit: "ms",
    },
    { what: "latest flush at 9,000 players", value: latenessMs(largest), bound: 20, unit: "ms" },
    {
      what: "worst µs per flush (without base), of the floor's",
      value: Math.max(...runs.map((run) => overFloor(run))),
      bound: 1.6,
      unit: "×",
    },
    {
      what: "µs per flush (without base) apart from its mean",
      value: unevenness,
      bound: 30,
      unit: "%",
    },
  ];
}

function figuresOf(runs: readonly Run[]): Record<string, string> {
  const largest = runs.at(-1);
  if (largest === undefined || largest.ours.players !== 9000) return {};
  const { ours } = largest;
  const micros = flushMicroseconds(largest);
  return {
    "9,000 players: CPU, RSS": `${figure(ours.cpuPercent)} %, ${figure(ours.rssMiB)} MiB`,
    "9,000 players: a flush, of the floor's": `${figure(micros)} µs, × ${
      figure(overFloor(largest))
    }`,
  };
}
