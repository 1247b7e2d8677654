import type { StreamSnapshot } from "../monitor/server_view.ts";
import { RESERVE_STATES } from "../upstream/upstream_snapshot.ts";
import type { MetricsPage, Samples } from "./metrics_page.ts";

/** Adds how many pulled streams of each of `vhosts` have which reserve. */
export function addReserves(
  page: MetricsPage,
  vhosts: readonly string[],
  streams: readonly StreamSnapshot[],
): void {
  const counts = new Map<string, number>();
  for (const { vhost, upstreams } of streams) {
    for (const { reserve } of upstreams) {
      if (reserve === undefined) continue;
      const key = `${vhost} ${reserve.state}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const samples: Samples = vhosts.flatMap((vhost): Samples =>
    RESERVE_STATES.map((state) => [{ vhost, state }, counts.get(`${vhost} ${state}`) ?? 0])
  );
  page.gauge(
    "edge_pull_reserves",
    "Streams that an origin feeds, by what is known of the other origins of the stream.",
    samples,
  );
}
