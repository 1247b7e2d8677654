import { freePort } from "../../tests/helpers/ports.ts";
import { say } from "../../tests/helpers/say.ts";
import type { BenchContext, SceneResult } from "../bench_context.ts";
import { LoadProcess } from "../load_process.ts";
import { p99Ms, readLoopDelays } from "../loop_delay.ts";
import { readUsage } from "../machine.ts";
import { figure } from "../report.ts";
import { openSample } from "../sample.ts";
import { startEdgeOnCore } from "../servers.ts";
import { Source } from "../source.ts";

const SAMPLE_SIZE = 10;
/** Time until frames are live rather than from the GOP cache. */
const SETTLE_MS = 3_000;
/** Time for the last player to receive its first bytes. */
const SECONDS = 3;
const PERIOD_MS = 350;

/** All players join one stream within a second, while others already watch. */
export async function storm({ pinning, programs, plan }: BenchContext): Promise<SceneResult> {
  const { players } = plan;
  say(`${players} players join within a second`);
  const apiPort = freePort();
  await using server = await startEdgeOnCore(pinning, {
    global: `http_api { enabled on; listen 127.0.0.1:${apiPort}; }`,
    vhost: `play { mw_latency ${PERIOD_MS}; }`,
    publishAt: "origin",
  });
  await using _source = await Source.start({ ports: [server.publishPort], stream: "bench" });
  await using sample = await openSample(server.port, "bench", SAMPLE_SIZE);
  // The server's first scrape takes 30 ms; keep it out of the measurement.
  await readLoopDelays(apiPort);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  sample.begin();
  const loopBefore = await readLoopDelays(apiPort);
  const before = await readUsage(server.pid);
  await using load = new LoadProcess(programs.load, {
    ...{ port: server.port, players, rate: players, warmSeconds: 0, seconds: SECONDS },
  });
  await load.untilBegun();
  const joinCpuMs = (await readUsage(server.pid)).cpuMs - before.cpuMs;
  const loopMs = p99Ms(loopBefore, await readLoopDelays(apiPort));
  const { joinMs, started } = await load.untilEnded();
  const delayMs = sample.delaysMs();
  const lost = players - started + sample.countLost() + sample.countFaults();
  return {
    tables: [{
      title: `${players} players join one stream within a second; ${SAMPLE_SIZE} play already`,
      columns: [
        "",
        "first media ms",
        "p99",
        "worst",
        "CPU ms per join",
        "watchers' worst delay ms",
        "loop delay p99 ms",
        "lost",
      ],
      rows: [[
        "edge, from source",
        figure(joinMs?.median ?? Infinity),
        figure(joinMs?.p99 ?? Infinity),
        figure(joinMs?.max ?? Infinity),
        figure(joinCpuMs / players),
        figure(delayMs.max),
        `≤ ${loopMs}`,
        String(lost),
      ]],
    }],
    goals: [
      { what: "players lost when all join at once", value: lost, bound: 0, unit: "" },
      // A frame waits for at most one merge period, and the event loop may be late by this much.
      {
        what: "watchers' delay while all join",
        value: delayMs.max - PERIOD_MS,
        bound: 100,
        unit: "ms",
      },
      { what: "event loop delay p99 while all join", value: loopMs, bound: 20, unit: "ms" },
    ],
    figures: {},
    points: [],
  };
}
