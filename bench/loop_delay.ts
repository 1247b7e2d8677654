/** Event loop delay of a server, from its own metrics. */

const NAME = "edge_event_loop_delay_seconds_bucket";

/** Delays so far: number of delays at or below each upper bound, in seconds. */
type LoopDelays = ReadonlyMap<number, number>;

/** Reads the metrics of the API at `port`. */
export async function readLoopDelays(port: number): Promise<LoopDelays> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  const lines = text.matchAll(new RegExp(`^${NAME}\\{le="([^"]+)"\\} (\\d+)`, "gm"));
  return new Map(
    Array.from(
      lines,
      ([, bound, count]) => [bound === "+Inf" ? Infinity : Number(bound), Number(count)],
    ),
  );
}

/** The 99th percentile in ms of the delays between two readings, rounded up to a bound. */
export function p99Ms(before: LoopDelays, after: LoopDelays): number {
  const counts = [...after].map(([bound, count]) =>
    [bound, count - (before.get(bound) ?? 0)] as const
  );
  const total = counts.at(-1)?.[1] ?? 0;
  const found = counts.find(([, count]) => total > 0 && count >= 0.99 * total);
  return (found?.[0] ?? Infinity) * 1000;
}
