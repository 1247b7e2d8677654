/**
 * The pages for viewers in a real browser. The library that drives the browser needs access to the
 * whole system, so the tests are in `players_browser.ts`, which runs in its own process with all
 * permissions.
 */

import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { findPrograms } from "../helpers/programs.ts";

const TIMEOUT_MS = 180_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore &&
  (await findPrograms(["chromium", "ffmpeg", "nginx"])).length === 3;

Deno.test({
  name: "The pages for viewers work in Chromium: see players_browser.ts",
  ignore: !isPossible,
  async fn() {
    const command = [
      ...[Deno.execPath(), "test", "--allow-all", `--config=${PROJECT_ROOT}deno.json`] as const,
      `${PROJECT_ROOT}tests/interop/players_browser.ts`,
    ] as const;
    await using browser = startProcess({ name: "players_browser.ts", command });
    try {
      await browser.waitForSuccess(TIMEOUT_MS);
    } catch (error) {
      throw new Error([`${error}`, ...browser.stdout].join("\n"));
    }
  },
});
