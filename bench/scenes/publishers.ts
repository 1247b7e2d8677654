import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { type LoadUse, type MediaShape, runLoad, writeMedia } from "../independent_load.ts";
import { nginxRtmp } from "../peers.ts";
import { figure } from "../report.ts";
import { BenchServer, type Competitor, launchEdge } from "../servers.ts";

/** Publishers have joined and merged reads have found their pace. */
const WARM_SECONDS = 4;
const SECONDS = 5;

const THIN: MediaShape = {
  name: "thin",
  videoKilobits: 68,
  audioKilobits: 32,
  framesPerSecond: 15,
};
const USUAL: MediaShape = {
  name: "usual",
  videoKilobits: 872,
  audioKilobits: 128,
  framesPerSecond: 30,
};

/** A load, and what it may cost. */
interface Row {
  readonly name: string;
  readonly shape: MediaShape;
  readonly count: number;
  readonly hasPlayers: boolean;
  /** Most of nginx-rtmp's CPU: as usual, and with merged reads off. */
  readonly bounds: { readonly usual?: number; readonly unmerged?: number };
  /** Most resident memory, in MiB. */
  readonly maxRssMiB?: number;
}

const THIN_ROW = { shape: THIN, count: 1000, name: "1,000 × 100 kbit/s" } as const;
const USUAL_ROW = { shape: USUAL, count: 300, name: "300 × 1 Mbit/s" } as const;

const ROWS: readonly Row[] = [
  { ...THIN_ROW, hasPlayers: false, bounds: { usual: 1.5, unmerged: 1.9 } },
  { ...THIN_ROW, hasPlayers: true, bounds: {} },
  { ...USUAL_ROW, hasPlayers: false, bounds: { usual: 1.6 }, maxRssMiB: 260 },
  { ...USUAL_ROW, hasPlayers: true, bounds: {} },
];

/** What each server took for a row. */
interface Measured {
  readonly row: Row;
  readonly name: string;
  readonly edge: LoadUse;
  readonly unmerged: LoadUse | null;
  readonly nginx: LoadUse | null;
}

/** Many publishers at an origin, without players and with one each, in turns beside nginx-rtmp. */
export async function publishers(context: BenchContext): Promise<SceneResult> {
  const { independentLoad } = context;
  if (independentLoad === null) {
    say("skipped: publishers; name the directory of rtmp_pub.c and rtmp_sink.c with --load");
    return { tables: [], goals: [], figures: {}, points: [] };
  }
  const nginx = await nginxRtmp(context.pinning);
  const all: Measured[] = [];
  for (const row of ROWS) all.push(await measureRow(context, row, nginx));
  return {
    tables: [{
      title: "Publishers at an origin",
      columns: ["", "CPU %", "of nginx-rtmp's", "RSS MiB", "faults"],
      rows: all.flatMap(linesOf),
    }],
    goals: all.flatMap(goalsOf),
    figures: Object.assign({}, ...all.map(figuresOf)),
    points: [],
  };
}

/** Each turn starts another server: publishers cannot pause without sending later what was due. */
async function measureRow(
  context: BenchContext,
  row: Row,
  nginx: Competitor | null,
): Promise<Measured> {
  const name = row.hasPlayers ? `${row.name}, a player each` : row.name;
  const file = await writeMedia(row.shape);
  const measure = async (start: () => Promise<BenchServer>) => {
    await using server = await start();
    const { port, pid } = server;
    const { count, hasPlayers } = row;
    const load = context.independentLoad!;
    const times = { warmSeconds: WARM_SECONDS, seconds: SECONDS };
    return await runLoad({ load, port, pid, file, count, hasPlayers, ...times });
  };
  const edges: LoadUse[] = [];
  const unmerged: LoadUse[] = [];
  const others: LoadUse[] = [];
  for (let round = 0; round < context.plan.rounds; round++) {
    say(`publishers: ${name}, round ${round + 1}`);
    edges.push(await measure(() => startOrigin(context, "")));
    if (nginx !== null) others.push(await measure(() => nginx.start()));
    if (row.bounds.unmerged === undefined) continue;
    unmerged.push(await measure(() => startOrigin(context, "publish { mr off; }")));
  }
  return { row, name, edge: meanOf(edges)!, unmerged: meanOf(unmerged), nginx: meanOf(others) };
}

async function startOrigin({ pinning }: BenchContext, vhost: string): Promise<BenchServer> {
  const wrap = (command: readonly string[]) => pinning.onServerCore(command);
  const { port, process } = await launchEdge({ name: "publishers", vhost, wrap });
  return new BenchServer(port, port, [process]);
}

/** The mean CPU, the most memory, and all faults; null of nothing. */
function meanOf(uses: readonly LoadUse[]): LoadUse | null {
  if (uses.length === 0) return null;
  return {
    cpuPercent: uses.reduce((sum, { cpuPercent }) => sum + cpuPercent, 0) / uses.length,
    rssMiB: Math.max(...uses.map(({ rssMiB }) => rssMiB)),
    faults: uses.reduce((sum, { faults }) => sum + faults, 0),
  };
}

function ratio(use: LoadUse | null, { nginx }: Measured): number {
  return use === null || nginx === null ? NaN : use.cpuPercent / nginx.cpuPercent;
}

function linesOf(measured: Measured): string[][] {
  const { name, edge, unmerged, nginx } = measured;
  const line = (what: string, use: LoadUse | null) =>
    use === null ? [] : [[
      `${name}: ${what}`,
      ...[use.cpuPercent, ratio(use, measured), use.rssMiB].map(figure),
      String(use.faults),
    ]];
  return [
    ...line("edge", edge),
    ...line("edge, mr off", unmerged),
    ...line("nginx-rtmp", nginx),
  ];
}

function goalsOf(measured: Measured): Goal[] {
  const { row: { bounds, maxRssMiB }, name, edge, unmerged } = measured;
  const cpu = (what: string, use: LoadUse | null, bound: number | undefined) =>
    bound === undefined ? [] : [{
      what: `${name}: CPU${what}, of nginx-rtmp's`,
      value: ratio(use, measured),
      bound,
      unit: "×",
    }];
  return [
    ...cpu("", edge, bounds.usual),
    ...cpu(" with mr off", unmerged, bounds.unmerged),
    ...maxRssMiB === undefined
      ? []
      : [{ what: `${name}: RSS`, value: edge.rssMiB, bound: maxRssMiB, unit: "MiB" }],
    {
      what: `${name}: clients refused or closed`,
      value: edge.faults + (unmerged?.faults ?? 0),
      bound: 0,
      unit: "",
    },
  ];
}

function figuresOf(measured: Measured): Record<string, string> {
  const { name, edge } = measured;
  const cell = `${figure(edge.cpuPercent)} %, × ${figure(ratio(edge, measured))}, ` +
    `${figure(edge.rssMiB)} MiB`;
  return { [`${name}: CPU, of nginx-rtmp's, RSS`]: cell };
}
