/** What code in the running server cannot do: the limits that `docs/security.md` promises. */

import { readDenoJson, startFlags } from "../../tools/deno_json.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** A busy machine compiles for a while. */
const COMPILE_TIMEOUT_MS = 120_000;

const ORIGIN = "listen 1935;\nvhost __defaultVhost__ { }\n";

const PROBE = "tests/cli/children/try_sandbox.ts";

/** The permissions of `deno task start`, which are built into the executable. */
async function startPermissions(): Promise<string[]> {
  const flags = startFlags(await readDenoJson());
  return flags.filter((flag) => /^--(allow|deny|no-prompt)/.test(flag));
}

/**
 * Returns the command that runs the probe with these permissions. When an executable is tested, it
 * is compiled as that was: `EDGE_COMPILER` is the Deno that does so, with its arguments, and
 * `DENORT_BIN` the base program.
 */
async function probeCommand(
  folder: string,
  permissions: readonly string[],
): Promise<[string, ...string[]]> {
  const config = `--config=${PROJECT_ROOT}deno.json`;
  const compiler = Deno.env.get("EDGE_COMPILER");
  if (compiler === undefined) {
    return [Deno.execPath(), "run", "--quiet", config, ...permissions, `${PROJECT_ROOT}${PROBE}`];
  }
  const deno = compiler.split(" ") as [string, ...string[]];
  const [bundle, program] = [`${folder}/probe.js`, `${folder}/probe`];
  await run([...deno, "bundle", "--platform", "deno", "--output", bundle, PROBE]);
  const options = ["--no-config", "--no-check", "--unstable-net", ...permissions];
  await run([...deno, "compile", ...options, "--output", program, bundle]);
  return [program];
}

async function run(command: readonly [string, ...string[]]): Promise<void> {
  await using process = startProcess({ name: command.join(" "), command, cwd: PROJECT_ROOT });
  await process.waitForSuccess(COMPILE_TIMEOUT_MS);
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
  const permissions = (await startPermissions()).map(change).filter((flag) => flag !== "");
  await using process = startProcess({
    name: "sandbox",
    command: [
      ...await probeCommand(folder, permissions),
      `${folder}/outside`,
      ...["--config", "a.conf", "--listen", `127.0.0.1:${freePort()}`],
    ],
    cwd: folder,
    env: { SRS_LISTEN: "127.0.0.1:1" },
  });
  const [line] = await process.waitForLine(/^\{.*\}$/, CHILD_TIMEOUT_MS);
  await endOf(process);
  const results: [what: string, isPossible: boolean][] = Object.entries(JSON.parse(line));
  assert(results.length > 15, "everything was tried");
  return results.flatMap(([what, isPossible]) => isPossible ? [what] : []);
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
