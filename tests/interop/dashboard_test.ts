/**
 * `docs/grafana-dashboard.json` and `docs/alerts.yml` in a real Prometheus that scrapes an origin,
 * an edge and the destination of a forwarded copy.
 */

import { assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { type LocalServer, startLocalServer } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort, isAccepting } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { until } from "../helpers/until.ts";

const TIMEOUT_MS = 60_000;
const API = "http_api { enabled on; }";

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("promtool");

/** A panel's query, and the panel's title. */
type Query = readonly [title: string, expression: string];

async function dashboardQueries(): Promise<Query[]> {
  const text = await Deno.readTextFile(`${PROJECT_ROOT}docs/grafana-dashboard.json`);
  const { panels } = JSON.parse(text) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): Query => [title, expr.replaceAll("$instance", ".*")])
  );
}

/** The servers, with a stream that is published, forwarded, pulled and played. */
class Scene {
  readonly destination = startLocalServer(`${API} vhost __defaultVhost__ { }`);
  readonly origin = startLocalServer(
    `${API} vhost __defaultVhost__ {
       forward { enabled on; destination 127.0.0.1:${this.destination.port}; }
     }`,
  );
  readonly edge = startLocalServer(
    `${API} vhost __defaultVhost__ { mode remote; origin 127.0.0.1:${this.origin.port}; }`,
  );
  readonly servers: readonly LocalServer[] = [this.edge, this.origin, this.destination];
  #timeMs = 0;

  /** Sends the next frame: a keyframe first, and every second. */
  push(publisher: RtmpClient): void {
    const frame = this.#timeMs % 1000 === 0 ? keyframe : interFrame;
    if (this.#timeMs === 0) publisher.push(videoHeader());
    publisher.push(frame(this.#timeMs));
    this.#timeMs += 50;
  }
}

async function writeConfig(directory: string, servers: readonly LocalServer[]): Promise<string> {
  const targets = servers.map(({ httpPort }) => `"127.0.0.1:${httpPort}"`).join(", ");
  const path = `${directory}/prometheus.yml`;
  await Deno.writeTextFile(
    path,
    `global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }
rule_files: ["${PROJECT_ROOT}docs/alerts.yml"]
scrape_configs: [{ job_name: edge, static_configs: [{ targets: [${targets}] }] }]
`,
  );
  return path;
}

/** Asks Prometheus's HTTP API. @throws {Error} if it refuses the query */
async function ask<T>(port: number, path: string, query: Record<string, string> = {}): Promise<T> {
  const url = `http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(query)}`;
  const { status, error, data } = await (await fetch(url)).json();
  if (status !== "success") throw new Error(`${error}: ${JSON.stringify(query)}`);
  return data as T;
}

/** Returns the queries without a result, or with one that is no number. */
async function emptyOf(port: number, queries: readonly Query[]): Promise<Query[]> {
  const results = await Promise.all(
    queries.map(([, query]) =>
      ask<{ result: { value: [number, string] }[] }>(port, "query", { query })
    ),
  );
  return queries.filter((_, index) => {
    const { result } = results[index]!;
    return result.length === 0 || !result.some(({ value }) => Number.isFinite(Number(value[1])));
  });
}

interface Rule {
  readonly name: string;
  /** `unknown` before its first evaluation. */
  readonly health: "ok" | "err" | "unknown";
}

async function rulesOf(port: number): Promise<Rule[]> {
  const { groups } = await ask<{ groups: { rules: Rule[] }[] }>(port, "rules");
  return groups.flatMap(({ rules }) => rules);
}

Deno.test({
  name: "Prometheus answers every query of the dashboard, and evaluates every alert rule",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using stack = new AsyncDisposableStack();
      const scene = new Scene();
      for (const server of scene.servers) stack.use(server);
      const publisher = stack.use(await RtmpClient.publish(scene.origin.port, "show"));
      scene.push(publisher);
      stack.use(await RtmpClient.play(scene.edge.port, "show"));
      const port = freePort();
      const prometheus = stack.use(startProcess({
        name: "prometheus",
        command: [
          ...["prometheus", "--log.level=warn", `--web.listen-address=127.0.0.1:${port}`] as const,
          `--config.file=${await writeConfig(directory, scene.servers)}`,
          `--storage.tsdb.path=${directory}/data`,
        ],
      }));
      await prometheus.waitFor("listening", () => isAccepting(port), TIMEOUT_MS);
      const queries = await dashboardQueries();
      let empty = queries;
      await until("results of all queries", async () => {
        scene.push(publisher);
        empty = await emptyOf(port, empty);
        return empty.length === 0;
      }, { timeoutMs: TIMEOUT_MS }).catch(() => {});
      assertEquals(empty, []);
      const rules = await until("all rules", async () => {
        const rules = await rulesOf(port);
        return rules.every(({ health }) => health !== "unknown") && rules;
      }, { timeoutMs: TIMEOUT_MS });
      assertEquals(rules.filter(({ health }) => health !== "ok"), []);
      const match = { "match[]": "edge_build_info" };
      const instances = await ask<string[]>(port, "label/instance/values", match);
      assertEquals(instances.length, scene.servers.length);
      say(`  ${queries.length} queries, ${rules.length} alert rules`);
    }),
});
