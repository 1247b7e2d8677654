/** Every file is accepted or rejected with a `ConfigError`, in a short time. */

import fc from "fast-check";
import { assert } from "../helpers/assert.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { inTomlVhost, inVhost, load, readFrom } from "./helpers.ts";

const RUNS = { numRuns: 500 };

const OTHERS = { "a.conf": "include b.conf a.conf;", "b.conf": "vhost v { include a.conf; }" };

/** Words with a meaning, so that random files pass the first checks. */
const TOKENS = [
  ..."{};\n\r#\"' =[],.\\\t".split(""),
  ...[
    "listen",
    "1935",
    "vhost",
    "v",
    "mode",
    "remote",
    "origin",
    "127.0.0.1:19350",
    "play",
    "refer",
  ],
  ...["gop_cache", "on", "cluster", "linger", "10s", "security", "allow", "deny", "all", "::1"],
  ...["include", "a.conf", "hls", "enabled", "off", "rtmp", "__proto__", "constructor", "toString"],
  ...["[vhost.v]\n", "[[", "]]", '"""', "'''", "\n[vhost.v.cluster]\n", "\uFEFF", "\u2028", "\0"],
];

const randomFile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 60 }).map((words) => words.join("")),
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 60 }).map((words) => words.join(" ")),
);

function assertReadOrRefused(text: string, file: string): void {
  try {
    parseConfig(text, file, { readFile: readFrom(OTHERS) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lastLine = text.split("\n").length + 1;
    assert(error.problems.length > 0);
    for (const { line, column, what, fix } of error.problems) {
      assert(line >= 0 && column >= 0 && what !== "" && fix !== "");
      assert(line <= lastLine);
    }
  }
}

Deno.test("parseConfig() throws only ConfigError for any text", () => {
  fc.assert(
    fc.property(randomFile, (text) => {
      assertReadOrRefused(text, "x.conf");
      assertReadOrRefused(inVhost(text), "x.conf");
    }),
    RUNS,
  );
});

Deno.test("parseConfig() throws only ConfigError for any TOML text", () => {
  fc.assert(
    fc.property(randomFile, (text) => {
      assertReadOrRefused(text, "x.toml");
      assertReadOrRefused(inTomlVhost(text), "x.toml");
    }),
    RUNS,
  );
});

Deno.test("parseConfig() survives deep nesting and long lines", () => {
  assertReadOrRefused("a{".repeat(100_000), "x.conf");
  assertReadOrRefused("a ".repeat(100_000), "x.conf");
  assertReadOrRefused("a b\n".repeat(20_000), "x.conf");
  assertReadOrRefused(`a = ${"[".repeat(100_000)}`, "x.toml");
  assertReadOrRefused(`a = ${"[".repeat(1000)}${"]".repeat(1000)}`, "x.toml");
});

Deno.test("parseConfig() reads any origin without changes", () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6().filter((ip) => !ip.includes(".")));
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65535 }), (hostname, port) => {
      const written = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
      const { vhosts } = load(inVhost(`mode remote; origin ${written};`)).config;
      const [origin] = vhosts.get("v")!.cluster.origins;
      assert(origin?.hostname === hostname && origin.port === port);
    }),
    RUNS,
  );
});
