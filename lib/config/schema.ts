// deno-lint-ignore-file camelcase -- the names are those written in files
/**
 * Every directive this server knows, in one table: what it takes, its default, what it does, and
 * whether it is done. Checking, reading, the reference in `docs/configuration.md` and `conf/full.*`
 * all follow the table.
 *
 * Names and defaults are those of SRS 7.0.18 unless the text says "Own directive".
 */

import type { OriginAddress, SecurityRule } from "./config.ts";
import { ProblemList } from "./problem_list.ts";
import * as values from "./values.ts";
import type { ValueType } from "./values.ts";

/** A directive with values that this server acts on. */
export interface Option<T> {
  readonly status: "done";
  readonly type: ValueType<T>;
  /** The default, or an example when there is no default, as words of a file. */
  readonly words: readonly string[];
  /** Whether `words` are the default. */
  readonly hasDefault: boolean;
  /** The value when the directive is not written. */
  readonly fallback: T;
  /** Whether each occurrence adds to the value; otherwise the first one counts. */
  readonly isRepeatable: boolean;
  readonly doc: string;
}

/** A directive or block that SRS knows and this server does not do yet. */
export interface Deferred {
  readonly status: "deferred";
  /** Values with which it changes nothing, so that nothing is said about it. `*` stands for any. */
  readonly quiet: readonly string[];
  /** Names that SRS takes in this block, to tell a user where a misplaced one belongs. */
  readonly contents: readonly string[];
  readonly doc: string;
  /** Advice for the warning instead of the usual one. */
  readonly fix: string | undefined;
}

/** A block of directives. */
export interface Block<E extends Entries = Entries> {
  readonly status: "block";
  readonly entries: E;
  readonly doc: string;
}

/** A block that has a name and may occur once per name. */
export interface NamedBlock<E extends Entries = Entries> {
  readonly status: "named block";
  readonly entries: E;
  readonly doc: string;
}

/** One row of the table. */
export type Entry = Option<unknown> | Deferred | Block | NamedBlock;

/** What a block may contain, by name. */
export interface Entries {
  readonly [name: string]: Entry;
}

/** The values read from a block with these entries. */
export type Values<E extends Entries> = {
  readonly [K in keyof E as E[K] extends Deferred | NamedBlock ? never : K]: E[K] extends
    Option<infer T> ? T
    : E[K] extends Block<infer C> ? Values<C>
    : never;
};

const SECOND_MS = 1000;
const MAX_COUNT = 1_000_000;
const MAX_U31 = 0x7fffffff;

const ownTime = (minMs: number) => values.duration({ minMs });

const play = {
  gop_cache: option(
    values.flag,
    "on",
    "Start players at the newest keyframe already received, not at the next one to come.",
  ),
  gop_cache_max_frames: option(
    values.integer(0, MAX_COUNT),
    "2500",
    "Forget a GOP with more messages than this, so that an encoder without keyframes cannot fill the memory. 0 means no limit.",
  ),
  gop_cache_max_bytes: option(
    values.bytes(64 * 1024, 1024 * 1024 * 1024),
    "64m",
    "Forget a GOP with more bytes than this. Own directive.",
  ),
  queue_length: option(
    values.duration({ bare: "s", minMs: 100 }),
    "30",
    "How far a player may fall behind before it skips to a newer keyframe.",
  ),
  mw_latency: option(
    values.autoOr(values.duration({ bare: "ms", minMs: 0 })),
    "auto",
    "Collect what a player gets for this long and write it at once. 0 writes each message; `auto` is 30 ms with few players and grows with their number up to 350 ms, which is SRS's default.",
  ),
  atc: option(
    values.flag,
    "off",
    "Keep the publisher's absolute time instead of starting near 0.",
  ),
  play_wait: option(
    ownTime(0),
    "30s",
    "How long a player waits for a stream that nobody publishes. Own directive.",
  ),
  write_stall: option(
    ownTime(SECOND_MS),
    "15s",
    "Close a player that takes no byte for this long. Own directive.",
  ),
  ping: option(
    ownTime(SECOND_MS),
    "30s",
    "Ask a silent client for a sign of life this often. Own directive.",
  ),
  ping_timeout: option(
    ownTime(SECOND_MS),
    "30s",
    "Close a client that does not answer a ping for this long. Own directive.",
  ),
  time_jitter: deferred(["full"], "Correction of jumping timestamps."),
  mix_correct: deferred(["off"], "Reordering of audio and video by time."),
  atc_auto: deferred(["off"], "Switching atc on when the metadata asks for it."),
  mw_msgs: deferred(["8"], "Messages collected for one write."),
  send_min_interval: deferred(["0", "0.0"], "Least pause between two writes."),
  reduce_sequence_header: deferred(["off"], "Leaving out repeated sequence headers."),
};

const publish = {
  firstpkt_timeout: option(
    values.duration({ bare: "ms", minMs: 1 }),
    "20000",
    "Longest wait for a publisher's first message.",
  ),
  normal_timeout: option(
    values.duration({ bare: "ms", minMs: 1 }),
    "5000",
    "Longest pause between a publisher's later messages.",
  ),
  grace: option(
    ownTime(0),
    "10s",
    "How long players wait, without being told, for a publisher whose connection was lost. Own directive.",
  ),
  takeover: option(
    values.choice("reject", "replace"),
    "reject",
    "When a stream is published already. reject: refuse the second publisher, unless the first one has fallen silent. replace: close the first one. Own directive.",
  ),
  mr: deferred(["off"], "Merged read."),
  mr_latency: deferred(["350"], "Time collected by a merged read."),
  parse_sps: deferred(["*"], "Reading the picture size from the stream."),
  try_annexb_first: deferred(["*"], "Order of attempts to parse a frame."),
  kickoff_for_idle: deferred(["0"], "Closing a publisher without players."),
};

const cluster = {
  mode: option(
    values.choice("local", "remote"),
    "local",
    "local: streams are published here (origin). remote: streams are fetched from and pushed to an origin (edge).",
  ),
  origin: optional(
    { type: values.originAddresses, example: "127.0.0.1:19350", fallback: [] as OriginAddress[] },
    "Origins of an edge, best first; the port defaults to 1935. A name is looked up at every connect. Needed when mode is remote.",
  ),
  origin_select: option(
    values.choice("ordered", "round_robin", "hash"),
    "ordered",
    "Which origin a stream prefers. ordered: the first one written, the others are reserves. round_robin: each new stream begins one further. hash: by the stream's name, so that all edges choose the same one. Origins that are down come last in any case. Own directive.",
  ),
  vhost: option(
    values.vhostName,
    "[vhost]",
    "Vhost to ask for at the origin; [vhost] stands for the client's own.",
  ),
  debug_srs_upnode: option(
    values.flag,
    "on",
    "Tell the origin who is connecting, as SRS edges do.",
  ),
  token_traverse: option(
    values.flag,
    "off",
    "Ask an origin whether it would let a client connect before the client may play or publish.",
  ),
  connect_timeout: option(
    ownTime(100),
    "3s",
    "Longest TCP connect to an origin. Own directive.",
  ),
  start_timeout: option(
    ownTime(100),
    "5s",
    "Longest way from the handshake with an origin to its first media. Own directive.",
  ),
  stall_timeout: option(
    ownTime(100),
    "2s",
    "Try the next origin when one sends no media for this long. Own directive.",
  ),
  linger: option(
    ownTime(0),
    "10s",
    "Keep the connection to the origin for this long after the last player left. Own directive.",
  ),
  retry_min: option(
    ownTime(10),
    "100ms",
    "First pause after every origin failed; it doubles from round to round. Own directive.",
  ),
  retry_max: option(
    ownTime(10),
    "800ms",
    "Longest pause after every origin failed: an origin that is back is found within a second. Own directive.",
  ),
  coworkers: deferred([], "Other origins that may have the stream."),
  origin_cluster: deferred(["off"], "Redirecting players to the origin that has the stream."),
  protocol: deferred(["rtmp"], "Fetching over HTTP-FLV."),
  follow_client: deferred(["off"], "Fetching with the protocol of the client."),
};

const refer = {
  enabled: option(values.flag, "off", "Check the page that a client says it is embedded in."),
  all: optional(
    { type: values.referHosts, example: "example.com", fallback: [] as string[] },
    "The page's host must end with one of these names, for every client.",
  ),
  play: optional(
    { type: values.referHosts, example: "player.example.com", fallback: [] as string[] },
    "The same, for players only.",
  ),
  publish: optional(
    { type: values.referHosts, example: "studio.example.com", fallback: [] as string[] },
    "The same, for publishers only.",
  ),
};

const security = {
  enabled: option(values.flag, "off", "Check the address of every client against the rules."),
  deny: repeatable(
    { type: values.securityRule("deny"), example: "publish 203.0.113.0/24" },
    "Refuse clients from here. A matching deny wins over any allow.",
  ),
  allow: repeatable(
    { type: values.securityRule("allow"), example: "play all" },
    "Admit clients from here; with any allow, clients that match none are refused.",
  ),
};

const http_hooks = {
  enabled: option(values.flag, "off", "Ask and tell an HTTP server about every client."),
  timeout: option(
    ownTime(100),
    "5s",
    "Longest wait for all answers about one event; a client without an answer is refused. Own directive.",
  ),
  on_connect: hook("clients", "Ask whether a client may connect."),
  on_close: hook("clients", "Tell that a client that was let in has left."),
  on_publish: hook("streams", "Ask whether a client may publish a stream."),
  on_unpublish: hook("streams", "Tell that a publisher has stopped."),
  on_play: hook("sessions", "Ask whether a client may play a stream."),
  on_stop: hook("sessions", "Tell that a player has stopped."),
  on_dvr: deferred([], "Tell that a recording is complete."),
  on_hls: deferred([], "Tell that an HLS segment is complete."),
  on_hls_notify: deferred([], "Fetch a URL for every HLS segment."),
};

const hls = {
  enabled: option(values.flag, "off", "Write HLS for every stream that is published here."),
  hls_fragment: option(
    values.duration({ bare: "s", minMs: 200 }),
    "10",
    "Shortest segment: it ends at the first keyframe from then on.",
  ),
  hls_td_ratio: option(values.decimal(1, 100), "1.0", "Times hls_fragment, the same."),
  hls_aof_ratio: option(
    values.decimal(1, 100),
    "2.1",
    "Times hls_fragment, the longest segment: it ends without a keyframe. Sound alone is cut so.",
  ),
  hls_window: option(
    values.duration({ bare: "s", minMs: SECOND_MS }),
    "60",
    "The playlist names segments of so much time, and never less than three times the longest; older ones are removed when players are done with them.",
  ),
  hls_path: option(values.text, "./objs/nginx/html", "Folder for all files of HLS."),
  hls_m3u8_file: option(
    values.fileTemplate({ ending: ".m3u8", oneOf: [] }),
    "[app]/[stream].m3u8",
    "Playlist, below hls_path. [vhost], [app] and [stream] stand for their names.",
  ),
  hls_ts_file: option(
    values.fileTemplate({ ending: ".ts", oneOf: ["[seq]", "[timestamp]"] }),
    "[app]/[stream]-[seq].ts",
    "Segments, below hls_path; with CMAF they end in .m4s. [seq] is their number, [timestamp] and [duration] are in ms, [2006] [01] [02] [15] [04] [05] [999] are year to millisecond.",
  ),
  hls_entry_prefix: optional(
    { type: values.text, example: "https://cdn.example.com/live/", fallback: "" },
    "Written before the name of every segment in the playlist.",
  ),
  hls_cleanup: option(values.flag, "on", "Remove the segments that left the playlist."),
  hls_dispose: option(
    values.duration({ bare: "s", minMs: 0 }),
    "120",
    "Remove all files of a stream that nobody has published for this long. 0 keeps them.",
  ),
  hls_wait_keyframe: option(
    values.flag,
    "on",
    "Begin segments with keyframes. off ends them at any picture.",
  ),
  hls_ts_floor: deferred(["off"], "Segments of the same length at the same time on all servers."),
  hls_on_error: deferred(["continue"], "What a failure of HLS does to the stream."),
  hls_acodec: deferred(["*"], "Codec to announce; this server announces what is there."),
  hls_vcodec: deferred(["*"], "The same, for video."),
  hls_nb_notify: deferred(["*"], "How much of a segment is fetched to warm a cache."),
  hls_dts_directly: deferred(["on"], "Use the times of the publisher."),
  hls_ctx: deferred(["*"], "Counting viewers by a parameter, which caches could not live with."),
  hls_ts_ctx: deferred(["*"], "The same, for segments."),
  hls_keys: deferred(["off"], "Encryption of segments."),
  hls_fragments_per_key: deferred(["*"], "Segments per key."),
  hls_key_file: deferred(["*"], "Name of key files."),
  hls_key_file_path: deferred(["*"], "Folder of key files."),
  hls_key_url: deferred(["*"], "Address of key files."),
};

const http_remux = {
  enabled: option(values.flag, "off", "Serve the streams as FLV over HTTP and WebSocket."),
  mount: option(
    values.flvMount,
    "[vhost]/[app]/[stream].flv",
    "Path of a stream. [app] and [stream] stand for their names; the vhost is found by the parameter vhost or the host, so [vhost] may come first only.",
  ),
  has_audio: option(values.flag, "on", "Announce sound in the FLV header."),
  has_video: option(values.flag, "on", "Announce pictures in the FLV header."),
  guess_has_av: option(
    values.flag,
    "on",
    "Announce of those only what the stream has, as far as it is known when a viewer comes.",
  ),
  drop_if_not_match: option(
    values.flag,
    "on",
    "Leave out sound with has_audio off and pictures with has_video off.",
  ),
  fast_cache: deferred(["0"], "Sound kept for viewers of sound alone."),
  hstrs: deferred(["*"], "Fetching a stream when it is asked for over HTTP, which is always done."),
};

/** What a vhost may contain. */
export const VHOST = {
  enabled: option(values.flag, "on", "Serve this vhost; off refuses its clients."),
  min_latency: option(values.flag, "off", "Write to players as soon as there is anything."),
  tcp_nodelay: option(
    values.flag,
    "off",
    "Has no effect: it is always on, for writes are merged already.",
  ),
  in_ack_size: option(
    values.bytes(0, MAX_U31),
    "0",
    "Acknowledge what clients send at least this often, in bytes; 0 leaves it to their window.",
  ),
  out_ack_size: option(
    values.bytes(0, MAX_U31),
    "2500000",
    "Ask clients to acknowledge after this many bytes; 0 does not ask.",
  ),
  cluster: block(cluster, "What is fetched from and pushed to where."),
  play: block(play, "Players."),
  publish: block(publish, "Publishers."),
  refer: block(refer, "Which pages may embed the streams."),
  security: block(security, "Which addresses may play and publish."),
  chunk_size: deferred(
    [],
    "A chunk size of its own.",
    { fix: "it has no effect; write chunk_size once, at the top of the file" },
  ),
  bandcheck: deferred([], "Bandwidth test."),
  mr: deferred(["off"], "Merged read, in the form of SRS 2."),
  dvr: deferred([], "Recording to files.", {
    contents: "dvr_path dvr_plan dvr_duration dvr_wait_keyframe wait_keyframe dvr_apply",
  }),
  ingest: deferred([], "Feeding from files and devices by another program."),
  hls: block(hls, "HLS, written to files. Only where streams are published: in origin vhosts."),
  http_hooks: block(
    http_hooks,
    "Callbacks over HTTP, see docs/http-callbacks.md. With several URLs all of them must allow, asked in order.",
  ),
  forward: deferred([], "Copying every stream to other servers.", {
    contents: "destination backend",
  }),
  transcode: deferred([], "Transcoding by another program."),
  http_remux: block(http_remux, "HTTP-FLV, and FLV over WebSocket at the same address."),
  http_static: deferred([], "Serving files of the vhost over HTTP."),
  dash: deferred([], "DASH output.", {
    contents: "dash_fragment dash_update_period dash_timeshift dash_path dash_mpd_file",
  }),
  hds: deferred([], "HDS output."),
  exec: deferred([], "Running a program for each stream."),
  rtc: deferred([], "WebRTC."),
  srt: deferred([], "SRT."),
};

const httpApi = {
  enabled: option(values.flag, "off", "Answer /api/v1/, /metrics, /healthz and /readyz."),
  listen: option(
    values.listenAddresses({ minPort: 1, bareHost: "127.0.0.1" }),
    "1985",
    "Ports or addresses. A port alone is one of 127.0.0.1: the API tells who watches what, and can close clients.",
  ),
  crossdomain: option(
    values.flag,
    "on",
    "Let pages of other hosts read the API; to close clients as well they need auth.",
  ),
  auth: block({
    enabled: option(values.flag, "off", "Ask for a name and a password (Basic authentication)."),
    username: optional({ type: values.text, example: "admin", fallback: "" }, "The name."),
    password: optional({ type: values.text, example: "secret", fallback: "" }, "The password."),
  }, "Who may use API and metrics."),
  raw_api: deferred([], "Changing the configuration over HTTP.", {
    contents: "enabled allow_reload allow_query allow_update",
  }),
  https: deferred([], "API over TLS.", { contents: "enabled key cert" }),
};

const httpServer = {
  enabled: option(values.flag, "off", "Serve the files in dir and the streams of http_remux."),
  listen: option(
    values.listenAddresses({ minPort: 1 }),
    "8080",
    "Ports or addresses. May be those of http_api: then both answer there.",
  ),
  dir: option(values.text, "./objs/nginx/html", "Folder with the files."),
  crossdomain: option(values.flag, "on", "Let pages of other hosts read the files."),
  https: deferred([], "Files over TLS.", { contents: "enabled key cert" }),
};

/** What a file may contain. */
export const ROOT = {
  listen: option(
    values.listenAddresses({ minPort: 1 }),
    "1935",
    "Ports or addresses to listen on for RTMP. Must be written.",
  ),
  max_connections: option(
    values.integer(1, MAX_COUNT),
    "1000",
    "Connections served at once; more are closed at once.",
  ),
  workers: option(
    values.autoOr(values.integer(1, 64)),
    "1",
    "Threads that serve clients, each with its own share of the connections; `auto` is one per processor. More than 1 needs Linux. Own directive.",
  ),
  chunk_size: option(
    values.bytes(128, 65536),
    "60000",
    "Chunk size of everything the server sends.",
  ),
  pid: optional(
    { type: values.text, example: "objs/edge.pid", fallback: "" },
    "File to write the process id to.",
  ),
  work_dir: optional(
    { type: values.text, example: "./", fallback: "" },
    "Folder to change to at the start.",
  ),
  srs_log_tank: optional<"console" | "file" | undefined>(
    { type: values.choice("console", "file"), example: "console", fallback: undefined },
    "Where log lines go. When it is not written: to the file if srs_log_file is written, else to the console.",
  ),
  srs_log_file: optional(
    { type: values.text, example: "./objs/edge.log", fallback: "" },
    "Log file; ./objs/srs.log when srs_log_tank is file and this is not written.",
  ),
  srs_log_level: option(
    values.srsLogLevel,
    "trace",
    "Least important lines to log, by the old names: verbose and info log everything, trace the usual events.",
  ),
  srs_log_level_v2: optional(
    { type: values.logLevel, example: "info", fallback: undefined },
    "Least important lines to log, by the usual names; counts more than srs_log_level. off still logs errors.",
  ),
  log_format: option(
    values.logFormat,
    "text",
    "How log lines are written: text to read, json for programs. Own directive.",
  ),
  vhost: namedBlock(
    VHOST,
    "A virtual host. __defaultVhost__ serves every client whose own vhost is not written.",
  ),
  daemon: deferred(["off"], "Running in the background.", {
    fix: "the server stays in the foreground; write daemon off; and let a service manager start it",
  }),
  ff_log_dir: deferred([], "Folder for the logs of transcoders."),
  ff_log_level: deferred([], "Log level of transcoders."),
  pithy_print_ms: deferred(["10000"], "Period of progress lines in the log."),
  utc_time: deferred(["off"], "Universal time in the log."),
  asprocess: deferred(["off"], "Ending with the parent process."),
  server_id: deferred([], "Name of this server in reports."),
  grace_start_wait: deferred(["2300"], "Pause before a graceful stop."),
  grace_final_wait: deferred(["3200"], "Pause after a graceful stop."),
  force_grace_quit: deferred(["off"], "Stopping gracefully on every signal."),
  empty_ip_ok: deferred(["on"], "Serving clients without an address."),
  disable_daemon_for_docker: deferred(["*"], "Foreground in a container."),
  inotify_auto_reload: deferred(["off"], "Reading the file again when it changes."),
  auto_reload_for_docker: deferred(["on"], "The same, in a container."),
  tcmalloc_release_rate: deferred(["*"], "Setting of a memory allocator."),
  query_latest_version: deferred(["*"], "Asking for the newest version; this server never asks."),
  first_wait_for_qlv: deferred(["*"], "Pause before that."),
  is_full: deferred(["off"], "Mark of the file that shows every directive."),
  in_docker: deferred(["*"], "Mark of a container."),
  threads: deferred([], "Settings of threads."),
  circuit_breaker: deferred([], "Shedding load when the processor is busy."),
  heartbeat: deferred([], "Reporting to an HTTP server.", {
    contents: "interval url device_id summaries ports",
  }),
  stats: deferred([], "Which network card and disks to watch.", { contents: "network disk" }),
  http_api: block(httpApi, "API, metrics and health over HTTP."),
  http_server: block(httpServer, "Files and streams over HTTP."),
  exporter: deferred([], "Prometheus metrics.", { contents: "label tag" }),
  stream_caster: deferred([], "Input by other protocols."),
  rtc_server: deferred([], "WebRTC server."),
  srt_server: deferred([], "SRT server."),
  rtmp: deferred([], "RTMP settings other than listen and chunk_size."),
  rtmps: deferred([], "RTMP over TLS."),
  rtsp: deferred([], "RTSP."),
  tencentcloud_apm: deferred([], "Tracing."),
  tencentcloud_cls: deferred([], "Shipping of logs."),
};

/** Writes the default of an option the way the file does. */
function option<T>(type: ValueType<T>, defaultText: string, doc: string): Option<T> {
  const words = defaultText.split(" ");
  const position = { file: "schema", line: 0, column: 0 };
  const args = words.map((text) => ({ ...position, text }));
  const problems = new ProblemList(position.file);
  const fallback = type.parse({ ...position, name: doc, args, children: undefined }, problems);
  problems.warningsOrThrow();
  return {
    status: "done",
    type,
    words,
    hasDefault: true,
    fallback: fallback!,
    isRepeatable: false,
    doc,
  };
}

interface WithoutDefault<T> {
  readonly type: ValueType<T>;
  readonly example: string;
  readonly fallback: T;
}

function optional<T>({ type, example, fallback }: WithoutDefault<T>, doc: string): Option<T> {
  const words = example.split(" ");
  return { status: "done", type, words, hasDefault: false, fallback, isRepeatable: false, doc };
}

function repeatable(
  row: Omit<WithoutDefault<readonly SecurityRule[]>, "fallback">,
  doc: string,
): Option<readonly SecurityRule[]> {
  return { ...optional({ ...row, fallback: [] }, doc), isRepeatable: true };
}

/** URLs of one callback; `resource` is what SRS's own sample server calls the place for it. */
function hook(resource: string, doc: string): Option<readonly string[]> {
  const example = `http://127.0.0.1:8085/api/v1/${resource}`;
  return optional({ type: values.httpUrls, example, fallback: [] }, doc);
}

function deferred(
  quiet: readonly string[],
  doc: string,
  { contents = "", fix }: { readonly contents?: string; readonly fix?: string } = {},
): Deferred {
  return { status: "deferred", quiet, contents: contents.match(/\S+/g) ?? [], doc, fix };
}

function block<E extends Entries>(entries: E, doc: string): Block<E> {
  return { status: "block", entries, doc };
}

function namedBlock<E extends Entries>(entries: E, doc: string): NamedBlock<E> {
  return { status: "named block", entries, doc };
}
