// deno-lint-ignore-file camelcase -- the names are those written in files
import type {
  Config,
  HookAction,
  ListenAddress,
  TlsConfig,
  VhostConfig,
} from "../config/config.ts";
import { formatAddress, formatOrigin } from "../io/address.ts";

/** Returns the value of one directive as text, for comparison and reports. */
type ReadSetting<T> = (source: T) => string;

/** Where the setting of each directive stands in a configuration, by path. */
export type SettingTable<T> = Readonly<Record<string, ReadSetting<T>>>;

/**
 * The setting of each directive outside vhosts, by path. `srs_log_level_v2` sets the same as
 * `srs_log_level`. A test compares the table with `config/schema.ts`.
 */
export const SERVER_SETTINGS: SettingTable<Config> = {
  listen: ({ listen }) => addresses(listen),
  server_name: ({ serverName }) => serverName,
  session_log: ({ sessionLog }) => sessionLog,
  ...tlsSettings("rtmps", ({ rtmps }) => rtmps),
  proxy_protocol: ({ proxyProtocol }) => proxyProtocol.join(" "),
  max_connections: ({ maxConnections }) => text(maxConnections),
  max_connections_per_ip: ({ maxConnectionsPerIp }) => text(maxConnectionsPerIp),
  workers: ({ workers }) => text(workers),
  chunk_size: ({ chunkSize }) => text(chunkSize),
  pid: ({ pid }) => pid,
  inotify_auto_reload: ({ autoReload }) => text(autoReload),
  work_dir: ({ workDir }) => workDir,
  srs_log_tank: ({ log }) => log.tank,
  srs_log_file: ({ log }) => log.file,
  srs_log_level: ({ log }) => log.level,
  log_format: ({ log }) => log.format,
  force_grace_quit: ({ drain }) => text(drain.isForced),
  grace_start_wait: ({ drain }) => ms(drain.startWaitMs),
  grace_final_wait: ({ drain }) => ms(drain.finalWaitMs),
  drain_timeout: ({ drain }) => ms(drain.timeoutMs),
  "http_api.enabled": ({ httpApi }) => text(httpApi.enabled),
  "http_api.listen": ({ httpApi }) => addresses(httpApi.listen),
  "http_api.crossdomain": ({ httpApi }) => text(httpApi.crossdomain),
  "http_api.jsonp": ({ httpApi }) => text(httpApi.jsonp),
  "http_api.auth.enabled": ({ httpApi }) => text(httpApi.auth.enabled),
  "http_api.auth.type": ({ httpApi }) => httpApi.auth.type,
  "http_api.auth.token": ({ httpApi }) => httpApi.auth.token,
  "http_api.auth.username": ({ httpApi }) => httpApi.auth.username,
  "http_api.auth.password": ({ httpApi }) => httpApi.auth.password,
  "http_api.proxy_protocol": ({ httpApi }) => httpApi.proxyProtocol.join(" "),
  "http_api.raw_api.enabled": ({ httpApi }) => text(httpApi.rawApi.enabled),
  "http_api.raw_api.allow_reload": ({ httpApi }) => text(httpApi.rawApi.allowReload),
  ...tlsSettings("http_api.https", ({ httpApi }) => httpApi.https),
  "http_server.enabled": ({ httpServer }) => text(httpServer.enabled),
  "http_server.listen": ({ httpServer }) => addresses(httpServer.listen),
  "http_server.dir": ({ httpServer }) => httpServer.dir,
  "http_server.crossdomain": ({ httpServer }) => text(httpServer.crossdomain),
  "http_server.players": ({ httpServer }) => text(httpServer.players),
  "http_server.trusted_proxies": ({ httpServer }) => httpServer.trustedProxies.join(" "),
  ...tlsSettings("http_server.https", ({ httpServer }) => httpServer.https),
};

/** The setting of each directive of a vhost, by path. */
export const VHOST_SETTINGS: SettingTable<VhostConfig> = {
  enabled: ({ enabled }) => text(enabled),
  min_latency: ({ minLatency }) => text(minLatency),
  tcp_nodelay: ({ tcpNodelay }) => text(tcpNodelay),
  in_ack_size: ({ inAckSizeBytes }) => text(inAckSizeBytes),
  out_ack_size: ({ outAckSizeBytes }) => text(outAckSizeBytes),
  max_streams: ({ maxStreams }) => text(maxStreams),
  "cluster.mode": ({ mode }) => mode,
  "cluster.origin": ({ cluster }) => cluster.origins.map(formatOrigin).join(" "),
  "cluster.dns_server": ({ cluster }) =>
    cluster.dnsServer === null ? "" : formatAddress(cluster.dnsServer),
  "cluster.origin_select": ({ cluster }) => cluster.originSelect,
  "cluster.push": ({ cluster }) => text(cluster.push),
  "cluster.vhost": ({ cluster }) => cluster.vhost,
  "cluster.debug_srs_upnode": ({ cluster }) => text(cluster.debugSrsUpnode),
  "cluster.enhanced_rtmp": ({ cluster }) => text(cluster.enhancedRtmp),
  "cluster.token_traverse": ({ cluster }) => text(cluster.tokenTraverse),
  "cluster.redirect": ({ cluster }) => cluster.redirect,
  "cluster.tls_ca": ({ cluster }) => cluster.tlsCa,
  "cluster.insecure": ({ cluster }) => text(cluster.insecure),
  "cluster.max_upstreams": ({ cluster }) => text(cluster.maxUpstreams),
  "cluster.connect_timeout": ({ cluster }) => ms(cluster.connectTimeoutMs),
  "cluster.start_timeout": ({ cluster }) => ms(cluster.startTimeoutMs),
  "cluster.stall_timeout": ({ cluster }) =>
    cluster.isStallAuto ? "auto" : ms(cluster.stallTimeoutMs),
  "cluster.standby": ({ cluster }) => text(cluster.standby),
  "cluster.failback": ({ cluster }) => cluster.failbackMs === 0 ? "off" : ms(cluster.failbackMs),
  "cluster.probe": ({ cluster }) => cluster.probeMs === 0 ? "off" : ms(cluster.probeMs),
  "cluster.linger": ({ cluster }) => ms(cluster.lingerMs),
  "cluster.retry_min": ({ cluster }) => ms(cluster.retryMinMs),
  "cluster.retry_max": ({ cluster }) => ms(cluster.retryMaxMs),
  "play.gop_cache": ({ play }) => text(play.gopCache),
  "play.gop_cache_max_frames": ({ play }) => text(play.gopCacheMaxFrames),
  "play.gop_cache_max_bytes": ({ play }) => text(play.gopMaxBytes),
  "play.queue_length": ({ play }) => ms(play.queueLengthMs),
  "play.mw_latency": ({ play }) => ms(play.mwLatencyMs),
  "play.atc": ({ play }) => text(play.atc),
  "play.play_wait": ({ play }) => ms(play.waitMs),
  "play.write_stall": ({ play }) => ms(play.stallMs),
  "play.ping": ({ play }) => ms(play.pingIntervalMs),
  "play.ping_timeout": ({ play }) => ms(play.pingTimeoutMs),
  "play.fallback": ({ play }) => play.fallbackFile,
  "play.fallback_after": ({ play }) => ms(play.fallbackAfterMs),
  "play.max_players_per_stream": ({ play }) => text(play.maxPlayersPerStream),
  "play.max_players_per_ip": ({ play }) => text(play.maxPlayersPerIp),
  ...accessSettings("play"),
  "publish.firstpkt_timeout": ({ publish }) => ms(publish.firstPacketTimeoutMs),
  "publish.normal_timeout": ({ publish }) => ms(publish.normalTimeoutMs),
  "publish.mr": ({ publish }) => text(publish.mergedReads.mode),
  "publish.mr_latency": ({ publish }) => ms(publish.mergedReads.maxMs),
  "publish.grace": ({ publish }) => ms(publish.graceMs),
  "publish.takeover": ({ publish }) => publish.takeover,
  "publish.keys": ({ publish }) => publish.keysFile,
  "publish.max_publishers": ({ publish }) => text(publish.maxPublishers),
  "publish.max_bitrate": ({ publish }) => text(publish.maxBitrateKbps),
  ...accessSettings("publish"),
  "forward.enabled": ({ forward }) => text(forward.enabled),
  "forward.destination": ({ forward }) => forward.destinations.map(({ url }) => url).join(" "),
  "forward.backend": ({ forward }) => forward.backend.join(" "),
  "refer.enabled": ({ refer }) => text(refer.enabled),
  "refer.all": ({ refer }) => refer.all.join(" "),
  "refer.play": ({ refer }) => refer.play.join(" "),
  "refer.publish": ({ refer }) => refer.publish.join(" "),
  "security.enabled": ({ security }) => text(security.enabled),
  "security.deny": (vhost) => rules(vhost, "deny"),
  "security.allow": (vhost) => rules(vhost, "allow"),
  "hls.enabled": ({ hls }) => text(hls.enabled),
  "hls.hls_fragment": ({ hls }) => ms(hls.fragmentMs),
  "hls.hls_td_ratio": ({ hls }) => text(hls.targetDurationRatio),
  "hls.hls_aof_ratio": ({ hls }) => text(hls.audioOverflowRatio),
  "hls.hls_window": ({ hls }) => ms(hls.windowMs),
  "hls.hls_path": ({ hls }) => hls.path,
  "hls.hls_m3u8_file": ({ hls }) => hls.playlistFile,
  "hls.hls_ts_file": ({ hls }) => hls.segmentFile,
  "hls.hls_entry_prefix": ({ hls }) => hls.entryPrefix,
  "hls.hls_cleanup": ({ hls }) => text(hls.cleanup),
  "hls.hls_dispose": ({ hls }) => ms(hls.disposeMs),
  "hls.hls_wait_keyframe": ({ hls }) => text(hls.waitKeyframe),
  "hls.hls_use_fmp4": ({ hls }) => text(hls.useFmp4),
  "dvr.enabled": ({ dvr }) => text(dvr.enabled),
  "dvr.dvr_apply": ({ dvr }) => dvr.streams.join(" ") || "all",
  "dvr.dvr_plan": ({ dvr }) => dvr.plan,
  "dvr.dvr_path": ({ dvr }) => dvr.path,
  "dvr.dvr_duration": ({ dvr }) => ms(dvr.durationMs),
  "dvr.dvr_wait_keyframe": ({ dvr }) => text(dvr.waitKeyframe),
  "dvr.time_jitter": ({ dvr }) => dvr.startsAtZero ? "full" : "off",
  "hls.hls_ll": ({ hls }) => text(hls.isLowLatency),
  "hls.hls_variant": ({ hls }) => hls.variants.join(" "),
  "http_hooks.enabled": ({ httpHooks }) => text(httpHooks.enabled),
  "http_hooks.timeout": ({ httpHooks }) => ms(httpHooks.timeoutMs),
  "http_hooks.on_connect": hookUrls("on_connect"),
  "http_hooks.on_close": hookUrls("on_close"),
  "http_hooks.on_publish": hookUrls("on_publish"),
  "http_hooks.on_unpublish": hookUrls("on_unpublish"),
  "http_hooks.on_play": hookUrls("on_play"),
  "http_hooks.on_stop": hookUrls("on_stop"),
  "http_hooks.on_dvr": hookUrls("on_dvr"),
  "http_hooks.on_hls": hookUrls("on_hls"),
  "http_hooks.on_update": hookUrls("on_update"),
  "http_hooks.update_interval": ({ httpHooks }) => ms(httpHooks.updateMs),
  "http_hooks.on_session": hookUrls("on_session"),
  "http_hooks.callback_format": ({ httpHooks }) => httpHooks.format,
  "http_remux.enabled": ({ httpRemux }) => text(httpRemux.enabled),
  "http_remux.mount": ({ httpRemux }) => httpRemux.mount,
  "http_remux.has_audio": ({ httpRemux }) => text(httpRemux.hasAudio),
  "http_remux.has_video": ({ httpRemux }) => text(httpRemux.hasVideo),
  "http_remux.guess_has_av": ({ httpRemux }) => text(httpRemux.guessTracks),
  "http_remux.drop_if_not_match": ({ httpRemux }) => text(httpRemux.dropIfNotMatch),
};

/** The note on a vhost that is removed, or replaced by one in another mode. */
export const CLOSES_CLIENTS = "closes the clients of the vhost";

const NEW_CLIENTS = "applies to new clients";
const NEW_PLAYERS = "applies to new players";
const NEXT_PUBLISH = "applies from the next publish on";
const NEXT_FILE = "applies from the next file on";

/** Settings of a vhost that do not apply to everyone at once, by path. */
const VHOST_NOTES: Readonly<Record<string, string>> = {
  enabled: NEW_CLIENTS,
  min_latency: NEW_PLAYERS,
  in_ack_size: NEW_CLIENTS,
  out_ack_size: NEW_CLIENTS,
  max_streams: NEW_CLIENTS,
  "play.max_players_per_stream": NEW_PLAYERS,
  "play.max_players_per_ip": NEW_PLAYERS,
  "publish.max_publishers": NEXT_PUBLISH,
  "cluster.mode": CLOSES_CLIENTS,
  "play.mw_latency": NEW_PLAYERS,
  "play.atc": NEXT_PUBLISH,
  "publish.keys": NEXT_PUBLISH,
  "dvr.dvr_plan": NEXT_FILE,
  "dvr.dvr_path": NEXT_FILE,
  "dvr.dvr_duration": NEXT_FILE,
  "dvr.dvr_wait_keyframe": NEXT_FILE,
  "dvr.time_jitter": NEXT_FILE,
  ...accessNotes("play", NEW_PLAYERS),
  ...accessNotes("publish", NEXT_PUBLISH),
};

/** Returns what to know about a live change of the vhost setting at `path`; empty for most. */
export function noteOf(path: string): string {
  return path.startsWith("hls.") ? NEXT_PUBLISH : VHOST_NOTES[path] ?? "";
}

/** Returns the value of the setting at `path` as it may be shown: without passwords and tokens. */
export function maskSecrets(path: string, value: string): string {
  if (value === "") return "(none)";
  if (/\.(password|token|sign_secret)$/.test(path)) return "(hidden)";
  if (path === "forward.destination") {
    return value.replace(/(:\/\/[^/@\s]*)[/@]\S*/g, "$1/(hidden)");
  }
  return path.startsWith("http_hooks.on_") || path === "forward.backend"
    ? value.replace(/\/\/[^/@\s]*@/g, "//(hidden)@").replace(/\?\S*/g, "?(hidden)")
    : value;
}

function accessSettings(action: "play" | "publish"): SettingTable<VhostConfig> {
  return {
    [`${action}.sign_secret`]: (vhost) => vhost[action].access.signSecrets.join(" "),
    [`${action}.sign_secret_file`]: (vhost) => vhost[action].access.signSecretFile,
    [`${action}.jwt_keys`]: (vhost) => vhost[action].access.jwtKeysFile,
    [`${action}.jwt_issuer`]: (vhost) => vhost[action].access.jwtIssuer,
    [`${action}.jwt_audience`]: (vhost) => vhost[action].access.jwtAudience,
    [`${action}.trusted`]: (vhost) => vhost[action].access.trusted.join(" "),
  };
}

function accessNotes(action: "play" | "publish", note: string): Readonly<Record<string, string>> {
  const names = [
    ...["sign_secret", "sign_secret_file", "trusted"],
    ...["jwt_keys", "jwt_issuer", "jwt_audience"],
  ];
  return Object.fromEntries(names.map((name) => [`${action}.${name}`, note]));
}

function tlsSettings(path: string, tlsOf: (config: Config) => TlsConfig): SettingTable<Config> {
  return {
    [`${path}.enabled`]: (config) => text(tlsOf(config).enabled),
    [`${path}.listen`]: (config) => addresses(tlsOf(config).listen),
    [`${path}.cert`]: (config) => tlsOf(config).cert,
    [`${path}.key`]: (config) => tlsOf(config).key,
  };
}

function text(value: boolean | number | string): string {
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

function ms(value: number | "auto"): string {
  return value === "auto" ? value : `${value}ms`;
}

function addresses(list: readonly ListenAddress[]): string {
  return list.map(formatAddress).join(" ");
}

function rules({ security }: VhostConfig, action: "allow" | "deny"): string {
  return security.rules.filter((rule) => rule.action === action)
    .map(({ scope, from }) => `${scope} ${from}`).join(", ");
}

function hookUrls(action: HookAction): ReadSetting<VhostConfig> {
  return ({ httpHooks }) => httpHooks.urls[action].join(" ");
}
