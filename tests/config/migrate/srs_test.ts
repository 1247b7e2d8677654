/** `edge migrate` of SRS files: the same configuration in TOML, with comments and a report. */

import { ConfigError } from "../../../lib/base/errors.ts";
import { migrateConfig } from "../../../lib/config/migrate/migrate.ts";
import { assertEquals, assertThrows } from "../../helpers/assert.ts";
import { needs } from "../../helpers/permissions.ts";
import { load, readFrom } from "../helpers.ts";

function migrate(text: string, others: Readonly<Record<string, string>> = {}) {
  return migrateConfig(text, "srs.conf", readFrom(others));
}

/** Both files mean the same to the program. */
function assertTwins(text: string, others: Readonly<Record<string, string>> = {}): void {
  const { toml } = migrate(text, others);
  const twin = load(toml, { file: "edge.toml" });
  assertEquals(twin.warnings, [], toml);
  assertEquals(twin.config, load(text, { file: "srs.conf", others }).config, toml);
}

const EDGE = `# The edge of the first hall.
listen              1935; # RTMP
max_connections     1000;
daemon              off;
srs_log_tank        console;
# Two vhosts.
vhost __defaultVhost__ {
    # Where the streams come from.
    cluster {
        mode            remote;
        origin          10.0.0.1 10.0.0.2:1936; # both halls
    }
    dash { # to disk
        enabled on;
    }
    play { mw_latency 350; }
}
vhost b.example {
    security { enabled on; deny publish 10.0.0.0/8; allow play all; allow publish all; }
    hls { enabled on; hls_fragment 2; hls_path "./a b#c"; }
}
# The end.
`;

Deno.test("migrateConfig() writes an SRS file as TOML with its comments", () => {
  assertEquals(
    migrate(EDGE).toml,
    `# The edge of the first hall.
# RTMP
listen = 1935
max_connections = 1000
# Left out, not supported: daemon
srs_log_tank = "console"

# Two vhosts.
[vhost.__defaultVhost__]
# to disk
# Left out, not supported: dash

# Where the streams come from.
[vhost.__defaultVhost__.cluster]
mode = "remote"
# both halls
origin = ["10.0.0.1", "10.0.0.2:1936"]

[vhost.__defaultVhost__.play]
mw_latency = 350

[vhost."b.example"]

[vhost."b.example".security]
enabled = true
deny = ["publish", "10.0.0.0/8"]
allow = [["play", "all"], ["publish", "all"]]

[vhost."b.example".hls]
enabled = true
hls_fragment = 2
hls_path = "./a b#c"
# The end.
`,
  );
});

Deno.test("migrateConfig() reports what it leaves out", () => {
  const { kept, notes } = migrate(EDGE);
  assertEquals(notes.map(({ kind, line, what }) => `${line} ${kind} ${what}`), [
    '4 ignored "daemon" is not supported',
    '13 ignored "dash" is not supported',
  ]);
  assertEquals(kept, 13);
});

const TWINS: Readonly<Record<string, string>> = {
  "vhosts, lists and rules": EDGE,
  "directives directly in a vhost, as in SRS 1":
    "listen 1935; vhost v { mode remote; origin a b:1936; gop_cache off; refer example.com; }",
  "numbers that are texts":
    "listen 1935; http_api { enabled on; auth { enabled on; username 0123; password 12345678901234567890; } } vhost v { }",
  "words that look like flags":
    "listen 1935; http_api { enabled on; auth { enabled on; username on; password off; } } vhost v { }",
  "a directive that is written twice":
    "listen 1935; listen 1936; vhost v { play { atc on; atc off; } }",
  "the block rtmp of SRS 7": "rtmp { listen 1936; chunk_size 4096; } vhost v { }",
  "quotes and backslashes": `listen 1935; pid "a\\\\b 'c'"; vhost v { }`,
};

for (const [name, text] of Object.entries(TWINS)) {
  Deno.test(`migrateConfig() keeps the meaning of ${name}`, () => assertTwins(text));
}

Deno.test({
  ...(await needs("read")),
  name: "migrateConfig() keeps the meaning of conf/*.conf",
  fn() {
    for (const name of ["full.conf", "origin.conf", "edge.conf"]) {
      assertTwins(Deno.readTextFileSync(new URL(`../../../conf/${name}`, import.meta.url)));
    }
  },
});

Deno.test("migrateConfig() makes included files part of the result, with their comments", () => {
  const others = { "play.conf": "# late\nplay { atc on; }\n" };
  const text = "listen 1935;\nvhost v {\n  include play.conf;\n}\n";
  assertTwins(text, others);
  assertEquals(migrate(text, others).toml.includes("# late\n[vhost.v.play]\natc = true\n"), true);
});

Deno.test("migrateConfig() reports values that are read in another way", () => {
  const { notes } = migrate("listen 1935; vhost v { play { queue_length 0; } }");
  assertEquals(notes.map(({ kind }) => kind), ["different"]);
});

Deno.test("migrateConfig() refuses a file with mistakes", () => {
  assertThrows(() => migrate("listen 1935; vhost v { orgin a; }"), ConfigError);
});
