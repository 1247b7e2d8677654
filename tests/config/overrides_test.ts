import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { ConfigError, describeConfigProblem } from "../../lib/base/errors.ts";
import { applyOverrides } from "../../lib/config/overrides.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { load } from "./helpers.ts";

Deno.test("applyOverrides() returns the same configuration without overrides", () => {
  assertEquals(applyOverrides(defaultConfig(), {}), defaultConfig());
});

Deno.test("applyOverrides() replaces listen and the log settings", () => {
  const { config } = load("listen 1 2; srs_log_file a.log; vhost v;");
  const changed = applyOverrides(config, {
    listen: ["1935", "127.0.0.1:0", "[::1]:0"],
    logLevel: "warn",
    logFormat: "json",
  });
  assertEquals(changed, {
    ...config,
    listen: [
      { hostname: "0.0.0.0", port: 1935 },
      { hostname: "127.0.0.1", port: 0 },
      { hostname: "::1", port: 0 },
    ],
    log: { tank: "file", file: "a.log", level: "warning", format: "json" },
  });
});

Deno.test("applyOverrides() makes the default vhost an edge of the given origins", () => {
  const { config } = load("listen 1; vhost __defaultVhost__ { atc on; linger 1s; } vhost v;"
    .replace("linger 1s;", "cluster { linger 1s; }"));
  const { vhosts } = applyOverrides(config, { origins: ["a", "[::1]:2"] });
  const edge = vhosts.get("__defaultVhost__")!;
  assertEquals([edge.mode, edge.play.atc, edge.cluster.lingerMs], ["remote", true, 1000]);
  assertEquals(edge.cluster.origins, [{ hostname: "a", port: 1935 }, { hostname: "::1", port: 2 }]);
  assertEquals(vhosts.get("v"), config.vhosts.get("v"));
  assertEquals(config.vhosts.get("__defaultVhost__")?.mode, "local");
});

Deno.test("applyOverrides() adds a default vhost for origins when the file has none", () => {
  const { vhosts } = applyOverrides(load("listen 1; vhost v;").config, { origins: ["a"] });
  assertEquals([...vhosts].map(([name, { mode }]) => [name, mode]), [
    ["v", "local"],
    ["__defaultVhost__", "remote"],
  ]);
});

Deno.test("applyOverrides() reports every bad value by its flag", () => {
  const bad = {
    listen: ["x", "70000"],
    origins: ["19350"],
    logLevel: "loud",
    logFormat: "xml",
  };
  const error = assertThrows(() => applyOverrides(defaultConfig(), bad), ConfigError);
  assertEquals(error.problems.map(describeConfigProblem), [
    '--listen: Value "x" of "--listen" is not valid: write a port, or an IP address and a port: ' +
    "1935, 127.0.0.1:1935 or [::]:1935",
    '--listen: Value "70000" of "--listen" is not valid: write a port from 0 to 65535',
    '--log-format: Value "xml" of "--log-format" is not valid: write text or json',
    '--log-level: Value "loud" of "--log-level" is not valid: ' +
    "write trace, debug, info, warn, warning, error or off",
    '--origin: Value "19350" of "--origin" is not valid: ' +
    "write the host before the port: 127.0.0.1:19350",
  ]);
});

Deno.test("applyOverrides() refuses an empty list", () => {
  const error = assertThrows(() => applyOverrides(defaultConfig(), { origins: [] }), ConfigError);
  assertEquals(error.message, "--origin: Value is missing: write --origin VALUE");
});
