/**
 * Bundles the program and its worker into `dist/js`, and writes the commit into them:
 * `deno task bundle`.
 */

import { PROJECT_ROOT } from "./deno_json.ts";

const ENTRIES = ["main.ts", "lib/app/worker_main.ts"];
const OUTPUT = "dist/js";

/** What `lib/base/version.ts` has in the place of the commit. */
const PLACEHOLDER = '"$COMMIT$"';

await run("deno", ["bundle", "--platform", "deno", "--outdir", OUTPUT, ...ENTRIES]);
const program = `${PROJECT_ROOT}${OUTPUT}/main.js`;
const code = await Deno.readTextFile(program);
if (code.split(PLACEHOLDER).length !== 2) {
  throw new Error(`${program} does not contain ${PLACEHOLDER} once; see lib/base/version.ts`);
}
await Deno.writeTextFile(program, code.replace(PLACEHOLDER, JSON.stringify(await readCommit())));

/** Returns the commit of the sources, with a "+" if they differ from it. */
async function readCommit(): Promise<string> {
  try {
    const commit = await run("git", ["rev-parse", "--short=12", "HEAD"]);
    const changes = await run("git", ["status", "--porcelain"]);
    return `commit ${commit}${changes === "" ? "" : "+"}`;
  } catch {
    return "unknown commit";
  }
}

/** Returns what the program prints. @throws {Error} with its messages when it fails */
async function run(program: string, args: readonly string[]): Promise<string> {
  const command = program === "deno" ? Deno.execPath() : program;
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: PROJECT_ROOT,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}
