const WIDTH = 720;
const HEIGHT = 420;
const MARGIN = { left: 64, right: 200, top: 40, bottom: 50 };
const PLOT = {
  width: WIDTH - MARGIN.left - MARGIN.right,
  height: HEIGHT - MARGIN.top - MARGIN.bottom,
};
const STEPS = 5;
const COLOURS = ["#1769aa", "#888888", "#c2410c", "#15803d", "#7e22ce", "#b91c1c"];

/** A line of a chart. */
interface ChartLine {
  readonly name: string;
  /** From left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A chart of lines over a common axis. */
interface Chart {
  readonly title: string;
  readonly xTitle: string;
  /** Values of x that are marked; the last one is the end of the axis. */
  readonly xMarks: readonly number[];
  /** End of the axis of y, which begins at 0. */
  readonly yMax: number;
  /** Writes a value of y. */
  readonly formatY: (value: number) => string;
  readonly hasDots: boolean;
  readonly lines: readonly ChartLine[];
}

/** Draws a chart as an SVG document. */
export function drawLineChart(chart: Chart): string {
  const { title, xTitle, xMarks, yMax, formatY, lines, hasDots } = chart;
  const xMax = Math.max(...xMarks);
  const x = (value: number) => round(MARGIN.left + PLOT.width * value / xMax);
  const y = (value: number) =>
    round(HEIGHT - MARGIN.bottom - PLOT.height * Math.min(value, yMax) / yMax);
  const drawn = lines.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const places = points.map(([left, right]) => [x(left), y(right)] as const);
    const dots = hasDots ? places.map(([cx, cy]) => dot(cx, cy)).join("") : "";
    const legendY = MARGIN.top + 10 + index * 22;
    const legendX = WIDTH - MARGIN.right + 20;
    return `<g fill="${colour}"><polyline points="${
      places.map((place) => place.join()).join(" ")
    }"` +
      ` fill="none" stroke="${colour}" stroke-width="2"/>${dots}${dot(legendX, legendY)}` +
      `${text(legendX + 12, legendY + 4, name)}</g>`;
  });
  const rows = Array.from({ length: STEPS + 1 }, (_, step) => {
    const value = yMax * step / STEPS;
    return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" ` +
      `y2="${y(value)}" stroke="#dddddd"/>` +
      text(MARGIN.left - 8, y(value) + 4, formatY(value), "end");
  });
  const marks = xMarks.map((mark) =>
    text(x(mark), HEIGHT - MARGIN.bottom + 18, String(mark), "middle")
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(MARGIN.left, 22, title),
    ...rows,
    ...marks,
    ...drawn,
    text(MARGIN.left + PLOT.width / 2, HEIGHT - 12, xTitle, "middle"),
    "</svg>",
    "",
  ].join("\n");
}

function dot(x: number, y: number): string {
  return `<circle cx="${x}" cy="${y}" r="4"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(x: number, y: number, content: string, anchor = "start"): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped}</text>`;
}
