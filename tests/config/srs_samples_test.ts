/**
 * Typical files of SRS users, in the forms of SRS 1 to 7, modelled on the public documentation.
 * Each must load, and warn only about unsupported directives.
 */

import { assertEquals } from "../helpers/assert.ts";
import type { VhostConfig } from "../../lib/config/config.ts";
import { load } from "./helpers.ts";

interface Sample {
  readonly name: string;
  readonly text: string;
  /** `line:column name` of each expected warning. */
  readonly warnings: readonly string[];
  /** Expected result of `check`. */
  readonly check: (vhost: VhostConfig) => unknown;
  readonly expected: unknown;
}

const modeAndOrigins = ({ mode, cluster }: VhostConfig) => ({
  mode,
  origins: cluster.origins.map(({ hostname, port }) => `${hostname} ${port}`),
});

const SAMPLES: readonly Sample[] = [
  {
    name: "an edge of SRS 1",
    text: `
listen              1935;
pid                 objs/edge.pid;
srs_log_file        ./objs/edge.log;
vhost __defaultVhost__ {
    mode            remote;
    origin          127.0.0.1:19350;
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 19350"] },
  },
  {
    name: "an origin of SRS 1",
    text: `
listen              19350;
pid                 objs/origin.pid;
srs_log_file        ./objs/origin.log;
vhost __defaultVhost__ {
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "local", origins: [] },
  },
  {
    name: "an edge of SRS 3 and later",
    text: `
# edge
listen              1935;
max_connections     1000;
pid                 objs/edge.pid;
daemon              off;
srs_log_tank        console;
http_server {
    enabled         on;
    listen          8080;
    dir             ./objs/nginx/html;
}
vhost __defaultVhost__ {
    cluster {
        mode            remote;
        origin          127.0.0.1:19350;
    }
    http_remux {
        enabled     on;
        mount       [vhost]/[app]/[stream].flv;
    }
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 19350"] },
  },
  {
    name: "an origin of SRS 3 and later",
    text: `
listen              19350;
max_connections     1000;
daemon              off;
srs_log_tank        console;
pid                 objs/origin.pid;
http_server {
    enabled         on;
    listen          8081;
}
vhost __defaultVhost__ {
    http_remux {
        enabled     on;
    }
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "local", origins: [] },
  },
  {
    name: "a second edge on another port",
    text: `
listen              1936;
max_connections     1000;
daemon              on;
pid                 ./objs/edge2.pid;
srs_log_file        ./objs/edge2.log;
http_server {
    enabled         off;
    listen          8082;
}
vhost __defaultVhost__ {
    cluster {
        mode            remote;
        origin          127.0.0.1:19350 localhost:19351;
    }
}`,
    warnings: ["4:1 daemon"],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 19350", "localhost 19351"] },
  },
  {
    name: "an edge with token traverse",
    text: `
listen              1935;
max_connections     1000;
pid                 objs/edge.token.traverse.pid;
srs_log_file        ./objs/edge.token.traverse.log;
vhost __defaultVhost__ {
    cluster {
        mode            remote;
        origin          127.0.0.1:19350;
        token_traverse  on;
    }
}`,
    warnings: [],
    check: (vhost) => vhost.cluster.tokenTraverse,
    expected: true,
  },
  {
    name: "an edge with token traverse in the flat form, switched off",
    text: `
listen 1935;
vhost __defaultVhost__ {
    mode            remote;
    origin          127.0.0.1:19350;
    token_traverse  off;
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 19350"] },
  },
  {
    name: "an edge that changes the vhost",
    text: `
listen              1935;
max_connections     1000;
vhost __defaultVhost__ {
    cluster {
        mode            remote;
        origin          127.0.0.1:19350;
        vhost           same.edge.srs.com;
        debug_srs_upnode off;
    }
}`,
    warnings: [],
    check: ({ cluster }) => [cluster.vhost, cluster.debugSrsUpnode],
    expected: ["same.edge.srs.com", false],
  },
  {
    name: "an edge that changes the vhost in the flat form",
    text: `
listen 1935;
vhost __defaultVhost__ {
    mode remote;
    origin 127.0.0.1:19350;
    vhost transform.srs.edge.com;
    debug_srs_upnode off;
}`,
    warnings: [],
    check: ({ cluster }) => [cluster.vhost, cluster.debugSrsUpnode],
    expected: ["transform.srs.edge.com", false],
  },
  {
    name: "an edge of an origin cluster",
    text: `
listen              1935;
max_connections     1000;
daemon              off;
srs_log_tank        console;
pid                 ./objs/origin.cluster.edge.pid;
vhost __defaultVhost__ {
    cluster {
        mode            remote;
        origin          127.0.0.1:19351 127.0.0.1:19350;
    }
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 19351", "127.0.0.1 19350"] },
  },
  {
    name: "a member of an origin cluster",
    text: `
listen              19350;
max_connections     1000;
http_api {
    enabled         on;
    listen          127.0.0.1:9090;
}
vhost __defaultVhost__ {
    cluster {
        mode            local;
        origin_cluster  on;
        coworkers       127.0.0.1:9091 127.0.0.1:9092;
    }
}`,
    warnings: ["11:9 origin_cluster", "12:9 coworkers"],
    check: modeAndOrigins,
    expected: { mode: "local", origins: [] },
  },
  {
    name: "an edge for HTTP-FLV with the default port of the origin",
    text: `
listen              19351;
max_connections     1000;
http_server {
    enabled         on;
    listen          8081;
    dir             ./objs/nginx/html;
}
vhost __defaultVhost__ {
    cluster {
        mode remote;
        origin 127.0.0.1;
        protocol rtmp;
        follow_client off;
    }
    http_remux {
        enabled     on;
        mount       [vhost]/[app]/[stream].flv;
        hstrs       on;
    }
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 1935"] },
  },
  {
    name: "an edge that fetches over HTTP-FLV",
    text: `
listen 1935;
vhost __defaultVhost__ {
    cluster { mode remote; origin 127.0.0.1:8080; protocol flv; follow_client on; }
}`,
    warnings: ["4:51 protocol", "4:65 follow_client"],
    check: modeAndOrigins,
    expected: { mode: "remote", origins: ["127.0.0.1 8080"] },
  },
  {
    name: "the newest form with a block for RTMP",
    text: `
max_connections     1000;
daemon              off;
rtmp {
    listen          1935;
    chunk_size      4096;
}
vhost __defaultVhost__ {
}`,
    warnings: [],
    check: () => undefined,
    expected: undefined,
  },
  {
    name: "every flat directive of SRS 1 and 2",
    text: `
listen 1935;
max_connections 1000;
daemon off;
srs_log_tank console;
http_stream { enabled on; listen 8080; }
vhost __defaultVhost__ {
    mode remote;
    origin 127.0.0.1:19350;
    token_traverse off;
    vhost compatible.srs.com;
    debug_srs_upnode off;
    time_jitter full;
    mix_correct off;
    atc on;
    atc_auto off;
    mw_latency 100;
    gop_cache off;
    gop_cache_max_frames 1200;
    queue_length 10;
    send_min_interval 10.0;
    reduce_sequence_header on;
    publish_1stpkt_timeout 20001;
    publish_normal_timeout 7000;
    refer github.com github.io;
    refer_publish github.com;
    refer_play github.io;
    forward 127.0.0.1:19351;
    mr { enabled off; latency 350; }
    http { enabled on; mount [vhost]/; dir ./objs/nginx/html; }
    http_remux { enabled off; hstrs on; }
}`,
    warnings: [
      "22:5 reduce_sequence_header",
      "28:5 forward",
      "30:5 http_static",
    ],
    check: ({ cluster, play, publish, refer }) => ({
      vhost: cluster.vhost,
      debugSrsUpnode: cluster.debugSrsUpnode,
      atc: play.atc,
      mwLatencyMs: play.mwLatencyMs,
      gopCache: play.gopCache,
      gopCacheMaxFrames: play.gopCacheMaxFrames,
      queueLengthMs: play.queueLengthMs,
      publish,
      refer,
    }),
    expected: {
      vhost: "compatible.srs.com",
      debugSrsUpnode: false,
      atc: true,
      mwLatencyMs: 100,
      gopCache: false,
      gopCacheMaxFrames: 1200,
      queueLengthMs: 10_000,
      publish: {
        firstPacketTimeoutMs: 20_001,
        normalTimeoutMs: 7000,
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
      refer: {
        enabled: true,
        all: ["github.com", "github.io"],
        play: ["github.io"],
        publish: ["github.com"],
      },
    },
  },
  {
    name: "low latency",
    text: `
listen 1935;
vhost __defaultVhost__ {
    tcp_nodelay on;
    min_latency on;
    play {
        gop_cache off;
        queue_length 10;
        mw_latency 100;
        mw_msgs 0;
    }
    publish { mr off; }
}`,
    warnings: [],
    check: ({ tcpNodelay, minLatency, play }) => [tcpNodelay, minLatency, play.queueLengthMs],
    expected: [true, true, 10_000],
  },
  {
    name: "allow and deny",
    text: `
listen 1935;
vhost __defaultVhost__ {
    security {
        enabled on;
        allow play all;
        deny play 192.168.0.0/16;
        allow publish 127.0.0.1;
        deny publish fd00::/8;
    }
}`,
    warnings: [],
    check: ({ security }) => security,
    expected: {
      enabled: true,
      rules: [
        { action: "deny", scope: "play", from: "192.168.0.0/16" },
        { action: "deny", scope: "publish", from: "fd00::/8" },
        { action: "allow", scope: "play", from: "all" },
        { action: "allow", scope: "publish", from: "127.0.0.1" },
      ],
    },
  },
  {
    name: "everything around an origin, switched on",
    text: `
listen 1935;
ff_log_dir ./objs;
pithy_print_ms 5000;
utc_time on;
heartbeat { enabled on; interval 9.3; url http://127.0.0.1:8085/api/v1/servers; }
stats { network 0; disk sda sdb xvda xvdb; }
http_api { enabled on; listen 127.0.0.1:1985; raw_api { enabled off; } https { enabled off; } }
exporter { enabled on; listen 9972; label cn-beijing; }
stream_caster { enabled on; caster mpegts_over_udp; output rtmp://127.0.0.1/live/livestream; }
rtc_server { enabled on; listen 8000; candidate *; }
srt_server { enabled on; listen 10080; }
circuit_breaker { enabled on; high_threshold 90; }
vhost __defaultVhost__ {
    hls { enabled on; hls_path ./objs/nginx/html; hls_fragment 10; }
    dvr { enabled on; dvr_plan session; dvr_path ./objs/nginx/html; }
    http_hooks { enabled on; on_publish http://127.0.0.1:8085/api/v1/streams http://localhost/x; }
    ingest livestream { enabled on; input { type file; url ./doc/source.flv; } }
    transcode { enabled on; engine ff { enabled on; vfilter { v quiet; } } }
    dash { enabled on; }
    exec { enabled on; publish ./objs/ffmpeg/bin/ffmpeg -f flv -i [url] -c copy -y ./[stream].flv; }
    rtc { enabled on; }
    srt { enabled on; }
}`,
    warnings: [
      "4:1 pithy_print_ms",
      "5:1 utc_time",
      "6:1 heartbeat",
      "9:1 exporter",
      "10:1 stream_caster",
      "11:1 rtc_server",
      "12:1 srt_server",
      "13:1 circuit_breaker",
      "18:5 ingest",
      "19:5 transcode",
      "20:5 dash",
      "21:5 exec",
      "22:5 rtc",
      "23:5 srt",
    ],
    check: modeAndOrigins,
    expected: { mode: "local", origins: [] },
  },
  {
    name: "everything around an origin, switched off or at its default",
    text: `
listen 1935;
daemon off;
utc_time off;
asprocess off;
pithy_print_ms 10000;
force_grace_quit off;
grace_start_wait 2300;
grace_final_wait 3200;
empty_ip_ok on;
inotify_auto_reload off;
query_latest_version off;
is_full off;
heartbeat { enabled off; interval 9.3; }
http_api { enabled off; }
http_server { enabled off; }
exporter { enabled off; }
stream_caster { enabled off; unknown { things; } }
rtc_server { enabled off; }
srt_server { enabled off; }
circuit_breaker { enabled off; }
vhost __defaultVhost__ {
    hls { enabled off; hls_fragment 10; }
    dvr { enabled off; }
    http_hooks { enabled off; on_publish http://127.0.0.1/; }
    ingest livestream { enabled off; }
    transcode { enabled off; }
    forward { enabled off; destination 127.0.0.1:19350; }
    bandcheck { enabled off; }
    publish { mr off; mr_latency 350; parse_sps on; try_annexb_first on; kickoff_for_idle 0; }
    play { time_jitter full; mix_correct off; atc_auto off; send_min_interval 0; mw_msgs 8; }
    cluster { token_traverse off; origin_cluster off; protocol rtmp; follow_client off; }
}`,
    warnings: [],
    check: modeAndOrigins,
    expected: { mode: "local", origins: [] },
  },
];

for (const { name, text, warnings, check, expected } of SAMPLES) {
  Deno.test(`parseConfig() loads ${name}`, () => {
    const loaded = load(text);
    assertEquals(
      loaded.warnings.map(({ line, column, what }) =>
        `${line}:${column} ${
          /^Directive "(\w+)" (?:is not supported yet and )?has no effect/.exec(what)?.[1]
        }`
      ),
      warnings,
    );
    assertEquals(check(loaded.config.vhosts.get("__defaultVhost__")!), expected);
  });
}

Deno.test("parseConfig() explains how to silence the warning about an unsupported directive", () => {
  const text = "listen 1935;\nvhost v {\n  dash { enabled on; }\n  play { time_jitter zero; }\n}";
  assertEquals(load(text).warnings.map(({ fix }) => fix), [
    "remove it or write enabled off; in it",
    "remove it or write time_jitter full;",
  ]);
});
