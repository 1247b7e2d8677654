/** Our server when it writes as soon as it may, and what that costs. */

import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, SceneResult } from "../bench_context.ts";
import { measureFanOut } from "../fan_out.ts";
import { figure } from "../report.ts";
import { startEdgeOnCore } from "../servers.ts";

/** See the file comment. The publisher is at the edge: delays are from its input to the players. */
export async function lowLatency(context: BenchContext): Promise<SceneResult> {
  const { pinning, programs, plan } = context;
  say(`${plan.players} players: edge with min_latency on`);
  const settings = { vhost: "min_latency on;", publishAt: "edge" } as const;
  await using server = await startEdgeOnCore(pinning, settings);
  const result = await measureFanOut(programs.load, server, plan);
  const { cpuPercent, rssMiB, heldPercent, delayMs, answerMs } = result;
  const faults = result.faults + result.lostPlayers;
  return {
    tables: [{
      title: `${plan.players} players × 1 Mbit/s, min_latency on`,
      columns: [
        ...["server", "CPU %", "RSS MiB", "got %", "delay ms", "p99 ms", "ping p99 ms"],
        "faults",
      ],
      rows: [[
        "edge, from source",
        ...[cpuPercent, rssMiB, heldPercent.mean, delayMs.median, delayMs.p99, answerMs.p99]
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
      "min_latency: CPU, p99": `${figure(cpuPercent)} %, ${figure(delayMs.p99)} ms`,
    },
    points: [],
  };
}
