/**
 * The console page in a real browser. The library that drives the browser needs access to the
 * whole system, so the tests are in `console_browser.ts` and `console_crowd_browser.ts`, which
 * run in their own process with all permissions.
 */

import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { findPrograms } from "../helpers/programs.ts";

const TIMEOUT_MS = 300_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore &&
  (await findPrograms(["chromium", "ffmpeg"])).length === 2;

Deno.test({
  name: "The console page works in Chromium: see console_browser.ts",
  ignore: !isPossible,
  async fn() {
    const command = [
      ...[Deno.execPath(), "test", "--allow-all", `--config=${PROJECT_ROOT}deno.json`] as const,
      `${PROJECT_ROOT}tests/interop/console_browser.ts`,
      `${PROJECT_ROOT}tests/interop/console_crowd_browser.ts`,
    ] as const;
    await using browser = startProcess({ name: "console_browser.ts", command });
    try {
      await browser.waitForSuccess(TIMEOUT_MS);
    } catch (error) {
      throw new Error([`${error}`, ...browser.stdout].join("\n"));
    }
  },
});
