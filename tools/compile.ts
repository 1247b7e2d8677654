/**
 * Builds the executable from the bundle and starts it once: `deno task compile`.
 *
 *     --target T     platform, by default this one; see `deno compile --help`
 *     --output PATH  by default dist/edge
 *
 * `DENORT_BIN` names a local base program. Without it, Deno downloads one from its own host.
 */

import { parseArgs } from "node:util";
import { PROJECT_ROOT, readDenoJson, startFlags } from "./deno_json.ts";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: Deno.build.target },
    output: { type: "string", default: "dist/edge" },
  },
});
const { target, output } = options;

const base = Deno.env.get("DENORT_BIN");
const problem = (base === undefined ? null : await findWrongBase(base)) ?? await compile() ??
  (target === Deno.build.target ? await start() : null);
if (problem !== null) {
  await Deno.stderr.write(new TextEncoder().encode(`compile: ${problem}\n`));
  Deno.exit(1);
}

/**
 * Checks that the base program is of this Deno's version: of another one, `deno compile` makes a
 * program that does not start.
 */
async function findWrongBase(path: string): Promise<string | null> {
  const bytes = await Deno.readFile(path);
  const version = /Deno\/(\d+\.\d+\.\d+)/.exec(new TextDecoder("latin1").decode(bytes))?.[1];
  const { deno } = Deno.version;
  if (version === deno) return null;
  const found = version === undefined ? "is no base program of Deno" : `is of Deno ${version}`;
  return [
    `DENORT_BIN=${path} ${found}, and this is Deno ${deno}`,
    `fix: use the denort of Deno ${deno}, or unset DENORT_BIN to download it` +
    (version === undefined ? "" : `, or compile with "npx -y deno@${version} task compile"`),
  ].join("\n");
}

async function compile(): Promise<string | null> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    cwd: PROJECT_ROOT,
    args: [
      ...["compile", "--no-config", "--no-check", "--unstable-net", "--target", target],
      ...["--include", "dist/js/lib/app/worker_main.js"],
      ...startFlags(await readDenoJson()),
      ...["--output", output, "dist/js/main.js"],
    ],
  }).spawn().status;
  if (success) return null;
  return "deno compile failed\n" +
    "fix: if Deno's host cannot be reached, set DENORT_BIN=path/to/denort, of the same version";
}

/** Starts the program without its environment. Deletes it if it does not start. */
async function start(): Promise<string | null> {
  const path = `${PROJECT_ROOT}${output}`;
  const { success, stdout, stderr } = await new Deno.Command(path, {
    args: ["--version"],
    clearEnv: true,
  }).output();
  const decoder = new TextDecoder();
  if (success && decoder.decode(stdout).startsWith("edge ")) {
    await Deno.stdout.write(stdout);
    return null;
  }
  await Deno.remove(path);
  return `the result does not start, and was deleted: ${decoder.decode(stderr).trim()}`;
}
