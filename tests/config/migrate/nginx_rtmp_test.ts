/** `edge migrate` of nginx-rtmp files, in the forms of its documentation. */

import { ConfigError } from "../../../lib/base/errors.ts";
import { migrateConfig } from "../../../lib/config/migrate/migrate.ts";
import { checkAccess, type StreamAction } from "../../../lib/server/access_rules.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../../helpers/assert.ts";
import { load, readFrom } from "../helpers.ts";

function migrate(text: string) {
  return migrateConfig(text, "nginx.conf", readFrom());
}

function configOf(text: string) {
  const { config, warnings } = load(migrate(text).toml, { file: "edge.toml" });
  assertEquals(warnings, []);
  return config;
}

const inApplication = (text: string) =>
  `rtmp { server { listen 1935; application live { live on; ${text} } } }`;

const EDGE = `worker_processes 1;
events { worker_connections 1024; }
# Streams
rtmp {
    server {
        listen 1935;
        chunk_size 4096; # as everywhere
        application live {
            live on;
            # From the main site
            pull rtmp://origin.example:1936/live;
            on_publish http://127.0.0.1:8080/auth;
            drop_idle_publisher 10s;
            record off;
        }
    }
}
`;

Deno.test("migrateConfig() writes an nginx-rtmp file as TOML with its comments", () => {
  assertEquals(
    migrate(EDGE).toml,
    `listen = 1935
# as everywhere
chunk_size = 4096

[vhost.__defaultVhost__]

# From the main site
[vhost.__defaultVhost__.cluster]
mode = "remote"
origin = "origin.example:1936"

[vhost.__defaultVhost__.http_hooks]
enabled = true
callback_format = "form"
on_publish = "http://127.0.0.1:8080/auth"

[vhost.__defaultVhost__.publish]
normal_timeout = "10s"
`,
  );
  const vhost = configOf(EDGE).vhosts.get("__defaultVhost__")!;
  assertEquals(vhost.mode, "remote");
  assertEquals(vhost.cluster.origins, [{ hostname: "origin.example", port: 1936 }]);
});

Deno.test("migrateConfig() turns every push into a destination of forward", () => {
  const text = inApplication(`
    push rtmp://b.example/live;
    push rtmp://c.example:1936;
    push rtmp://d.example/app/key?s=1 name=show pageUrl=http://e;
    push f.example playPath=other;
  `);
  const { enabled, destinations } = configOf(text).vhosts.get("__defaultVhost__")!.forward;
  assertEquals(enabled, true);
  assertEquals(
    destinations.map(({ only, address: { hostname, port }, app, stream }) =>
      [only, `${hostname}:${port}`, app, stream].join(" ")
    ),
    [
      " b.example:1935 live ",
      " c.example:1936  ",
      "show d.example:1935 app key?s=1",
      " f.example:1935 [app] other",
    ],
  );
  const notes = migrate(text).notes.map(({ kind, what }) => `${kind} ${what}`);
  assertEquals(notes, ['different "push": of its options only app, playPath and name are kept']);
});

Deno.test("migrateConfig() reports what differs from nginx-rtmp, and what is ignored", () => {
  const { notes } = migrate(EDGE);
  assertEquals(notes.map(({ kind, line, what }) => `${line} ${kind} ${what.split(":")[0]}`), [
    '11 different "pull"',
    '12 different "on_publish"',
    '14 ignored "record"',
  ]);
});

Deno.test("migrateConfig() keeps the HLS of nginx-rtmp", () => {
  const text = "hls on; hls_path /tmp/hls; hls_fragment 3s; hls_playlist_length 30s;";
  const { hls } = configOf(inApplication(text)).vhosts.get("__defaultVhost__")!;
  assertEquals([hls.enabled, hls.path, hls.fragmentMs, hls.windowMs], [
    true,
    "/tmp/hls",
    3_000,
    30_000,
  ]);
});

const ACCESS: readonly {
  readonly rules: string;
  /** What each address may do, by nginx's rule: the first that matches decides. */
  readonly may: Readonly<Record<string, readonly StreamAction[]>>;
}[] = [
  { rules: "", may: { "10.0.0.1": ["publish", "play"] } },
  {
    rules: "allow publish 127.0.0.1; deny publish all;",
    may: { "127.0.0.1": ["publish", "play"], "10.0.0.1": ["play"] },
  },
  {
    rules: "allow publish 127.0.0.1; deny publish all; allow play all;",
    may: { "127.0.0.1": ["publish", "play"], "10.0.0.1": ["play"] },
  },
  {
    rules: "deny play 10.0.0.0/8;",
    may: { "10.0.0.1": ["publish"], "11.0.0.1": ["publish", "play"] },
  },
  { rules: "deny all;", may: { "10.0.0.1": [] } },
  { rules: "allow 10.0.0.1; deny all;", may: { "10.0.0.1": ["publish", "play"], "10.0.0.2": [] } },
  { rules: "allow all; deny publish 10.0.0.1;", may: { "10.0.0.1": ["publish", "play"] } },
];

for (const { rules, may } of ACCESS) {
  Deno.test(`migrateConfig() keeps the access of "${rules}"`, () => {
    const vhost = configOf(inApplication(rules)).vhosts.get("__defaultVhost__")!;
    for (const [ip, actions] of Object.entries(may)) {
      const allowed = (["publish", "play"] as const).filter((action) =>
        checkAccess(vhost, action, { ip, pageUrl: "" }) === null
      );
      assertEquals(allowed, actions, ip);
    }
  });
}

Deno.test("migrateConfig() denies all where the order of rules cannot be kept, and says so", () => {
  const text = inApplication("deny play 10.0.0.1; allow play 10.0.0.0/8; deny play all;");
  const vhost = configOf(text).vhosts.get("__defaultVhost__")!;
  const client = { ip: "10.0.0.2", pageUrl: "" };
  assertEquals(checkAccess(vhost, "play", client) === null, false);
  assertEquals(checkAccess(vhost, "publish", client) === null, true);
  assertEquals(migrate(text).notes.map(({ kind }) => kind), ["different"]);
});

Deno.test("migrateConfig() makes a vhost of each application with other settings", () => {
  const text = `rtmp { server { listen 1935;
    application live { live on; }
    application show { live on; }
    application hall { live on; pull rtmp://10.0.0.1; } } }`;
  assertEquals([...configOf(text).vhosts.keys()], ["__defaultVhost__", "hall"]);
  const { notes } = migrate(text);
  assertEquals(notes.length, 1);
  assertStringIncludes(notes[0]!.what, "rtmp://HOST/hall?vhost=hall/NAME");
});

Deno.test("migrateConfig() reads directives over several lines, and refuses an open block", () => {
  const text = inApplication("pull\n rtmp://10.0.0.1\n ;");
  assertEquals(configOf(text).vhosts.get("__defaultVhost__")!.cluster.origins.length, 1);
  assertThrows(() => migrate("rtmp { server { listen 1935;"), ConfigError);
});

Deno.test("migrateConfig() keeps all addresses of a server, IPv4 and IPv6", () => {
  const listen = (text: string) =>
    configOf(`rtmp { server { ${text} application live { live on; } } }`).listen;
  const v4 = { hostname: "0.0.0.0", port: 1935 };
  const v6 = { hostname: "::", port: 1935 };
  assertEquals(listen("listen 1935; listen [::]:1935 ipv6only=on;"), [v4, v6]);
  assertEquals(listen("listen *:1935 so_keepalive=on; listen 1935;"), [v4]);
  assertEquals(listen("listen localhost:1936;"), [{ hostname: "127.0.0.1", port: 1936 }]);
});

Deno.test("migrateConfig() reads files whose rtmp block begins with other directives", () => {
  const server = "server { listen 1936; application live { live on; } }";
  for (
    const text of [
      `rtmp {\n  out_queue 4096;\n  # {\n  chunk_size 4096;\n  ${server}\n}`,
      `rtmp\n{\n  ${server.replace("{", "\n{")}\n}\n`,
      `rtmp { # one\n include x.conf; ${server} }`,
    ]
  ) assertEquals(configOf(text).listen[0]!.port, 1936, text);
});
