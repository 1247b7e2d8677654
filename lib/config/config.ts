/**
 * The validated configuration. Only `lib/config` creates these objects. `schema.ts` describes each
 * setting in full; the comments here add what the types do not say.
 *
 * All times are milliseconds and all sizes bytes, independent of the units in the file.
 */

import type { DvrConfig } from "./dvr_config.ts";
import type { ForwardConfig } from "./forward_config.ts";
import type { LogLevel } from "../base/log.ts";
import type { OriginAddress, OriginName } from "./origin_address.ts";

export type { OriginAddress } from "./origin_address.ts";
import type { DrainConfig } from "./drain_config.ts";

/** A local address to listen on. */
export interface ListenAddress {
  /** IP address, IPv6 without brackets. `0.0.0.0` when the file names only a port. */
  readonly hostname: string;
  /** 1…65535, or 0 for any free port, which only the command line allows. */
  readonly port: number;
}

/** The whole configuration. */
export interface Config {
  /** At least one, each address once. */
  readonly listen: readonly ListenAddress[];
  readonly serverName: string;
  readonly sessionLog: string;
  readonly rtmps: TlsConfig;
  /**
   * Load balancers whose connections to RTMP and `http_server` begin with a header of the PROXY
   * protocol: IP addresses and CIDR ranges.
   */
  readonly proxyProtocol: readonly string[];
  /** File for the process id; empty for none. */
  readonly pid: string;
  /** Whether to load the configuration again when its files change. */
  readonly autoReload: boolean;
  /** Working directory to change to; empty to stay. */
  readonly workDir: string;
  readonly log: LogConfig;
  /** Most connections served at the same time, 1 or more. */
  readonly maxConnections: number;
  /** Most RTMP connections and FLV viewers of one IP address; 0 for no limit. */
  readonly maxConnectionsPerIp: number;
  /** Threads that serve clients, 1 or more; `auto` is one per processor. */
  readonly workers: number | "auto";
  /** Chunk size of everything sent: 128…65536 bytes. */
  readonly chunkSize: number;
  readonly drain: DrainConfig;
  readonly httpApi: HttpApiConfig;
  readonly httpServer: HttpServerConfig;
  /** By name. When empty, every client is refused. */
  readonly vhosts: ReadonlyMap<string, VhostConfig>;
}

/** Addresses where a protocol is served over TLS. */
export interface TlsConfig {
  /** Off when the block around it is off. */
  readonly enabled: boolean;
  /** At least one, each address once. */
  readonly listen: readonly ListenAddress[];
  /** File with the certificate, and those between it and a known issuer. PEM. */
  readonly cert: string;
  /** File with the private key. PEM. */
  readonly key: string;
}

/** API, metrics and health checks over HTTP. */
export interface HttpApiConfig {
  readonly enabled: boolean;
  /** At least one, each address once. */
  readonly listen: readonly ListenAddress[];
  /** Whether pages of other hosts may read the API. */
  readonly crossdomain: boolean;
  readonly jsonp: boolean;
  readonly auth: HttpAuthConfig;
  /** As `proxyProtocol` of the configuration, for the API. */
  readonly proxyProtocol: readonly string[];
  readonly rawApi: RawApiConfig;
  readonly https: TlsConfig;
}

/** SRS's way to change the server by a GET request. */
interface RawApiConfig {
  readonly enabled: boolean;
  readonly allowReload: boolean;
}

/** Authentication of the API. */
export interface HttpAuthConfig {
  readonly enabled: boolean;
  readonly type: "basic" | "bearer";
  /** Not empty and without a colon for `basic`, when enabled. */
  readonly username: string;
  /** Not empty for `basic`, when enabled. */
  readonly password: string;
  /** Not empty for `bearer`, when enabled. */
  readonly token: string;
}

/** Files and streams over HTTP. */
export interface HttpServerConfig {
  readonly enabled: boolean;
  /** At least one, each address once. May overlap with those of the API. */
  readonly listen: readonly ListenAddress[];
  /** Folder of the files. */
  readonly dir: string;
  /** Whether pages of other hosts may read the files. */
  readonly crossdomain: boolean;
  readonly players: boolean;
  /** Reverse proxies whose word is taken for scheme and host: IP addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly https: TlsConfig;
}

/** Destination, level and format of the log. */
export interface LogConfig {
  readonly tank: "console" | "file";
  /** Log file. Not empty when `tank` is `file`. */
  readonly file: string;
  readonly level: LogLevel;
  readonly format: "text" | "json";
}

/** Settings of one virtual host. */
export interface VhostConfig {
  readonly name: string;
  readonly enabled: boolean;
  /** `local`: origin. `remote`: edge. */
  readonly mode: "local" | "remote";
  readonly minLatency: boolean;
  /** Accepted for compatibility with SRS; TCP_NODELAY is always on. */
  readonly tcpNodelay: boolean;
  /** Largest interval of acknowledgements sent to clients; 0 follows the client's window. */
  readonly inAckSizeBytes: number;
  /** Acknowledgement window requested from clients; 0 requests none. */
  readonly outAckSizeBytes: number;
  /** Most streams with clients at a time; 0 for no limit. */
  readonly maxStreams: number;
  readonly play: PlayConfig;
  readonly publish: PublishConfig;
  readonly cluster: ClusterConfig;
  readonly forward: ForwardConfig;
  readonly refer: ReferConfig;
  readonly security: SecurityConfig;
  readonly httpHooks: HttpHooksConfig;
  readonly hls: HlsConfig;
  readonly dvr: DvrConfig;
  readonly httpRemux: HttpRemuxConfig;
}

/** Settings for players. */
export interface PlayConfig {
  readonly gopCache: boolean;
  /** 0 means no limit. */
  readonly gopCacheMaxFrames: number;
  readonly gopMaxBytes: number;
  /** Largest lag of a player before it skips to a newer keyframe. */
  readonly queueLengthMs: number;
  /** Period of merged writes. 0 writes at once; `auto` depends on the number of players. */
  readonly mwLatencyMs: number | "auto";
  /** Whether to keep the publisher's absolute timestamps. */
  readonly atc: boolean;
  /** How long a player waits for a stream without a publisher; 0 does not wait. */
  readonly waitMs: number;
  /** Longest time a player may accept no byte before it is closed. */
  readonly stallMs: number;
  /** How long a client may be silent before a ping is sent. */
  readonly pingIntervalMs: number;
  /** Longest wait for the answer to a ping before the client is closed. */
  readonly pingTimeoutMs: number;
  /** FLV file shown while a stream has no source; empty for none. */
  readonly fallbackFile: string;
  /** How long a stream has no source before the file is shown. */
  readonly fallbackAfterMs: number;
  readonly access: AccessConfig;
  /** Most players of one stream; 0 for no limit. */
  readonly maxPlayersPerStream: number;
  /** Most players from one IP address; 0 for no limit. */
  readonly maxPlayersPerIp: number;
}

/** Settings for publishers. */
export interface PublishConfig {
  readonly mergedReads: MergedReads;
  /** Longest wait for the first message. */
  readonly firstPacketTimeoutMs: number;
  /** Longest pause between messages after the first. */
  readonly normalTimeoutMs: number;
  /** How long players wait for a publisher whose connection was lost; 0 does not wait. */
  readonly graceMs: number;
  /** What to do with a second publisher of a stream. */
  readonly takeover: "reject" | "replace" | "standby";
  /** File of stream keys; empty when publishers need none. */
  readonly keysFile: string;
  /** Most streams published at a time; 0 for no limit. */
  readonly maxPublishers: number;
  /** Highest average rate of a publisher, in kbit/s; 0 for no limit. */
  readonly maxBitrateKbps: number;
  readonly access: AccessConfig;
}

/** Whether and how long a publisher's messages may wait to be read together. */
export interface MergedReads {
  readonly mode: "auto" | "on" | "off";
  /** Longest pause between two reads, in ms. */
  readonly maxMs: number;
}

/** Who may play or publish, by what it knows. */
export interface AccessConfig {
  /** Secrets of signed URLs, the one that signs first; */
  readonly signSecrets: readonly string[];
  /** and a file with more; empty for none. */
  readonly signSecretFile: string;
  /** File of the keys of JSON Web Tokens; empty for none. */
  readonly jwtKeysFile: string;
  /** What the tokens' `iss` must be, */
  readonly jwtIssuer: string;
  /** and their `aud`, or one of them; empty for any. */
  readonly jwtAudience: string;
  /** IP addresses and CIDR ranges that need no key, signature or token. */
  readonly trusted: readonly string[];
}

/**
 * Which origin a stream tries first. `ordered`: the first one listed. `round_robin`: the next one
 * for each new stream. `hash`: chosen by the stream's name, the same one on all edges.
 */
export type OriginSelect = "ordered" | "round_robin" | "hash";

/** How an edge uses its origins. */
export interface ClusterConfig {
  /** As listed in the file. At least one when the vhost is enabled and its mode is `remote`. */
  readonly origins: readonly (OriginAddress | OriginName)[];
  /** Null for those of the system. */
  readonly dnsServer: ListenAddress | null;
  readonly originSelect: OriginSelect;
  /** To how many origins a stream is pushed at the same time; 1 or more. */
  readonly push: number | "all";
  /** Vhost requested from the origin; `[vhost]` stands for the client's vhost. */
  readonly vhost: string;
  readonly debugSrsUpnode: boolean;
  /** Whether to ask origins for all codecs and tracks of Enhanced RTMP. */
  readonly enhancedRtmp: boolean;
  /** Whether an origin must let a client connect before the client may play or publish. */
  readonly tokenTraverse: boolean;
  /** File with issuers that are trusted besides the usual ones; empty for none. */
  readonly tlsCa: string;
  readonly insecure: boolean;
  readonly maxUpstreams: number;
  /** Where origins may redirect to: only to each other, or to any address. */
  readonly redirect: "origins" | "any";
  /** Longest wait for the TCP connection. */
  readonly connectTimeoutMs: number;
  /** Longest time from the handshake to the first media message. */
  readonly startTimeoutMs: number;
  /** Longest pause of media before the next origin is tried. */
  readonly stallTimeoutMs: number;
  /** A stream's own pace decides when a pull is silent; for all else, `stallTimeoutMs` holds. */
  readonly isStallAuto: boolean;
  /** Whether streams are pulled from two origins at once. */
  readonly standby: boolean;
  /** After this time away, a pull returns to the preferred origin; 0 never. */
  readonly failbackMs: number;
  /** How often the next origin of a pull is asked whether it has the stream; 0 never. */
  readonly probeMs: number;
  /** How long the upstream connection is kept after the last player has left. */
  readonly lingerMs: number;
  /** First and longest pause after all origins have failed. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** Which pages may embed a stream: those whose host ends with one of the names. */
export interface ReferConfig {
  readonly enabled: boolean;
  /** For all clients; empty allows all pages. */
  readonly all: readonly string[];
  /** For players; empty allows all pages. */
  readonly play: readonly string[];
  /** For publishers; empty allows all pages. */
  readonly publish: readonly string[];
}

/** Which addresses may play and publish. */
export interface SecurityConfig {
  readonly enabled: boolean;
  /** Deny rules first. As in SRS, a matching deny overrides every allow, in any order. */
  readonly rules: readonly SecurityRule[];
}

/** One rule of a `security` block. */
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
  readonly format: "flv" | "ts";
  /** Whether the FLV header announces audio, */
  readonly hasAudio: boolean;
  /** and video. */
  readonly hasVideo: boolean;
  /** Whether to announce only tracks that the stream is known to have. */
  readonly guessTracks: boolean;
  /** Whether to omit tracks that `hasAudio` or `hasVideo` excludes. */
  readonly dropIfNotMatch: boolean;
}

/** HLS of an origin vhost. */
export interface HlsConfig {
  /** Always false in an edge vhost. */
  readonly enabled: boolean;
  /** A segment ends at the first keyframe after `fragmentMs * targetDurationRatio`, */
  readonly fragmentMs: number;
  readonly targetDurationRatio: number;
  /** or at `fragmentMs * audioOverflowRatio` without a keyframe. */
  readonly audioOverflowRatio: number;
  /** Duration of the playlist. */
  readonly windowMs: number;
  /** Folder of all files, without a trailing slash. */
  readonly path: string;
  /** Playlist, relative to `path`, with placeholders. */
  readonly playlistFile: string;
  /** Segments, relative to `path`, with placeholders; ends in `.ts`. */
  readonly segmentFile: string;
  /** Prefix of every segment's name in the playlist; may be empty. */
  readonly entryPrefix: string;
  /** Whether to remove segments that have left the playlist. */
  readonly cleanup: boolean;
  /** How long after the last publish all files are removed; 0 keeps them. */
  readonly disposeMs: number;
  /** Whether segments start with keyframes only. */
  readonly waitKeyframe: boolean;
  /** Whether all segments are CMAF, not only those of codecs that need it. */
  readonly useFmp4: boolean;
  /** Whether segments are written in parts. Implies `useFmp4`. */
  readonly isLowLatency: boolean;
  /** Endings of the names of streams that are renditions of the same media. */
  readonly variants: readonly string[];
}

/** Events of a client that are reported to an HTTP server, by their SRS names. */
export type HookAction =
  | "on_connect"
  | "on_close"
  | "on_publish"
  | "on_unpublish"
  | "on_play"
  | "on_stop"
  | "on_dvr"
  | "on_hls"
  | "on_update"
  | "on_session";

/** How callbacks are written: as SRS does, or as nginx-rtmp does. */
export type HookFormat = "json" | "form";

/** HTTP callbacks. */
export interface HttpHooksConfig {
  readonly enabled: boolean;
  readonly format: HookFormat;
  /** Time between two reports about a client that plays or publishes. */
  readonly updateMs: number;
  /** Longest wait for all answers to one event. */
  readonly timeoutMs: number;
  /** URLs of each event, in the order they are asked; empty for none. */
  readonly urls: Readonly<Record<HookAction, readonly string[]>>;
}

/** The vhost that serves clients whose vhost is not configured. */
export const DEFAULT_VHOST = "__defaultVhost__";
