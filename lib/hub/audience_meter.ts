import type { StreamLogView } from "./message_log.ts";
import type { StreamStats } from "./stream_stats.ts";
import type { Audience, AudienceMember, ReportedAudience, Viewer } from "./viewer.ts";

/** No one watches. */
export const NO_AUDIENCE: Audience = { players: 0, edges: 0, kbps: 0, lagMs: 0 };

/** What an edge reported longer ago does not count. */
const MAX_REPORT_AGE_MS = 6_000;

/** Rates are averaged over this time at least. */
const RATE_PERIOD_MS = 2_000;

/** The stream whose audience is measured. */
interface Watched {
  readonly viewers: Iterable<Viewer>;
  readonly log: Pick<StreamLogView, "tail" | "head" | "lagMs">;
  readonly stats: StreamStats;
}

/** Adds up the audience of one stream: its own players, and what its edges report. */
export class AudienceMeter {
  #sinceMs = -Infinity;
  #sinceBytes = 0;
  #kbps = 0;

  /** Walks all viewers, so call it a few times a second at most. */
  measure(nowMs: number, { viewers, log, stats }: Watched): Audience {
    let players = 0;
    let edges = 0;
    let lagMs = 0;
    let sentBytes = stats.sentBytes - stats.edgeSentBytes;
    let oldest = Infinity;
    const below = new Map<string, ReportedAudience>();
    for (const { member, cursor } of viewers) {
      if (member === undefined) continue;
      if (cursor >= log.tail) oldest = Math.min(oldest, cursor);
      if (member.kind === "player") {
        players++;
        sentBytes += member.sentBytes;
      } else if (keepNewest(below, member, nowMs) && member.kind === "edge") {
        edges++;
      }
    }
    let kbps = this.#rate(nowMs, sentBytes);
    for (const { audience } of below.values()) {
      players += audience.players;
      edges += audience.edges;
      kbps += audience.kbps;
      lagMs = Math.max(lagMs, audience.lagMs);
    }
    if (oldest < log.head) lagMs = Math.max(lagMs, log.lagMs(oldest));
    return { players, edges, kbps, lagMs };
  }

  #rate(nowMs: number, sentBytes: number): number {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < RATE_PERIOD_MS) return this.#kbps;
    const grown = Math.max(0, sentBytes - this.#sinceBytes);
    if (passedMs < Infinity) this.#kbps = Math.round(grown * 8 / passedMs);
    this.#sinceMs = nowMs;
    this.#sinceBytes = sentBytes;
    return this.#kbps;
  }
}

/**
 * Notes what a viewer has reported. An edge that connects again is there twice for a moment: only
 * its newest report counts.
 *
 * @returns whether it is the first viewer of this id
 */
function keepNewest(
  below: Map<string, ReportedAudience>,
  { kind, edgeId, reported }: AudienceMember,
  nowMs: number,
): boolean {
  const id = kind === "edge" ? edgeId : `mirror ${below.size}`;
  const before = below.get(id);
  const isValid = kind === "mirror" ? reported !== null : isFresh(reported, nowMs);
  const after = isValid ? reported! : { audience: NO_AUDIENCE, atMs: -Infinity };
  if (before === undefined || after.atMs > before.atMs) below.set(id, after);
  return before === undefined;
}

/** Whether a report counts. */
export function isFresh(reported: ReportedAudience | null, nowMs: number): boolean {
  return reported !== null && nowMs - reported.atMs < MAX_REPORT_AGE_MS;
}
