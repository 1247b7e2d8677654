/**
 * Runs an edge for a long time while players come and go, a fifth of them too slow for the stream,
 * and its origins are killed and stopped in turn: `deno task soak --minutes 60`. Prints
 * measurements and a verdict. Fails when memory or descriptors grow, or when a player that stays
 * misses a frame.
 *
 *     --minutes N        duration, by default 60
 *     --players N        concurrent players, by default 300
 */

import { parseArgs } from "node:util";
import { say } from "../tests/helpers/say.ts";
import { until } from "../tests/helpers/until.ts";
import { LoadProcess } from "./load_process.ts";
import { countDescriptors, describeMachine, Pinning, readUsage } from "./machine.ts";
import { figure, formatTable } from "./report.ts";
import { SamplePlayer } from "./sample_player.ts";
import { launchEdge, type Listening } from "./servers.ts";
import { Source } from "./source.ts";
import { judge, type SoakPoint, type Verdict } from "./soak_verdict.ts";
import { buildPrograms } from "./workshop.ts";

const CHURN_PERCENT_PER_SECOND = 5;
const SLOW_PERCENT = 20;
/** A quarter of the stream's rate, in bytes per second. */
const SLOW_RATE = 31_250;
const RATE = 200;
const POINT_MS = 1000;
/** Interval between losses of an origin, and how long it is away. */
const RESTART_MS = 20_000;
const AWAY_MS = 3_000;
const TABLE_ROWS = 20;
/** Allows for the upstream's linger and for the last sockets to close. */
const EMPTY_TIMEOUT_MS = 30_000;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    players: { type: "string", default: "300" },
  },
});
const [minutes, players] = [Number(flags.minutes), Number(flags.players)];
if (!(minutes > 0 && players > 0)) throw new Error("--minutes and --players need numbers above 0");

const pinning = await Pinning.start();
const programs = await buildPrograms();
const origins = [await launchOrigin(0), await launchOrigin(0)];
const addresses = origins.map(({ port }) => `127.0.0.1:${port}`).join(" ");
const edge = await launchEdge({
  name: "soak-edge",
  vhost: `cluster { mode remote; origin ${addresses}; } play { queue_length 10; }`,
  wrap: (command) => pinning.onServerCore(command),
});
const points: SoakPoint[] = [];
let restartCount = 0;
try {
  await soak();
} finally {
  await edge.process.stop();
  for (const { process } of origins) await process.stop();
}

async function soak(): Promise<void> {
  const emptyDescriptors = countDescriptors(edge.process.pid);
  const stop = new AbortController();
  let faults = 0;
  {
    await using _source = await Source.start({
      ports: origins.map(({ port }) => port),
      stream: "bench",
    });
    await using sample = await SamplePlayer.open(edge.port, "bench");
    await using load = startLoad();
    await load.untilBegun();
    const restarting = restartOrigins(stop.signal);
    await watch(load, sample);
    stop.abort();
    await restarting;
    faults = sample.faultCount + (sample.isEnded ? 1 : 0);
  }
  await until("the descriptors of all players to be closed", () => {
    return countDescriptors(edge.process.pid) <= emptyDescriptors;
  }, { timeoutMs: EMPTY_TIMEOUT_MS, everyMs: 200 }).catch(() => {});
  const leftDescriptors = countDescriptors(edge.process.pid) - emptyDescriptors;
  await report(judge({ points, faults, leftDescriptors }));
}

function startLoad(): LoadProcess {
  return new LoadProcess(programs.load, {
    port: edge.port,
    players,
    rate: RATE,
    warmSeconds: 1,
    seconds: minutes * 60,
    flags: [
      "--reopen",
      `--churn=${Math.max(1, Math.round(players * CHURN_PERCENT_PER_SECOND / 100))}`,
      `--slow-percent=${SLOW_PERCENT}`,
      `--slow-rate=${SLOW_RATE}`,
    ],
  });
}

/** Records a point every second until the time is over. */
async function watch(load: LoadProcess, sample: SamplePlayer): Promise<void> {
  const { pid } = edge.process;
  const startedMs = performance.now();
  const endMs = startedMs + minutes * 60_000;
  let cpuMs = (await readUsage(pid)).cpuMs;
  for (let dueMs = startedMs + POINT_MS; dueMs < endMs; dueMs += POINT_MS) {
    await sleep(dueMs - performance.now());
    const usage = await readUsage(pid);
    const { playing, opened, closed } = load.state!;
    points.push({
      minute: (performance.now() - startedMs) / 60_000,
      cpuPercent: (usage.cpuMs - cpuMs) / POINT_MS * 100,
      rssMiB: usage.rssMiB,
      descriptors: countDescriptors(pid),
      ...{ playing, opened, closed, restarts: restartCount, faults: sample.faultCount },
    });
    cpuMs = usage.cpuMs;
    sample.begin();
  }
}

/** Kills or stops the origins in turn; one of them is always up. */
async function restartOrigins(signal: AbortSignal): Promise<void> {
  for (let index = 0;; index = 1 - index) {
    if (await isAborted(signal, RESTART_MS)) return;
    const origin = origins[index]!;
    // In four turns, each origin is killed once and stopped once.
    if (restartCount % 4 < 2) Deno.kill(origin.process.pid, "SIGKILL");
    await origin.process.stop();
    restartCount++;
    await isAborted(signal, AWAY_MS);
    origins[index] = await launchOrigin(origin.port);
  }
}

/** Waits; returns whether the wait was interrupted. */
async function isAborted(signal: AbortSignal, ms: number): Promise<boolean> {
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  await Promise.race([aborted, sleep(signal.aborted ? 0 : ms)]);
  return signal.aborted;
}

function launchOrigin(port: number): Promise<Listening> {
  return launchEdge({ name: "soak-origin", vhost: "", wrap: (command) => command, port });
}

async function report({ isGood, lines }: Verdict): Promise<void> {
  const step = Math.max(1, Math.floor(points.length / TABLE_ROWS));
  const shown = points.filter((_, index) => (index + 1) % step === 0);
  const text = formatTable({
    title: `${minutes} minutes, ${players} players, ${SLOW_PERCENT} % of them slow`,
    columns: [
      ...["minute", "CPU %", "RSS MiB", "descriptors", "playing"],
      ...["opened", "closed by edge", "origins lost", "faults"],
    ],
    rows: shown.map((point) => [
      point.minute.toFixed(1),
      figure(point.cpuPercent),
      figure(point.rssMiB),
      ...[point.descriptors, point.playing, point.opened, point.closed, point.restarts]
        .map(String),
      String(point.faults),
    ]),
  });
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${text}\n${lines.join("\n")}\n`));
  say(Object.values(await describeMachine()).join(", "));
  if (!isGood) Deno.exitCode = 1;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
