import { Registry } from "prom-client";
import { VERSION } from "../base/version.ts";
import { MetricsPage, type Samples } from "./metrics_page.ts";
import { addAudience } from "./metrics_audience.ts";
import { addIncidents } from "./metrics_incidents.ts";
import { addConnections } from "./metrics_upstreams.ts";
import { addRoute, createApp, type HttpApp } from "./routes.ts";
import { withHlsViewers } from "../monitor/hls_viewers.ts";
import type {
  EndedStream,
  ServerSnapshot,
  ServerView,
  StreamSnapshot,
} from "../monitor/server_view.ts";

/**
 * Most streams with individual samples: those with the most players. Names that had no media get
 * none: a client may ask for any number of them.
 */
const MAX_STREAMS = 1_000;

/**
 * Returns the route `/metrics` for Prometheus. All values are from one snapshot, taken per request.
 */
export function createMetricsRoutes(view: ServerView, isDraining: () => boolean): HttpApp {
  const app = createApp();
  addRoute(app, "/metrics", {
    async GET(c) {
      const text = await renderMetrics(withHlsViewers(await view.snapshot()), isDraining());
      return c.body(text, 200, { "content-type": Registry.PROMETHEUS_CONTENT_TYPE });
    },
  });
  return app;
}

/** Returns a snapshot in Prometheus's text format. */
function renderMetrics(snapshot: ServerSnapshot, isDraining: boolean): Promise<string> {
  const page = new MetricsPage();
  addProcess(page, snapshot);
  page.gauge("edge_draining", "1 while the server waits for its clients to leave.", +isDraining);
  addClients(page, snapshot);
  addVhosts(page, snapshot);
  addStreams(page, snapshot);
  addConnections(page, snapshot);
  return page.render();
}

function addProcess(
  page: MetricsPage,
  { process, loopDelay, readDelay, flushes }: ServerSnapshot,
): void {
  page.gauge("edge_build_info", "The version, as a label; the value is always 1.", [[{
    version: VERSION,
  }, 1]]);
  page.gauge(
    "process_start_time_seconds",
    "Start time of the process, in seconds since the Unix epoch.",
    process.startedAtMs / 1000,
  );
  page.counter(
    "process_cpu_seconds_total",
    "CPU time used, user and system.",
    process.userSeconds + process.systemSeconds,
  );
  page.gauge("process_resident_memory_bytes", "Resident memory.", process.residentBytes);
  page.gauge("edge_heap_bytes", "Memory of JavaScript objects.", process.heapBytes);
  page.delays(
    "edge_event_loop_delay_seconds",
    "Delay of the event loop, sampled every 25 ms. All other work is delayed as much.",
    loopDelay,
  );
  page.delays(
    "edge_read_delay_seconds",
    "By how much merged reads (publish.mr) delayed what publishers and origins sent, at most.",
    readDelay,
  );
  page.counter("edge_flushes_total", "Writes to clients and origins.", flushes.count);
  page.counter(
    "edge_flush_seconds_total",
    "CPU time spent starting these writes. Divided by their number: cost of a write.",
    flushes.busyMs / 1000,
  );
}

function addClients(page: MetricsPage, snapshot: ServerSnapshot): void {
  const { totals, connections, refusals, clients, vhosts } = snapshot;
  const perVhost = (wanted: (client: ServerSnapshot["clients"][number]) => boolean): Samples =>
    vhosts.map(({ name }) => [
      { vhost: name },
      clients.filter((client) => client.vhost === name && wanted(client)).length,
    ]);
  page.gauge(
    "edge_players",
    "Players, including those that wait for their stream.",
    perVhost(({ type }) => type !== "fmle-publish"),
  );
  page.gauge(
    "edge_players_waiting",
    "Players that wait for their stream.",
    perVhost((c) => c.isHeld),
  );
  page.gauge(
    "edge_publishers",
    "Publishers.",
    perVhost(({ type }) => type === "fmle-publish"),
  );
  page.gauge(
    "edge_publishers_standing_by",
    "Publishers that stand by for another one.",
    perVhost((c) => c.isReserve),
  );
  page.counter("edge_connections_total", "Clients that connected.", totals.connections);
  page.gauge("edge_connections_open", "Connections of all listeners.", connections.open);
  page.gauge("edge_connections_limit", "How many there may be.", connections.limit);
  page.counter(
    "edge_connections_refused_total",
    "Connections refused at any listener because of max_connections.",
    totals.refused,
  );
  page.counter(
    "edge_clients_refused_total",
    "Clients refused with a status when they connected, played or published, by cause.",
    Object.entries(refusals).map(([cause, count]) => [{ cause }, count]),
  );
  addIncidents(page, snapshot);
  page.counter("edge_received_bytes_total", "Bytes from clients.", totals.receivedBytes);
  page.counter("edge_sent_bytes_total", "Bytes to clients.", totals.sentBytes);
  page.counter(
    "edge_player_skips_total",
    "Times that a lagging player skipped to a newer keyframe.",
    totals.skips,
  );
}

function addVhosts(page: MetricsPage, { vhosts, streams }: ServerSnapshot): void {
  const perVhost = (valueOf: (vhost: ServerSnapshot["vhosts"][number]) => number): Samples =>
    vhosts.map((vhost) => [{ vhost: vhost.name }, valueOf(vhost)]);
  page.gauge(
    "edge_streams",
    "Streams with a publisher or an origin.",
    perVhost(({ name }) => streams.filter((one) => one.vhost === name && one.isActive).length),
  );
  page.counter(
    "edge_vhost_received_bytes_total",
    "Media bytes from publishers and origins.",
    perVhost((vhost) => vhost.receivedBytes),
  );
  page.counter(
    "edge_vhost_sent_bytes_total",
    "Bytes to players.",
    perVhost((vhost) => vhost.sentBytes),
  );
  page.counter(
    "edge_vhost_messages_total",
    "Media messages from publishers and origins.",
    perVhost((vhost) => vhost.messages),
  );
  page.counter(
    "edge_fallbacks_total",
    "Times that play.fallback was shown in place of a source that was gone.",
    perVhost(({ slates }) => slates),
  );
  page.gauge(
    "edge_streams_on_fallback",
    "Streams whose players are shown play.fallback.",
    perVhost(({ name }) => streams.filter((one) => one.vhost === name && one.isOnSlate).length),
  );
  page.counter(
    "edge_publish_switches_total",
    "Pushes that continued a stream which was delivered in part, by method.",
    vhosts.flatMap(({ name, publishers: { splices, restarts } }): Samples => [
      [{ vhost: name, how: "spliced" }, splices],
      [{ vhost: name, how: "restarted" }, restarts],
    ]),
  );
  page.counter(
    "edge_publish_lost_frames_total",
    "Video frames (audio frames without video) lost to players at those switches.",
    perVhost(({ publishers }) => publishers.lostFrames),
  );
  page.counter(
    "edge_publish_doubled_frames_total",
    "Video frames (audio frames without video) sent to players twice at those switches.",
    perVhost(({ publishers }) => publishers.doubledFrames),
  );
  page.gauge(
    "edge_recordings",
    "Files that are being recorded.",
    perVhost(({ recordings }) => recordings.active),
  );
  page.counter(
    "edge_recording_bytes_total",
    "Bytes written to recordings.",
    perVhost(({ recordings }) => recordings.writtenBytes),
  );
  page.counter(
    "edge_recording_failures_total",
    "Recordings that ended early or could not begin.",
    perVhost(({ recordings }) => recordings.failures),
  );
}

function addStreams(page: MetricsPage, { streams, ended }: ServerSnapshot): void {
  const known = streams.filter(({ isActive, messages }) => isActive || messages > 0);
  const listed = known.length <= MAX_STREAMS
    ? known
    : known.toSorted((one, other) => other.players - one.players).slice(0, MAX_STREAMS);
  const perStream = (valueOf: (stream: StreamSnapshot) => number): Samples =>
    listed.map((one) => [{ vhost: one.vhost, stream: one.name }, valueOf(one)]);
  // Counters keep what a stream did between the last request and its end.
  const past = ended.slice(0, MAX_STREAMS - listed.length);
  const sinceStart = (valueOf: (stream: StreamSnapshot | EndedStream) => number): Samples =>
    [...listed, ...past].map((one) => [{ vhost: one.vhost, stream: one.name }, valueOf(one)]);
  page.gauge(
    "edge_stream_active",
    "1 while the stream has a publisher or an origin.",
    perStream((one) => Number(one.isActive)),
  );
  page.gauge(
    "edge_stream_players",
    "Players of the stream.",
    perStream((one) => one.players),
  );
  addAudience(page, perStream);
  page.counter(
    "edge_stream_received_bytes_total",
    "Media bytes from the publisher or the origin.",
    sinceStart((one) => one.receivedBytes),
  );
  page.counter(
    "edge_stream_sent_bytes_total",
    "Bytes to the players of the stream.",
    sinceStart((one) => one.sentBytes),
  );
  page.counter(
    "edge_stream_video_messages_total",
    "Video messages: frames and sequence headers.",
    sinceStart((one) => one.videoMessages),
  );
  page.gauge(
    "edge_streams_unlisted",
    `Streams without individual samples: without media so far, or beyond ${MAX_STREAMS}.`,
    streams.length - listed.length,
  );
}
