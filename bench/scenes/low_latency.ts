import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, SceneResult } from "../bench_context.ts";
import { FanOut } from "../fan_out.ts";
import { FLOOR_TURN_MS, FloorProcess } from "../floor_process.ts";
import { figure } from "../report.ts";
import { startEdgeOnCore } from "../servers.ts";
import { measureInTurns, TURN_MS } from "../turns.ts";

/** The merge period of `min_latency`. */
const PERIOD_MS = 40;
/** Bytes of a 1 Mbit/s stream in that period. */
const FLUSH_BYTES = 5_000;

/**
 * Our server with `min_latency`, and what it costs, in turns with a C loop that only writes. The
 * publisher connects to the edge: delays are from its input to the players.
 */
export async function lowLatency(context: BenchContext): Promise<SceneResult> {
  const { pinning, programs, plan } = context;
  const { players } = plan;
  say(`${players} players connect to an edge with min_latency on, and as many to the floor`);
  const server = await startEdgeOnCore(pinning, { vhost: "min_latency on;", publishAt: "edge" });
  await using edge = await FanOut.start(programs.load, server, plan);
  await using floor = await FloorProcess.start(context, {
    players,
    flushBytes: FLUSH_BYTES,
    periodMs: PERIOD_MS,
  });
  const turns = [
    { contender: edge, lengthMs: 2 * TURN_MS },
    { contender: floor, lengthMs: FLOOR_TURN_MS },
  ];
  const [edgeUse, floorUse] = await measureInTurns(turns, plan.rounds);
  const result = await edge.end(edgeUse!);
  const { cpuPercent, rssMiB, heldPercent, delayMs, answerMs } = result;
  const faults = result.faults + result.lostPlayers;
  return {
    tables: [{
      title: `${plan.players} players × 1 Mbit/s, min_latency on`,
      columns: [
        ...["server", "CPU %", "floor %", "× floor", "RSS MiB", "got %"],
        ...["delay ms", "p99 ms", "ping p99 ms", "faults"],
      ],
      rows: [[
        "edge, from source",
        ...[cpuPercent, floorUse!.cpuPercent, cpuPercent / floorUse!.cpuPercent].map(figure),
        ...[rssMiB, heldPercent.mean, delayMs.median, delayMs.p99, answerMs.p99]
          .map(figure),
        String(faults),
      ]],
    }],
    goals: plan.players !== 2000 ? [] : [
      { what: "CPU with min_latency on", value: cpuPercent, bound: 60, unit: "%" },
      { what: "delay p99 with min_latency on", value: delayMs.p99, bound: 60, unit: "ms" },
      {
        what: "answer to a ping p99 with min_latency on",
        value: answerMs.p99,
        bound: 20,
        unit: "ms",
      },
      { what: "frames lost or players closed", value: faults, bound: 0, unit: "" },
    ],
    figures: plan.players !== 2000 ? {} : {
      "min_latency: CPU, delay p99": `${figure(cpuPercent)} %, ${figure(delayMs.p99)} ms`,
    },
    points: [],
  };
}
