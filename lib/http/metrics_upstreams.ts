import type { UpstreamSnapshot, UpstreamTotals } from "../upstream/upstream_snapshot.ts";
import type { ServerSnapshot, StreamSnapshot, VhostSnapshot } from "../monitor/server_view.ts";
import type { Labels, MetricsPage, Samples } from "./metrics_page.ts";
import { addReserves } from "./metrics_reserve.ts";

/** Most origins with individual samples: a redirect may name any number. */
const MAX_ORIGINS = 100;

/** Adds the connections to other servers: those of edges to origins, and copies of streams. */
export function addConnections(page: MetricsPage, snapshot: ServerSnapshot): void {
  addUpstreams(page, snapshot);
  addForwards(page, snapshot);
}

function addUpstreams(page: MetricsPage, { vhosts, streams }: ServerSnapshot): void {
  page.gauge(
    "edge_upstreams",
    "Connections to origins, by kind and state.",
    countUpstreams(streams),
  );
  const edges = vhosts.flatMap(({ name, upstreams }) =>
    upstreams === null ? [] : [{ vhost: name, ...upstreams }]
  );
  const perEdge = (valueOf: (edge: EdgeTotals) => number): Samples =>
    edges.map((edge) => [{ vhost: edge.vhost }, valueOf(edge)]);
  page.gauge(
    "edge_upstreams_open",
    "Connections to origins that are open or being dialled, with players or without.",
    perEdge((edge) => edge.open),
  );
  page.gauge(
    "edge_upstreams_waiting",
    "Streams and clients that wait for a connection to an origin, because of a limit.",
    perEdge((edge) => edge.waiting),
  );
  page.gauge(
    "edge_upstreams_lingering",
    "Streams that are pulled without players.",
    perEdge((edge) => edge.lingering),
  );
  const names = vhosts.flatMap(({ name: vhost, discoveries }) =>
    discoveries.map((each) => ({ vhost, ...each }))
  );
  page.gauge(
    "edge_origin_addresses",
    "Origins that a name in the list of origins stands for.",
    names.map(({ vhost, name, addresses }) => [{ vhost, name }, addresses.length]),
  );
  page.gauge(
    "edge_origin_name_failing",
    "1 while a name in the list of origins cannot be resolved and its last addresses are kept.",
    names.map(({ vhost, name, lastError }) => [{ vhost, name }, lastError === "" ? 0 : 1]),
  );
  addReserves(page, edges.map(({ vhost }) => vhost), streams);
  addUpstreamTotals(page, perEdge, edges);
}

type EdgeTotals = { readonly vhost: string } & NonNullable<VhostSnapshot["upstreams"]>;

function addUpstreamTotals(
  page: MetricsPage,
  perEdge: (valueOf: (edge: EdgeTotals) => number) => Samples,
  edges: readonly EdgeTotals[],
): void {
  page.counter(
    "edge_upstream_attempts_total",
    "Connection attempts to origins, without probes.",
    perEdge((edge) => edge.attempts),
  );
  page.counter(
    "edge_upstream_probes_total",
    "Connections that only asked an origin whether it has a stream (probe).",
    perEdge((edge) => edge.probes),
  );
  page.counter(
    "edge_upstream_failures_total",
    "Connections to origins that failed or were lost.",
    perEdge((edge) => edge.failures),
  );
  page.counter(
    "edge_upstream_refusals_total",
    "Those of the failures where an origin refused with a status.",
    perEdge((edge) => edge.refusals),
  );
  page.counter(
    "edge_upstream_switches_total",
    "Streams that continued over another connection, by method.",
    edges.flatMap(({ vhost, spliced, restarted, resumed }): Samples => [
      [{ vhost, how: "spliced" }, spliced],
      [{ vhost, how: "restarted" }, restarted],
      [{ vhost, how: "resumed" }, resumed],
    ]),
  );
  page.counter(
    "edge_upstream_silence_seconds_total",
    "Time without media at switches.",
    perEdge((edge) => edge.silenceMs / 1000),
  );
  page.counter(
    "edge_upstream_lost_frames_total",
    "Video frames (audio frames without video) lost to players, at switches or by both upstreams.",
    perEdge((edge) => edge.lostFrames),
  );
  page.counter(
    "edge_upstream_doubled_frames_total",
    "Video frames (audio frames without video) sent to players twice at switches.",
    perEdge((edge) => edge.doubledFrames),
  );
  page.counter(
    "edge_upstream_lost_bytes_total",
    "Pushed bytes that no origin acknowledged.",
    perEdge((edge) => edge.lostBytes),
  );
}

function addForwards(page: MetricsPage, { vhosts }: ServerSnapshot): void {
  const perVhost = (valueOf: (totals: UpstreamTotals) => number): Samples =>
    vhosts.flatMap(({ name, forward }): Samples =>
      forward === null ? [] : [[{ vhost: name }, valueOf(forward)]]
    );
  page.counter(
    "edge_forward_attempts_total",
    "Connection attempts to destinations of forward.",
    perVhost(({ attempts }) => attempts),
  );
  page.counter(
    "edge_forward_failures_total",
    "Connections to destinations of forward that failed or were lost.",
    perVhost(({ failures }) => failures),
  );
  page.counter(
    "edge_forward_switches_total",
    "Copies that continued over another connection.",
    perVhost(({ resumed }) => resumed),
  );
  page.counter(
    "edge_forward_lost_bytes_total",
    "Forwarded bytes that no destination acknowledged.",
    perVhost(({ lostBytes }) => lostBytes),
  );
}

/** Counts by vhost, origin, kind and state. Origins beyond {@linkcode MAX_ORIGINS} are merged. */
function countUpstreams(streams: readonly StreamSnapshot[]): Samples {
  const origins = new Set<string>();
  const samples = new Map<string, [labels: Labels, value: number]>();
  for (const { vhost, upstreams } of streams) {
    for (const upstream of upstreams) {
      if (origins.size < MAX_ORIGINS) origins.add(upstream.origin);
      const labels = labelsOf(vhost, upstream, origins);
      const key = JSON.stringify(labels);
      const sample = samples.get(key) ?? [labels, 0];
      sample[1]++;
      samples.set(key, sample);
    }
  }
  return [...samples.values()];
}

function labelsOf(
  vhost: string,
  { origin, kind, state }: UpstreamSnapshot,
  origins: ReadonlySet<string>,
): Labels {
  return { vhost, origin: origins.has(origin) ? origin : "other", kind, state };
}
