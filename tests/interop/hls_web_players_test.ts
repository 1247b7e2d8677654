/**
 * hls.js and Shaka in a real browser. The library that drives the browser needs access to the whole
 * system, so the test is in `hls_web_players.ts`, which runs in its own process with all
 * permissions.
 */

import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { findPrograms } from "../helpers/programs.ts";

const TIMEOUT_MS = 120_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore &&
  (await findPrograms(["chromium", "ffmpeg"])).length === 2;

Deno.test({
  name: "hls.js and Shaka play AV1, H.264 and AV1 under one name: see hls_web_players.ts",
  ignore: !isPossible,
  async fn() {
    const command = [
      ...[Deno.execPath(), "test", "--allow-all", `--config=${PROJECT_ROOT}deno.json`] as const,
      `${PROJECT_ROOT}tests/interop/hls_web_players.ts`,
    ] as const;
    await using browser = startProcess({ name: "hls_web_players.ts", command });
    try {
      await browser.waitForSuccess(TIMEOUT_MS);
    } catch (error) {
      throw new Error([`${error}`, ...browser.stdout].join("\n"));
    }
  },
});
