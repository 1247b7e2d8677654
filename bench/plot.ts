import { drawLineChart } from "../tools/line_chart.ts";
import type { PlotPoint } from "./bench_context.ts";

/**
 * Draws processor load by number of players, as an SVG document. `caption` says where and when it
 * was measured.
 */
export function drawPlot(points: readonly PlotPoint[], caption: string): string {
  const names = [...new Set(points.map(({ series }) => series))];
  return drawLineChart({
    title: `CPU of one core, by players of one stream. ${caption}`,
    xTitle: "players × 1 Mbit/s",
    xMarks: [...new Set(points.map(({ players }) => players))].sort((a, b) => a - b),
    yMax: 100,
    formatY: (percent) => `${percent} %`,
    hasDots: true,
    lines: names.map((name) => ({
      name,
      points: points
        .filter((point) => point.series === name)
        .sort((left, right) => left.players - right.players)
        .map(({ players, cpuPercent }) => [players, cpuPercent] as const),
    })),
  });
}
