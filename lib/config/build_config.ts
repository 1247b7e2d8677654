import { quotePeerText } from "../base/text.ts";
import { checkConfig, checkVhost } from "./check_config.ts";
import {
  type AccessConfig,
  type ClusterConfig,
  type Config,
  DEFAULT_VHOST,
  type HlsConfig,
  type HttpApiConfig,
  type HttpHooksConfig,
  type HttpRemuxConfig,
  type HttpServerConfig,
  type ListenAddress,
  type LogConfig,
  type PlayConfig,
  type VhostConfig,
} from "./config.ts";
import type { DvrConfig } from "./dvr_config.ts";
import type { ForwardConfig } from "./forward_config.ts";
import type { Directive, Position } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { readBlock, rootScope, vhostScope } from "./read_block.ts";
import { BARE } from "./address_values.ts";
import { vhostNameOf } from "./vhost_name.ts";
import { ROOT, type Values, VHOST, type VhostValues } from "./schema.ts";
import { syntaxOf } from "./syntax.ts";

/** Files that stand for the terminal, as containers name them. Log lines go to standard error. */
const TERMINAL_FILES = /^\/dev\/(stdout|stderr|fd\/[12])$|^\/proc\/self\/fd\/[12]$/;

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
  const config: Config = {
    listen: values.listen,
    serverName: values.server_name,
    sessionLog: values.session_log,
    rtmps: values.rtmps,
    proxyProtocol: values.proxy_protocol,
    pid: values.pid,
    autoReload: values.inotify_auto_reload,
    workDir: values.work_dir,
    log: buildLog(values),
    maxConnections: values.max_connections,
    maxConnectionsPerIp: values.max_connections_per_ip,
    workers: values.workers,
    chunkSize: values.chunk_size,
    drain: {
      isForced: values.force_grace_quit,
      startWaitMs: values.grace_start_wait,
      finalWaitMs: values.grace_final_wait,
      timeoutMs: values.drain_timeout,
    },
    httpApi: buildHttpApi(values.http_api),
    httpServer: buildHttpServer(values.http_server),
    vhosts: buildVhosts(directives, problems),
  };
  checkConfig(directives, file, config, problems);
  return config;
}

/**
 * A bare port is every address of the machine, as in SRS, if a password protects the API; otherwise
 * only this machine reaches it.
 */
function buildHttpApi(values: Values<typeof ROOT>["http_api"]): HttpApiConfig {
  const { enabled, crossdomain, jsonp, auth, proxy_protocol: proxyProtocol, https } = values;
  const bareHost = auth.enabled ? "0.0.0.0" : "127.0.0.1";
  const withHost = ({ hostname, port }: ListenAddress) => ({
    hostname: hostname === BARE ? bareHost : hostname,
    port,
  });
  return {
    enabled,
    listen: values.listen.map(withHost),
    crossdomain,
    jsonp,
    auth,
    proxyProtocol,
    rawApi: { enabled: values.raw_api.enabled, allowReload: values.raw_api.allow_reload },
    https: { ...https, enabled: enabled && https.enabled, listen: https.listen.map(withHost) },
  };
}

function buildHttpServer(values: Values<typeof ROOT>["http_server"]): HttpServerConfig {
  const { trusted_proxies: trustedProxies, https, ...rest } = values;
  return { ...rest, trustedProxies, https: { ...https, enabled: rest.enabled && https.enabled } };
}

function buildLog(values: Values<typeof ROOT>): LogConfig {
  const isTerminal = TERMINAL_FILES.test(values.srs_log_file);
  const tank = isTerminal
    ? "console"
    : values.srs_log_tank ?? (values.srs_log_file === "" ? "console" : "file");
  return {
    tank,
    file: isTerminal ? "" : values.srs_log_file || (tank === "file" ? DEFAULT_LOG_FILE : ""),
    level: values.srs_log_level_v2 ?? values.srs_log_level,
    format: values.log_format,
  };
}

function buildVhosts(
  directives: readonly Directive[],
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
  return vhostNameOf(name.text);
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
    maxStreams: values.max_streams,
    play: buildPlay(values.play),
    publish: {
      mergedReads: { mode: values.publish.mr, maxMs: values.publish.mr_latency },
      firstPacketTimeoutMs: values.publish.firstpkt_timeout,
      normalTimeoutMs: values.publish.normal_timeout,
      graceMs: values.publish.grace,
      takeover: values.publish.takeover,
      keysFile: values.publish.keys,
      maxPublishers: values.publish.max_publishers,
      maxBitrateKbps: values.publish.max_bitrate,
      access: buildAccess(values.publish),
    },
    cluster: buildCluster(values.cluster),
    forward: buildForward(values),
    refer: values.refer,
    security: {
      enabled: values.security.enabled,
      rules: [...values.security.deny, ...values.security.allow],
    },
    httpHooks: buildHooks(values.http_hooks),
    hls: buildHls(values),
    dvr: buildDvr(values),
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
    fallbackFile: values.fallback,
    fallbackAfterMs: values.fallback_after,
    access: buildAccess(values),
    maxPlayersPerStream: values.max_players_per_stream,
    maxPlayersPerIp: values.max_players_per_ip,
  };
}

function buildAccess(values: VhostValues["play"] | VhostValues["publish"]): AccessConfig {
  return {
    signSecrets: values.sign_secret,
    signSecretFile: values.sign_secret_file,
    jwtKeysFile: values.jwt_keys,
    jwtIssuer: values.jwt_issuer,
    jwtAudience: values.jwt_audience,
    trusted: values.trusted,
  };
}

function buildFailback(value: VhostValues["cluster"]["failback"]): number {
  if (value === "off") return 0;
  return value === "on" ? FAILBACK_MS : value;
}

function buildProbe(value: VhostValues["cluster"]["probe"]): number {
  if (value === "off") return 0;
  return value === "on" ? PROBE_MS : value;
}

/** With `probe on`. */
const PROBE_MS = 30_000;

/** With `failback on`. */
const FAILBACK_MS = 30_000;

/** With `stall_timeout auto`, for what has no pace. */
const AUTO_STALL_MS = 2_000;

function buildCluster(values: VhostValues["cluster"]): ClusterConfig {
  return {
    origins: values.origin,
    dnsServer: values.dns_server,
    originSelect: values.origin_select,
    push: values.push,
    vhost: values.vhost,
    debugSrsUpnode: values.debug_srs_upnode,
    enhancedRtmp: values.enhanced_rtmp,
    tokenTraverse: values.token_traverse,
    redirect: values.redirect,
    tlsCa: values.tls_ca,
    insecure: values.insecure,
    maxUpstreams: values.max_upstreams,
    connectTimeoutMs: values.connect_timeout,
    startTimeoutMs: values.start_timeout,
    stallTimeoutMs: values.stall_timeout === "auto" ? AUTO_STALL_MS : values.stall_timeout,
    isStallAuto: values.stall_timeout === "auto",
    standby: values.standby,
    failbackMs: buildFailback(values.failback),
    probeMs: buildProbe(values.probe),
    lingerMs: values.linger,
    retryMinMs: values.retry_min,
    retryMaxMs: values.retry_max,
  };
}

function buildForward({ forward, cluster }: VhostValues): ForwardConfig {
  return {
    enabled: forward.enabled && cluster.mode === "local",
    destinations: forward.destination,
    backend: forward.backend,
  };
}

function buildHooks(values: VhostValues["http_hooks"]): HttpHooksConfig {
  const { enabled, timeout: timeoutMs, callback_format: format, ...others } = values;
  const { update_interval: updateMs, ...urls } = others;
  return { enabled, format, timeoutMs, updateMs, urls };
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
    useFmp4: hls.hls_use_fmp4 || hls.hls_ll,
    isLowLatency: hls.hls_ll,
    variants: hls.hls_variant,
  };
}

function buildDvr({ dvr, cluster }: VhostValues): DvrConfig {
  return {
    enabled: dvr.enabled && cluster.mode === "local",
    streams: dvr.dvr_apply,
    plan: dvr.dvr_plan,
    path: dvr.dvr_path,
    durationMs: dvr.dvr_duration,
    waitKeyframe: dvr.dvr_wait_keyframe,
    startsAtZero: dvr.time_jitter !== "off",
  };
}

function buildRemux(values: VhostValues["http_remux"]): HttpRemuxConfig {
  return {
    enabled: values.enabled && /\.(?:flv|ts)$/.test(values.mount),
    mount: values.mount.replace("[vhost]", ""),
    format: values.mount.endsWith(".ts") ? "ts" : "flv",
    hasAudio: values.has_audio,
    hasVideo: values.has_video,
    guessTracks: values.guess_has_av,
    dropIfNotMatch: values.drop_if_not_match,
  };
}
