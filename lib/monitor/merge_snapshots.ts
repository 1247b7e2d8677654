import type {
  DelaySnapshot,
  EndedStream,
  ProcessSnapshot,
  RateSnapshot,
  ServerSnapshot,
  StreamSnapshot,
  VhostSnapshot,
} from "./server_view.ts";
import { qualifiedName } from "../hub/qualified_name.ts";
import type { ClientTotals } from "../server/client_report.ts";

/** Merges the snapshots of one or more workers into that of one server. */
export function mergeSnapshots(workers: readonly ServerSnapshot[]): ServerSnapshot {
  return {
    process: mergeProcesses(workers.map(({ process }) => process)),
    totals: sumOf(workers.map(({ totals }) => totals)) satisfies ClientTotals,
    connections: sumOf(workers.map(({ connections }) => connections)),
    refusals: sumOf(workers.map(({ refusals }) => refusals)),
    incidents: sumOf(workers.map(({ incidents }) => incidents)),
    callbackFailures: sumOf(workers.map(({ callbackFailures }) => callbackFailures)),
    // Each worker has them all.
    bans: Math.max(...workers.map(({ bans }) => bans)),
    rate: mergeRates(workers.map(({ rate }) => rate)),
    loopDelay: mergeDelays(workers.map(({ loopDelay }) => loopDelay)),
    readDelay: mergeDelays(workers.map(({ readDelay }) => readDelay)),
    flushes: sumOf(workers.map(({ flushes }) => flushes)),
    vhosts: mergeVhosts(workers.flatMap(({ vhosts }) => vhosts)),
    ...mergeAllStreams(workers),
    clients: workers.flatMap(({ clients }) => clients),
  };
}

/** Each worker sees the whole process, but only its own heap. */
function mergeProcesses(parts: readonly ProcessSnapshot[]): ProcessSnapshot {
  const oldest = parts.reduce((left, right) => right.uptimeMs > left.uptimeMs ? right : left);
  return { ...oldest, heapBytes: parts.reduce((sum, { heapBytes }) => sum + heapBytes, 0) };
}

/** By name: while settings change, one worker may have a vhost that another has not yet. */
function mergeVhosts(parts: readonly VhostSnapshot[]): VhostSnapshot[] {
  return Array.from(Map.groupBy(parts, ({ name }) => name).values(), mergeVhost);
}

function mergeVhost(parts: readonly VhostSnapshot[]): VhostSnapshot {
  const counters = sumOf(parts.map(countersOf));
  const upstreams = parts.flatMap((part) => part.upstreams === null ? [] : [part.upstreams]);
  const forwards = parts.flatMap(({ forward }) => forward === null ? [] : [forward]);
  return {
    ...parts[0]!,
    ...counters,
    publishers: sumOf(parts.map(({ publishers }) => publishers)),
    recordings: sumOf(parts.map(({ recordings }) => recordings)),
    rate: mergeRates(parts.map(({ rate }) => rate)),
    upstreams: upstreams.length === 0 ? null : sumOf(upstreams),
    forward: forwards.length === 0 ? null : sumOf(forwards),
  };
}

function countersOf({ receivedBytes, sentBytes, messages, slates }: VhostSnapshot) {
  return { receivedBytes, sentBytes, messages, slates };
}

/**
 * A worker may have ended its copy of a stream that is live in another one: what it has sent counts
 * for that stream.
 */
function mergeAllStreams(
  workers: readonly ServerSnapshot[],
): Pick<ServerSnapshot, "streams" | "ended"> {
  const streams = mergeStreams(workers.flatMap(({ streams }) => streams));
  const keyOf = ({ vhost, name }: { vhost: string; name: string }) => qualifiedName(vhost, name);
  const groups = Map.groupBy(workers.flatMap(({ ended }) => ended), keyOf);
  const whole = streams.map((stream) => {
    const ended = groups.get(keyOf(stream)) ?? [];
    groups.delete(keyOf(stream));
    return { ...stream, sentBytes: sentBytesOf([stream, ...ended]) };
  });
  return { streams: whole, ended: Array.from(groups.values(), mergeEnded) };
}

function mergeEnded(parts: readonly EndedStream[]): EndedStream {
  const owner = parts.find(({ isOwner }) => isOwner) ?? parts[0]!;
  return { ...owner, sentBytes: sentBytesOf(parts) };
}

function sentBytesOf(parts: readonly { readonly sentBytes: number }[]): number {
  return parts.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

/** A stream is reported by its owner and by every worker that mirrors it. */
function mergeStreams(parts: readonly StreamSnapshot[]): StreamSnapshot[] {
  const groups = Map.groupBy(parts, ({ vhost, name }) => qualifiedName(vhost, name));
  return Array.from(groups.values(), mergeStream);
}

function mergeStream(parts: readonly StreamSnapshot[]): StreamSnapshot {
  const owner = parts.find(({ isOwner }) => isOwner) ?? parts[0]!;
  const { players, sentBytes } = sumOf(
    parts.map(({ players, sentBytes }) => ({ players, sentBytes })),
  );
  const { sendKbps } = mergeRates(parts.map(({ rate }) => rate));
  return {
    ...owner,
    players,
    sentBytes,
    publisherId: parts.find(({ publisherId }) => publisherId !== "")?.publisherId ?? "",
    reserveId: parts.find(({ reserveId }) => reserveId !== "")?.reserveId ?? "",
    rate: { recvKbps: owner.rate.recvKbps, sendKbps },
  };
}

function mergeRates(parts: readonly RateSnapshot[]): RateSnapshot {
  return sumOf(parts.map(({ recvKbps, sendKbps }) => ({ recvKbps, sendKbps })));
}

function mergeDelays(parts: readonly DelaySnapshot[]): DelaySnapshot {
  const { boundsSeconds, counts } = parts[0]!;
  return {
    boundsSeconds,
    counts: counts.map((_, index) => parts.reduce((sum, part) => sum + part.counts[index]!, 0)),
    sumSeconds: parts.reduce((sum, part) => sum + part.sumSeconds, 0),
  };
}

/** Adds up records of numbers, key by key. */
function sumOf<T extends { readonly [K in keyof T]: number }>(records: readonly T[]): T {
  const sum: Record<string, number> = {};
  for (const record of records) {
    for (const [key, value] of Object.entries<number>(record)) sum[key] = (sum[key] ?? 0) + value;
  }
  return sum as T;
}
