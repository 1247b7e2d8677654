// deno-lint-ignore-file camelcase -- the names are those written in files
/**
 * The table of every directive this server knows: its values, its default, what it does, and
 * whether it is supported. Files are checked and read by this table; the reference in
 * `docs/configuration.md` and `conf/full.*` is generated from it (`deno task docs`).
 *
 * Names and defaults are those of SRS 7.0.18 unless the text says "Own directive".
 */

import type { OriginAddress, SecurityRule } from "./config.ts";
import type { OriginName } from "./origin_address.ts";
import * as addresses from "./address_values.ts";
import type { ForwardDestination } from "./forward_config.ts";
import { forwardDestinations } from "./forward_values.ts";
import * as paths from "./path_values.ts";
import { ProblemList } from "./problem_list.ts";
import type { ValueType } from "./value_type.ts";
import { signSecrets } from "./secret_values.ts";
import * as values from "./values.ts";

/** A supported directive with values. */
export interface Option<T> {
  readonly kind: "option";
  readonly type: ValueType<T>;
  /** The words of the default, or of an example when there is no default. */
  readonly words: readonly string[];
  /** Whether `words` are the default. */
  readonly hasDefault: boolean;
  /** The value when the directive is absent. */
  readonly fallback: T;
  /** Whether each occurrence adds to the value. Otherwise the first one applies. */
  readonly isRepeatable: boolean;
  /** Why a change takes effect only after a restart; empty when a running server can apply it. */
  readonly restart: string;
  readonly doc: string;
}

/** A directive or block of SRS that this server does not support yet. */
export interface Unsupported {
  readonly kind: "unsupported";
  /** Values that change nothing, so that they cause no warning. `*` stands for any value. */
  readonly quiet: readonly string[];
  /** Names that SRS allows in this block, to tell where a misplaced one belongs. */
  readonly contents: readonly string[];
  readonly doc: string;
  /** Replaces the usual advice of the warning. */
  readonly fix: string | undefined;
}

/** A block of directives. */
export interface Block<E extends Entries = Entries> {
  readonly kind: "block";
  readonly entries: E;
  readonly doc: string;
}

/** A block with a name, which may occur once per name. */
interface NamedBlock<E extends Entries = Entries> {
  readonly kind: "named block";
  readonly entries: E;
  readonly doc: string;
}

/** One row of the table. */
export type Entry = Option<unknown> | Unsupported | Block | NamedBlock;

/** The rows of one block, by name. */
export interface Entries {
  readonly [name: string]: Entry;
}

/** The values read from a block with the rows `E`. */
export type Values<E extends Entries> = {
  readonly [K in keyof E as E[K] extends Unsupported | NamedBlock ? never : K]: E[K] extends
    Option<infer T> ? T
    : E[K] extends Block<infer C> ? Values<C>
    : never;
};

const SECOND_MS = 1000;
const MAX_COUNT = 1_000_000;
const MAX_U31 = 0x7fffffff;

const ownTime = (minMs: number) => values.duration({ minMs });

/** A limit that each worker applies to its own clients. */
function limit(what: string) {
  return option(
    values.integer(0, MAX_COUNT),
    "0",
    `Most ${what}, in each worker. Further ones are refused with a status. An edge counts as one. 0 means no limit. Own directive.`,
  );
}

/** Who may do `action`, by what it knows. */
function signing(action: "play" | "publish") {
  return {
    sign_secret: optional(
      { type: signSecrets, example: "4f1d6b0e9a2c47d1b2f05c6a7e8d9f10", fallback: [] as string[] },
      `Require signed URLs to ${action}, which \`edge sign\` makes. The first secret signs, and the second is accepted, too. An edge signs its own requests with it. See docs/access.md. Own directive.`,
    ),
    sign_secret_file: optional(
      { type: values.text, example: "/etc/edge/secrets", fallback: "" },
      "The same, with the secrets in a file, a line each. Own directive.",
    ),
    jwt_keys: optional(
      { type: values.text, example: "/etc/edge/jwks.json", fallback: "" },
      `Require a JSON Web Token to ${action}: HS256, RS256 or EdDSA, by a JWKS or public keys in PEM in this file. See docs/access.md. Own directive.`,
    ),
    jwt_issuer: optional(
      { type: values.text, example: "https://login.example", fallback: "" },
      "Take only tokens whose `iss` is this. Own directive.",
    ),
    jwt_audience: optional(
      { type: values.text, example: "live", fallback: "" },
      "Take only tokens whose `aud` is this, or a list with this in it. Own directive.",
    ),
    trusted: optional(
      { type: addresses.addressRanges, example: "10.0.0.0/8", fallback: [] as string[] },
      `Addresses that need no key, signature or token to ${action}, such as those of edges that have checked it. Own directive.`,
    ),
  };
}

const play = {
  gop_cache: option(
    values.flag,
    "on",
    "Start players at the newest keyframe received instead of the next one.",
  ),
  gop_cache_max_frames: option(
    values.integer(0, MAX_COUNT),
    "2500",
    "Do not cache a GOP of more messages than this, so that an encoder without keyframes cannot fill the memory. 0 means no limit.",
  ),
  gop_cache_max_bytes: option(
    values.bytes(64 * 1024, 1024 * 1024 * 1024),
    "64m",
    "Do not cache a GOP of more bytes than this. Own directive.",
  ),
  queue_length: option(
    values.duration({ bare: "s", minMs: 100, isRaised: true }),
    "30",
    "How far a player may lag before it skips to a newer keyframe.",
  ),
  mw_latency: option(
    values.autoOr(values.duration({ bare: "ms", minMs: 0 })),
    "auto",
    "How long to collect messages for a player before writing them. 0 writes each message at once; `auto` is 30 ms with few players and grows with their number to 350 ms, SRS's default.",
  ),
  atc: option(
    values.flag,
    "off",
    "Keep the publisher's absolute timestamps instead of starting near 0.",
  ),
  play_wait: option(
    ownTime(0),
    "30s",
    "How long a player waits for a stream without a publisher. HTTP viewers of an origin wait for a second at most. Own directive.",
  ),
  write_stall: option(
    ownTime(SECOND_MS),
    "15s",
    "Close a player whose socket accepts no byte for this long. Own directive.",
  ),
  ping: option(
    ownTime(SECOND_MS),
    "30s",
    "Ping a client that has been silent for this long. Own directive.",
  ),
  ping_timeout: option(
    ownTime(SECOND_MS),
    "30s",
    "Close a client that has not answered a ping for this long. Own directive.",
  ),
  fallback: optional(
    { type: values.text, example: "/etc/edge/slate.flv", fallback: "" },
    "FLV file to show in a loop, in place of a publisher or an origin that is gone, to the players of a stream. It needs the codecs of the stream. While it is shown, the stream does not end. See docs/continuity.md. Own directive.",
  ),
  fallback_after: option(
    values.duration({ bare: "s", minMs: 0 }),
    "5",
    "How long a stream has no source before its players are shown the file. Own directive.",
  ),
  max_players_per_stream: limit("players of one stream"),
  max_players_per_ip: limit("players from one address, over all its connections"),
  ...signing("play"),
  time_jitter: unsupported(
    ["full"],
    "Correct timestamps. Always done, as full does in SRS; write atc on to keep them.",
  ),
  mix_correct: unsupported(["off"], "Reorder audio and video by timestamp."),
  atc_auto: unsupported(["off"], "Enable atc when the metadata asks for it."),
  mw_msgs: unsupported(["*"], "Number of messages collected for one write."),
  send_min_interval: unsupported(["*"], "Shortest pause between two writes."),
  reduce_sequence_header: unsupported(["off"], "Omit repeated sequence headers."),
};

const publish = {
  mr: option(
    values.choice("auto", "on", "off"),
    "auto",
    "Whether to pause between two reads of a publisher, and at an edge of an origin, so that one read takes several messages (merged read). Saves CPU with many streams. `auto`, an own value, pauses up to 36 ms when the event loop is half busy. Never with min_latency.",
  ),
  mr_latency: option(
    values.duration({ bare: "ms", minMs: 0 }),
    "350",
    "Longest pause of merged reads. `mr on` always pauses this long.",
  ),
  firstpkt_timeout: option(
    values.duration({ bare: "ms", minMs: 1 }),
    "20000",
    "Longest wait for a publisher's first message.",
  ),
  normal_timeout: option(
    values.duration({ bare: "ms", minMs: 1 }),
    "20000",
    "Longest pause between a publisher's messages after the first.",
  ),
  grace: option(
    ownTime(0),
    "10s",
    "How long to wait for a publisher whose connection was lost before its players are told. Own directive.",
  ),
  takeover: option(
    values.choice("reject", "replace", "standby"),
    "reject",
    "What to do with a second publisher of a stream. reject: refuse it, unless the first one gives no sign of life. replace: close the first one. standby: accept it as a reserve, which takes over when the first one is lost or silent; a third one is refused. See docs/continuity.md. Own directive.",
  ),
  max_publishers: limit("streams published at a time"),
  max_bitrate: option(
    values.integer(0, MAX_COUNT),
    "0",
    "Highest rate of a publisher's media in kbit/s, averaged over 10 s. One that exceeds it is warned about in the log, and closed if it still does 10 s later. 0 means no limit. Own directive.",
  ),
  ...signing("publish"),
  keys: optional(
    { type: values.text, example: "/etc/edge/keys", fallback: "" },
    "File of stream keys, a line each: KEY NAME [NOT-AFTER]. A publisher must use a key as the stream's name, and appears under the name of the key. See docs/access.md. Own directive.",
  ),
  parse_sps: unsupported(["*"], "Read the video size from the stream."),
  try_annexb_first: unsupported(["*"], "Try Annex B first when parsing a frame."),
  kickoff_for_idle: unsupported(["0"], "Close a publisher without players."),
};

const cluster = {
  mode: option(
    values.choice("local", "remote"),
    "local",
    "local: streams are published here (origin). remote: streams are pulled from and pushed to an origin (edge).",
  ),
  origin: optional(
    {
      type: addresses.originAddresses,
      example: "127.0.0.1:19350",
      fallback: [] as (OriginAddress | OriginName)[],
    },
    "Origins of an edge, most preferred first; `rtmps://host:port` for one with TLS. The port defaults to 1935, with TLS to 443. A host name is resolved for every connection. With `dns:host:port`, every address of the name is an origin, and with `srv:name` every server of its SRV records; streams are spread over them by name, and move when the addresses change. See docs/continuity.md. Required when mode is remote.",
  ),
  dns_server: optional(
    { type: addresses.nameServer, example: "127.0.0.1:8600", fallback: null },
    "Name server to ask for origins written as `dns:` or `srv:`, instead of the system's. Own directive.",
  ),
  origin_select: option(
    values.choice("ordered", "round_robin", "hash"),
    "ordered",
    "Which origin a stream tries first. ordered: the first one listed. round_robin: the next one for each new stream. hash: chosen by the stream's name, the same one on all edges. Origins that are down are always tried last. Own directive.",
  ),
  push: option(
    values.wordOr("all", values.integer(1, 64)),
    "1",
    "To how many origins a stream that is published on an edge is pushed at the same time. Each of them gets the same frames and timestamps, so edges switch between them without a gap. `all` pushes to every origin; 1 is what SRS does. Own directive.",
  ),
  vhost: option(
    values.vhostName,
    "[vhost]",
    "Vhost to request from the origin. [vhost] stands for the client's vhost; in the default vhost, for the one that the client names, so clients who name different vhosts get different streams. Write a vhost, or `__defaultVhost__`, to make them share.",
  ),
  debug_srs_upnode: option(
    values.flag,
    "on",
    "Identify this edge to the origin, as SRS edges do.",
  ),
  enhanced_rtmp: option(
    values.flag,
    "on",
    "Ask origins for all codecs and tracks of Enhanced RTMP. Without it, a mediamtx origin sends only H.264, AAC and MP3, and one track of each kind. Turn it off for a server that refuses the fields it adds to connect. Own directive.",
  ),
  token_traverse: option(
    values.flag,
    "off",
    "Admit a client to play or publish only if an origin lets it connect.",
  ),
  redirect: option(
    values.choice("origins", "any"),
    "origins",
    "Where an origin may redirect to (RTMP 302). origins: to addresses of the vhost's own origin list. any: anywhere; only for origins that you trust with every address that this server can reach. Own directive.",
  ),
  tls_ca: optional(
    { type: values.text, example: "./conf/ca.crt", fallback: "" },
    "File with issuers of certificates, PEM, that origins with TLS may have besides the usual ones. It is read for every connection. Own directive.",
  ),
  insecure: option(
    values.flag,
    "off",
    "Accept any certificate of an origin with TLS. Then anyone on the way may read and change the streams. Own directive.",
  ),
  max_upstreams: option(
    values.integer(4, MAX_COUNT),
    "2000",
    "Most connections of the vhost to one origin, in each worker. Names that were never live get a quarter of them. What exceeds the limit waits. Own directive.",
  ),
  connect_timeout: option(
    ownTime(100),
    "3s",
    "Longest wait for a TCP connection to an origin. Own directive.",
  ),
  start_timeout: option(
    ownTime(100),
    "5s",
    "Longest time from the handshake with an origin to its first media message. Own directive.",
  ),
  stall_timeout: option(
    values.autoOr(ownTime(100)),
    "auto",
    "Try the next origin when one sends no media for this long. auto: five usual intervals of the stream, 300 ms at least and 2 s at most; for a stream that is sparser than that, one and a half of its intervals. The silent origin is kept until another has something new. Own directive.",
  ),
  standby: option(
    values.flag,
    "off",
    "Pull each stream from two origins at once and deliver each message when it first arrives: when one origin dies, freezes or is slow, players notice nothing. It doubles what the edge receives. Own directive.",
  ),
  failback: option(
    values.wordOr("off", values.wordOr("on", values.duration({ bare: "s", minMs: 1_000 }))),
    "on",
    "Return to the origin that a stream prefers this long after leaving it, once it has the stream again; players notice nothing. on: 30s. off: stay until the present origin fails. Own directive.",
  ),
  probe: option(
    values.wordOr("off", values.wordOr("on", values.duration({ bare: "s", minMs: 5_000 }))),
    "off",
    "Ask the other origins of every pulled stream this often whether they have it, so that API, metrics and alerts show a reserve that is missing before it is needed. Each question is a play that ends with the first media; at most 50 a second. on: 30s. Own directive.",
  ),
  linger: option(
    ownTime(0),
    "10s",
    "How long to keep the connection to the origin after the last player of a live stream has left. Own directive.",
  ),
  retry_min: option(
    ownTime(10),
    "100ms",
    "First pause after all origins have failed. It doubles with each round. Own directive.",
  ),
  retry_max: option(
    ownTime(10),
    "800ms",
    "Longest pause after all origins have failed. With the default, a recovered origin is found within a second. Own directive.",
  ),
  coworkers: unsupported([], "Other origins that may have the stream."),
  origin_cluster: unsupported(["off"], "Redirect players to the origin that has the stream."),
  protocol: unsupported(["rtmp"], "Pull over HTTP-FLV."),
  follow_client: unsupported(["off"], "Pull with the client's protocol."),
};

const forward = {
  enabled: option(values.flag, "off", "Copy every stream that is published here to other servers."),
  destination: {
    ...optional(
      {
        type: forwardDestinations,
        example: "127.0.0.1:1936",
        fallback: [] as readonly ForwardDestination[],
      },
      "Servers that get the streams. `host:port` gets them with vhost, app and name as they are. A URL may name another app and stream, such as the stream key of a platform; `[vhost]`, `[app]` and `[stream]` in it stand for their names. `live/show=URL` sends only that stream there. The part after the host is shown nowhere.",
    ),
    isRepeatable: true,
  },
  backend: optional(
    {
      type: addresses.httpUrls,
      example: "http://127.0.0.1:8085/api/v1/forward",
      fallback: [] as readonly string[],
    },
    "Ask this HTTP server for the destinations of each stream (on_forward), in place of the list.",
  ),
};

const refer = {
  enabled: option(
    values.flag,
    "off",
    "Check the page that a client says it is embedded in (pageUrl).",
  ),
  all: optional(
    { type: addresses.referHosts, example: "example.com", fallback: [] as string[] },
    "Allow only pages on these hosts and their subdomains, for all clients.",
  ),
  play: optional(
    { type: addresses.referHosts, example: "player.example.com", fallback: [] as string[] },
    "The same, for players only.",
  ),
  publish: optional(
    { type: addresses.referHosts, example: "studio.example.com", fallback: [] as string[] },
    "The same, for publishers only.",
  ),
};

const security = {
  enabled: option(values.flag, "off", "Check the address of every client against the rules."),
  deny: repeatable(
    { type: addresses.securityRule("deny"), example: "publish 203.0.113.0/24" },
    "Refuse clients with these addresses. A matching deny overrides every allow.",
  ),
  allow: repeatable(
    { type: addresses.securityRule("allow"), example: "play all" },
    "Admit clients with these addresses. If there is any allow rule, clients that match none are refused.",
  ),
};

const http_hooks = {
  enabled: option(
    values.flag,
    "off",
    "Report every client to an HTTP server, which may refuse it.",
  ),
  timeout: option(
    ownTime(100),
    "5s",
    "Longest wait for all answers to one event. A client without an answer is refused. Own directive.",
  ),
  on_connect: hook("clients", "Ask whether a client may connect."),
  on_close: hook("clients", "Report that an admitted client has disconnected."),
  on_publish: hook("streams", "Ask whether a client may publish a stream."),
  on_unpublish: hook("streams", "Report that a publisher has stopped."),
  on_play: hook("sessions", "Ask whether a client may play a stream."),
  on_stop: hook("sessions", "Report that a player has stopped."),
  on_dvr: hook("dvrs", "Report that a file of a recording is complete."),
  on_hls: hook("hls", "Report that an HLS segment is complete."),
  on_update: hook(
    "updates",
    "Report the clients that play or publish, each once per update_interval. Own directive.",
  ),
  update_interval: option(
    ownTime(1000),
    "30s",
    "Time between two reports about a client. Own directive.",
  ),
  on_session: hook(
    "records",
    "Report plays and publishes that are over, with the fields of session_log. Own directive.",
  ),
  callback_format: option(
    values.choice("json", "form"),
    "json",
    "How callbacks are written and answered: `json` as SRS, `form` as nginx-rtmp. Own directive.",
  ),
  on_hls_notify: unsupported([], "Fetch a URL for every HLS segment."),
};

const hls = {
  enabled: option(values.flag, "off", "Write HLS for every stream published here."),
  hls_fragment: option(
    values.duration({ bare: "s", minMs: 200 }),
    "10",
    "Shortest duration of a segment. It ends at the next keyframe, or at one that is up to 5 % early.",
  ),
  hls_td_ratio: option(
    values.decimal(1, 100, { isRaised: true }),
    "1.0",
    "Factor for hls_fragment: the shortest duration is their product.",
  ),
  hls_aof_ratio: option(
    values.decimal(1, 100, { isRaised: true }),
    "2.1",
    "Times hls_fragment: the longest duration of a segment, after which it ends without a keyframe. Streams without video are cut at this duration.",
  ),
  hls_window: option(
    values.duration({ bare: "s", minMs: SECOND_MS }),
    "60",
    "Duration of the playlist, at least three times the longest segment. Older segments are removed once players have finished with them.",
  ),
  hls_path: option(values.text, "./objs/nginx/html", "Folder for all HLS files."),
  hls_m3u8_file: option(
    paths.fileTemplate({ ending: ".m3u8", oneOf: [] }),
    "[app]/[stream].m3u8",
    "Playlist, relative to hls_path. [vhost], [app] and [stream] stand for their names.",
  ),
  hls_ts_file: option(
    paths.fileTemplate({ ending: ".ts", oneOf: ["[seq]", "[timestamp]"] }),
    "[app]/[stream]-[seq].ts",
    "Segments, relative to hls_path; with CMAF they end in .m4s. [seq] is the segment's number, [timestamp] and [duration] are in ms, [2006] [01] [02] [15] [04] [05] [999] are year to millisecond.",
  ),
  hls_entry_prefix: optional(
    { type: values.text, example: "https://cdn.example.com/live/", fallback: "" },
    "Prefix of every segment's name in the playlist.",
  ),
  hls_cleanup: option(values.flag, "on", "Remove segments that have left the playlist."),
  hls_dispose: option(
    values.duration({ bare: "s", minMs: 0 }),
    "120",
    "Remove all files of a stream that has not been published for this long. 0 keeps them.",
  ),
  hls_wait_keyframe: option(
    values.flag,
    "on",
    "Start segments with keyframes. off starts them at any video frame.",
  ),
  hls_use_fmp4: option(
    values.flag,
    "off",
    "Write CMAF (fragmented MP4) for every stream. off writes transport streams until a stream has a codec that only CMAF can carry: HEVC, AV1, VP9, Opus, FLAC.",
  ),
  hls_ll: option(
    values.flag,
    "off",
    "Write low-latency HLS: CMAF in parts of 0.4 s, which players fetch while the segment is being written. Own directive.",
  ),
  hls_variant: optional(
    { type: values.suffixes, example: "_720p _480p", fallback: [] as string[] },
    "Endings of names: `show_720p` and `show_480p` are then renditions of `show`, whose master playlist has both. Players start with the first. With workers, a change needs a restart. Own directive; nginx-rtmp's has the same name.",
  ),
  hls_master_m3u8_path_relative: unsupported(["*"], "Form of the paths in SRS's master playlist."),
  hls_recover: unsupported(["*"], "Continue a playlist after a restart; this server always does."),
  hls_storage: unsupported(["disk"], "Where SRS 2 kept segments: on disk, in memory, or both.", {
    fix: "remove it; segments are always files below hls_path",
  }),
  hls_mount: unsupported([], "Path of segments in memory, in SRS 2.", {
    fix: "remove it; http_server serves the files below its dir",
  }),
  hls_fmp4_file: unsupported(["*"], "CMAF segments; here they have the names of hls_ts_file."),
  hls_init_file: unsupported(
    ["*"],
    "CMAF init segments; here each has the name of its first segment, because caches keep it.",
  ),
  hls_ts_floor: unsupported(
    ["off"],
    "Cut segments of the same length at the same time on all servers.",
  ),
  hls_on_error: unsupported(["continue"], "How a failure of HLS affects the stream."),
  hls_acodec: unsupported(["*"], "Audio codec to announce; this server announces the actual one."),
  hls_vcodec: unsupported(["*"], "The same, for video."),
  hls_nb_notify: unsupported(["*"], "How much of a segment to fetch to warm a cache."),
  hls_dts_directly: unsupported(["on"], "Use the publisher's timestamps."),
  hls_ctx: unsupported(["*"], "Count viewers by a URL parameter, which defeats caches."),
  hls_ts_ctx: unsupported(["*"], "The same, for segments."),
  hls_keys: unsupported(["off"], "Encrypt segments."),
  hls_fragments_per_key: unsupported(["*"], "Segments per key."),
  hls_key_file: unsupported(["*"], "Names of key files."),
  hls_key_file_path: unsupported(["*"], "Folder of key files."),
  hls_key_url: unsupported(["*"], "URL of key files."),
};

const dvr = {
  enabled: option(values.flag, "off", "Record the streams that are published here."),
  dvr_apply: option(
    paths.streamNames,
    "all",
    "Streams to record, as app/stream. all records every stream.",
  ),
  dvr_plan: option(
    values.choice("session", "segment"),
    "session",
    "When a file ends: `session` when the stream is unpublished, `segment` after dvr_duration, too.",
  ),
  dvr_path: option(
    paths.recordingPath,
    "./objs/nginx/html/[app]/[stream].[timestamp].flv",
    "Files, with the ending .tmp until they are complete. FLV or, if it ends in .mp4, fragmented MP4. Without either ending it is a folder, and [stream].[timestamp].flv is added. [vhost], [app] and [stream] stand for names, [timestamp] for ms since 1970, [2006] [01] [02] [15] [04] [05] [999] for year to millisecond, in UTC.",
  ),
  dvr_duration: option(
    values.duration({ bare: "s", minMs: SECOND_MS }),
    "30",
    "Shortest duration of a file with dvr_plan segment.",
  ),
  dvr_wait_keyframe: option(
    values.flag,
    "on",
    "Start files with keyframes. off starts them at any frame.",
  ),
  time_jitter: option(
    values.choice("full", "zero", "off"),
    "full",
    "Timestamps of a file: full and zero start at 0, off keeps those of the stream. They never run backwards, because the server corrects those of the publisher.",
  ),
  wait_keyframe: unsupported(["on"], "dvr_wait_keyframe, as written for SRS 1."),
};

const http_remux = {
  enabled: option(values.flag, "off", "Serve streams over HTTP and WebSocket."),
  mount: option(
    paths.flvMount,
    "[vhost]/[app]/[stream].flv",
    "Path of a stream; its ending chooses the container, FLV or MPEG-TS. [app] and [stream] stand for their names. The vhost is chosen by the URL parameter vhost or the host name, so [vhost] may only come first.",
  ),
  has_audio: option(values.flag, "on", "Announce audio in the FLV header."),
  has_video: option(values.flag, "on", "Announce video in the FLV header."),
  guess_has_av: option(
    values.flag,
    "on",
    "Announce only tracks that the stream is known to have when the viewer connects.",
  ),
  drop_if_not_match: option(
    values.flag,
    "on",
    "Omit audio when has_audio is off and video when has_video is off.",
  ),
  fast_cache: unsupported(["0"], "Cache audio for viewers of streams without video."),
  hstrs: unsupported(
    ["*"],
    "Pull a stream when it is requested over HTTP; this server always does.",
  ),
};

/** The rows of a vhost. */
export const VHOST = {
  enabled: option(values.flag, "on", "Serve this vhost. off refuses its clients."),
  min_latency: option(values.flag, "off", "Write every message to players at once."),
  tcp_nodelay: option(
    values.flag,
    "off",
    "No effect: always on, because writes are merged already.",
  ),
  in_ack_size: option(
    values.bytes(0, MAX_U31),
    "0",
    "Acknowledge clients' data at this interval or more often. 0 follows the client's window.",
  ),
  out_ack_size: option(
    values.bytes(0, MAX_U31),
    "2500000",
    "Interval at which clients are asked to acknowledge data. 0 does not ask.",
  ),
  max_streams: limit("streams with players or publishers at a time"),
  cluster: block(cluster, "Whether the vhost is an origin or an edge, and the origins of an edge."),
  play: block(play, "Settings for players."),
  publish: block(publish, "Settings for publishers."),
  refer: block(refer, "Which pages may embed the streams."),
  security: block(security, "Which addresses may play and publish."),
  chunk_size: unsupported(
    [],
    "Chunk size of this vhost.",
    { fix: "remove it; set chunk_size once, at the top of the file" },
  ),
  bandcheck: unsupported([], "Bandwidth test."),
  mr: unsupported(["*"], "Merged read, as written for SRS 2."),
  dvr: block(dvr, "Recordings in files, see docs/recording.md. Origin vhosts only."),
  ingest: unsupported([], "Feed streams from files and devices through another program."),
  hls: block(hls, "HLS, written to files. Origin vhosts only."),
  http_hooks: block(
    http_hooks,
    "HTTP callbacks, see docs/http-callbacks.md. Several URLs are asked in order, and all must allow the client.",
  ),
  forward: block(
    forward,
    "Copies of streams for other servers, see docs/restream.md. Origin vhosts only.",
  ),
  transcode: unsupported([], "Transcode with another program."),
  http_remux: block(http_remux, "HTTP-FLV, and FLV over WebSocket at the same address."),
  http_static: unsupported([], "Serve files of the vhost over HTTP."),
  dash: unsupported([], "DASH output.", {
    contents: "dash_fragment dash_update_period dash_timeshift dash_path dash_mpd_file",
  }),
  hds: unsupported([], "HDS output."),
  exec: unsupported([], "Run a program for each stream."),
  rtc: unsupported([], "WebRTC."),
  srt: unsupported([], "SRT."),
  rtsp: unsupported([], "RTSP."),
};

/** The values read from a vhost. */
export type VhostValues = Values<typeof VHOST>;

const httpApi = {
  enabled: option(values.flag, "off", "Serve /api/v1/, /metrics, /healthz and /readyz."),
  listen: option(
    addresses.listenAddresses({ minPort: 1, bareHost: addresses.BARE }),
    "1985",
    "Ports or addresses. A bare port listens on all IPv4 addresses with auth, otherwise on 127.0.0.1 only, because the API lists clients and can close them.",
  ),
  crossdomain: option(
    values.flag,
    "on",
    "Let pages of other hosts read the API. They can close clients only with auth.",
  ),
  jsonp: option(
    values.flag,
    "off",
    "Answer GET requests with a callback parameter as JSONP, which SRS's own console needs. Any page that an operator opens can then read the API, with crossdomain off as well. Own directive.",
  ),
  auth: block({
    enabled: option(
      values.flag,
      "off",
      "Require a password or a token.",
    ),
    type: option(
      values.choice("basic", "bearer"),
      "basic",
      "basic: a user name and a password. bearer: a token (RFC 6750), which browsers do not ask for.",
    ),
    username: optional({ type: values.text, example: "admin", fallback: "" }, "User name."),
    password: optional({ type: values.text, example: "secret", fallback: "" }, "Password."),
    token: optional({ type: values.text, example: "secret", fallback: "" }, "Token of bearer."),
    rtc_bearer_enabled: unsupported(["*"], "Require the token of WebRTC clients."),
  }, "Access to the API and metrics."),
  proxy_protocol: proxies(
    "The same as proxy_protocol outside of blocks, for the API. Own directive.",
  ),
  raw_api: block({
    enabled: option(values.flag, "off", "Answer GET /api/v1/raw, as SRS does."),
    allow_reload: option(
      values.flag,
      "off",
      "Load this file again at GET /api/v1/raw?rpc=reload. POST /api/v1/reload needs no directive.",
    ),
    allow_query: unsupported(["off"], "Read the configuration over HTTP."),
    allow_update: unsupported(["off"], "Change the configuration over HTTP."),
  }, "SRS's API to control the server."),
  https: tls({ port: "1990", bareHost: addresses.BARE }, "The API over TLS, besides listen."),
};

const httpServer = {
  enabled: option(values.flag, "off", "Serve the files in dir and the streams of http_remux."),
  listen: option(
    addresses.listenAddresses({ minPort: 1 }),
    "8080",
    "Ports or addresses. May be those of http_api, unless there are several workers; both are then served there.",
  ),
  dir: option(values.text, "./objs/nginx/html", "Folder of the files."),
  crossdomain: option(values.flag, "on", "Let pages of other hosts read the files."),
  players: option(
    values.flag,
    "off",
    "Serve pages for viewers: what is live at `/`, and a player of each stream at `/play/APP/STREAM`. Own directive.",
  ),
  trusted_proxies: proxies(
    "Reverse proxies whose `X-Forwarded-Proto` and `X-Forwarded-Host` say how a client asked: addresses and CIDR ranges. Own directive.",
  ),
  https: tls({ port: "8088" }, "Files and streams over TLS, besides listen."),
};

/** The rows of a file outside every block. */
export const ROOT = {
  listen: option(
    addresses.listenAddresses({ minPort: 1 }),
    "1935",
    "Ports or addresses to listen on for RTMP. Required.",
  ),
  proxy_protocol: proxies(
    "Load balancers that send the PROXY protocol, version 1 or 2: addresses and CIDR ranges. Their connections to RTMP and http_server must begin with its header, and the address in it is the client's in rules, callbacks, logs and API. Own directive.",
  ),
  server_name: needsRestart(
    "other servers are told when they connect",
    optional(
      { type: values.serverName, example: "edge-eu-1", fallback: "" },
      "What this server calls itself: towards the servers it pulls from and pushes to, in their API and logs, and in session records. Without it, each start draws an id. Own directive.",
    ),
  ),
  session_log: needsRestart(
    "the file is opened at startup",
    optional(
      { type: values.text, example: "/var/log/edge/sessions.json", fallback: "" },
      "File that gets a line of JSON for each play and publish that is over: who, what, when, how long, bytes, skips, cause. See docs/operations.md. Own directive.",
    ),
  ),
  max_connections: option(
    values.integer(1, MAX_COUNT),
    "1000",
    "Most connections at the same time, of all listeners together. Further ones are closed immediately.",
  ),
  max_connections_per_ip: limit("RTMP connections and FLV viewers from one address"),
  workers: needsRestart(
    "the number of threads is fixed at startup",
    option(
      values.autoOr(values.integer(1, 64)),
      "1",
      "Threads that serve clients. Each serves its share of the connections; `auto` is one per processor. More than 1 requires Linux. Own directive.",
    ),
  ),
  chunk_size: needsRestart(
    "messages are encoded once for all players, with one chunk size for the process",
    option(values.bytes(128, 65536), "60000", "Chunk size of everything the server sends."),
  ),
  pid: needsRestart(
    "the file is written at startup",
    optional(
      { type: values.text, example: "objs/edge.pid", fallback: "" },
      "File for the process id.",
    ),
  ),
  inotify_auto_reload: option(
    values.flag,
    "off",
    "Load the configuration again when its file, or one that it includes, has changed.",
  ),
  work_dir: needsRestart(
    "open files and relative paths depend on it",
    optional(
      { type: values.text, example: "./", fallback: "" },
      "Working directory to change to at startup.",
    ),
  ),
  srs_log_tank: optional<"console" | "file" | undefined>(
    { type: values.choice("console", "file"), example: "console", fallback: undefined },
    "Destination of the log. When absent: the file if srs_log_file is set, otherwise the console.",
  ),
  srs_log_file: optional(
    { type: values.text, example: "./objs/edge.log", fallback: "" },
    "Log file. When absent and srs_log_tank is file: ./objs/srs.log.",
  ),
  srs_log_level: option(
    values.srsLogLevel,
    "trace",
    "Lowest level to log, by SRS's old names: verbose and info log everything, trace logs normal events.",
  ),
  srs_log_level_v2: optional(
    { type: values.logLevel, example: "info", fallback: undefined },
    "Lowest level to log, by the usual names. Overrides srs_log_level. off still logs errors.",
  ),
  log_format: option(
    values.logFormat,
    "text",
    "Format of log lines: text or json. Own directive.",
  ),
  force_grace_quit: option(
    values.flag,
    "off",
    "Drain at SIGTERM, as at SIGQUIT: wait for clients to leave before the server stops.",
  ),
  grace_start_wait: option(
    values.duration({ bare: "ms", minMs: 0 }),
    "2300",
    "When draining: how long new clients are still accepted, while /readyz is 503.",
  ),
  grace_final_wait: option(
    values.duration({ bare: "ms", minMs: 0 }),
    "3200",
    "When draining: pause between the end of the last client and that of the server.",
  ),
  drain_timeout: option(
    ownTime(0),
    "60m",
    "When draining: close the clients that are left after this time. Own directive.",
  ),
  vhost: namedBlock(
    VHOST,
    "A virtual host. __defaultVhost__ serves clients whose vhost is not configured.",
  ),
  daemon: unsupported(["off"], "Run in the background.", {
    fix: "the server stays in the foreground; write daemon off; and use a service manager",
  }),
  ff_log_dir: unsupported(["*"], "Folder for the logs of transcoders."),
  ff_log_level: unsupported(["*"], "Log level of transcoders."),
  pithy_print_ms: unsupported(["10000"], "Period of progress messages in the log."),
  utc_time: unsupported(["off"], "Log times in UTC."),
  asprocess: unsupported(["off"], "Exit with the parent process."),
  server_id: unsupported([], "Name of this server in reports."),
  empty_ip_ok: unsupported(["on"], "Serve clients without an address."),
  disable_daemon_for_docker: unsupported(["*"], "Stay in the foreground in a container."),
  auto_reload_for_docker: unsupported(["on"], "inotify_auto_reload, in a container."),
  tcmalloc_release_rate: unsupported(["*"], "Setting of the memory allocator."),
  query_latest_version: unsupported(["*"], "Check for a newer version; this server never does."),
  first_wait_for_qlv: unsupported(["*"], "Pause before that check."),
  is_full: unsupported(["*"], "Marks SRS's file of all directives."),
  in_docker: unsupported(["*"], "Marks a container."),
  threads: unsupported([], "Thread settings."),
  circuit_breaker: unsupported([], "Shed load when the CPU is busy."),
  heartbeat: unsupported([], "Report to an HTTP server.", {
    contents: "interval url device_id summaries ports",
  }),
  stats: unsupported(["*"], "Network interface and disks that SRS monitors.", {
    contents: "network disk",
  }),
  rtmps: tls({ port: "1443" }, "RTMP over TLS, besides listen."),
  http_api: block(httpApi, "API, metrics and health checks over HTTP."),
  http_server: block(httpServer, "Files and streams over HTTP."),
  exporter: unsupported([], "Prometheus metrics.", { contents: "label tag" }),
  stream_caster: unsupported([], "Input over other protocols."),
  rtc_server: unsupported([], "WebRTC server."),
  srt_server: unsupported([], "SRT server."),
  rtmp: unsupported([], "RTMP settings other than listen and chunk_size."),
  rtsp_server: unsupported([], "RTSP server."),
  tencentcloud_apm: unsupported([], "Tracing."),
  tencentcloud_cls: unsupported([], "Ship logs."),
};

/** Takes the default as it is written in a file. */
function option<T>(type: ValueType<T>, defaultText: string, doc: string): Option<T> {
  const words = defaultText.split(" ");
  const position = { file: "schema", line: 0, column: 0 };
  const args = words.map((text) => ({ ...position, text }));
  const problems = new ProblemList(position.file);
  const fallback = type.parse({ ...position, name: doc, args, children: undefined }, problems);
  problems.warningsOrThrow();
  return {
    kind: "option",
    type,
    words,
    hasDefault: true,
    fallback: fallback!,
    isRepeatable: false,
    restart: "",
    doc,
  };
}

interface WithoutDefault<T> {
  readonly type: ValueType<T>;
  readonly example: string;
  readonly fallback: T;
}

function optional<T>({ type, example, fallback }: WithoutDefault<T>, doc: string): Option<T> {
  return {
    kind: "option",
    type,
    words: example.split(" "),
    hasDefault: false,
    fallback,
    isRepeatable: false,
    restart: "",
    doc,
  };
}

function repeatable(
  row: Omit<WithoutDefault<readonly SecurityRule[]>, "fallback">,
  doc: string,
): Option<readonly SecurityRule[]> {
  return { ...optional({ ...row, fallback: [] }, doc), isRepeatable: true };
}

function proxies(doc: string): Option<readonly string[]> {
  return optional({ type: addresses.addressRanges, example: "10.0.0.0/8", fallback: [] }, doc);
}

interface TlsOptions {
  /** Default of `listen`. */
  readonly port: string;
  readonly bareHost?: string;
}

function tls({ port, ...bare }: TlsOptions, doc: string) {
  return block({
    enabled: option(values.flag, "off", "Serve it."),
    listen: option(
      addresses.listenAddresses({ minPort: 1, ...bare }),
      port,
      "Ports or addresses, as in the directive listen beside the block.",
    ),
    cert: option(
      values.text,
      "./conf/server.crt",
      "File with the certificate and those of its issuers, PEM. It is read again when it changes.",
    ),
    key: option(values.text, "./conf/server.key", "File with the private key, PEM."),
  }, doc);
}

function needsRestart<T>(reason: string, option: Option<T>): Option<T> {
  return { ...option, restart: reason };
}

/** URLs of one callback. `resource` is the path that SRS's sample server uses for it. */
function hook(resource: string, doc: string): Option<readonly string[]> {
  const example = `http://127.0.0.1:8085/api/v1/${resource}`;
  return optional({ type: addresses.httpUrls, example, fallback: [] }, doc);
}

function unsupported(
  quiet: readonly string[],
  doc: string,
  { contents = "", fix }: { readonly contents?: string; readonly fix?: string } = {},
): Unsupported {
  return { kind: "unsupported", quiet, contents: contents.match(/\S+/g) ?? [], doc, fix };
}

function block<E extends Entries>(entries: E, doc: string): Block<E> {
  return { kind: "block", entries, doc };
}

function namedBlock<E extends Entries>(entries: E, doc: string): NamedBlock<E> {
  return { kind: "named block", entries, doc };
}
