import { type JoinOptions, MAX_CACHE_MS, originPatienceMs } from "../splice/joiner.ts";

/**
 * How long, in ms, a push may send what was delivered before, when it is known to be the same
 * broadcast over another connection: as long as a slow network takes for a GOP.
 */
const SAME_BROADCAST_PATIENCE_MS = 10_000;

/** Returns what a push may have delivered before, by what it says it is. */
export function joinLimits(
  broadcastId: string | undefined,
  before: string | undefined,
): Pick<JoinOptions, "patienceMs" | "reachMs"> {
  // It begins before what the lost origin has acknowledged.
  const reachMs = Infinity;
  if (broadcastId === undefined || before === undefined) {
    return { patienceMs: originPatienceMs, reachMs };
  }
  if (broadcastId === before) return { patienceMs: () => SAME_BROADCAST_PATIENCE_MS, reachMs };
  return { patienceMs: () => MAX_CACHE_MS, reachMs: -Infinity };
}
