import type { RecordingReport, RecordingTotals } from "../dvr/recording.ts";
import type { StreamStats } from "../hub/stream_stats.ts";
import type { Audience } from "../hub/viewer.ts";
import type { Ban } from "../server/bans.ts";
import type { ConnectionUse } from "../server/client_limits.ts";
import type { RefusalCounts } from "../server/refusal_counts.ts";
import type { ClientReport, ClientTotals } from "../server/client_report.ts";
import type { MoveCounts, MoveSelector } from "../server/move_clients.ts";
import type {
  DiscoveryReport,
  UpstreamConnections,
  UpstreamSnapshot,
  UpstreamTotals,
} from "../upstream/upstream_snapshot.ts";

/**
 * What API and metrics read of a server, and what they do to its clients. Snapshots are plain data
 * that can be posted between threads: with several workers, one view merges the snapshots of all.
 */
export interface ServerView {
  snapshot(): Promise<ServerSnapshot>;
  /** Closes a client. Returns false when there is none with this id. */
  kick(clientId: string): Promise<boolean>;
  /** Refuses addresses from now on. Clients that are connected stay. */
  ban(bans: readonly Ban[]): Promise<void>;
  /** Ends a ban. Returns false when there is none. */
  lift(ip: string): Promise<boolean>;
  /** The bans in force, newest first. */
  bans(): Promise<readonly Ban[]>;
  /** Asks clients to connect again, as {@linkcode ClientSource.move} of all sources. */
  move(selector: MoveSelector, target: string | null): Promise<MoveCounts>;
}

/** The state of a server. */
export interface ServerSnapshot {
  readonly process: ProcessSnapshot;
  readonly totals: ClientTotals;
  /** Connections of all listeners; those of the API are left out where threads serve clients. */
  readonly connections: ConnectionUse;
  /** Clients that the gate has refused since the start, by cause. */
  readonly refusals: Readonly<RefusalCounts>;
  readonly incidents: IncidentCounts;
  /** HTTP callbacks without a clear answer since the start, by callback. */
  readonly callbackFailures: Readonly<Record<string, number>>;
  /** Addresses that are banned. */
  readonly bans: number;
  /** Of all clients together. */
  readonly rate: RateSnapshot;
  /** How late timers ran. */
  readonly loopDelay: DelaySnapshot;
  /** By how much merged reads delayed what publishers and origins sent; 0 for other reads. */
  readonly readDelay: DelaySnapshot;
  readonly flushes: FlushSnapshot;
  readonly vhosts: readonly VhostSnapshot[];
  readonly streams: readonly StreamSnapshot[];
  /** Streams that have ended, the newest first: some of the oldest may be missing. */
  readonly ended: readonly EndedStream[];
  readonly clients: readonly ClientSnapshot[];
}

/** What happened to clients since the start. */
interface IncidentCounts {
  /** Closed over the API. */
  readonly kicks: number;
  /** Connections that ended before their `connect` command, as of port scanners. */
  readonly handshakeFailures: number;
}

/** A server that waits for its clients to leave. */
export interface DrainSnapshot {
  readonly phase: DrainPhase;
  /** What asked for it: a signal, the API. */
  readonly cause: string;
  readonly elapsedMs: number;
  /** Until the clients that are left are closed. */
  readonly remainingMs: number;
  readonly clients: DrainCounts;
  /** Clients that were asked to connect again, so far. */
  readonly asked: number;
}

/** What a draining server waits for. */
export interface DrainCounts {
  /** RTMP connections, those without a stream included. */
  readonly connections: number;
  readonly players: number;
  readonly publishers: number;
  /** HTTP-FLV viewers and HLS sessions. */
  readonly viewers: number;
}

/** See {@linkcode Drain} for their order. */
export type DrainPhase =
  | "accepting"
  | "closing listeners"
  | "moving publishers"
  | "moving players"
  | "waiting"
  | "empty"
  | "drained";

/** The state of the process. */
export interface ProcessSnapshot {
  readonly pid: number;
  readonly parentPid: number;
  /** Working directory. */
  readonly folder: string;
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  readonly uptimeMs: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Memory of the machine, in bytes; 0 without permission to ask. */
  readonly machine: MachineSnapshot;
  /** CPU time since the start, in seconds. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Recent CPU use in processors, 0 or more: 1 is one fully used processor. */
  readonly cpuShare: number;
  /** Processors of the machine. */
  readonly processors: number;
}

/** The machine; zeros where the program may not ask. */
export interface MachineSnapshot {
  readonly memoryBytes: number;
  readonly freeBytes: number;
  readonly swapBytes: number;
  readonly freeSwapBytes: number;
  /** Averages over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
  readonly uptimeSeconds: number;
}

/** Bit rates, averaged over the last 30 s. */
export interface RateSnapshot {
  /** kbit/s, whole. */
  readonly recvKbps: number;
  readonly sendKbps: number;
}

/** Histogram of delays since the start. */
export interface DelaySnapshot {
  /** Upper bounds of the buckets in seconds, ascending; the last bucket has none. */
  readonly boundsSeconds: readonly number[];
  /** Delays per bucket, one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** Counters of writes to clients and origins, and the time spent starting them. */
interface FlushSnapshot {
  readonly count: number;
  readonly busyMs: number;
}

/** How publishers joined streams that were delivered in part, and what that cost players. */
type SwitchCounters = Readonly<
  Pick<StreamStats, "splices" | "restarts" | "lostFrames" | "doubledFrames">
>;

/** The state of a vhost. Bytes and messages are counters since it was added. */
export interface VhostSnapshot {
  readonly name: string;
  readonly enabled: boolean;
  readonly mode: "local" | "remote";
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly messages: number;
  /** Times that a slate was shown. */
  readonly slates: number;
  /** Publishers that joined what their stream had delivered before, see `hub/stream_stats.ts`. */
  readonly publishers: SwitchCounters;
  readonly rate: RateSnapshot;
  readonly recordings: Readonly<RecordingTotals>;
  /** Length of HLS segments in ms, or null when the vhost makes none. */
  readonly hlsFragmentMs: number | null;
  /** Connections of an edge to its origins: those it has now, and counters. Null for an origin. */
  readonly upstreams: Readonly<UpstreamTotals & UpstreamConnections> | null;
  /** Names that stand for origins. */
  readonly discoveries: readonly DiscoveryReport[];
  /** Counters of the copies that an origin sends to other servers. Null when it sends none. */
  readonly forward: Readonly<UpstreamTotals> | null;
}

/** A stream that has ended. Counters since the start, over all its lives. */
export interface EndedStream {
  readonly vhost: string;
  /** `app/stream`. */
  readonly name: string;
  /** False for the copy that a worker had of another worker's stream. */
  readonly isOwner: boolean;
  readonly videoMessages: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly lostFrames: number;
  readonly doubledFrames: number;
}

/** A stream that has a source or players. Counters since the start, over all its lives. */
export interface StreamSnapshot {
  readonly vhost: string;
  /** `app/stream`. */
  readonly name: string;
  /** False for the mirror of a stream that another worker owns. */
  readonly isOwner: boolean;
  /** A publisher or an origin feeds it. */
  readonly isActive: boolean;
  /** A slate is shown, because neither does. */
  readonly isOnSlate: boolean;
  /** Clients that play it or wait for it, edges among them. */
  readonly players: number;
  /** Who plays it, through all levels of edges. What edges report are claims. */
  readonly audience: Audience;
  /** Id of the client that publishes it here, or empty. */
  readonly publisherId: string;
  /** Id of the client that stands by for that one, or empty. */
  readonly reserveId: string;
  readonly videoMessages: number;
  readonly messages: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly rate: RateSnapshot;
  readonly health: StreamHealth;
  readonly video: VideoSnapshot | null;
  readonly audio: AudioSnapshot | null;
  /** The file that the stream is being recorded to; null without. */
  readonly recording: RecordingReport | null;
  readonly upstreams: readonly UpstreamSnapshot[];
}

/** What tells a good publisher from a bad one. */
interface StreamHealth {
  /** Name and version of the encoder, as the metadata has it; or empty. */
  readonly encoder: string;
  /** Video frames a second, averaged over the last 30 s. */
  readonly frameRate: number;
  /** Time between the newest two keyframes in ms; 0 if unknown. */
  readonly keyframeMs: number;
  /** Corrections of stream time, because the publisher's clock leapt or stood still. */
  readonly clockChanges: number;
  /** Frames that players did not get, or got twice, because publishers changed. */
  readonly lostFrames: number;
  readonly doubledFrames: number;
}

/** Video of a stream. Texts are empty and numbers 0 where the stream does not say. */
export interface VideoSnapshot {
  /** `H264`, `HEVC`, `AV1`. */
  readonly codec: string;
  readonly profile: string;
  readonly level: string;
  readonly width: number;
  readonly height: number;
}

/** Audio of a stream. Texts are empty and numbers 0 where the stream does not say. */
export interface AudioSnapshot {
  /** `AAC`, `Opus`. */
  readonly codec: string;
  readonly profile: string;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** A client that plays or publishes, with its rate. */
export interface ClientSnapshot extends ClientReport {
  readonly rate: RateSnapshot;
}
