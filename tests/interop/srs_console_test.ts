/**
 * SRS's own console against this server's API. Its files are not ours, so the test runs only where
 * `EDGE_SRS_CONSOLE` names their folder: `trunk/research/console` of SRS's sources.
 */

import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { findPrograms } from "../helpers/programs.ts";
import { say } from "../helpers/say.ts";

const TIMEOUT_MS = 300_000;

const granted = await needs("net", "read", "write", "run", "env");
const folder = granted.ignore ? "" : Deno.env.get("EDGE_SRS_CONSOLE") ?? "";

if (!granted.ignore && folder === "") {
  say("left out: SRS's console; set EDGE_SRS_CONSOLE to trunk/research/console of its sources");
}
if (folder !== "" && (await findPrograms(["chromium", "ffmpeg"])).length === 2) {
  Deno.test("SRS's console shows every page filled: see srs_console_browser.ts", async () => {
    const command = [
      ...[Deno.execPath(), "test", "--allow-all", `--config=${PROJECT_ROOT}deno.json`] as const,
      `${PROJECT_ROOT}tests/interop/srs_console_browser.ts`,
    ] as const;
    await using browser = startProcess({ name: "srs_console_browser.ts", command });
    try {
      await browser.waitForSuccess(TIMEOUT_MS);
    } catch (error) {
      throw new Error([`${error}`, ...browser.stdout].join("\n"));
    }
  });
}
