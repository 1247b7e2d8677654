import type { StreamSnapshot } from "../monitor/server_view.ts";
import type { MetricsPage, Samples } from "./metrics_page.ts";

/** Adds who plays each stream through all levels of edges. */
export function addAudience(
  page: MetricsPage,
  perStream: (valueOf: (stream: StreamSnapshot) => number) => Samples,
): void {
  page.gauge(
    "edge_stream_tree_players",
    "Players of the stream here and behind all edges, as far as those report them.",
    perStream((one) => one.audience.players),
  );
  page.gauge(
    "edge_stream_tree_edges",
    "Edges that have the stream, at all levels.",
    perStream((one) => one.audience.edges),
  );
  page.gauge(
    "edge_stream_tree_bits_per_second",
    "What these players are sent.",
    perStream((one) => one.audience.kbps * 1000),
  );
  page.gauge(
    "edge_stream_tree_lag_seconds",
    "How far the last of these players is behind its server.",
    perStream((one) => one.audience.lagMs / 1000),
  );
}
