/** Small Deno programs run as processes of their own. */

import { type ChildProcess, startProcess } from "../../helpers/processes.ts";
import { until } from "../../helpers/until.ts";

/** Longest wait for anything a child does. */
export const CHILD_TIMEOUT_MS = 20_000;

/** Starts `tests/cli/children/<name>`. */
export function startChild(name: string, ...args: readonly string[]): ChildProcess {
  const script = new URL(`../children/${name}`, import.meta.url).pathname;
  return startProcess({
    name,
    command: [Deno.execPath(), "run", "--no-lock", "--allow-all", script, ...args],
  });
}

/** How the child ended, once it has. */
export async function endOf(child: ChildProcess): Promise<Deno.CommandStatus> {
  return await until(`the end of ${child.name}`, () => child.status, {
    timeoutMs: CHILD_TIMEOUT_MS,
  });
}

/** Runs `test` with a directory that is removed afterwards. */
export async function inTempDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
