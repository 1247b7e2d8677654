/** Mistakes that many make, each with the message that tells them what to write. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { load, problemsOf } from "./helpers.ts";

const MISTAKES: readonly { text: string; file?: string; problems: readonly string[] }[] = [
  {
    text: "listen ${PORT};\nvhost v { }",
    problems: [
      'x.conf:1:8: Variable "${PORT}" is not replaced in files: fill it in before the start, or ' +
      "set the directive's own variable, such as SRS_LISTEN",
    ],
  },
  {
    text: "// main\nlisten 1935; // port\nvhost v { }",
    problems: [
      'x.conf:1:1: Unexpected "//": comments begin with #',
      'x.conf:2:14: Unexpected "//": comments begin with #',
    ],
  },
  {
    text: "listen 1935;\nvhost v\n  min_latency on;\n}",
    problems: [
      'x.conf:2:8: Line ends before the ";" or "{" of "vhost": write "{" at the end of the line',
    ],
  },
  {
    text: "listen 1935;\nvhost v { hls { hls_path \u201c/srv\u201d; } }",
    problems: ['x.conf:2:26: Word "\u201c/srv\u201d" has curly quotes: write " instead'],
  },
  {
    text: "listen 1935;\ninclude conf.d/*.conf;\nvhost v { }",
    problems: [
      'x.conf:2:9: Cannot include "conf.d/*.conf": there is no such file: ' +
      "name each file; patterns are not supported",
    ],
  },
  {
    text: "listen 1935;\nvhost v { cluster { mode remote; orgin a; } }",
    problems: [
      'x.conf:2:34: Unknown directive "orgin" in cluster in vhost "v": did you mean "origin"?',
    ],
  },
  {
    text: "worker_processes 1;\nrtmp {\n  server {\n    listen 1935;\n  }\n}",
    problems: [
      "x.conf: The file is a configuration of nginx-rtmp: " +
      "migrate it: edge migrate x.conf > edge.toml",
    ],
  },
  {
    text: "listen = 1935\n[vhost.a]\nmin_latency = true\n",
    problems: [
      "x.conf: The file is in TOML, not in SRS's format: rename it to end in .toml",
    ],
  },
  {
    text: "listen: 1935\nvhosts:\n  - a\n",
    problems: [
      "x.conf: The file is in YAML: write it in SRS's format or in TOML: docs/configuration.md",
    ],
  },
  {
    file: "x.toml",
    text: "listen 1935;\nvhost v { }\n",
    problems: ["x.toml: The file is in SRS's format, not in TOML: rename it to end in .conf"],
  },
  {
    file: "x.toml",
    text: "// a\nlisten = 1935;\n[vhost.v.cluster]\nmode = remote\nlinger = 10s\n",
    problems: [
      'x.toml:1:1: Unexpected "//": comments begin with #',
      'x.toml:2:14: Unexpected ";": remove it',
      'x.toml:4:8: Text "remote" has no quotes: write it in quotes: "remote"',
      'x.toml:5:10: Text "10s" has no quotes: write it in quotes: "10s"',
    ],
  },
  {
    file: "x.toml",
    text: "listen = 1935\n[vhost.live.example.com]\nmin_latency = true\n",
    problems: [
      'x.toml:2:8: Vhost name "live.example.com" has dots: quote it: [vhost."live.example.com"]',
    ],
  },
];

for (const { text, file = "x.conf", problems } of MISTAKES) {
  Deno.test(`parseConfig() explains ${JSON.stringify(text)} in ${file}`, () => {
    assertEquals(problemsOf(text, { file }), problems);
  });
}

Deno.test("parseConfig() logs to the terminal for /dev/stdout and its like", () => {
  for (const path of ["/dev/stdout", "/dev/stderr", "/proc/self/fd/1"]) {
    const { config } = load(`listen 1935; srs_log_file ${path}; srs_log_tank file; vhost v { }`);
    assertEquals(config.log, { tank: "console", file: "", level: "info", format: "text" });
  }
});

Deno.test("no message about a value shows a password, a token, or what URLs hide", () => {
  const texts = [
    "http_api { auth { password tulip1 tulip2; token tulip1 tulip2; } }",
    "http_api { auth { password ${tulip}; token ${tulip}; } }",
    "vhost v { http_hooks { on_play htp://tulip:tulip@192.0.2.1/x?tulip=tulip; } }",
  ];
  for (const text of texts) {
    const problems = problemsOf(`listen 1935; ${text}`).join("\n");
    assert(problems.includes("(hidden)"), problems);
    assert(!problems.includes("tulip"), problems);
  }
});
