import type { ServerSnapshot } from "../monitor/server_view.ts";
import type { MetricsPage } from "./metrics_page.ts";

/** Adds what went wrong with clients, and what an operator did to them. */
export function addIncidents(
  page: MetricsPage,
  { incidents, callbackFailures, bans }: ServerSnapshot,
): void {
  page.counter(
    "edge_handshakes_failed_total",
    "RTMP connections that ended before their connect command: port scanners, broken clients.",
    incidents.handshakeFailures,
  );
  page.counter(
    "edge_callbacks_failed_total",
    "HTTP callbacks without a clear answer, by callback.",
    Object.entries(callbackFailures).map(([callback, count]) => [{ callback }, count]),
  );
  page.counter("edge_kicks_total", "Clients closed over the API.", incidents.kicks);
  page.gauge("edge_banned_addresses", "Addresses that are banned over the API.", bans);
}
