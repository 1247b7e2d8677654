/** What several event loops of one process tell of themselves, as one server. */

import type {
  LoopDelaySnapshot,
  ProcessSnapshot,
  RateSnapshot,
  ServerSnapshot,
  StreamSnapshot,
  VhostSnapshot,
} from "./server_view.ts";
import { qualifiedName } from "../hub/qualified_name.ts";
import type { ClientTotals } from "../server/client_report.ts";

/** One server out of one or more loops, all of which have the same vhosts. */
export function mergeSnapshots(loops: readonly ServerSnapshot[]): ServerSnapshot {
  return {
    process: mergeProcesses(loops.map(({ process }) => process)),
    totals: sumOf(loops.map(({ totals }) => totals)) satisfies ClientTotals,
    rate: mergeRates(loops.map(({ rate }) => rate)),
    loopDelay: mergeDelays(loops.map(({ loopDelay }) => loopDelay)),
    flushes: sumOf(loops.map(({ flushes }) => flushes)),
    vhosts: loops[0]!.vhosts.map((_, index) =>
      mergeVhost(loops.map((loop) => loop.vhosts[index]!))
    ),
    streams: mergeStreams(loops.flatMap(({ streams }) => streams)),
    clients: loops.flatMap(({ clients }) => clients),
  };
}

/** Each loop sees the whole process, but only its own heap. */
function mergeProcesses(parts: readonly ProcessSnapshot[]): ProcessSnapshot {
  const oldest = parts.reduce((left, right) => right.uptimeMs > left.uptimeMs ? right : left);
  return { ...oldest, heapBytes: parts.reduce((sum, { heapBytes }) => sum + heapBytes, 0) };
}

function mergeVhost(parts: readonly VhostSnapshot[]): VhostSnapshot {
  const { receivedBytes, sentBytes, messages } = sumOf(parts.map(countersOf));
  const upstreams = parts.flatMap((part) => part.upstreams === null ? [] : [part.upstreams]);
  return {
    ...parts[0]!,
    receivedBytes,
    sentBytes,
    messages,
    rate: mergeRates(parts.map(({ rate }) => rate)),
    upstreams: upstreams.length === 0 ? null : sumOf(upstreams),
  };
}

function countersOf({ receivedBytes, sentBytes, messages }: VhostSnapshot) {
  return { receivedBytes, sentBytes, messages };
}

/** A stream is told by its home, and by every loop that copies it for players of its own. */
function mergeStreams(parts: readonly StreamSnapshot[]): StreamSnapshot[] {
  const groups = Map.groupBy(parts, ({ vhost, name }) => qualifiedName(vhost, name));
  return Array.from(groups.values(), mergeStream);
}

function mergeStream(parts: readonly StreamSnapshot[]): StreamSnapshot {
  const home = parts.find(({ isHome }) => isHome) ?? parts[0]!;
  const { players, sentBytes } = sumOf(
    parts.map(({ players, sentBytes }) => ({ players, sentBytes })),
  );
  const { sendKbps } = mergeRates(parts.map(({ rate }) => rate));
  return {
    ...home,
    players,
    sentBytes,
    publisherId: parts.find(({ publisherId }) => publisherId !== "")?.publisherId ?? "",
    rate: { recvKbps: home.rate.recvKbps, sendKbps },
  };
}

function mergeRates(parts: readonly RateSnapshot[]): RateSnapshot {
  return sumOf(parts.map(({ recvKbps, sendKbps }) => ({ recvKbps, sendKbps })));
}

function mergeDelays(parts: readonly LoopDelaySnapshot[]): LoopDelaySnapshot {
  const { boundsSeconds, counts } = parts[0]!;
  return {
    boundsSeconds,
    counts: counts.map((_, index) => parts.reduce((sum, part) => sum + part.counts[index]!, 0)),
    sumSeconds: parts.reduce((sum, part) => sum + part.sumSeconds, 0),
  };
}

/** Adds up each number of records that have the same ones. */
function sumOf<T extends { readonly [K in keyof T]: number }>(records: readonly T[]): T {
  const sum: Record<string, number> = {};
  for (const record of records) {
    for (const [key, value] of Object.entries<number>(record)) sum[key] = (sum[key] ?? 0) + value;
  }
  return sum as T;
}
