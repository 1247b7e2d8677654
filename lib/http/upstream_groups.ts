import type { StreamSnapshot } from "../monitor/server_view.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { Json } from "./api_answers.ts";

/** What one server is to this one: an origin, a server it pushes to, or a copy's destination. */
interface UpstreamGroup {
  readonly kind: UpstreamSnapshot["kind"];
  /** `host:port`; empty for streams that have tried none yet. */
  readonly origin: string;
  readonly vhost: string;
  readonly legs: readonly UpstreamSnapshot[];
}

/** Groups the upstream connections of all streams by vhost, kind and server. */
export function groupUpstreams(streams: readonly StreamSnapshot[]): UpstreamGroup[] {
  const legs = streams.flatMap(({ vhost, upstreams }) =>
    upstreams.map((leg) => ({ vhost, leg, key: `${vhost} ${leg.kind} ${leg.origin}` }))
  );
  const groups = [...Map.groupBy(legs, ({ key }) => key)]
    .sort(([left], [right]) => left < right ? -1 : 1);
  return groups.map(([, members]) => {
    const [{ vhost, leg: { kind, origin } }] = members as [typeof members[number]];
    return { kind, origin, vhost, legs: members.map(({ leg }) => leg) };
  });
}

/** One of `/api/v1/upstreams`. Not in SRS. */
export function upstreamGroup({ kind, origin, vhost, legs }: UpstreamGroup): Json {
  const sum = (valueOf: (leg: UpstreamSnapshot) => number) =>
    legs.reduce((total, leg) => total + valueOf(leg), 0);
  const live = legs.filter(({ state }) => state === "live").length;
  // The newest failure is that of the leg whose state has changed last.
  const failed = legs.filter(({ lastError }) => lastError !== "")
    .sort((left, right) => left.sinceMs - right.sinceMs)[0];
  return {
    kind,
    origin,
    vhost,
    streams: legs.length,
    live,
    connecting: legs.length - live,
    attempts: sum(({ attempts }) => attempts),
    switches: sum(({ switches }) => switches),
    lost_frames: sum(({ lostFrames }) => lostFrames),
    doubled_frames: sum(({ doubledFrames }) => doubledFrames),
    lost_bytes: sum(({ lostBytes }) => lostBytes),
    last_silence_ms: Math.max(0, ...legs.map(({ lastSilenceMs }) => lastSilenceMs)),
    last_error: failed?.lastError ?? "",
  };
}
