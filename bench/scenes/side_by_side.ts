import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { FanOut, type FanOutResult } from "../fan_out.ts";
import { nginxRtmp, nodeMediaServer } from "../peers.ts";
import { figure } from "../report.ts";
import { type Competitor, compiledEdge, startEdgeOnCore } from "../servers.ts";
import { measureInTurns, TURN_MS } from "../turns.ts";

/**
 * `ping`: while other servers have their turn, players are silent for longer than the default of 30
 * s.
 */
const VHOST = "play { mw_latency 350; ping 600s; }";
const OURS = "edge, from source";

type Entry = readonly [Competitor, FanOutResult];

/** Our server and others under the same load, in turns. */
export async function sideBySide(context: BenchContext): Promise<SceneResult> {
  const { pinning, programs, plan } = context;
  await using resources = new AsyncDisposableStack();
  const all: [Competitor, FanOut][] = [];
  for (const competitor of await competitors(context)) {
    say(`${plan.players} players connect to ${competitor.name}`);
    const fanOut = await FanOut.start(programs.load, await competitor.start(), plan);
    all.push([competitor, resources.use(fanOut)]);
  }
  say("measuring in turns");
  const uses = await measureInTurns(
    all.map(([, contender]) => ({ contender, lengthMs: TURN_MS })),
    plan.rounds,
  );
  const results: Entry[] = [];
  for (const [index, [competitor, fanOut]] of all.entries()) {
    results.push([competitor, await fanOut.end(uses[index]!)]);
  }
  const ours = results[0]![1];
  return {
    tables: [{
      title: `${plan.players} players × 1 Mbit/s, merged for 350 ms where the server can` +
        (pinning.isOn ? "" : ", not pinned"),
      columns: [
        ...["server", "CPU %", "× ours", "RSS MiB", "got %", "delay p99 ms", "ping p99 ms"],
        "faults",
      ],
      rows: results.map(([{ name }, result]) => [
        name,
        figure(result.cpuPercent),
        figure(result.cpuPercent / ours.cpuPercent),
        figure(result.rssMiB),
        figure(result.heldPercent.mean),
        figure(result.delayMs.p99),
        figure(result.answerMs.p99),
        String(result.faults + result.lostPlayers),
      ]),
    }],
    goals: plan.players === 2000 ? goalsOf(results) : [],
    figures: plan.players === 2000 ? figuresOf(results) : {},
    points: results.slice(1).map(([{ name }, { players, cpuPercent }]) => ({
      series: name,
      players,
      cpuPercent,
    })),
  };
}

async function competitors({ pinning }: BenchContext): Promise<Competitor[]> {
  const binary = await compiledEdge();
  const settings = { vhost: VHOST, publishAt: "origin" } as const;
  const all = [
    { name: OURS, start: () => startEdgeOnCore(pinning, settings) },
    binary === null ? null : {
      name: "edge, dist/edge",
      start: () => startEdgeOnCore(pinning, { ...settings, binary }),
    },
    await nginxRtmp(pinning),
    await nodeMediaServer(pinning),
  ];
  return all.filter((competitor) => competitor !== null);
}

/**
 * Our processor time as a share of that of the server whose name starts with `prefix`; NaN if it
 * was skipped.
 */
function shareOf(results: readonly Entry[], prefix: string): number {
  const other = results.find(([{ name }]) => name.startsWith(prefix))?.[1];
  return other === undefined ? NaN : results[0]![1].cpuPercent / other.cpuPercent;
}

function goalsOf(results: readonly Entry[]): Goal[] {
  const { rssMiB, answerMs, faults, lostPlayers } = results[0]![1];
  const [nginx, node] = [shareOf(results, "nginx-rtmp"), shareOf(results, "node-media-server")];
  return [
    { what: "CPU of nginx-rtmp's", value: nginx, bound: 0.25, unit: "×" },
    { what: "CPU of node-media-server's", value: node, bound: 0.2, unit: "×" },
    { what: "RSS at 2,000 players", value: rssMiB, bound: 100, unit: "MiB" },
    { what: "answer to a ping p99 at 2,000 players", value: answerMs.p99, bound: 20, unit: "ms" },
    { what: "frames lost or players closed", value: faults + lostPlayers, bound: 0, unit: "" },
  ];
}

function figuresOf(results: readonly Entry[]): Record<string, string> {
  const { cpuPercent, rssMiB } = results[0]![1];
  const share = (prefix: string) => {
    const version = results
      .find(([{ name }]) => name.startsWith(prefix))?.[0].name.match(/\d+\.[\d.]+/)?.[0];
    return version === undefined ? "–" : `× ${figure(shareOf(results, prefix))} (${version})`;
  };
  return {
    "2,000 players: CPU, RSS": `${figure(cpuPercent)} %, ${figure(rssMiB)} MiB`,
    "2,000 players: CPU, of nginx-rtmp's": share("nginx-rtmp"),
    "2,000 players: CPU, of node-media-server's": share("node-media-server"),
  };
}
