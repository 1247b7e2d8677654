/**
 * Simulates trees of servers with the code that chooses origins, retries and limits connections:
 * `deno task simulate`. With `--write`, the tables and the chart of `docs/scaling.md` are replaced.
 */

import { drawLineChart } from "./line_chart.ts";
import { markdownTable } from "./markdown_table.ts";
import { fill, playScenes, SAMPLE_MS, type SceneResult, SETTINGS } from "./simulation/scenes.ts";
import type { TierLoad } from "./simulation/scenes.ts";
import type { TreePlan } from "./simulation/tree.ts";

const COMMON = { playersPerLeaf: 2_000, arrivalMs: 10_000, settings: SETTINGS } as const;

/** One stream, two levels: an origin sees one connection an edge. */
const ONE_STREAM: TreePlan = { ...COMMON, tiers: [1, 320], streams: 1 };

/** A platform: 5,000 streams, three levels. */
const MANY_STREAMS: TreePlan = { ...COMMON, tiers: [2, 16, 320], streams: 5_000 };

const DOC = new URL("../docs/scaling.md", import.meta.url);
const CHART = new URL("../docs/scaling.svg", import.meta.url);
const MARKS = ["<!-- simulated: begin -->", "<!-- simulated: end -->"] as const;

/** The chart ends here: everyone plays again. */
const CHART_SECONDS = 6;

const one = await fill(ONE_STREAM);
const many = await fill(MANY_STREAMS);
const scenes = await playScenes(many.tree, many.ledger);
const report = [
  ...loadTable("One stream, 320 edges × 2,000 players", one.loads),
  "",
  ...loadTable("5,000 streams, 16 mids, 320 leaves × 2,000 players", many.loads),
  "",
  ...sceneTable(scenes),
];
if (Deno.args.includes("--write")) {
  const doc = Deno.readTextFileSync(DOC);
  const [begin, end] = MARKS.map((mark) => doc.indexOf(mark)) as [number, number];
  const part = [MARKS[0], "", ...report, "", MARKS[1]].join("\n");
  Deno.writeTextFileSync(DOC, doc.slice(0, begin) + part + doc.slice(end + MARKS[1].length));
  Deno.writeTextFileSync(CHART, drawScenes(scenes));
} else {
  Deno.stdout.writeSync(new TextEncoder().encode(report.join("\n") + "\n"));
}

/** With streams of 1 Mbit/s, a connection is a Mbit/s. */
function loadTable(title: string, loads: readonly TierLoad[]): string[] {
  return [
    `### ${title}`,
    "",
    ...markdownTable(
      ["tier", "servers", "upstream connections", "clients", "Gbit/s out", "of the busiest server"],
      loads.map(({ tier, servers, upstreams, clients, mostClients }) => [
        tier,
        String(servers),
        count(upstreams),
        count(clients),
        (clients / 1_000).toFixed(1),
        (mostClients / 1_000).toFixed(1),
      ]),
    ),
  ];
}

function sceneTable(results: readonly SceneResult[]): string[] {
  return [
    "### When something is lost",
    "",
    ...markdownTable(
      [
        ...["event", "players who wait", "pulls that move", "half play after", "99 %", "all"],
        "dials/s at the busiest",
      ],
      results.map((result) => [
        result.name,
        `${count(result.players)}`,
        `${(100 * result.moved / result.pulls).toFixed(1)} %`,
        seconds(result.medianMs),
        seconds(result.p99Ms),
        seconds(result.longestMs),
        count(result.mostDials),
      ]),
    ),
  ];
}

function drawScenes(results: readonly SceneResult[]): string {
  const most = Math.max(...results.flatMap(({ silent }) => silent));
  const step = 10 ** Math.floor(Math.log10(most));
  return drawLineChart({
    title: "Players who wait for the stream, of 640,000, after a loss",
    xTitle: "seconds after the loss",
    xMarks: Array.from({ length: CHART_SECONDS + 1 }, (_, second) => second),
    yMax: Math.ceil(most / step) * step,
    formatY: count,
    hasDots: false,
    lines: results.map(({ name, silent }) => ({
      name,
      points: silent
        .slice(0, CHART_SECONDS * 1_000 / SAMPLE_MS + 1)
        .map((players, index) => [index * SAMPLE_MS / 1_000, players] as const),
    })),
  });
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
