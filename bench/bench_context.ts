import type { IndependentLoad } from "./independent_load.ts";
import type { Pinning } from "./machine.ts";
import type { Table } from "./report.ts";
import type { CProgram } from "./workshop.ts";

/** What every scene works with. */
export interface BenchContext {
  readonly pinning: Pinning;
  /** Paths of the compiled programs. */
  readonly programs: Record<CProgram, string>;
  /** Null unless its directory was given. */
  readonly independentLoad: IndependentLoad | null;
  readonly plan: Plan;
}

/** How much to measure. */
export interface Plan {
  /** Players in every scene except `scaling`. */
  readonly players: number;
  /** Players in each run of `scaling`, ascending. */
  readonly counts: readonly number[];
  /** Seconds after all players have started that are not measured. */
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Number of turns for each server, where servers are measured in turns. */
  readonly rounds: number;
  /** Number of streams whose first media is timed. */
  readonly streams: number;
}

/** A measured value and its upper bound. */
export interface Goal {
  readonly what: string;
  readonly value: number;
  /** The value should not exceed this. */
  readonly bound: number;
  readonly unit: string;
}

/** What a scene measured. */
export interface SceneResult {
  readonly tables: readonly Table[];
  /** Goals that apply to the plan in use. */
  readonly goals: readonly Goal[];
  /** Cells for the table of results, by the name of their row. */
  readonly figures: Readonly<Record<string, string>>;
  /** Points of the plot: processor load by number of players. */
  readonly points: readonly PlotPoint[];
}

/** One point of the plot. */
export interface PlotPoint {
  readonly series: string;
  readonly players: number;
  readonly cpuPercent: number;
}
