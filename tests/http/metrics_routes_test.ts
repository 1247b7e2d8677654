import { createMetricsRoutes } from "../../lib/http/metrics_routes.ts";
import type { ServerSnapshot } from "../../lib/monitor/server_view.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { FakeView, PULLED, SNAPSHOT } from "./fake_view.ts";

const LINES = [
  'edge_build_info{version="0.1.0"} 1',
  "process_start_time_seconds 1700000000",
  "process_cpu_seconds_total 4.5",
  "process_resident_memory_bytes 67108864",
  "edge_heap_bytes 12345",
  'edge_event_loop_delay_seconds_bucket{le="0.001"} 5',
  'edge_event_loop_delay_seconds_bucket{le="1"} 7',
  'edge_event_loop_delay_seconds_bucket{le="+Inf"} 8',
  "edge_event_loop_delay_seconds_sum 2.5",
  "edge_event_loop_delay_seconds_count 8",
  'edge_read_delay_seconds_bucket{le="0"} 90',
  'edge_read_delay_seconds_bucket{le="0.04"} 99',
  'edge_read_delay_seconds_bucket{le="+Inf"} 100',
  "edge_read_delay_seconds_sum 0.25",
  "edge_read_delay_seconds_count 100",
  "edge_flushes_total 4000",
  "edge_flush_seconds_total 1.5",
  'edge_players{vhost="__defaultVhost__"} 0',
  'edge_players{vhost="edge.example"} 1',
  'edge_players_waiting{vhost="edge.example"} 1',
  'edge_publishers{vhost="__defaultVhost__"} 1',
  'edge_publishers{vhost="edge.example"} 0',
  'edge_publishers_standing_by{vhost="__defaultVhost__"} 0',
  'edge_fallbacks_total{vhost="__defaultVhost__"} 3',
  'edge_streams_on_fallback{vhost="__defaultVhost__"} 0',
  "edge_connections_total 20",
  "edge_connections_refused_total 3",
  'edge_clients_refused_total{cause="limits"} 4',
  "edge_handshakes_failed_total 8",
  'edge_callbacks_failed_total{callback="on_play"} 9',
  "edge_kicks_total 6",
  "edge_banned_addresses 2",
  "edge_connections_open 5",
  "edge_connections_limit 1000",
  "edge_draining 0",
  "edge_received_bytes_total 7000",
  "edge_sent_bytes_total 9000",
  "edge_player_skips_total 2",
  'edge_streams{vhost="edge.example"} 1',
  'edge_vhost_received_bytes_total{vhost="edge.example"} 300',
  'edge_vhost_sent_bytes_total{vhost="edge.example"} 400',
  'edge_vhost_messages_total{vhost="__defaultVhost__"} 10',
  'edge_publish_switches_total{vhost="__defaultVhost__",how="spliced"} 3',
  'edge_publish_switches_total{vhost="__defaultVhost__",how="restarted"} 2',
  'edge_publish_lost_frames_total{vhost="__defaultVhost__"} 5',
  'edge_publish_doubled_frames_total{vhost="__defaultVhost__"} 4',
  'edge_stream_active{vhost="edge.example",stream="live/room/show"} 1',
  'edge_stream_players{vhost="__defaultVhost__",stream="live/show"} 1',
  'edge_stream_received_bytes_total{vhost="edge.example",stream="live/room/show"} 5000',
  'edge_stream_sent_bytes_total{vhost="edge.example",stream="live/room/show"} 10000',
  'edge_stream_sent_bytes_total{vhost="__defaultVhost__",stream="live/past"} 1400',
  'edge_stream_video_messages_total{vhost="edge.example",stream="live/room/show"} 300',
  "edge_streams_unlisted 0",
  'edge_upstreams{vhost="edge.example",origin="10.0.0.2:1935",kind="pull",state="live"} 1',
  'edge_upstreams_open{vhost="edge.example"} 9',
  'edge_upstreams_waiting{vhost="edge.example"} 10',
  'edge_upstreams_lingering{vhost="edge.example"} 11',
  'edge_pull_reserves{vhost="edge.example",state="missing"} 1',
  'edge_pull_reserves{vhost="edge.example",state="ready"} 0',
  'edge_origin_addresses{vhost="edge.example",name="dns:origins.example:1935"} 2',
  'edge_origin_name_failing{vhost="edge.example",name="dns:origins.example:1935"} 1',
  'edge_upstream_attempts_total{vhost="edge.example"} 5',
  'edge_upstream_failures_total{vhost="edge.example"} 3',
  'edge_upstream_probes_total{vhost="edge.example"} 12',
  'edge_upstream_switches_total{vhost="edge.example",how="spliced"} 1',
  'edge_upstream_switches_total{vhost="edge.example",how="restarted"} 2',
  'edge_upstream_switches_total{vhost="edge.example",how="resumed"} 4',
  'edge_upstream_silence_seconds_total{vhost="edge.example"} 1.5',
  'edge_upstream_lost_frames_total{vhost="edge.example"} 6',
  'edge_upstream_doubled_frames_total{vhost="edge.example"} 7',
  'edge_upstream_lost_bytes_total{vhost="edge.example"} 8',
];

async function metricsOf(snapshot: ServerSnapshot): Promise<string> {
  const view = new FakeView();
  view.snapshotNow = snapshot;
  return await (await createMetricsRoutes(view, () => false).request("/metrics")).text();
}

Deno.test("GET /metrics has every metric", async () => {
  const lines = (await metricsOf(SNAPSHOT)).split("\n");
  assertEquals(LINES.filter((line) => !lines.includes(line)), []);
});

Deno.test("GET /metrics explains every metric and follows Prometheus's naming rules", async () => {
  const lines = (await metricsOf(SNAPSHOT)).split("\n").filter((line) => line !== "");
  const types = new Map<string, string>();
  for (const line of lines) {
    const type = /^# TYPE (\S+) (\w+)$/.exec(line);
    if (type !== null) types.set(type[1]!, type[2]!);
    else assertMatch(line, /^(# HELP [a-z_]+ \S.*[.;:]?|[a-z_]+(\{.*\})? [0-9.e+-]+)$/);
  }
  for (const [name, type] of types) {
    assertMatch(name, /^(edge|process)_[a-z_]+$/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
  }
  assert(types.size > 25);
});

Deno.test("GET /metrics escapes stream names that would forge a line", async () => {
  const name = 'live/a"} 1\nforged_metric 7\n\\';
  const page = await metricsOf({ ...SNAPSHOT, streams: [{ ...PULLED, name }] });
  assertEquals(page.split("\n").filter((line) => line.startsWith("forged")), []);
  assert(page.includes(String.raw`stream="live/a\"} 1\nforged_metric 7\n\\"`));
});

Deno.test("GET /metrics lists the thousand streams with the most players", async () => {
  const streams = Array.from(
    { length: 1_200 },
    (_, at) => ({ ...PULLED, name: `live/${at}`, players: at }),
  );
  const page = await metricsOf({ ...SNAPSHOT, streams });
  const lines = page.split("\n").filter((line) => line.startsWith("edge_stream_players{"));
  assertEquals(lines.length, 1_000);
  assertEquals(lines.filter((line) => Number(line.split(" ").at(-1)) < 200), []);
  assert(page.includes("edge_streams_unlisted 200"));
});

Deno.test("GET /metrics has no samples for names that had no media", async () => {
  const waiting = { ...PULLED, isActive: false, messages: 0 };
  const streams = [
    { ...PULLED, name: "live/played" },
    { ...PULLED, name: "live/ended", isActive: false },
    { ...waiting, name: "live/asked-for" },
    { ...waiting, name: "live/random" },
  ];
  const page = await metricsOf({ ...SNAPSHOT, streams });
  const names = page.match(/(?<=edge_stream_players\{.*stream=")[^"]*/g);
  assertEquals(names, ["live/played", "live/ended"]);
  assert(page.includes("edge_streams_unlisted 2"));
});

Deno.test("GET /metrics merges origins beyond a hundred", async () => {
  const streams = Array.from({ length: 150 }, (_, at) => ({
    ...PULLED,
    upstreams: [{ ...PULLED.upstreams[0]!, origin: `10.0.0.1:${at}` }],
  }));
  const page = await metricsOf({ ...SNAPSHOT, streams });
  const lines = page.split("\n").filter((line) => line.startsWith("edge_upstreams{"));
  assertEquals(lines.length, 101);
  assert(
    lines.includes(
      'edge_upstreams{vhost="edge.example",origin="other",kind="pull",state="live"} 50',
    ),
  );
});

Deno.test("GET /metrics works for a server without vhosts and streams", async () => {
  const page = await metricsOf({ ...SNAPSHOT, vhosts: [], streams: [], clients: [] });
  assert(page.includes("# TYPE edge_stream_players gauge"));
});

Deno.test("GET /metrics has the content type of Prometheus's text format", async () => {
  const response = await createMetricsRoutes(new FakeView(), () => false).request("/metrics");
  await response.body?.cancel();
  assertEquals(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
});

Deno.test({
  ...(await needs("read")),
  name: "The Grafana dashboard uses only metrics and labels that exist",
  async fn() {
    const url = new URL("../../docs/grafana-dashboard.json", import.meta.url);
    const text = await Deno.readTextFile(url);
    const expressions = [...text.matchAll(/"(?:expr|query|definition)": "((?:[^"\\]|\\.)*)"/g)]
      .map(([, expression]) => JSON.parse(`"${expression}"`) as string);
    assert(expressions.length > 10);
    const page = await metricsOf(SNAPSHOT);
    const known = new Set(page.match(/^(edge|process)_[a-z_]+/gm));
    const used = expressions.join(" ").match(/\b(edge|process)_[a-z_]+/g)!;
    assertEquals(used.filter((name) => !known.has(name)), []);
    const labels = new Set(page.matchAll(/[{,]([a-z]+)="/g).map(([, label]) => label!));
    // Prometheus adds it to every sample.
    labels.add("instance");
    const selected = expressions.flatMap((expression) =>
      [...expression.matchAll(/[{,]\s*([a-z]+)=~?"/g)].map(([, label]) => label!)
    );
    const grouped = expressions.flatMap((expression) =>
      [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names]) => names!.split(/,\s*/))
    );
    assertEquals([...selected, ...grouped].filter((label) => !labels.has(label)), []);
  },
});
