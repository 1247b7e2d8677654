import { say } from "../tests/helpers/say.ts";
import type { SceneResult } from "./bench_context.ts";
import type { MachineFacts } from "./machine.ts";

const RESULTS = new URL("RESULTS.md", import.meta.url);
const PLOT = new URL("results.svg", import.meta.url);

/**
 * Adds a run to the repository: a column of the table in `RESULTS.md`, and the plot if it has one.
 */
export async function recordBench(
  run: {
    readonly machine: MachineFacts;
    readonly results: readonly SceneResult[];
    readonly plot: string | null;
  },
): Promise<void> {
  const { machine: { date, commit, deno, processor }, results, plot } = run;
  const figures: Record<string, string> = Object.assign({}, ...results.map((each) => each.figures));
  const cells: Record<string, string> = { "": commit, date, Deno: deno, machine: processor };
  const lines = (await Deno.readTextFile(RESULTS)).split("\n").map((line) => {
    if (!line.startsWith("|")) return line;
    const name = line.split("|")[1]!.trim();
    const cell = /^-+$/.test(name) ? "---" : cells[name] ?? figures[name] ?? "–";
    return `${line} ${cell} |`;
  });
  await Deno.writeTextFile(RESULTS, lines.join("\n"));
  // Aligns the table's columns.
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", RESULTS.pathname] }).output();
  if (plot !== null) await Deno.writeTextFile(PLOT, plot);
  say("recorded in bench/RESULTS.md");
}
