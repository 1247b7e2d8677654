/** What all scenes work with. */

import type { Pinning } from "./machine.ts";
import type { Table } from "./report.ts";
import type { CProgram } from "./workshop.ts";

/** See the file comment. */
export interface BenchContext {
  readonly pinning: Pinning;
  /** Paths of the compiled programs. */
  readonly programs: Record<CProgram, string>;
  readonly plan: Plan;
}

/** How much is measured. */
export interface Plan {
  /** Players of every scene but the scaling. */
  readonly players: number;
  /** Players of each run of the scaling, ascending. */
  readonly counts: readonly number[];
  /** Seconds after all play that are not measured. */
  readonly warmSeconds: number;
  readonly seconds: number;
  /** How often each has its turn where several are measured in turns. */
  readonly rounds: number;
  /** Streams whose first media is timed. */
  readonly streams: number;
}

/** A figure and its bound. */
export interface Goal {
  readonly what: string;
  readonly value: number;
  /** It should not be more. */
  readonly bound: number;
  readonly unit: string;
}

/** What a scene found. */
export interface SceneResult {
  readonly tables: readonly Table[];
  /** Those whose conditions the plan met. */
  readonly goals: readonly Goal[];
  /** Values of the row in the list of results, by its column. */
  readonly figures: Readonly<Record<string, string>>;
  /** Points of the plot: processor load by players. */
  readonly points: readonly PlotPoint[];
}

/** One run in the plot. */
export interface PlotPoint {
  readonly series: string;
  readonly players: number;
  readonly cpuPercent: number;
}
