import { EXIT_CODE, exitCodeOf } from "../../lib/cli/exit_codes.ts";
import { HELP_TEXT, VERSION_TEXT } from "../../lib/cli/help.ts";
import { ConfigError, UsageError } from "../../lib/base/errors.ts";
import { VERSION } from "../../lib/base/version.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const canRead = await needs("read");

Deno.test("VERSION_TEXT is the name and the version", () => {
  assertMatch(VERSION_TEXT, /^edge \d+\.\d+\.\d+$/);
});

Deno.test({
  ...canRead,
  name: "VERSION is the version of deno.json",
  async fn() {
    const denoJson = new URL("../../deno.json", import.meta.url);
    assertEquals(JSON.parse(await Deno.readTextFile(denoJson)).version, VERSION);
  },
});

Deno.test("HELP_TEXT fits 80 columns and starts with examples", () => {
  const lines = HELP_TEXT.split("\n");
  for (const line of lines) assert(line.length <= 80, `too long: ${line}`);
  assert(lines.indexOf("Examples") < lines.indexOf("Options"), "examples come first");
});

Deno.test("HELP_TEXT names every option", () => {
  const options = ["config", "test", "version", "help", "listen", "origin", "seconds"];
  for (const name of [...options, "log-level", "log-format"]) {
    assertStringIncludes(HELP_TEXT, `--${name}`);
  }
});

Deno.test("exitCodeOf() distinguishes usage, configuration and other errors", () => {
  assertEquals(exitCodeOf(new UsageError("Unknown option", "leave it out")), 64);
  assertEquals(exitCodeOf(new ConfigError([])), 78);
  assertEquals(exitCodeOf(new Error("Port in use")), 1);
  assertEquals(exitCodeOf("thrown text"), 1);
  assertEquals(EXIT_CODE.ok, 0);
});
