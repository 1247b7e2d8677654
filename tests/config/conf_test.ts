/** The files in `conf/` and the reference in `docs/` follow the schema. Needs read permission. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "../helpers/assert.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { type Entries, ROOT } from "../../lib/config/schema.ts";

const ROOT_URL = new URL("../../", import.meta.url);
const ignore = (await Deno.permissions.query({ name: "read" })).state !== "granted";

function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT_URL));
}

function load(path: string) {
  return loadConfig(decodeURIComponent(new URL(path, ROOT_URL).pathname));
}

Deno.test({
  name: "conf/origin.conf and conf/origin.toml define the same origin on port 19350",
  ignore,
  fn() {
    const { config, warnings } = load("conf/origin.conf");
    assertEquals(warnings, []);
    assertEquals(config.listen, [{ hostname: "0.0.0.0", port: 19350 }]);
    assertEquals(config.pid, "objs/origin.pid");
    assertEquals([config.log.tank, config.log.file], ["file", "./objs/origin.log"]);
    assertEquals(config.vhosts, defaultConfig().vhosts);
    assertEquals(load("conf/origin.toml"), { config, warnings: [] });
  },
});

Deno.test({
  name: "conf/edge.conf and conf/edge.toml define the same edge of that origin",
  ignore,
  fn() {
    const { config, warnings } = load("conf/edge.conf");
    assertEquals(warnings, []);
    assertEquals(config.listen, [{ hostname: "0.0.0.0", port: 1935 }]);
    assertEquals(config.pid, "objs/edge.pid");
    assertEquals([config.log.tank, config.log.file], ["file", "./objs/edge.log"]);
    const vhost = config.vhosts.get("__defaultVhost__");
    assertEquals(vhost?.mode, "remote");
    assertEquals(vhost?.cluster.origins, [{ hostname: "127.0.0.1", port: 19350 }]);
    assertEquals(load("conf/edge.toml"), { config, warnings: [] });
  },
});

for (const path of ["conf/full.conf", "conf/full.toml"]) {
  Deno.test({
    name: `${path} shows the default values`,
    ignore,
    fn() {
      assertEquals(load(path), { config: defaultConfig(), warnings: [] });
    },
  });

  Deno.test({
    name: `${path} shows every directive with its description`,
    ignore,
    fn() {
      const text = readText(path);
      // Join wrapped comments, so that each description is one string.
      const joined = text.replaceAll(/\n\s*#/g, " ").replaceAll(/\s+/g, " ");
      for (const [name, doc] of allOptions(ROOT)) {
        assertStringIncludes(joined, doc);
        assert(new RegExp(`^\\s*(# )?${name} `, "m").test(text), name);
      }
    },
  });
}

Deno.test({
  name: "loadConfig() reads an included file next to the including file",
  ignore,
  fn() {
    const path = decodeURIComponent(new URL("fixtures/include.conf", import.meta.url).pathname);
    assertEquals(loadConfig(path).config.vhosts.get("v")?.play.atc, true);
  },
});

Deno.test({
  name: "loadConfig() reports a missing file",
  ignore,
  fn() {
    const error = assertThrows(() => loadConfig("conf/none.conf"), ConfigError);
    assertEquals(
      error.message,
      "conf/none.conf: Cannot read the configuration: there is no such file: " +
        "name a readable file, e.g. conf/edge.conf",
    );
  },
});

Deno.test({
  name: "loadConfig() reports a folder",
  ignore,
  fn() {
    const folder = decodeURIComponent(new URL("conf", ROOT_URL).pathname);
    const error = assertThrows(() => loadConfig(folder), ConfigError);
    assertStringIncludes(error.message, "Cannot read the configuration: ");
  },
});

function allOptions(entries: Entries): [name: string, doc: string][] {
  return Object.entries(entries).flatMap(([name, entry]): [string, string][] => {
    if (entry.kind === "unsupported") return [];
    return entry.kind === "option" ? [[name, entry.doc]] : allOptions(entry.entries);
  });
}
