/**
 * RTMP time and byte counters are unsigned 32-bit numbers that wrap (RTMP 1.0 §4). These helpers are
 * the only place that knows how to do arithmetic on them.
 */

/** Any integer reduced to 0…0xFFFFFFFF. */
export function toU32(value: number): number {
  return value >>> 0;
}

/** `value + delta` modulo 2³². `delta` may be negative. */
export function addU32(value: number, delta: number): number {
  return (value + delta) >>> 0;
}

/** Signed distance from `from` to `to`, −2³¹…2³¹−1: the shorter way round. */
export function diffU32(to: number, from: number): number {
  return (to - from) | 0;
}
