import { assert, assertEquals } from "../helpers/assert.ts";
import { type Entries, ROOT } from "../../lib/config/schema.ts";
import { load, problemsOf } from "./helpers.ts";

/** Every directive that SRS 7.0.18 allows, by block. */
const SRS_NAMES: Readonly<Record<string, string>> = {
  "": "listen pid chunk_size ff_log_dir srs_log_tank srs_log_level srs_log_level_v2 srs_log_file " +
    "max_connections daemon heartbeat tencentcloud_apm http_api stats vhost pithy_print_ms " +
    "http_server stream_caster rtc_server srt_server utc_time work_dir asprocess server_id " +
    "ff_log_level grace_final_wait force_grace_quit grace_start_wait empty_ip_ok " +
    "disable_daemon_for_docker inotify_auto_reload auto_reload_for_docker tcmalloc_release_rate " +
    "query_latest_version first_wait_for_qlv threads circuit_breaker is_full in_docker " +
    "tencentcloud_cls exporter rtmp rtmps rtsp_server",
  vhost:
    "enabled chunk_size min_latency tcp_nodelay dvr ingest hls http_hooks refer forward transcode " +
    "bandcheck play publish cluster security http_remux dash http_static hds exec in_ack_size " +
    "out_ack_size rtc srt rtsp",
  "vhost.play":
    "time_jitter mix_correct atc atc_auto mw_latency gop_cache gop_cache_max_frames queue_length " +
    "send_min_interval reduce_sequence_header mw_msgs",
  "http_api": "enabled listen crossdomain raw_api auth https",
  "http_api.auth": "enabled type username password token rtc_bearer_enabled",
  "http_server": "enabled listen dir crossdomain https",
  "vhost.publish":
    "mr mr_latency firstpkt_timeout normal_timeout parse_sps try_annexb_first kickoff_for_idle",
  "vhost.cluster":
    "mode origin token_traverse vhost debug_srs_upnode coworkers origin_cluster protocol follow_client",
  "vhost.security": "enabled allow deny",
  "vhost.refer": "enabled all play publish",
  "vhost.hls":
    "enabled hls_fragment hls_td_ratio hls_aof_ratio hls_window hls_on_error hls_path hls_m3u8_file " +
    "hls_ts_file hls_ts_floor hls_entry_prefix hls_acodec hls_vcodec hls_cleanup hls_nb_notify " +
    "hls_wait_keyframe hls_dispose hls_keys hls_fragments_per_key hls_key_file hls_key_file_path " +
    "hls_key_url hls_dts_directly hls_ctx hls_ts_ctx hls_use_fmp4 hls_fmp4_file hls_init_file " +
    "hls_master_m3u8_path_relative hls_recover hls_storage hls_mount",
  "vhost.http_remux":
    "enabled fast_cache drop_if_not_match has_audio has_video guess_has_av mount hstrs",
  "vhost.dvr": "enabled dvr_apply dvr_plan dvr_path dvr_duration dvr_wait_keyframe time_jitter",
  "vhost.http_hooks":
    "enabled on_connect on_close on_publish on_unpublish on_play on_stop on_dvr " +
    "on_hls on_hls_notify",
};

for (const [path, names] of Object.entries(SRS_NAMES)) {
  Deno.test(`ROOT knows every directive that SRS allows in "${path}"`, () => {
    const entries = entriesAt(path);
    for (const name of names.split(" ")) assert(Object.hasOwn(entries, name), name);
  });
}

Deno.test("ROOT gives every directive a description that ends in a period", () => {
  for (const [path, doc] of describeAll(ROOT, [])) assert(/^[A-Za-z_].*\.$/.test(doc), path);
});

for (const [path, name] of unsupportedNames()) {
  Deno.test(`parseConfig() warns about ${[...path, name].join(".")} instead of rejecting it`, () => {
    const inner = `${name} { x; }`;
    const text = path[0] === "vhost"
      ? `listen 1935; vhost v { ${inBlocks(path.slice(1), inner)} }`
      : `listen 1935; vhost v; ${inBlocks(path, inner)}`;
    const lines = problemsOf(text);
    const isSilent = lines.length === 0;
    assertEquals(lines.filter((line) => !line.includes("warning: ")), []);
    assertEquals(isSilent, isAlwaysSilent(path, name));
    assertEquals(load(text.replace("x;", "enabled off;")).warnings, []);
  });
}

function inBlocks(path: readonly string[], inner: string): string {
  return path.reduceRight((text, name) => `${name} { ${text} }`, inner);
}

function entriesAt(path: string): Entries {
  let entries: Entries = ROOT;
  for (const name of path.split(".").filter((part) => part !== "")) {
    const entry = entries[name];
    assert(entry?.kind === "block" || entry?.kind === "named block", name);
    entries = entry.entries;
  }
  return entries;
}

function describeAll(entries: Entries, path: readonly string[]): [path: string, doc: string][] {
  return Object.entries(entries).flatMap(([name, entry]): [string, string][] => [
    [[...path, name].join("."), entry.doc],
    ...(entry.kind === "block" || entry.kind === "named block"
      ? describeAll(entry.entries, [...path, name])
      : []),
  ]);
}

function unsupportedNames(
  entries: Entries = ROOT,
  path: readonly string[] = [],
): [path: readonly string[], name: string][] {
  return Object.entries(entries).flatMap(([name, entry]): [readonly string[], string][] => {
    if (entry.kind === "unsupported") return [[path, name]];
    return entry.kind === "option" ? [] : unsupportedNames(entry.entries, [...path, name]);
  });
}

function isAlwaysSilent(path: readonly string[], name: string): boolean {
  const entry = entriesAt(path.join("."))[name];
  return entry?.kind === "unsupported" && entry.quiet.includes("*");
}
