/** Invalid files and the exact problems reported. */

import { assertEquals } from "../helpers/assert.ts";
import { inVhost, problemsOf } from "./helpers.ts";

interface WrongFile {
  readonly what: string;
  readonly text: string;
  readonly file?: string;
  readonly problems: readonly string[];
}

const VHOST = "vhost v { }";

const SRS_FILES: readonly WrongFile[] = [
  {
    what: "an empty file",
    text: "",
    problems: [
      'x.conf: Directive "listen" is missing: add listen 1935;',
      "x.conf: warning: No vhost is defined, so every client is refused: " +
      "add vhost __defaultVhost__ { … }",
    ],
  },
  {
    what: "no listen",
    text: VHOST,
    problems: ['x.conf: Directive "listen" is missing: add listen 1935;'],
  },
  {
    what: "listen without a value",
    text: `listen;\n${VHOST}`,
    problems: ['x.conf:1:1: Directive "listen" has no value: write it like listen 1935;'],
  },
  {
    what: "listen as a block",
    text: `listen { 1935; }\n${VHOST}`,
    problems: [
      'x.conf:1:1: Directive "listen" takes a value, not a block: write it like listen 1935;',
    ],
  },
  {
    what: "listen with port 0",
    text: `listen 0;\n${VHOST}`,
    problems: [
      'x.conf:1:8: Value "0" of "listen" is not valid: write a port from 1 to 65535',
    ],
  },
  {
    what: "two bad ports of listen",
    text: `listen 1935 65536 127.0.0.1:99999;\n${VHOST}`,
    problems: [
      'x.conf:1:13: Value "65536" of "listen" is not valid: write a port from 1 to 65535',
      'x.conf:1:19: Value "127.0.0.1:99999" of "listen" is not valid: ' +
      "write a port from 1 to 65535",
    ],
  },
  {
    what: "listen with a host name",
    text: `listen localhost:1935;\n${VHOST}`,
    problems: [
      'x.conf:1:8: Value "localhost:1935" of "listen" is not valid: ' +
      "write an IP address: 127.0.0.1:1935, or [::1]:1935",
    ],
  },
  {
    what: "listen with an address only",
    text: `listen 127.0.0.1;\n${VHOST}`,
    problems: [
      'x.conf:1:8: Value "127.0.0.1" of "listen" is not valid: write a port, or an IP ' +
      "address and a port: 1935, 127.0.0.1:1935 or [::]:1935",
    ],
  },
  {
    what: "listen twice at one address",
    text: `listen 1935 0.0.0.0:1935;\n${VHOST}`,
    problems: ['x.conf:1:13: Value "0.0.0.0:1935" of "listen" is listed twice: remove it'],
  },
  {
    what: "listen in a vhost",
    text: "vhost v {\n  listen 1935;\n}",
    problems: [
      'x.conf: Directive "listen" is missing: add listen 1935;',
      'x.conf:2:3: Directive "listen" does not belong in vhost "v": ' +
      "move it to the top of the file, outside every block, or rtmps { … }, or http_api { … }, or http_api { https { … } }, or http_server { … }, or http_server { https { … } }",
    ],
  },
  {
    what: "origin at the top",
    text: `listen 1935;\norigin 127.0.0.1;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Directive "origin" does not belong at the top level: ' +
      "move it to vhost NAME { cluster { … } }",
    ],
  },
  {
    what: "mode at the top",
    text: `listen 1935;\nmode remote;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Directive "mode" does not belong at the top level: ' +
      "move it to vhost NAME { cluster { … } }",
    ],
  },
  {
    what: "a flat name of SRS 2 at the top",
    text: `listen 1935;\npublish_1stpkt_timeout 10;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Directive "publish_1stpkt_timeout" does not belong at the top level: ' +
      "move it to vhost NAME { … }",
    ],
  },
  {
    what: "publish at the top, which is allowed in several blocks",
    text: `listen 1935;\npublish on;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Directive "publish" does not belong at the top level: ' +
      "move it to vhost NAME { … }, or vhost NAME { refer { … } }",
    ],
  },
  {
    what: "a vhost in a vhost",
    text: inVhost("vhost w { }"),
    problems: [
      'x.conf:3:1: Directive "vhost" does not belong in vhost "v": move it to ' +
      "the top of the file, outside every block, or vhost NAME { cluster { … } }",
    ],
  },
  {
    what: "an own directive directly in a vhost",
    text: inVhost("linger 10s;"),
    problems: [
      'x.conf:3:1: Directive "linger" does not belong in vhost "v": ' +
      "move it to vhost NAME { cluster { … } }",
    ],
  },
  {
    what: "gop_cache in cluster",
    text: inVhost("cluster { gop_cache on; }"),
    problems: [
      'x.conf:3:11: Directive "gop_cache" does not belong in cluster in vhost "v": ' +
      "move it to vhost NAME { play { … } }",
    ],
  },
  {
    what: "directives of a block outside of it",
    text: inVhost("hls_path ./objs;\non_publish http://127.0.0.1/;"),
    problems: [
      'x.conf:3:1: Directive "hls_path" does not belong in vhost "v": ' +
      "move it to vhost NAME { hls { … } }",
      'x.conf:4:1: Directive "on_publish" does not belong in vhost "v": ' +
      "move it to vhost NAME { http_hooks { … } }",
    ],
  },
  {
    what: "HLS in an edge vhost",
    text: inVhost("cluster { mode remote; origin a; }\nhls { enabled on; }"),
    problems: [
      "x.conf:4:7: warning: HLS has no effect in an edge vhost, which has streams only while players " +
      "watch: enable it on the origin and put an HTTP cache here, see docs/hls-edge.md",
    ],
  },
  {
    what: "an API with authentication but without a password",
    text: "listen 1935; vhost v { }\nhttp_api { enabled on; auth { enabled on; username a; } }",
    problems: [
      "x.conf:2:24: Authentication needs a user name without a colon, and a password: " +
      "add username admin; and password secret; in it",
    ],
  },
  {
    what: "an API without a password on a public address",
    text: "listen 1935; vhost v { }\nhttp_api { enabled on; listen 0.0.0.0:1985; }",
    problems: [
      "x.conf:2:24: warning: The API has no password, so other machines can close clients " +
      "through it: enable auth, or listen on 127.0.0.1",
    ],
  },
  {
    what: "http_remux without an HTTP server",
    text: inVhost("http_remux { enabled on; }"),
    problems: [
      "x.conf:3:1: warning: HTTP-FLV has no effect without an HTTP server: " +
      "write enabled on; in http_server { … }",
    ],
  },
  {
    what: "a mount without a stream",
    text: inVhost("http_remux { mount [vhost]/live.flv; }"),
    problems: [
      'x.conf:3:20: Value "[vhost]/live.flv" of "mount" is not valid: ' +
      "write [app] and [stream] once each",
    ],
  },
  {
    what: "a mount of another format",
    text: inVhost("http_remux { mount [vhost]/[app]/[stream].xyz; }"),
    problems: [
      'x.conf:3:20: Value "[vhost]/[app]/[stream].xyz" of "mount" is not valid: end it in .flv or .ts',
    ],
  },
  {
    what: "a mount of an unsupported format of SRS",
    text: `http_server { enabled on; } ${
      inVhost("http_remux { enabled on; mount /[app]/[stream].aac; }")
    }`,
    problems: [
      "x.conf:3:26: warning: HTTP serves streams as FLV or TS only, so this vhost serves none: " +
      "end the mount in .flv or .ts",
    ],
  },
  {
    what: "a mount below a host",
    text: inVhost("http_remux { mount a.example/[app]/[stream].flv; }"),
    problems: [
      'x.conf:3:20: Value "a.example/[app]/[stream].flv" of "mount" is not valid: ' +
      "start it with [vhost]/ or /",
    ],
  },
  {
    what: "hls_ts_file that is the same for all segments",
    text: inVhost("hls { hls_ts_file [app]/[stream].ts; }"),
    problems: [
      'x.conf:3:19: Value "[app]/[stream].ts" of "hls_ts_file" gives several files the same name: ' +
      "add [stream] and [seq] or [timestamp]",
    ],
  },
  {
    what: "hls_m3u8_file outside hls_path",
    text: inVhost("hls { hls_m3u8_file ../[stream].m3u8; }"),
    problems: [
      'x.conf:3:21: Value "../[stream].m3u8" of "hls_m3u8_file" is not valid: ' +
      "write a path relative to hls_path, without ..",
    ],
  },
  {
    what: "hls_ts_file with another ending",
    text: inVhost("hls { hls_ts_file [stream]-[seq].mp4; }"),
    problems: [
      'x.conf:3:19: Value "[stream]-[seq].mp4" of "hls_ts_file" is not valid: end it in .ts',
    ],
  },
  {
    what: "hls_td_ratio below 1",
    text: inVhost("hls { hls_td_ratio 0.9; }"),
    problems: [
      'x.conf:3:20: warning: Value "0.9" of "hls_td_ratio" is read as 1, the least that works: ' +
      "write 1 or more",
    ],
  },
  {
    what: "queue_length 0",
    text: inVhost("play { queue_length 0; }"),
    problems: [
      'x.conf:3:21: warning: Value "0" of "queue_length" is read as 100ms, the least that works: ' +
      "write 100ms or more",
    ],
  },
  {
    what: "a blank before a unit",
    text: inVhost("play { queue_length 10 s; }"),
    problems: [
      'x.conf:3:24: "queue_length" takes one value, not 2: write it without a blank: 10s',
    ],
  },
  {
    what: "nothing in blocks that are off",
    text: inVhost("enabled off; forward a; hls { enabled off; hls_keys on; }") +
      "\nhttp_api { enabled off; raw_api { allow_reload on; } }",
    problems: [],
  },
  {
    what: "bearer authentication without a token",
    text: "listen 1935; vhost v { }\nhttp_api { enabled on; auth { enabled on; type bearer; } }",
    problems: [
      "x.conf:2:24: Authentication of type bearer needs a token: add token secret; in it",
    ],
  },
  {
    what: "http_api in a vhost",
    text: inVhost("http_api { enabled on; }"),
    problems: [
      'x.conf:3:1: Directive "http_api" does not belong in vhost "v": ' +
      "move it to the top of the file, outside every block",
    ],
  },
  {
    what: "a misspelt directive at the top",
    text: `lisen 1935;\nlisten 1935;\n${VHOST}`,
    problems: ['x.conf:1:1: Unknown directive "lisen" at the top level: did you mean "listen"?'],
  },
  {
    what: "a misspelt flat directive",
    text: inVhost("mode remote;\norgin 127.0.0.1;"),
    problems: [
      'x.conf:4:1: Unknown directive "orgin" in vhost "v": did you mean "origin"?',
    ],
  },
  {
    what: "a misspelt directive in a block",
    text: inVhost("play { gop_cach on; }"),
    problems: [
      'x.conf:3:8: Unknown directive "gop_cach" in play in vhost "v": did you mean "gop_cache"?',
    ],
  },
  {
    what: "a misspelt block",
    text: inVhost("clster { mode remote; }"),
    problems: ['x.conf:3:1: Unknown directive "clster" in vhost "v": did you mean "cluster"?'],
  },
  {
    what: "a misspelt directive in the wrong block",
    text: `listen 1935;\norgin 127.0.0.1;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Unknown directive "orgin" at the top level: ' +
      'did you mean "origin"? It belongs in vhost NAME { cluster { … } }',
    ],
  },
  {
    what: "an unknown directive unlike any other",
    text: `listen 1935;\nworker_processes 4;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Unknown directive "worker_processes" at the top level: ' +
      "see docs/configuration.md for all directives",
    ],
  },
  {
    what: "names of properties that every object has",
    text: `listen 1935;\nconstructor x;\n__proto__ { a; }\n${VHOST}`,
    problems: [
      'x.conf:2:1: Unknown directive "constructor" at the top level: ' +
      "see docs/configuration.md for all directives",
      'x.conf:3:1: Unknown directive "__proto__" at the top level: ' +
      "see docs/configuration.md for all directives",
    ],
  },
  {
    what: "a name with a control character",
    text: `listen 1935;\nzzzzzz\x1b[2J x;\n${VHOST}`,
    problems: [
      'x.conf:2:1: Unknown directive "zzzzzz\\u{1b}[2J" at the top level: ' +
      "see docs/configuration.md for all directives",
    ],
  },
  {
    what: "yes instead of on",
    text: inVhost("gop_cache yes;"),
    problems: ['x.conf:3:11: Value "yes" of "gop_cache" is not valid: write on or off'],
  },
  {
    what: "On with a capital",
    text: inVhost("tcp_nodelay On;"),
    problems: ['x.conf:3:13: Value "On" of "tcp_nodelay" is not valid: write on or off'],
  },
  {
    what: "true in the SRS format",
    text: inVhost("enabled true;"),
    problems: ['x.conf:3:9: Value "true" of "enabled" is not valid: write on or off'],
  },
  {
    what: "two values of a scalar",
    text: inVhost("enabled on off;"),
    problems: [
      'x.conf:3:12: "enabled" takes one value, not 2: remove "off" and all after it',
    ],
  },
  {
    what: "an unknown mode",
    text: inVhost("cluster { mode Remote; origin 127.0.0.1; }"),
    problems: ['x.conf:3:16: Value "Remote" of "mode" is not valid: write local or remote'],
  },
  {
    what: "an edge without origins",
    text: inVhost("cluster {\n  mode remote;\n}"),
    problems: [
      'x.conf:4:3: Mode "remote" needs an origin: add origin 127.0.0.1:19350; next to it',
    ],
  },
  {
    what: "an origin without a value",
    text: inVhost("mode remote;\norigin;"),
    problems: [
      'x.conf:4:1: Directive "origin" has no value: write it like origin 127.0.0.1:19350;',
    ],
  },
  {
    what: "an origin that is only a port",
    text: inVhost("mode remote;\norigin 19350;"),
    problems: [
      'x.conf:4:8: Value "19350" of "origin" is not valid: ' +
      "write the host before the port: 127.0.0.1:19350",
    ],
  },
  {
    what: "an origin that is a URL",
    text: inVhost("mode remote;\norigin rtmp://127.0.0.1/live;"),
    problems: [
      'x.conf:4:8: Value "rtmp://127.0.0.1/live" of "origin" is not valid: ' +
      "write only host:port, without path; for TLS rtmps://host:port",
    ],
  },
  {
    what: "bad ports of origins",
    text: inVhost("mode remote;\norigin a:0 b:65536 c:x d: [::1]:0;"),
    problems: [
      'x.conf:4:8: Value "a:0" of "origin" is not valid: write a port from 1 to 65535',
      'x.conf:4:12: Value "b:65536" of "origin" is not valid: write a port from 1 to 65535',
      'x.conf:4:20: Value "c:x" of "origin" is not valid: write a port from 1 to 65535',
      'x.conf:4:24: Value "d:" of "origin" is not valid: write a port from 1 to 65535',
      'x.conf:4:27: Value "[::1]:0" of "origin" is not valid: write a port from 1 to 65535',
    ],
  },
  {
    what: "bad hosts of origins",
    text: inVhost("mode remote;\norigin 256.1.1.1 [::1 :1935 a,b [127.0.0.1]:80 -x;"),
    problems: [
      'x.conf:4:8: Value "256.1.1.1" of "origin" is not valid: write host:port, ip:port or [ipv6]:port',
      'x.conf:4:18: Value "[::1" of "origin" is not valid: write host:port, ip:port or [ipv6]:port',
      'x.conf:4:23: Value ":1935" of "origin" is not valid: write host:port, ip:port or [ipv6]:port',
      'x.conf:4:29: Value "a,b" of "origin" is not valid: write host:port, ip:port or [ipv6]:port',
      'x.conf:4:33: Value "[127.0.0.1]:80" of "origin" is not valid: write host:port, ip:port or [ipv6]:port',
      'x.conf:4:48: Value "-x" of "origin" is not valid: write host:port, ip:port or [ipv6]:port',
    ],
  },
  {
    what: "a vhost for the origin with a slash",
    text: inVhost("cluster { vhost a/b; }"),
    problems: [
      'x.conf:3:17: Value "a/b" of "vhost" is not valid: ' +
      "write a name without blanks or any of / ? # & =",
    ],
  },
  {
    what: "a number with a unit",
    text: `listen 1935;\nmax_connections 1k;\n${VHOST}`,
    problems: [
      'x.conf:2:17: Value "1k" of "max_connections" is not valid: ' +
      "write a whole number from 1 to 1000000",
    ],
  },
  {
    what: "numbers out of range",
    text: `listen 1935;\nmax_connections 0;\nchunk_size 127;\n${VHOST}`,
    problems: [
      'x.conf:2:17: Value "0" of "max_connections" is not valid: ' +
      "write a whole number from 1 to 1000000",
      'x.conf:3:12: Value "127" of "chunk_size" is not valid: ' +
      "write a size from 128 to 64k, in bytes or with the suffix k or m",
    ],
  },
  {
    what: "a chunk size above the range",
    text: `listen 1935;\nchunk_size 65537;\n${VHOST}`,
    problems: [
      'x.conf:2:12: Value "65537" of "chunk_size" is not valid: ' +
      "write a size from 128 to 64k, in bytes or with the suffix k or m",
    ],
  },
  {
    what: "a negative number",
    text: inVhost("in_ack_size -1;"),
    problems: [
      'x.conf:3:13: Value "-1" of "in_ack_size" is not valid: ' +
      "write a size from 0 to 2147483647, in bytes or with the suffix k or m",
    ],
  },
  {
    what: "a size with an unknown suffix",
    text: inVhost("play { gop_cache_max_bytes 1g; }"),
    problems: [
      'x.conf:3:28: Value "1g" of "gop_cache_max_bytes" is not valid: ' +
      "write a size from 64k to 1024m, in bytes or with the suffix k or m",
    ],
  },
  {
    what: "an SRS time that is not a number",
    text: inVhost("queue_length 10x;"),
    problems: [
      'x.conf:3:14: Value "10x" of "queue_length" is not valid: ' +
      "write a time such as 350ms, 10s or 2m",
    ],
  },
  {
    what: "an own time without a unit",
    text: inVhost("cluster { linger 10; stall_timeout 1.5; }"),
    problems: [
      'x.conf:3:18: Value "10" of "linger" has no unit: write 10s, 10ms or 10m',
      'x.conf:3:36: Value "1.5" of "stall_timeout" has no unit: write 1.5s, 1.5ms or 1.5m',
    ],
  },
  {
    what: "times out of range",
    text: inVhost("play { ping 999ms; play_wait 1441m; }"),
    problems: [
      'x.conf:3:13: Value "999ms" of "ping" is out of range: write a time from 1s to 1440m',
      'x.conf:3:30: Value "1441m" of "play_wait" is out of range: ' +
      "write a time from 0ms to 1440m",
    ],
  },
  {
    what: "a timeout of 0",
    text: inVhost("publish_normal_timeout 0;"),
    problems: [
      'x.conf:3:24: Value "0" of "normal_timeout" is out of range: ' +
      "write a time from 1ms to 1440m",
    ],
  },
  {
    what: "a first pause above the longest",
    text: inVhost("cluster { retry_min 10s;\n  retry_max 5s; }"),
    problems: ['x.conf:4:3: Directive "retry_min" is above "retry_max": raise retry_max'],
  },
  {
    what: "a first pause above the default of the longest",
    text: inVhost("cluster { retry_min 10s; }"),
    problems: ['x.conf:3:11: Directive "retry_min" is above "retry_max": raise retry_max'],
  },
  {
    what: "a log level that SRS does not have",
    text: `listen 1935;\nsrs_log_level loud;\n${VHOST}`,
    problems: [
      'x.conf:2:15: Value "loud" of "srs_log_level" is not valid: ' +
      "write verbose, info, trace, warn or error",
    ],
  },
  {
    what: "wrong log settings",
    text: `listen 1935;\nsrs_log_tank both;\nlog_format xml;\n${VHOST}`,
    problems: [
      'x.conf:2:14: Value "both" of "srs_log_tank" is not valid: write console or file',
      'x.conf:3:12: Value "xml" of "log_format" is not valid: write text or json',
    ],
  },
  {
    what: "a vhost without a name",
    text: "listen 1935;\nvhost { }",
    problems: ["x.conf:2:1: Vhost has no name: write vhost __defaultVhost__ { … }"],
  },
  {
    what: "two vhosts with one name",
    text: `listen 1935;\nvhost a { }\nvhost b { }\nvhost a { gop_cache x; }`,
    problems: [
      'x.conf:4:7: Vhost "a" is defined twice: merge it into the one on line 2 of x.conf',
      'x.conf:4:21: Value "x" of "gop_cache" is not valid: write on or off',
    ],
  },
  {
    what: "a block written as a value",
    text: inVhost("play on;"),
    problems: [
      'x.conf:3:1: Directive "play" is a block, not a value: ' +
      "write its directives inside play { … }",
    ],
  },
  {
    what: "a value written as a block",
    text: inVhost("gop_cache { on; }"),
    problems: [
      'x.conf:3:1: Directive "gop_cache" does not belong in vhost "v": ' +
      "move it to vhost NAME { play { … } }",
    ],
  },
  {
    what: "a value in its block written as a block",
    text: inVhost("play { gop_cache { on; } }"),
    problems: [
      'x.conf:3:8: Directive "gop_cache" takes a value, not a block: ' +
      "write it like gop_cache on;",
    ],
  },
  {
    what: "wrong callbacks",
    text: inVhost("http_hooks { timeout 5; on_play hooks.example ftp://a/ http://; on_open x; }"),
    problems: [
      'x.conf:3:22: Value "5" of "timeout" has no unit: write 5s, 5ms or 5m',
      'x.conf:3:33: Value "hooks.example" of "on_play" is not valid: ' +
      "write a full URL, such as http://127.0.0.1:8085/api/v1/clients",
      'x.conf:3:47: Value "ftp://a/" of "on_play" is not valid: ' +
      "write a full URL, such as http://127.0.0.1:8085/api/v1/clients",
      'x.conf:3:56: Value "http://" of "on_play" is not valid: ' +
      "write a full URL, such as http://127.0.0.1:8085/api/v1/clients",
      'x.conf:3:65: Unknown directive "on_open" in http_hooks in vhost "v": ' +
      "see docs/configuration.md for all directives",
    ],
  },
  {
    what: "wrong security rules",
    text: inVhost(
      "security {\n enabled on;\n allow all;\n deny play;\n allow play 1.2.3;\n" +
        " deny publish 10.0.0.0/33;\n allow play 1.1.1.1 2.2.2.2;\n}",
    ),
    problems: [
      'x.conf:5:8: Value "all" of "allow" is not valid: ' +
      "write play or publish first, like allow play all;",
      'x.conf:6:7: "deny play" takes one address, not 0: ' +
      "write one address, like deny play all;",
      'x.conf:7:13: Value "1.2.3" of "allow" is not an address: ' +
      "write all, an IP address, or a range like 10.0.0.0/8",
      'x.conf:8:15: Value "10.0.0.0/33" of "deny" is not an address: ' +
      "write all, an IP address, or a range like 10.0.0.0/8",
      'x.conf:9:21: "allow play" takes one address, not 2: ' +
      "write one address, like allow play all;",
    ],
  },
  {
    what: "an empty rule",
    text: inVhost("security { allow; }"),
    problems: [
      'x.conf:3:12: Directive "allow" has no value: write it like allow play all;',
    ],
  },
  {
    what: "a URL instead of a host name",
    text: inVhost("refer http://example.com/player;"),
    problems: [
      'x.conf:3:7: Value "http://example.com/player" of "all" is not valid: ' +
      "write only the host name, without scheme, port or path",
    ],
  },
  {
    what: "problems of all kinds, sorted by position",
    text: "lisen 1;\nlisten 1935;\ndaemon on;\nvhost v {\n  mode remote\n  chunk_size 1;\n}",
    problems: [
      'x.conf:1:1: Unknown directive "lisen" at the top level: did you mean "listen"?',
      'x.conf:3:1: warning: Directive "daemon" is not supported yet and has no effect: the server stays in the ' +
      "foreground; write daemon off; and use a service manager",
      'x.conf:5:3: Mode "remote" needs an origin: add origin 127.0.0.1:19350; next to it',
      'x.conf:5:14: Line ends before the ";" or "{" of "mode": ' +
      'write the whole directive on one line and end it with ";"',
      'x.conf:6:3: warning: Directive "chunk_size" is not supported yet and has no effect: ' +
      "remove it; set chunk_size once, at the top of the file",
    ],
  },
];

for (const { what, text, problems } of SRS_FILES) {
  Deno.test(`parseConfig() reports ${what}`, () => {
    assertEquals(problemsOf(text), problems);
  });
}
