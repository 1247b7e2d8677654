/** How late a server's event loop was, as its own metrics tell. */

const NAME = "edge_event_loop_delay_seconds_bucket";

/** Delays so far: upper bounds in seconds, and how many were not above each. */
export type LoopDelays = ReadonlyMap<number, number>;

/** Asks the API at `port`. */
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

/** The least bound in ms that 99 of 100 delays between two readings were not above. */
export function p99Ms(before: LoopDelays, after: LoopDelays): number {
  const counts = [...after].map(([bound, count]) =>
    [bound, count - (before.get(bound) ?? 0)] as const
  );
  const total = counts.at(-1)?.[1] ?? 0;
  const found = counts.find(([, count]) => total > 0 && count >= 0.99 * total);
  return (found?.[0] ?? Infinity) * 1000;
}
