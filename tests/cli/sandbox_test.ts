/** What code in the running server cannot do: the limits that `docs/security.md` promises. */

import { assertEquals } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";

const granted = await needs("net", "read", "write", "run", "env");

const ORIGIN = "listen 1935;\nvhost __defaultVhost__ { }\n";

/** The permissions that `deno task compile` builds into the executable. */
async function compiledFlags(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${PROJECT_ROOT}deno.json`));
  const flags: string[] = tasks.compile.command.match(/--(allow|deny|no-prompt)[^\s']*/g);
  return flags;
}

/** Starts a server with `config`, and returns what was possible from inside. */
async function tryFromInside(
  folder: string,
  config: string,
  change: (flag: string) => string = (flag) => flag,
): Promise<string[]> {
  await Deno.mkdir(`${folder}/outside`, { recursive: true });
  await Deno.writeTextFile(`${folder}/outside/kept.txt`, "kept");
  await Deno.writeTextFile(`${folder}/a.conf`, config);
  await using process = startProcess({
    name: "sandbox",
    command: [
      Deno.execPath(),
      "run",
      "--quiet",
      `--config=${PROJECT_ROOT}deno.json`,
      ...(await compiledFlags()).map(change).filter((flag) => flag !== ""),
      `${PROJECT_ROOT}tests/cli/children/try_sandbox.ts`,
      `${folder}/outside`,
      ...["--config", "a.conf", "--listen", `127.0.0.1:${freePort()}`],
    ],
    cwd: folder,
    env: { SRS_LISTEN: "127.0.0.1:1" },
  });
  const [line] = await process.waitForLine(/^\{.*\}$/, CHILD_TIMEOUT_MS);
  await endOf(process);
  return Object.entries(JSON.parse(line)).flatMap(([what, isPossible]) => isPossible ? [what] : []);
}

Deno.test({
  ...granted,
  name: "The server cannot run programs, load code, read the environment, or write anything",
  fn: () =>
    inTempDirectory(async (folder) => {
      assertEquals(await tryFromInside(folder, ORIGIN), []);
    }),
});

Deno.test({
  ...granted,
  name: "The server gives up all that --allow-all would give it besides",
  fn: () =>
    inTempDirectory(async (folder) => {
      const all = (flag: string) => flag === "--allow-net" ? "--allow-all" : "";
      assertEquals(await tryFromInside(folder, ORIGIN, all), []);
    }),
});

Deno.test({
  ...granted,
  name: "The server writes only below the paths of --allow-write, if that names some",
  fn: () =>
    inTempDirectory(async (folder) => {
      const narrow = (flag: string) => flag === "--allow-write" ? `${flag}=${folder}/objs` : flag;
      const withLog = `${ORIGIN}srs_log_file objs/a.log; pid objs/a.pid;\n`;
      assertEquals(await tryFromInside(folder, withLog, narrow), []);
    }),
});
