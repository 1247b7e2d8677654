/**
 * Arithmetic on RTMP timestamps and byte counters, which are unsigned 32-bit numbers that wrap
 * (RTMP 1.0 §4).
 */

/** Reduces an integer to 0…0xFFFFFFFF. */
export function toU32(value: number): number {
  return value >>> 0;
}

/** Returns `value + delta` modulo 2³². `delta` may be negative. */
export function addU32(value: number, delta: number): number {
  return (value + delta) >>> 0;
}

/** Returns the signed distance from `from` to `to` the shorter way round: −2³¹…2³¹−1. */
export function diffU32(to: number, from: number): number {
  return (to - from) | 0;
}
