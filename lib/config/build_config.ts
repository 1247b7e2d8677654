import { quotePeerText } from "../base/text.ts";
import {
  type ClusterConfig,
  type Config,
  DEFAULT_VHOST,
  type HlsConfig,
  type HttpApiConfig,
  type HttpHooksConfig,
  type HttpRemuxConfig,
  type LogConfig,
  type PlayConfig,
  type VhostConfig,
} from "./config.ts";
import { type Directive, findDirective, type Position } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { readBlock, rootScope, vhostScope } from "./read_block.ts";
import { ROOT, type Values, VHOST } from "./schema.ts";
import { syntaxOf } from "./syntax.ts";

type VhostValues = Values<typeof VHOST>;

/** SRS's default, used when a log file is requested but not named. */
const DEFAULT_LOG_FILE = "./objs/srs.log";

/**
 * Builds the configuration from `directives`, all directives of `file`. The result is usable only
 * when `problems` contains no error.
 */
export function buildConfig(
  directives: readonly Directive[],
  file: string,
  problems: ProblemList,
): Config {
  const values = readBlock(ROOT, rootScope(directives), problems);
  requireListen(directives, file, problems);
  checkHttpApi(directives, values.http_api, problems);
  const vhosts = buildVhosts(directives, file, problems);
  if (!values.http_server.enabled) warnUnserved(directives, vhosts, problems);
  return {
    listen: values.listen,
    pid: values.pid,
    workDir: values.work_dir,
    log: buildLog(values),
    maxConnections: values.max_connections,
    workers: values.workers,
    chunkSize: values.chunk_size,
    httpApi: values.http_api,
    httpServer: values.http_server,
    vhosts,
  };
}

function requireListen(
  directives: readonly Directive[],
  file: string,
  problems: ProblemList,
): void {
  if (findDirective(directives, "listen") !== undefined) return;
  const example = syntaxOf(file).option("listen", ["1935"]);
  problems.error(wholeFile(file), 'Directive "listen" is missing', `add ${example}`);
}

function checkHttpApi(
  directives: readonly Directive[],
  { enabled, listen, auth }: HttpApiConfig,
  problems: ProblemList,
): void {
  const block = findDirective(directives, "http_api");
  if (block === undefined || !enabled) return;
  const syntax = syntaxOf(block.file);
  if (auth.enabled) {
    if (auth.username !== "" && auth.password !== "" && !auth.username.includes(":")) return;
    const example = `${syntax.option("username", ["admin"])} and ${
      syntax.option("password", ["secret"])
    }`;
    const at = findDirective(block.children ?? [], "auth") ?? block;
    const what = "Authentication needs a user name without a colon, and a password";
    problems.error(at, what, `add ${example} next to it`);
  } else if (!listen.every(({ hostname }) => isLoopback(hostname))) {
    const at = findDirective(block.children ?? [], "listen") ?? block;
    const what = "The API has no password, so other machines can close clients through it";
    problems.warn(at, what, "enable auth, or listen on 127.0.0.1");
  }
}

/** Warns about `http_remux` while `http_server`, which serves it, is off. */
function warnUnserved(
  directives: readonly Directive[],
  vhosts: ReadonlyMap<string, VhostConfig>,
  problems: ProblemList,
): void {
  for (const { name, args, children, file } of directives) {
    const remux = findDirective(children ?? [], "http_remux");
    if (name !== "vhost" || remux === undefined) continue;
    if (vhosts.get(args[0]?.text ?? "")?.httpRemux.enabled !== true) continue;
    const syntax = syntaxOf(file);
    const what = "HTTP-FLV has no effect without an HTTP server";
    const fix = `write ${syntax.option("enabled", ["on"])} in ${syntax.block(["http_server"])}`;
    problems.warn(remux, what, fix);
  }
}

function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}

function buildLog(values: Values<typeof ROOT>): LogConfig {
  const tank = values.srs_log_tank ?? (values.srs_log_file === "" ? "console" : "file");
  return {
    tank,
    file: values.srs_log_file || (tank === "file" ? DEFAULT_LOG_FILE : ""),
    level: values.srs_log_level_v2 ?? values.srs_log_level,
    format: values.log_format,
  };
}

function buildVhosts(
  directives: readonly Directive[],
  file: string,
  problems: ProblemList,
): ReadonlyMap<string, VhostConfig> {
  const vhosts = new Map<string, VhostConfig>();
  const positions = new Map<string, Position>();
  for (const directive of directives) {
    if (directive.name !== "vhost") continue;
    const name = readVhostName(directive, problems);
    if (name === undefined) continue;
    const earlier = positions.get(name);
    if (earlier !== undefined) {
      const what = `Vhost ${quotePeerText(name)} is defined twice`;
      const fix = `merge it into the one on line ${earlier.line} of ${earlier.file}`;
      problems.error(directive.args[0]!, what, fix);
    }
    positions.set(name, earlier ?? directive);
    vhosts.set(name, buildVhost(directive, name, problems));
  }
  if (!directives.some((directive) => directive.name === "vhost")) warnNoVhost(file, problems);
  return vhosts;
}

function readVhostName(directive: Directive, problems: ProblemList): string | undefined {
  const example = syntaxOf(directive.file).block(["vhost"]).replace("NAME", DEFAULT_VHOST);
  const [name, extra] = directive.args;
  if (name === undefined) {
    return problems.error(directive, "Vhost has no name", `write ${example}`);
  }
  if (extra !== undefined) {
    const what = `A vhost has one name, so ${quotePeerText(extra.text)} has no effect`;
    problems.warn(extra, what, "define a separate vhost for it");
  }
  return name.text;
}

function warnNoVhost(file: string, problems: ProblemList): void {
  const example = syntaxOf(file).block(["vhost"]).replace("NAME", DEFAULT_VHOST);
  problems.warn(
    wholeFile(file),
    "No vhost is defined, so every client is refused",
    `add ${example}`,
  );
}

function buildVhost(directive: Directive, name: string, problems: ProblemList): VhostConfig {
  const values = readBlock(VHOST, vhostScope(directive, name), problems);
  checkVhost(directive, values, problems);
  return {
    name,
    enabled: values.enabled,
    mode: values.cluster.mode,
    minLatency: values.min_latency,
    tcpNodelay: values.tcp_nodelay,
    inAckSizeBytes: values.in_ack_size,
    outAckSizeBytes: values.out_ack_size,
    play: buildPlay(values.play),
    publish: {
      firstPacketTimeoutMs: values.publish.firstpkt_timeout,
      normalTimeoutMs: values.publish.normal_timeout,
      graceMs: values.publish.grace,
      takeover: values.publish.takeover,
    },
    cluster: buildCluster(values.cluster),
    refer: values.refer,
    security: {
      enabled: values.security.enabled,
      rules: [...values.security.deny, ...values.security.allow],
    },
    httpHooks: buildHooks(values.http_hooks),
    hls: buildHls(values),
    httpRemux: buildRemux(values.http_remux),
  };
}

function buildPlay(values: VhostValues["play"]): PlayConfig {
  return {
    gopCache: values.gop_cache,
    gopCacheMaxFrames: values.gop_cache_max_frames,
    gopMaxBytes: values.gop_cache_max_bytes,
    queueLengthMs: values.queue_length,
    mwLatencyMs: values.mw_latency,
    atc: values.atc,
    waitMs: values.play_wait,
    stallMs: values.write_stall,
    pingIntervalMs: values.ping,
    pingTimeoutMs: values.ping_timeout,
  };
}

function buildCluster(values: VhostValues["cluster"]): ClusterConfig {
  return {
    origins: values.origin,
    originSelect: values.origin_select,
    vhost: values.vhost,
    debugSrsUpnode: values.debug_srs_upnode,
    tokenTraverse: values.token_traverse,
    connectTimeoutMs: values.connect_timeout,
    startTimeoutMs: values.start_timeout,
    stallTimeoutMs: values.stall_timeout,
    lingerMs: values.linger,
    retryMinMs: values.retry_min,
    retryMaxMs: values.retry_max,
  };
}

function buildHooks(values: VhostValues["http_hooks"]): HttpHooksConfig {
  const { enabled, timeout: timeoutMs, ...urls } = values;
  return { enabled, timeoutMs, urls };
}

function buildHls({ hls, cluster }: VhostValues): HlsConfig {
  return {
    enabled: hls.enabled && cluster.mode === "local",
    fragmentMs: hls.hls_fragment,
    targetDurationRatio: hls.hls_td_ratio,
    audioOverflowRatio: hls.hls_aof_ratio,
    windowMs: hls.hls_window,
    path: hls.hls_path.replace(/(?<=.)\/+$/, ""),
    playlistFile: hls.hls_m3u8_file,
    segmentFile: hls.hls_ts_file,
    entryPrefix: hls.hls_entry_prefix,
    cleanup: hls.hls_cleanup,
    disposeMs: hls.hls_dispose,
    waitKeyframe: hls.hls_wait_keyframe,
  };
}

function buildRemux(values: VhostValues["http_remux"]): HttpRemuxConfig {
  return {
    enabled: values.enabled && isFlv(values.mount),
    mount: values.mount.replace("[vhost]", ""),
    hasAudio: values.has_audio,
    hasVideo: values.has_video,
    guessTracks: values.guess_has_av,
    dropIfNotMatch: values.drop_if_not_match,
  };
}

function isFlv(mount: string): boolean {
  return mount.endsWith(".flv");
}

/** Checks what depends on several directives. */
function checkVhost(vhost: Directive, values: VhostValues, problems: ProblemList): void {
  const { cluster, security } = values;
  const written = (block: string, name: string) =>
    findDirective(findDirective(vhost.children ?? [], block)?.children ?? [], name);
  const origin = written("cluster", "origin");
  const syntax = syntaxOf(vhost.file);
  if (values.enabled && cluster.mode === "remote" && origin === undefined) {
    const example = syntax.option("origin", ["127.0.0.1:19350"]);
    const at = written("cluster", "mode") ?? vhost;
    problems.error(at, 'Mode "remote" needs an origin', `add ${example} next to it`);
  }
  if (origin !== undefined && written("cluster", "mode") === undefined) {
    const example = syntax.option("mode", ["remote"]);
    const what = 'Directive "origin" has no effect in an origin vhost';
    problems.warn(origin, what, `add ${example} next to it to make this an edge`);
  }
  if (cluster.retry_min > cluster.retry_max) {
    const at = written("cluster", "retry_max") ?? written("cluster", "retry_min") ?? vhost;
    problems.error(at, 'Directive "retry_min" is above "retry_max"', "raise retry_max");
  }
  if (values.hls.enabled && cluster.mode === "remote") {
    const what = "HLS has no effect in an edge vhost, which has streams only while players watch";
    const fix = "enable it on the origin and put an HTTP cache here, see docs/hls-edge.md";
    problems.warn(written("hls", "enabled") ?? vhost, what, fix);
  }
  if (values.http_remux.enabled && !isFlv(values.http_remux.mount)) {
    const what = "HTTP serves streams as FLV only, so this vhost serves none";
    problems.warn(written("http_remux", "mount") ?? vhost, what, "end the mount in .flv");
  }
  const hasRules = written("security", "allow") ?? written("security", "deny");
  if (security.enabled && hasRules === undefined) {
    const example = syntax.option("allow", ["play", "all"]);
    const what = "Security is enabled without rules, so every client is refused";
    problems.warn(written("security", "enabled") ?? vhost, what, `add rules such as ${example}`);
  }
}

function wholeFile(file: string): Position {
  return { file, line: 0, column: 0 };
}
