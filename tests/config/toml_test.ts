import { assertEquals } from "../helpers/assert.ts";
import { findTomlPositions, type TomlPath } from "../../lib/config/toml_positions.ts";
import { load, problemsOf } from "./helpers.ts";

const TOML = { file: "x.toml" };

const TWINS: readonly (readonly [what: string, srs: string, toml: string])[] = [
  [
    "an origin",
    "listen 19350; vhost __defaultVhost__ { }",
    "listen = 19350\n[vhost.__defaultVhost__]",
  ],
  [
    "an edge with several origins",
    "listen 1935; vhost __defaultVhost__ { cluster { mode remote; origin 127.0.0.1:19350 b; } }",
    'listen = ["1935"]\n[vhost.__defaultVhost__.cluster]\nmode = "remote"\n' +
    'origin = ["127.0.0.1:19350", "b"]',
  ],
  [
    "the flat form",
    "listen 1935; vhost v { mode remote; origin a; gop_cache off; refer a.example; }",
    'listen = 1935\nvhost.v = { mode = "remote", origin = "a", gop_cache = false, ' +
    'refer = "a.example" }',
  ],
  [
    "a vhost with dots in its name",
    "listen 1935; vhost live.example.com { play { atc on; queue_length 10; } }",
    'listen = 1935\n[vhost."live.example.com".play]\natc = true\nqueue_length = 10',
  ],
  [
    "switches as texts",
    "listen 1935; vhost v { tcp_nodelay on; min_latency off; }",
    'listen = 1935\n[vhost.v]\ntcp_nodelay = "on"\nmin_latency = "off"',
  ],
  [
    "times, sizes and fractions",
    "listen 1935; chunk_size 4k; vhost v { play { queue_length 1.5; ping 2m; } }",
    'listen = 1935\nchunk_size = "4k"\n[vhost.v.play]\nqueue_length = 1.5\nping = "2m"',
  ],
  [
    "rules as a list of lists",
    "listen 1935; vhost v { security { enabled on; allow play all; allow publish 10.0.0.0/8; " +
    "deny play 10.1.1.1; } }",
    'listen = 1935\n[vhost.v.security]\nenabled = true\nallow = [["play", "all"], ' +
    '["publish", "10.0.0.0/8"]]\ndeny = ["play", "10.1.1.1"]',
  ],
  [
    "several listen addresses of both kinds",
    "listen 1935 [::]:1936; vhost v;",
    'listen = [1935, "[::]:1936"]\n[vhost.v]',
  ],
];

for (const [what, srs, toml] of TWINS) {
  Deno.test(`parseConfig() reads ${what} in TOML as in the SRS format`, () => {
    const fromToml = load(toml, TOML);
    assertEquals(fromToml.warnings, []);
    assertEquals(fromToml.config, load(srs).config);
  });
}

Deno.test("parseConfig() warns about unsupported tables unless they are disabled", () => {
  const text = `listen = 1935
daemon = true
[heartbeat]
enabled = true
[exporter]
enabled = false
[vhost.v]
[vhost.v.exec]
enabled = true
[vhost.v.dash]
enabled = false
[vhost.v.play]
time_jitter = "zero"
mix_correct = false
[[stream_caster]]
enabled = true
[[stream_caster]]
enabled = false
`;
  assertEquals(problemsOf(text, TOML), [
    'x.toml:2:1: warning: Directive "daemon" is not supported yet and has no effect: the server stays in the ' +
    "foreground; write daemon off; and use a service manager",
    'x.toml:3:2: warning: Directive "heartbeat" is not supported yet and has no effect: ' +
    "remove it or write enabled = false in it",
    'x.toml:8:10: warning: Directive "exec" is not supported yet and has no effect: ' +
    "remove it or write enabled = false in it",
    'x.toml:13:1: warning: Directive "time_jitter" is not supported yet and has no effect: ' +
    'remove it or write time_jitter = "full"',
    'x.toml:15:3: warning: Directive "stream_caster" is not supported yet and has no effect: ' +
    "remove it or write enabled = false in it",
  ]);
});

Deno.test("parseConfig() does not change the prototype of all objects", () => {
  problemsOf("[a.__proto__]\npolluted = 1\n", TOML);
  problemsOf("[a.constructor.prototype]\npolluted = 1\n", TOML);
  assertEquals(Object.hasOwn(Object.prototype, "polluted"), false);
});

const DOCUMENT = `# a comment = 1
title = "x"   # [not.a.table]
a.b . "c.d" = [ 1, "two, ]",
  [3, 4], { k = 'v' } ]
  [t]
"q\\u0041" = """
[no]
k = 1"""""
'l#' = '''it's''
'''
[t.u.'v w']
n = 1979-05-27 07:32:00
[[arr]]
x = 1
[[arr]]
x = 2
[arr.sub]
y = 3
[e]
f = {}
g = { h = { i = 1 }, j = [] }
`;

const PLACES: readonly (readonly [path: TomlPath, key: string, value: string])[] = [
  [["title"], "2:1", "2:9"],
  [["a"], "3:1", "3:1"],
  [["a", "b"], "3:3", "3:3"],
  [["a", "b", "c.d"], "3:7", "3:15"],
  [["a", "b", "c.d", 0], "3:17", "3:17"],
  [["a", "b", "c.d", 1], "3:20", "3:20"],
  [["a", "b", "c.d", 2, 1], "4:7", "4:7"],
  [["a", "b", "c.d", 3, "k"], "4:13", "4:17"],
  [["t"], "5:4", "5:4"],
  [["t", "qA"], "6:1", "6:13"],
  [["t", "l#"], "9:1", "9:8"],
  [["t", "u", "v w"], "11:6", "11:6"],
  [["t", "u", "v w", "n"], "12:1", "12:5"],
  [["arr", 0, "x"], "14:1", "14:5"],
  [["arr", 1], "15:3", "15:3"],
  [["arr", 1, "x"], "16:1", "16:5"],
  [["arr", 1, "sub", "y"], "18:1", "18:5"],
  [["e", "g", "h", "i"], "21:13", "21:17"],
  [["e", "g", "j"], "21:22", "21:26"],
];

for (const [path, key, value] of PLACES) {
  Deno.test(`findTomlPositions() finds ${JSON.stringify(path)}`, () => {
    const places = findTomlPositions(DOCUMENT, "x.toml");
    const describe = ({ line, column }: { line: number; column: number }) => `${line}:${column}`;
    assertEquals(describe(places.ofKey(path)), key);
    assertEquals(describe(places.ofValue(path)), value);
    assertEquals(places.repeated, []);
  });
}

Deno.test("findTomlPositions() finds the position of a line after CRLF", () => {
  const { line, column } = findTomlPositions("a = 1\r\n  b = 2\r\n", "x.toml").ofValue(["b"]);
  assertEquals([line, column], [2, 7]);
});
