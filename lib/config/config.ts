/**
 * The validated configuration. Every layer above reads these types; only `lib/config` makes them.
 *
 * All times are milliseconds and all sizes bytes, whatever unit the file used.
 */

import type { LogLevel } from "../base/log.ts";

/** An address the server listens on. */
export interface ListenAddress {
  /** IP address, `0.0.0.0` when the file names only a port. IPv6 without brackets. */
  readonly hostname: string;
  /** 1…65535; 0 (any free port) only from the command line. */
  readonly port: number;
}

/** An origin an edge pulls from and pushes to. */
export interface OriginAddress {
  /** Host name or IP address. IPv6 without brackets. */
  readonly hostname: string;
  /** 1…65535; 1935 when the file names only a host. */
  readonly port: number;
}

/** The whole configuration. */
export interface Config {
  /** At least one, no address twice. */
  readonly listen: readonly ListenAddress[];
  /** File the process id is written to; empty for none. */
  readonly pid: string;
  /** Folder to change to at the start; empty to stay. */
  readonly workDir: string;
  readonly log: LogConfig;
  /** Connections served at once, 1 or more. */
  readonly maxConnections: number;
  /** Event loops that serve clients; `auto` is one per processor. */
  readonly workers: number | "auto";
  /** Chunk size of everything sent, 128…65536 bytes. */
  readonly chunkSize: number;
  readonly httpApi: HttpApiConfig;
  readonly httpServer: HttpServerConfig;
  /** By name. Empty when the file has no vhost: then every client is refused. */
  readonly vhosts: ReadonlyMap<string, VhostConfig>;
}

/** API, metrics and health over HTTP. */
export interface HttpApiConfig {
  readonly enabled: boolean;
  /** At least one, no address twice. */
  readonly listen: readonly ListenAddress[];
  /** Pages of other hosts may read it. */
  readonly crossdomain: boolean;
  readonly auth: HttpAuthConfig;
}

/** Who may use the API. */
export interface HttpAuthConfig {
  readonly enabled: boolean;
  /** Not empty when enabled. */
  readonly username: string;
  readonly password: string;
}

/** Files and streams over HTTP. */
export interface HttpServerConfig {
  readonly enabled: boolean;
  /** At least one, no address twice; may be those of the API. */
  readonly listen: readonly ListenAddress[];
  /** Folder with the files. */
  readonly dir: string;
  /** Pages of other hosts may read them. */
  readonly crossdomain: boolean;
}

/** Where log lines go and which. */
export interface LogConfig {
  readonly tank: "console" | "file";
  /** Log file; never empty when `tank` is `file`. */
  readonly file: string;
  readonly level: LogLevel;
  readonly format: "text" | "json";
}

/** Settings of one virtual host. */
export interface VhostConfig {
  readonly name: string;
  /** A disabled vhost refuses its clients. */
  readonly enabled: boolean;
  /** `local` is an origin, `remote` an edge. */
  readonly mode: "local" | "remote";
  readonly minLatency: boolean;
  /** Accepted for SRS's sake; it is always on. */
  readonly tcpNodelay: boolean;
  /** Acknowledge what clients send at least this often; 0 leaves it to their window. */
  readonly inAckSizeBytes: number;
  /** Acknowledgement window asked of clients; 0 asks for none. */
  readonly outAckSizeBytes: number;
  readonly play: PlayConfig;
  readonly publish: PublishConfig;
  readonly cluster: ClusterConfig;
  readonly refer: ReferConfig;
  readonly security: SecurityConfig;
  readonly httpHooks: HttpHooksConfig;
  readonly hls: HlsConfig;
  readonly httpRemux: HttpRemuxConfig;
}

/** Settings for players. */
export interface PlayConfig {
  readonly gopCache: boolean;
  /** 0 means no limit. */
  readonly gopCacheMaxFrames: number;
  readonly gopMaxBytes: number;
  /** How far a player may fall behind before it skips to a newer keyframe. */
  readonly queueLengthMs: number;
  /** Period of merged writes; 0 writes at once, `auto` follows the number of players. */
  readonly mwLatencyMs: number | "auto";
  /** Keep the absolute time of the publisher. */
  readonly atc: boolean;
  /** How long a player waits for a stream that nobody publishes; 0 does not wait. */
  readonly waitMs: number;
  /** A player that takes no byte for this long is closed. */
  readonly stallMs: number;
  /** Idle time before a ping is sent. */
  readonly pingIntervalMs: number;
  /** A client that answers no ping for this long is closed. */
  readonly pingTimeoutMs: number;
}

/** Settings for publishers. */
export interface PublishConfig {
  /** Longest wait for the first message. */
  readonly firstPacketTimeoutMs: number;
  /** Longest pause between later messages. */
  readonly normalTimeoutMs: number;
  /** How long players wait for a publisher whose connection was lost; 0 does not wait. */
  readonly graceMs: number;
  /** What becomes of the publisher a stream has when another one comes. */
  readonly takeover: "reject" | "replace";
}

/**
 * `ordered`: as written. `round_robin`: every stream begins one further. `hash`: by the stream's name, the
 * same on all edges.
 */
export type OriginSelect = "ordered" | "round_robin" | "hash";

/** Settings of an edge towards its origins. */
export interface ClusterConfig {
  /** In the order written; at least one when the vhost is enabled and its mode is `remote`. */
  readonly origins: readonly OriginAddress[];
  /** Which of them a stream prefers. */
  readonly originSelect: OriginSelect;
  /** Vhost asked for at the origin; `[vhost]` stands for the client's. */
  readonly vhost: string;
  /** Send the identifying arguments of an SRS edge in `connect`. */
  readonly debugSrsUpnode: boolean;
  /** Ask an origin whether it lets a client connect before the client may play or publish. */
  readonly tokenTraverse: boolean;
  /** Budget of the TCP connect. */
  readonly connectTimeoutMs: number;
  /** Budget from the handshake to the first media. */
  readonly startTimeoutMs: number;
  /** An upstream that sends no media for this long is stalled. */
  readonly stallTimeoutMs: number;
  /** How long the upstream is kept after the last player. */
  readonly lingerMs: number;
  /** First pause after every origin failed. */
  readonly retryMinMs: number;
  /** Longest pause after every origin failed; not below `retryMinMs`. */
  readonly retryMaxMs: number;
}

/** Which pages may embed a stream. A page's host must end with one of the names. */
export interface ReferConfig {
  readonly enabled: boolean;
  /** For every client; empty allows all. */
  readonly all: readonly string[];
  /** For players; empty allows all. */
  readonly play: readonly string[];
  /** For publishers; empty allows all. */
  readonly publish: readonly string[];
}

/** Which addresses may play and publish. */
export interface SecurityConfig {
  readonly enabled: boolean;
  /**
   * Denials first. Order has no other meaning: a matching denial wins over any allowance (as in
   * SRS).
   */
  readonly rules: readonly SecurityRule[];
}

/** One line of a `security` block. */
export interface SecurityRule {
  readonly action: "allow" | "deny";
  readonly scope: "play" | "publish";
  /** `all`, an IP address, or a CIDR range such as `10.0.0.0/8`. */
  readonly from: string;
}

/** FLV over HTTP and WebSocket. */
export interface HttpRemuxConfig {
  readonly enabled: boolean;
  /** Path of a stream, beginning with a slash, with `[app]` and `[stream]` once each. */
  readonly mount: string;
  /** What the FLV header announces, */
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  /** less what the stream does not seem to have. */
  readonly guessTracks: boolean;
  /** Leave out what is never announced. */
  readonly dropIfNotMatch: boolean;
}

/** HLS of an origin vhost. */
export interface HlsConfig {
  /** False in an edge vhost, whatever is written. */
  readonly enabled: boolean;
  /** A segment ends at the first keyframe from `fragmentMs * targetDurationRatio` on, */
  readonly fragmentMs: number;
  readonly targetDurationRatio: number;
  /** or without a keyframe at `fragmentMs * audioOverflowRatio`. */
  readonly audioOverflowRatio: number;
  /** Most time in the playlist. */
  readonly windowMs: number;
  /** Folder of all files, without a slash at its end. */
  readonly path: string;
  /** Playlist below `path`, with placeholders. */
  readonly playlistFile: string;
  /** Segments below `path`, with placeholders; ends in `.ts`. */
  readonly segmentFile: string;
  /** Written before the name of every segment in the playlist; may be empty. */
  readonly entryPrefix: string;
  /** Remove segments that left the playlist. */
  readonly cleanup: boolean;
  /** Remove everything when nobody has published for so long; 0 never. */
  readonly disposeMs: number;
  /** Begin segments with keyframes only. */
  readonly waitKeyframe: boolean;
}

/** Events of a client that an HTTP server is asked about or told of, by their names in SRS. */
export type HookAction =
  | "on_connect"
  | "on_close"
  | "on_publish"
  | "on_unpublish"
  | "on_play"
  | "on_stop";

/** Callbacks over HTTP. */
export interface HttpHooksConfig {
  readonly enabled: boolean;
  /** Longest wait for all answers about one event. */
  readonly timeoutMs: number;
  /** Where to ask or to tell, in order; empty for nowhere. */
  readonly urls: Readonly<Record<HookAction, readonly string[]>>;
}

/** The vhost that serves clients whose own vhost is not configured. */
export const DEFAULT_VHOST = "__defaultVhost__";
