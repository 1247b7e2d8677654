import { assertEquals, assertInstanceOf, assertThrows } from "../helpers/assert.ts";
import { ConfigError, describeConfigProblem } from "../../lib/base/errors.ts";
import type { Config, VhostConfig } from "../../lib/config/config.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { inVhost, load, loadVhost, problemsOf } from "./helpers.ts";

const DEFAULT_VHOST = {
  name: "__defaultVhost__",
  enabled: true,
  mode: "local",
  minLatency: false,
  tcpNodelay: false,
  inAckSizeBytes: 0,
  outAckSizeBytes: 2_500_000,
  maxStreams: 0,
  play: {
    gopCache: true,
    gopCacheMaxFrames: 2500,
    gopMaxBytes: 67_108_864,
    queueLengthMs: 30_000,
    mwLatencyMs: "auto",
    atc: false,
    waitMs: 30_000,
    stallMs: 15_000,
    pingIntervalMs: 30_000,
    pingTimeoutMs: 30_000,
    fallbackFile: "",
    fallbackAfterMs: 5_000,
    access: {
      signSecrets: [],
      signSecretFile: "",
      jwtKeysFile: "",
      jwtIssuer: "",
      jwtAudience: "",
      trusted: [],
    },
    maxPlayersPerStream: 0,
    maxPlayersPerIp: 0,
  },
  publish: {
    firstPacketTimeoutMs: 20_000,
    normalTimeoutMs: 20_000,
    graceMs: 10_000,
    mergedReads: { mode: "auto", maxMs: 350 },
    takeover: "reject",
    keysFile: "",
    maxPublishers: 0,
    maxBitrateKbps: 0,
    access: {
      signSecrets: [],
      signSecretFile: "",
      jwtKeysFile: "",
      jwtIssuer: "",
      jwtAudience: "",
      trusted: [],
    },
  },
  cluster: {
    origins: [],
    dnsServer: null,
    originSelect: "ordered",
    push: 1,
    vhost: "[vhost]",
    debugSrsUpnode: true,
    enhancedRtmp: true,
    tokenTraverse: false,
    redirect: "origins",
    tlsCa: "",
    insecure: false,
    maxUpstreams: 2000,
    connectTimeoutMs: 3000,
    startTimeoutMs: 5000,
    stallTimeoutMs: 2000,
    isStallAuto: true,
    standby: false,
    failbackMs: 30_000,
    probeMs: 0,
    lingerMs: 10_000,
    retryMinMs: 100,
    retryMaxMs: 800,
  },
  forward: { enabled: false, destinations: [], backend: [] },
  refer: { enabled: false, all: [], play: [], publish: [] },
  security: { enabled: false, rules: [] },
  httpHooks: {
    enabled: false,
    format: "json",
    timeoutMs: 5000,
    updateMs: 30_000,
    urls: {
      on_connect: [],
      on_close: [],
      on_publish: [],
      on_unpublish: [],
      on_play: [],
      on_stop: [],
      on_dvr: [],
      on_hls: [],
      on_update: [],
      on_session: [],
    },
  },
  hls: {
    enabled: false,
    fragmentMs: 10_000,
    targetDurationRatio: 1,
    audioOverflowRatio: 2.1,
    windowMs: 60_000,
    path: "./objs/nginx/html",
    playlistFile: "[app]/[stream].m3u8",
    segmentFile: "[app]/[stream]-[seq].ts",
    entryPrefix: "",
    cleanup: true,
    disposeMs: 120_000,
    waitKeyframe: true,
    useFmp4: false,
    isLowLatency: false,
    variants: [],
  },
  dvr: {
    enabled: false,
    streams: [],
    plan: "session",
    path: "./objs/nginx/html/[app]/[stream].[timestamp].flv",
    durationMs: 30_000,
    waitKeyframe: true,
    startsAtZero: true,
  },
  httpRemux: {
    enabled: false,
    mount: "/[app]/[stream].flv",
    format: "flv",
    hasAudio: true,
    hasVideo: true,
    guessTracks: true,
    dropIfNotMatch: true,
  },
} as const;

const NO_TLS = { enabled: false, cert: "./conf/server.crt", key: "./conf/server.key" };

const DEFAULTS: Config = {
  listen: [{ hostname: "0.0.0.0", port: 1935 }],
  serverName: "",
  sessionLog: "",
  rtmps: { ...NO_TLS, listen: [{ hostname: "0.0.0.0", port: 1443 }] },
  proxyProtocol: [],
  pid: "",
  autoReload: false,
  workDir: "",
  log: { tank: "console", file: "", level: "info", format: "text" },
  maxConnections: 1000,
  maxConnectionsPerIp: 0,
  workers: 1,
  chunkSize: 60_000,
  drain: { isForced: false, startWaitMs: 2300, finalWaitMs: 3200, timeoutMs: 3_600_000 },
  httpApi: {
    enabled: false,
    listen: [{ hostname: "127.0.0.1", port: 1985 }],
    crossdomain: true,
    jsonp: false,
    auth: { enabled: false, type: "basic", username: "", password: "", token: "" },
    proxyProtocol: [],
    rawApi: { enabled: false, allowReload: false },
    https: { ...NO_TLS, listen: [{ hostname: "127.0.0.1", port: 1990 }] },
  },
  httpServer: {
    enabled: false,
    listen: [{ hostname: "0.0.0.0", port: 8080 }],
    dir: "./objs/nginx/html",
    crossdomain: true,
    players: false,
    trustedProxies: [],
    https: { ...NO_TLS, listen: [{ hostname: "0.0.0.0", port: 8088 }] },
  },
  vhosts: new Map([["__defaultVhost__", DEFAULT_VHOST]]),
};

Deno.test("defaultConfig() is an origin on port 1935 that logs to the console", () => {
  assertEquals(defaultConfig(), DEFAULTS);
});

Deno.test("parseConfig() uses the defaults for a file with only listen and a vhost", () => {
  const { config, warnings } = load("listen 1935; vhost __defaultVhost__ { }");
  assertEquals(config, DEFAULTS);
  assertEquals(warnings, []);
});

Deno.test("parseConfig() reads every directive outside blocks", () => {
  const { config } = load(`
listen 1935 127.0.0.1:19350 [::1]:1936 [::]:1937;
pid objs/a.pid;
work_dir /var/lib/edge;
srs_log_tank file;
srs_log_file "./my logs/a.log";
srs_log_level warn;
log_format json;
max_connections 20000;
chunk_size 4k;
vhost a { }
vhost b { enabled off; }`);
  assertEquals(config.listen, [
    { hostname: "0.0.0.0", port: 1935 },
    { hostname: "127.0.0.1", port: 19350 },
    { hostname: "::1", port: 1936 },
    { hostname: "::", port: 1937 },
  ]);
  assertEquals([config.pid, config.workDir], ["objs/a.pid", "/var/lib/edge"]);
  assertEquals(config.log, {
    tank: "file",
    file: "./my logs/a.log",
    level: "warning",
    format: "json",
  });
  assertEquals([config.maxConnections, config.chunkSize], [20_000, 4096]);
  assertEquals([...config.vhosts].map(([name, vhost]) => [name, vhost.name, vhost.enabled]), [
    ["a", "a", true],
    ["b", "b", false],
  ]);
});

Deno.test("parseConfig() reads http_api and http_server", () => {
  const { config, warnings } = load(`listen 1935; vhost v { }
http_api {
  enabled on; listen 1986 [::1]:1987; crossdomain off;
  proxy_protocol ::1;
  auth { enabled on; username admin; password "a secret"; }
}
http_server { enabled on; listen 80; dir /srv/www; crossdomain off; }`);
  assertEquals(warnings, []);
  assertEquals(config.httpApi, {
    enabled: true,
    listen: [{ hostname: "0.0.0.0", port: 1986 }, { hostname: "::1", port: 1987 }],
    crossdomain: false,
    jsonp: false,
    auth: { enabled: true, type: "basic", username: "admin", password: "a secret", token: "" },
    proxyProtocol: ["::1"],
    rawApi: { enabled: false, allowReload: false },
    https: { ...NO_TLS, listen: [{ hostname: "0.0.0.0", port: 1990 }] },
  });
  assertEquals(config.httpServer, {
    enabled: true,
    listen: [{ hostname: "0.0.0.0", port: 80 }],
    dir: "/srv/www",
    crossdomain: false,
    players: false,
    trustedProxies: [],
    https: { ...NO_TLS, listen: [{ hostname: "0.0.0.0", port: 8088 }] },
  });
});

Deno.test("parseConfig() reads rtmps and https blocks, and switches https off with its block", () => {
  const files = "cert /etc/edge/tls.crt; key /etc/edge/tls.key;";
  const { config, warnings } = load(`listen 1935; vhost v { }
rtmps { enabled on; listen 443 [::1]:1443; ${files} }
http_api { enabled on; https { enabled on; ${files} } }
http_server { https { enabled on; ${files} } }`);
  assertEquals(warnings.length, 1);
  const pair = { cert: "/etc/edge/tls.crt", key: "/etc/edge/tls.key" };
  assertEquals(config.rtmps, {
    ...{ enabled: true, ...pair },
    listen: [{ hostname: "0.0.0.0", port: 443 }, { hostname: "::1", port: 1443 }],
  });
  assertEquals(config.httpApi.https, {
    ...{ enabled: true, ...pair },
    listen: [{ hostname: "127.0.0.1", port: 1990 }],
  });
  assertEquals(config.httpServer.https.enabled, false);
});

const API_PORTS: readonly { text: string; hosts: string[]; warning?: string }[] = [
  { text: "listen 1985; auth { enabled on; username a; password b; }", hosts: ["0.0.0.0"] },
  { text: "listen 127.0.0.1:1985;", hosts: ["127.0.0.1"] },
  {
    text: "listen 1985;",
    hosts: ["127.0.0.1"],
    warning:
      "x.conf:2:24: warning: The API has no password, so port 1985 is open to this machine " +
      "only: enable auth to open it to others, or write 127.0.0.1:1985 if that is intended",
  },
  {
    text: "",
    hosts: ["127.0.0.1"],
    warning: "x.conf:2:1: warning: The API has no password, so port 1985 is open to this machine " +
      "only: enable auth to open it to others, or write 127.0.0.1:1985 if that is intended",
  },
  {
    text: "listen 0.0.0.0:1985;",
    hosts: ["0.0.0.0"],
    warning: "x.conf:2:24: warning: The API has no password, so other machines can close clients " +
      "through it: enable auth, or listen on 127.0.0.1",
  },
];

for (const { text, hosts, warning } of API_PORTS) {
  Deno.test(`parseConfig() opens http_api { ${text} } to ${hosts}`, () => {
    const { config, warnings } = load(`listen 1935; vhost v { }\nhttp_api { enabled on; ${text} }`);
    assertEquals(config.httpApi.listen.map(({ hostname }) => hostname), hosts);
    assertEquals(warnings.map(describeConfigProblem), warning === undefined ? [] : [warning]);
  });
}

/** All directives of a vhost with other values than the defaults. */
const VHOST_TEXT = `
enabled off; min_latency on; tcp_nodelay on; in_ack_size 1k; out_ack_size 1m; max_streams 9;
play {
  gop_cache off; gop_cache_max_frames 0; gop_cache_max_bytes 1m; queue_length 500ms;
  mw_latency 1s; atc on; play_wait 0; write_stall 20s; ping 1m; ping_timeout 1.5s;
  sign_secret 0123456789abcdef fedcba9876543210;
  max_players_per_stream 5; max_players_per_ip 6;
}
publish { mr on; mr_latency 50; firstpkt_timeout 10s; normal_timeout 2500; grace 20s; takeover replace;
  keys keys.txt; trusted 10.0.0.0/8 ::1; sign_secret_file secrets.txt; max_publishers 7; max_bitrate 8000; }
cluster {
  mode remote; origin a b:1 10.0.0.1:2 [::1]:3 ::2 [::3] a.b_c-d.example:4; vhost up.[vhost];
  origin_select hash;
  push all;
  debug_srs_upnode off; enhanced_rtmp off; redirect any; max_upstreams 8; connect_timeout 100ms; start_timeout 1s; stall_timeout 3s; linger 0s;
  retry_min 10ms; retry_max 1m;
}
forward { enabled on; destination 10.0.0.9 live/one=rtmps://[::1]/a/b/key?t=1; backend http://a/forward; }
refer { enabled on; all .example.com; play a.example 10.0.0.1; publish b.example; }
security { enabled on; deny publish 10.0.0.0/8; allow play ::1; }
http_hooks {
  enabled on; timeout 800ms;
  on_connect http://a/connect; on_close http://a/close;
  on_publish http://a:8085/api/v1/streams?key=1 https://b/publish; on_unpublish http://a/unpublish;
  on_play http://a/play; on_stop http://[::1]:1/stop; on_dvr http://a/dvr;
  on_hls http://a/hls; on_update http://a/update; update_interval 5s;
  on_session http://a/session; callback_format form;
}
hls {
  enabled on; hls_fragment 2; hls_td_ratio 1.5; hls_aof_ratio 3; hls_window 30;
  hls_path /var/www/; hls_m3u8_file [vhost]/[app]/[stream].m3u8;
  hls_ts_file [app]/[stream]/[timestamp].ts; hls_entry_prefix https://cdn/; hls_cleanup off;
  hls_dispose 1m; hls_wait_keyframe off; hls_use_fmp4 on; hls_ll on; hls_variant _720p _480p;
}
dvr {
  enabled on; dvr_apply live/show a/b/c; dvr_plan segment; dvr_path /data/[vhost]/[stream].mp4;
  dvr_duration 60; dvr_wait_keyframe off; time_jitter off;
}
http_remux {
  enabled on; mount /watch/[app]/[stream].flv; has_audio off; has_video off; guess_has_av off;
  drop_if_not_match off;
}`;

const VHOST: VhostConfig = {
  name: "v",
  enabled: false,
  mode: "remote",
  minLatency: true,
  tcpNodelay: true,
  inAckSizeBytes: 1024,
  outAckSizeBytes: 1_048_576,
  maxStreams: 9,
  play: {
    gopCache: false,
    gopCacheMaxFrames: 0,
    gopMaxBytes: 1_048_576,
    queueLengthMs: 500,
    mwLatencyMs: 1000,
    atc: true,
    waitMs: 0,
    stallMs: 20_000,
    pingIntervalMs: 60_000,
    pingTimeoutMs: 1500,
    fallbackFile: "",
    fallbackAfterMs: 5_000,
    access: {
      signSecrets: ["0123456789abcdef", "fedcba9876543210"],
      signSecretFile: "",
      jwtKeysFile: "",
      jwtIssuer: "",
      jwtAudience: "",
      trusted: [],
    },
    maxPlayersPerStream: 5,
    maxPlayersPerIp: 6,
  },
  publish: {
    firstPacketTimeoutMs: 10_000,
    normalTimeoutMs: 2500,
    graceMs: 20_000,
    mergedReads: { mode: "on", maxMs: 50 },
    takeover: "replace",
    keysFile: "keys.txt",
    maxPublishers: 7,
    maxBitrateKbps: 8000,
    access: {
      signSecrets: [],
      signSecretFile: "secrets.txt",
      jwtKeysFile: "",
      jwtIssuer: "",
      jwtAudience: "",
      trusted: ["10.0.0.0/8", "::1"],
    },
  },
  cluster: {
    origins: [
      { hostname: "a", port: 1935 },
      { hostname: "b", port: 1 },
      { hostname: "10.0.0.1", port: 2 },
      { hostname: "::1", port: 3 },
      { hostname: "::2", port: 1935 },
      { hostname: "::3", port: 1935 },
      { hostname: "a.b_c-d.example", port: 4 },
    ],
    dnsServer: null,
    originSelect: "hash",
    push: "all",
    vhost: "up.[vhost]",
    debugSrsUpnode: false,
    enhancedRtmp: false,
    tokenTraverse: false,
    redirect: "any",
    tlsCa: "",
    insecure: false,
    maxUpstreams: 8,
    connectTimeoutMs: 100,
    startTimeoutMs: 1000,
    stallTimeoutMs: 3000,
    isStallAuto: false,
    standby: false,
    failbackMs: 30_000,
    probeMs: 0,
    lingerMs: 0,
    retryMinMs: 10,
    retryMaxMs: 60_000,
  },
  forward: {
    enabled: false,
    destinations: [
      {
        url: "10.0.0.9",
        address: { hostname: "10.0.0.9", port: 1935 },
        only: "",
        app: "",
        stream: "",
      },
      {
        url: "live/one=rtmps://[::1]/a/b/key?t=1",
        address: { hostname: "::1", port: 443, isSecure: true },
        only: "live/one",
        app: "a/b",
        stream: "key?t=1",
      },
    ],
    backend: ["http://a/forward"],
  },
  refer: {
    enabled: true,
    all: [".example.com"],
    play: ["a.example", "10.0.0.1"],
    publish: ["b.example"],
  },
  security: {
    enabled: true,
    rules: [
      { action: "deny", scope: "publish", from: "10.0.0.0/8" },
      { action: "allow", scope: "play", from: "::1" },
    ],
  },
  httpHooks: {
    enabled: true,
    format: "form",
    timeoutMs: 800,
    updateMs: 5000,
    urls: {
      on_connect: ["http://a/connect"],
      on_close: ["http://a/close"],
      on_publish: ["http://a:8085/api/v1/streams?key=1", "https://b/publish"],
      on_unpublish: ["http://a/unpublish"],
      on_play: ["http://a/play"],
      on_stop: ["http://[::1]:1/stop"],
      on_dvr: ["http://a/dvr"],
      on_hls: ["http://a/hls"],
      on_update: ["http://a/update"],
      on_session: ["http://a/session"],
    },
  },
  hls: {
    enabled: false, // it is an edge
    fragmentMs: 2000,
    targetDurationRatio: 1.5,
    audioOverflowRatio: 3,
    windowMs: 30_000,
    path: "/var/www",
    playlistFile: "[vhost]/[app]/[stream].m3u8",
    segmentFile: "[app]/[stream]/[timestamp].ts",
    entryPrefix: "https://cdn/",
    cleanup: false,
    disposeMs: 60_000,
    waitKeyframe: false,
    useFmp4: true,
    isLowLatency: true,
    variants: ["_720p", "_480p"],
  },
  dvr: {
    enabled: false, // it is an edge
    streams: ["live/show", "a/b/c"],
    plan: "segment",
    path: "/data/[vhost]/[stream].mp4",
    durationMs: 60_000,
    waitKeyframe: false,
    startsAtZero: false,
  },
  httpRemux: {
    enabled: true,
    mount: "/watch/[app]/[stream].flv",
    format: "flv",
    hasAudio: false,
    hasVideo: false,
    guessTracks: false,
    dropIfNotMatch: false,
  },
};

Deno.test("parseConfig() reads every directive of a vhost", () => {
  assertEquals(loadVhost(VHOST_TEXT), VHOST);
});

Deno.test("parseConfig() reads bare times in SRS's units", () => {
  const vhost = loadVhost("play { queue_length 2; mw_latency 2; } publish { normal_timeout 2; }");
  assertEquals(vhost.play.queueLengthMs, 2000);
  assertEquals(vhost.play.mwLatencyMs, 2);
  assertEquals(vhost.publish.normalTimeoutMs, 2);
});

const LOGS: readonly (readonly [text: string, tank: string, file: string, level: string])[] = [
  ["srs_log_file ./a.log;", "file", "./a.log", "info"],
  ["srs_log_file ./a.log; srs_log_tank console;", "console", "./a.log", "info"],
  ["srs_log_tank file;", "file", "./objs/srs.log", "info"],
  ["srs_log_level verbose;", "console", "", "debug"],
  ["srs_log_level info;", "console", "", "debug"],
  ["srs_log_level trace;", "console", "", "info"],
  ["srs_log_level error;", "console", "", "error"],
  ["srs_log_level_v2 trace;", "console", "", "debug"],
  ["srs_log_level_v2 debug;", "console", "", "debug"],
  ["srs_log_level_v2 info;", "console", "", "info"],
  ["srs_log_level_v2 warn;", "console", "", "warning"],
  ["srs_log_level_v2 off;", "console", "", "error"],
  ["srs_log_level error; srs_log_level_v2 info;", "console", "", "info"],
];

for (const [text, tank, file, level] of LOGS) {
  Deno.test(`parseConfig() reads the log settings of ${JSON.stringify(text)}`, () => {
    const { log } = load(`listen 1935; vhost v { } ${text}`).config;
    assertEquals(log, { tank, file, level, format: "text" } as Config["log"]);
  });
}

Deno.test("parseConfig() uses the first of several directives and warns about the others", () => {
  const text = "listen 1935;\nlisten 1936;\nvhost v {\n  play { gop_cache off; gop_cache on; }\n" +
    "  play { gop_cache on; }\n}";
  const { config, warnings } = load(text);
  assertEquals(config.listen, [{ hostname: "0.0.0.0", port: 1935 }]);
  assertEquals(config.vhosts.get("v")?.play.gopCache, false);
  assertEquals(warnings.map(({ line, column, what, fix }) => [line, column, what, fix]), [
    [
      2,
      1,
      'Duplicate directive "listen" at the top level',
      "remove it; the one on line 1 of x.conf applies",
    ],
    [
      4,
      25,
      'Duplicate directive "gop_cache" in play in vhost "v"',
      "remove it; the one on line 4 of x.conf applies",
    ],
    [
      5,
      3,
      'Duplicate directive "play" in vhost "v"',
      "remove it; the one on line 4 of x.conf applies",
    ],
  ]);
});

Deno.test("parseConfig() prefers a block to the flat form, like SRS", () => {
  const text = inVhost("gop_cache on;\nplay { gop_cache off; }\natc on;");
  const { config, warnings } = load(text);
  const { play } = config.vhosts.get("v")!;
  assertEquals([play.gopCache, play.atc], [false, true]);
  assertEquals(warnings.map(({ line, what }) => [line, what]), [
    [3, 'Duplicate directive "gop_cache" in play in vhost "v"'],
  ]);
});

Deno.test("parseConfig() keeps the refer check of a disabled block off despite flat names", () => {
  const { refer } = loadVhost("refer { enabled off; } refer_play a.example;");
  assertEquals(refer, { enabled: false, all: [], play: ["a.example"], publish: [] });
});

Deno.test("parseConfig() enables the refer check for a lone refer_publish", () => {
  assertEquals(loadVhost("refer_publish a.example;").refer.enabled, true);
});

Deno.test("parseConfig() warns about origins without a mode", () => {
  assertEquals(problemsOf(inVhost("origin 127.0.0.1;")), [
    'x.conf:3:1: warning: Directive "origin" has no effect in an origin vhost: ' +
    "add mode remote; next to it to make this an edge",
  ]);
});

Deno.test("parseConfig() does not require origins of a disabled edge", () => {
  assertEquals(problemsOf(inVhost("enabled off; mode remote;")), []);
});

Deno.test("parseConfig() warns about security without rules", () => {
  assertEquals(problemsOf(inVhost("security { enabled on; }")), [
    "x.conf:3:12: warning: Security is enabled without rules, so every client is refused: " +
    "add rules such as allow play all;",
  ]);
});

Deno.test("parseConfig() warns about a second vhost name and a file without vhosts", () => {
  assertEquals(problemsOf("listen 1935;\nvhost a b { }"), [
    'x.conf:2:9: warning: A vhost has one name, so "b" has no effect: ' +
    "define a separate vhost for it",
  ]);
  assertEquals(problemsOf("listen 1935;"), [
    "x.conf: warning: No vhost is defined, so every client is refused: " +
    "add vhost __defaultVhost__ { … }",
  ]);
});

Deno.test("parseConfig() accepts a vhost without a block", () => {
  assertEquals([...load("listen 1935; vhost a;").config.vhosts.keys()], ["a"]);
});

Deno.test("parseConfig() reads listen and chunk_size from a block rtmp", () => {
  const { config, warnings } = load("rtmp { listen 1936; chunk_size 128; } vhost a;");
  assertEquals([config.listen[0]?.port, config.chunkSize, warnings.length], [1936, 128, 0]);
});

Deno.test("parseConfig() warns about other directives in a block rtmp", () => {
  assertEquals(problemsOf("rtmp { listen 1936; other x; } vhost a;"), [
    'x.conf:1:1: warning: Directive "rtmp" is not supported yet and has no effect: ' +
    "remove it or write enabled off; in it",
  ]);
});

Deno.test("parseConfig() names the included file in problems", () => {
  const others = {
    "vhosts.conf": "vhost v {\n  include play.conf;\n}",
    "play.conf": "gop_cache 1;",
  };
  assertEquals(problemsOf("listen 1935;\ninclude vhosts.conf;", { others }), [
    'play.conf:1:11: Value "1" of "gop_cache" is not valid: write on or off',
  ]);
});

Deno.test("parseConfig() ignores a byte order mark in both formats", () => {
  assertEquals(problemsOf("\uFEFFlisten 1935; vhost v;"), []);
  assertEquals(problemsOf("\uFEFFlisten = 1935\n[vhost.v]", { file: "x.toml" }), []);
});

Deno.test("parseConfig() throws warnings together with errors", () => {
  const error = assertThrows(() => load("listen 0;\ndaemon on;\nvhost v;"), ConfigError);
  assertInstanceOf(error, ConfigError);
  assertEquals(error.problems.map(({ severity, line }) => [severity, line]), [
    ["error", 1],
    ["warning", 2],
  ]);
});

Deno.test("parseConfig() reads origins with TLS, and warns when any certificate is accepted", () => {
  const { config, warnings } = load(`listen 1935; vhost v { cluster { mode remote;
    origin a.example rtmps://b.example rtmps://[::1]:1443; tls_ca ca.crt; insecure on; } }`);
  const { origins, tlsCa, insecure } = config.vhosts.get("v")!.cluster;
  assertEquals([tlsCa, insecure], ["ca.crt", true]);
  assertEquals(origins, [
    { hostname: "a.example", port: 1935 },
    { hostname: "b.example", port: 443, isSecure: true },
    { hostname: "::1", port: 1443, isSecure: true },
  ]);
  assertEquals(warnings.map(({ what, line }) => `${line}: ${what}`), [
    "2: Certificates of origins are not checked: anyone on the way may change the streams",
  ]);
});

Deno.test("parseConfig() reads names whose addresses are origins, and their name server", () => {
  const { config, warnings } = load(`listen 1935; vhost v { cluster { mode remote; dns_server [::1];
    origin dns:a.example dns:b.example:1936 dns:rtmps://c.example srv:_rtmp._tcp.d.example dns:1937; } }`);
  const { origins, dnsServer } = config.vhosts.get("v")!.cluster;
  assertEquals(dnsServer, { hostname: "::1", port: 53 });
  assertEquals(origins, [
    { discovery: "dns", hostname: "a.example", port: 1935 },
    { discovery: "dns", hostname: "b.example", port: 1936 },
    { discovery: "dns", hostname: "c.example", port: 443, isSecure: true },
    { discovery: "srv", hostname: "_rtmp._tcp.d.example", port: 0 },
    // A host may have this name.
    { hostname: "dns", port: 1937 },
  ]);
  assertEquals(warnings, []);
});

for (
  const [origin, part] of [
    ["dns:10.0.0.1", "an address needs no dns:"],
    ["dns:", "write a host name, like dns:origins.example:1935"],
    ["dns:a.example:0", "write a host name"],
    ["srv:_rtmp._tcp.a.example:1935", "remove the port: SRV records name the ports"],
    ["srv:[::1]", "an address needs no srv:"],
  ]
) {
  Deno.test(`parseConfig() refuses origin ${origin}`, () => {
    const text = `listen 1935; vhost v { cluster { mode remote; origin ${origin}; } }`;
    const { problems } = assertThrows(() => load(text), ConfigError);
    assertEquals(problems.map(({ fix }) => fix.includes(part!)), [true]);
  });
}
