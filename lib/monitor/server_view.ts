/**
 * What the HTTP face reads of a server, and the one thing it does to it. Plain data throughout, which may
 * cross to another thread: where several workers serve, a view merges what each of them tells.
 */

import type { ClientReport, ClientTotals } from "../server/client_report.ts";
import type { UpstreamSnapshot, UpstreamTotals } from "../upstream/upstream_snapshot.ts";

/** See the file comment. */
export interface ServerView {
  snapshot(): Promise<ServerSnapshot>;
  /** Closes a client. @returns false when there is none with this id. */
  kick(clientId: string): Promise<boolean>;
}

/** A server at a moment. */
export interface ServerSnapshot {
  readonly process: ProcessSnapshot;
  readonly totals: ClientTotals;
  /** Of everything clients sent and were sent. */
  readonly rate: RateSnapshot;
  readonly loopDelay: LoopDelaySnapshot;
  readonly flushes: FlushSnapshot;
  readonly vhosts: readonly VhostSnapshot[];
  readonly streams: readonly StreamSnapshot[];
  readonly clients: readonly ClientSnapshot[];
}

/** The process. */
export interface ProcessSnapshot {
  readonly pid: number;
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  readonly uptimeMs: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Processor time since the start, in seconds. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Share of one processor that was used lately, 0 or more. */
  readonly cpuShare: number;
  /** Processors of the machine. */
  readonly processors: number;
}

/** Bits over time, averaged over the last 30 s. */
export interface RateSnapshot {
  /** kbit/s, whole. */
  readonly recvKbps: number;
  readonly sendKbps: number;
}

/** How late timers ran, since the start. */
export interface LoopDelaySnapshot {
  /** Upper bounds of the buckets in seconds, rising; the last bucket has none. */
  readonly boundsSeconds: readonly number[];
  /** Timers per bucket, one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** Writes to clients and origins that were started, and what starting them took. They only grow. */
export interface FlushSnapshot {
  readonly count: number;
  readonly busyMs: number;
}

/** A vhost. */
export interface VhostSnapshot {
  readonly name: string;
  readonly enabled: boolean;
  readonly mode: "local" | "remote";
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly messages: number;
  readonly rate: RateSnapshot;
  /** Length of HLS segments in ms, or null when the vhost makes none. */
  readonly hlsFragmentMs: number | null;
  /** What an edge did with its origins, or null for an origin. */
  readonly upstreams: Readonly<UpstreamTotals> | null;
}

/** A stream that has a source or players. */
export interface StreamSnapshot {
  readonly vhost: string;
  /** `app/stream`. */
  readonly name: string;
  /** False where an event loop tells of its copy of a stream that another loop has. */
  readonly isHome: boolean;
  /** Somebody feeds it, a publisher or an origin. */
  readonly isActive: boolean;
  /** Clients that play it or wait for it, edges among them. */
  readonly players: number;
  /** Id of the client that publishes it here, or empty. */
  readonly publisherId: string;
  readonly videoMessages: number;
  readonly messages: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly rate: RateSnapshot;
  readonly video: VideoSnapshot | null;
  readonly audio: AudioSnapshot | null;
  readonly upstreams: readonly UpstreamSnapshot[];
}

/** Pictures of a stream; a text is empty and a number 0 when the stream does not tell. */
export interface VideoSnapshot {
  /** `H264`, `HEVC`, `AV1`. */
  readonly codec: string;
  readonly profile: string;
  readonly level: string;
  readonly width: number;
  readonly height: number;
}

/** Sound of a stream; a text is empty and a number 0 when the stream does not tell. */
export interface AudioSnapshot {
  /** `AAC`, `Opus`. */
  readonly codec: string;
  readonly profile: string;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** A client that plays or publishes. */
export interface ClientSnapshot extends ClientReport {
  readonly rate: RateSnapshot;
}
