import type { PlotPoint } from "./bench_context.ts";

const WIDTH = 720;
const HEIGHT = 420;
const MARGIN = { left: 60, right: 200, top: 40, bottom: 50 };
const MAX_PERCENT = 100;
const STEPS = 5;
const COLOURS = ["#1769aa", "#888888", "#c2410c", "#15803d", "#7e22ce", "#b91c1c"];

/**
 * Draws processor load by number of players, as an SVG document. `caption` says where and when it
 * was measured.
 */
export function drawPlot(points: readonly PlotPoint[], caption: string): string {
  const maxPlayers = Math.max(...points.map(({ players }) => players)) * 1.05;
  const x = (players: number) => round(MARGIN.left + plotWidth() * players / maxPlayers);
  const y = (percent: number) =>
    round(HEIGHT - MARGIN.bottom - plotHeight() * Math.min(percent, MAX_PERCENT) / MAX_PERCENT);
  const names = [...new Set(points.map(({ series }) => series))];
  const series = names.map((name, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const own = points
      .filter((point) => point.series === name)
      .sort((left, right) => left.players - right.players)
      .map(({ players, cpuPercent }) => ({ x: x(players), y: y(cpuPercent) }));
    const line = own.map((point) => `${point.x},${point.y}`).join(" ");
    const dots = own.map((point) => `<circle cx="${point.x}" cy="${point.y}" r="4"/>`).join("");
    const legendY = MARGIN.top + 10 + index * 22;
    const legendX = WIDTH - MARGIN.right + 20;
    return `<g fill="${colour}"><polyline points="${line}" fill="none" stroke="${colour}" ` +
      `stroke-width="2"/>${dots}<circle cx="${legendX}" cy="${legendY}" r="4"/>` +
      `${text(legendX + 12, legendY + 4, name)}</g>`;
  });
  const rows = Array.from({ length: STEPS + 1 }, (_, step) => {
    const percent = MAX_PERCENT * step / STEPS;
    return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(percent)}" ` +
      `y2="${y(percent)}" stroke="#dddddd"/>` +
      text(MARGIN.left - 8, y(percent) + 4, `${percent} %`, "end");
  });
  const ticks = [...new Set(points.map(({ players }) => players))]
    .map((players) => text(x(players), HEIGHT - MARGIN.bottom + 18, String(players), "middle"));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(MARGIN.left, 22, `CPU of one core, by players of one stream. ${caption}`),
    ...rows,
    ...ticks,
    ...series,
    text(MARGIN.left + plotWidth() / 2, HEIGHT - 12, "players × 1 Mbit/s", "middle"),
    "</svg>",
    "",
  ].join("\n");
}

function plotWidth(): number {
  return WIDTH - MARGIN.left - MARGIN.right;
}

function plotHeight(): number {
  return HEIGHT - MARGIN.top - MARGIN.bottom;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(x: number, y: number, content: string, anchor = "start"): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped}</text>`;
}
