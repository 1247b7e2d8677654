import { hasProgram } from "../../tests/helpers/programs.ts";
import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, Goal, SceneResult } from "../bench_context.ts";
import { DelayRelay } from "../delay_relay.ts";
import { CROWD, type FirstMediaResult, measureFirstMedia } from "../first_media.ts";
import { startNginxPair } from "../peers.ts";
import { figure } from "../report.ts";
import { BenchServer, launchEdge, startEdgeOnCore } from "../servers.ts";
import { Source } from "../source.ts";

/** Delay in each direction between a far edge and its origin, in ms. */
const FAR_MS = 25;

type Row = readonly [string, FirstMediaResult];

/** Time until a player's first media: near the origin and far from it, alone and in a crowd. */
export async function firstMedia(context: BenchContext): Promise<SceneResult> {
  const near = await measure(context, "edge, beside its origin", () => startNear(context));
  const far = await measureFar(context);
  const rows = [near, far];
  if (await hasProgram("nginx-rtmp")) {
    rows.push(await measure(context, "nginx-rtmp", () => startNginxPair(context.pinning)));
  }
  return {
    tables: [{
      title: "From play to the first 4 KiB of media, in ms; cold: the edge must fetch the stream",
      columns: [
        "server",
        "cold",
        "worst",
        `${CROWD} cold`,
        "worst",
        "warm",
        "worst",
        `${CROWD} warm`,
        "worst",
      ],
      rows: rows.map(([name, { cold, coldCrowd, warm, warmCrowd }]) => [
        name,
        ...[cold, coldCrowd, warm, warmCrowd].flatMap(({ median, max }) => [median, max]).map(
          figure,
        ),
      ]),
    }],
    goals: goalsOf(near[1], far[1]),
    figures: {
      "first media: cold, warm, worst of 50": describe(near[1]),
    },
    points: [],
  };
}

function describe({ cold, warm, warmCrowd }: FirstMediaResult): string {
  return `${[cold.median, warm.median, warmCrowd.max].map(figure).join(", ")} ms`;
}

function startNear({ pinning }: BenchContext): Promise<BenchServer> {
  return startEdgeOnCore(pinning, { vhost: "", publishAt: "origin" });
}

async function measureFar(context: BenchContext): Promise<Row> {
  const origin = await launchEdge({ name: "far-origin", vhost: "", wrap: (command) => command });
  await using _origin = origin.process;
  using relay = new DelayRelay(origin.port, FAR_MS);
  return await measure(context, `edge, ${2 * FAR_MS} ms from its origin`, async () => {
    const edge = await launchEdge({
      name: "far-edge",
      vhost: `cluster { mode remote; origin 127.0.0.1:${relay.port}; }`,
      wrap: (command) => context.pinning.onServerCore(command),
    });
    return new BenchServer(edge.port, origin.port, [edge.process]);
  });
}

async function measure(
  { programs, plan }: BenchContext,
  name: string,
  start: () => Promise<BenchServer>,
): Promise<Row> {
  say(`first media: ${name}`);
  await using server = await start();
  const streams = Array.from({ length: plan.streams }, (_, index) => `first-${index}`);
  await using sources = new AsyncDisposableStack();
  for (const stream of streams) {
    sources.use(await Source.start({ ports: [server.publishPort], stream }));
  }
  return [name, await measureFirstMedia(programs.load, { port: server.port, streams })];
}

function goalsOf(near: FirstMediaResult, far: FirstMediaResult): Goal[] {
  return [
    { what: "first media, cold", value: near.cold.median, bound: 30, unit: "ms" },
    { what: "first media, warm", value: near.warm.median, bound: 10, unit: "ms" },
    {
      what: `first media, worst of ${CROWD}, warm`,
      value: near.warmCrowd.max,
      bound: 20,
      unit: "ms",
    },
    {
      what: "first media, cold and far",
      value: far.cold.median / (2 * FAR_MS),
      bound: 5,
      unit: "round trips",
    },
  ];
}
