/** Keeps runs in the repository: rows of `RESULTS.md`, and the plot. */

import { say } from "../tests/helpers/say.ts";
import type { SceneResult } from "./bench_context.ts";
import type { MachineFacts } from "./machine.ts";
import { markdownRow } from "./report.ts";

const RESULTS = new URL("RESULTS.md", import.meta.url);
const PLOT = new URL("results.svg", import.meta.url);

/** Columns of the list of benchmarks that scenes have figures for. */
const BENCH_COLUMNS = [
  ...["2,000: CPU, RSS", "of nginx-rtmp", "of node-media-server"],
  ...["9,000: CPU, RSS", "a flush, of floor", "min_latency: CPU, p99"],
  "first media: cold, warm, worst of 50",
  ...["two workers, of one", "1,000 streams, of one", "HTTP viewer, of RTMP"],
];

/** Adds a row for a whole run, and replaces the plot when there is one. */
export async function recordBench(
  run: {
    readonly machine: MachineFacts;
    readonly results: readonly SceneResult[];
    readonly plot: string | null;
  },
): Promise<void> {
  const { machine, results, plot } = run;
  const figures: Record<string, string> = Object.assign({}, ...results.map((each) => each.figures));
  await addRow("## Benchmarks", machine, BENCH_COLUMNS.map((name) => figures[name] ?? "–"));
  if (plot !== null) await Deno.writeTextFile(PLOT, plot);
}

/** Adds a row for a long run. @param cells What stands behind the machine. */
export async function recordSoak(machine: MachineFacts, cells: readonly string[]): Promise<void> {
  await addRow("## Long runs", machine, cells);
}

/** Adds a row to the table under a heading. */
async function addRow(
  heading: string,
  machine: MachineFacts,
  cells: readonly string[],
): Promise<void> {
  const lines = (await Deno.readTextFile(RESULTS)).split("\n");
  const start = lines.indexOf(heading);
  const header = lines.findIndex((line, index) => index > start && line.startsWith("|"));
  if (start < 0 || header < 0) throw new Error(`Cannot add a row: no table under "${heading}"`);
  let end = header;
  while (lines[end]?.startsWith("|")) end++;
  const { date, commit, deno, processor } = machine;
  lines.splice(end, 0, markdownRow([date, commit, deno, processor, ...cells]));
  await Deno.writeTextFile(RESULTS, lines.join("\n"));
  // Aligns the table's columns.
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", RESULTS.pathname] }).output();
  say("recorded in bench/RESULTS.md");
}
