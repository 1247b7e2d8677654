/**
 * Measures the whole server: `deno task bench`, in under ten minutes; with `--quick`, in four.
 *
 *     --only NAME,…      scenes to run: side-by-side, scaling, low-latency, storm, first-media,
 *                        workers, streams, http-flv, publishers
 *     --players N        this many players in every run
 *     --load DIRECTORY   of rtmp_pub.c and rtmp_sink.c, the independent load of "publishers"
 *     --record           add a column to bench/RESULTS.md and redraw bench/results.svg
 *
 * Results are also kept as .cache/bench/results.json and results.svg.
 */

import { parseArgs } from "node:util";
import { startProcess } from "../tests/helpers/processes.ts";
import { say } from "../tests/helpers/say.ts";
import type { BenchContext, Plan, SceneResult } from "./bench_context.ts";
import { describeMachine, Pinning, readProcessorTimes } from "./machine.ts";
import { buildIndependentLoad } from "./independent_load.ts";
import { drawPlot } from "./plot.ts";
import { recordBench } from "./record.ts";
import { figure, formatTable } from "./report.ts";
import { firstMedia } from "./scenes/first_media.ts";
import { httpFlv } from "./scenes/http_flv.ts";
import { lowLatency } from "./scenes/low_latency.ts";
import { publishers } from "./scenes/publishers.ts";
import { scaling } from "./scenes/scaling.ts";
import { sideBySide } from "./scenes/side_by_side.ts";
import { storm } from "./scenes/storm.ts";
import { streams } from "./scenes/streams.ts";
import { workers } from "./scenes/workers.ts";
import { buildPrograms, WORKSHOP } from "./workshop.ts";

const SCENES: Readonly<Record<string, (context: BenchContext) => Promise<SceneResult>>> = {
  "side-by-side": sideBySide,
  scaling,
  "low-latency": lowLatency,
  storm,
  "first-media": firstMedia,
  workers,
  streams,
  "http-flv": httpFlv,
  publishers,
};

/**
 * Scenes that measure the use of the server core, which is kept awake for them. The other scenes
 * measure delays, to which a busy neighbouring core adds, or use all cores.
 */
const OF_ONE_CORE: ReadonlySet<string> = new Set([
  "side-by-side",
  "scaling",
  "low-latency",
  "streams",
  "http-flv",
  "publishers",
]);

const FULL: Plan = {
  players: 2000,
  counts: [500, 2000, 5000, 9000],
  warmSeconds: 4,
  seconds: 10,
  rounds: 3,
  streams: 10,
};

const QUICK: Plan = {
  players: 2000,
  counts: [500, 2000],
  warmSeconds: 2,
  seconds: 4,
  rounds: 2,
  streams: 4,
};

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: Object.keys(SCENES).join(",") },
    players: { type: "string" },
    load: { type: "string" },
    record: { type: "boolean", default: false },
  },
});

const startedMs = performance.now();
const timesBefore = await readProcessorTimes();
const names = flags.only.split(",");
const unknown = names.find((name) => !Object.hasOwn(SCENES, name));
if (unknown !== undefined) {
  throw new Error(`Unknown scene "${unknown}"; choose from ${Object.keys(SCENES).join(", ")}`);
}
const context: BenchContext = {
  pinning: await Pinning.start(),
  programs: await buildPrograms(),
  independentLoad: flags.load === undefined ? null : await buildIndependentLoad(flags.load),
  plan: withPlayers(flags.quick ? QUICK : FULL, flags.players),
};
const results: SceneResult[] = [];
for (const name of names) {
  const result = await play(name);
  for (const table of result.tables) print(`\n${formatTable(table)}`);
  results.push(result);
}
const machine = await describeMachine();
const points = results.flatMap((result) => result.points);
const plot = points.length === 0 ? null : drawPlot(points, `${machine.date}, ${machine.commit}`);
await Deno.writeTextFile(
  `${WORKSHOP}/results.json`,
  JSON.stringify({ machine, plan: context.plan, results }, null, 2),
);
if (plot !== null) await Deno.writeTextFile(`${WORKSHOP}/results.svg`, plot);
printGoals();
for (const name of Object.keys(SCENES)) if (!names.includes(name)) say(`skipped: ${name}`);
const tookSeconds = figure((performance.now() - startedMs) / 1000);
const stolen = figure(await stolenPercent());
say(
  `${Object.values(machine).join(", ")}; took ${tookSeconds} s, ` +
    `of which the host gave ${stolen} % to other machines`,
);
if (flags.record) await recordBench({ machine, results, plot });

async function play(name: string): Promise<SceneResult> {
  const { pinning, programs } = context;
  await using _awake = pinning.isOn && OF_ONE_CORE.has(name)
    ? startProcess({ name: "awake", command: pinning.onServerCore([programs.awake]) })
    : null;
  return await SCENES[name]!(context);
}

/** Returns the share of processor time since the start that the host gave to other machines. */
async function stolenPercent(): Promise<number> {
  const { totalMs, stolenMs } = await readProcessorTimes();
  return (stolenMs - timesBefore.stolenMs) / (totalMs - timesBefore.totalMs) * 100;
}

/** Prints one line for each value that has a bound. */
function printGoals(): void {
  const goals = results.flatMap((result) => result.goals);
  if (goals.length === 0) return;
  const rows = goals.map(({ what, value, bound, unit }) => {
    const verdict = Number.isNaN(value) ? "skipped" : value <= bound ? "ok" : "MISSED";
    return [what, figure(value), `${bound} ${unit}`.trim(), verdict];
  });
  print(`\n${formatTable({ title: "Goals", columns: ["goal", "value", "bound", ""], rows })}`);
}

function withPlayers(plan: Plan, text: string | undefined): Plan {
  if (text === undefined) return plan;
  const players = Number(text);
  if (!(players >= 1)) throw new Error("--players needs a number, at least 1");
  return { ...plan, players, counts: [players] };
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
