import { type JoinOptions, MAX_CACHE_MS, originPatienceMs } from "../splice/joiner.ts";

/**
 * How long, in ms, a push may send what was delivered before, when it is known to be the same
 * broadcast over another connection: as long as a slow network takes for a GOP.
 */
const SAME_BROADCAST_PATIENCE_MS = 10_000;

/** Returns how long a push may send what was delivered before, by what it says it is. */
export function patienceFor(
  broadcastId: string | undefined,
  before: string | undefined,
): JoinOptions["patienceMs"] {
  if (broadcastId === undefined || before === undefined) return originPatienceMs;
  return () => broadcastId === before ? SAME_BROADCAST_PATIENCE_MS : MAX_CACHE_MS;
}
