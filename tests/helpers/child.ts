/** Small Deno programs that tests run as child processes. */

import { type ChildProcess, startProcess } from "./processes.ts";
import { until } from "./until.ts";

/** Longest wait for anything a child does. */
export const CHILD_TIMEOUT_MS = 20_000;

/** Starts the program `script`, a path below `tests`. */
export function startChild(script: string, ...args: readonly string[]): ChildProcess {
  const path = new URL(`../${script}`, import.meta.url).pathname;
  return startProcess({
    name: script,
    command: [Deno.execPath(), "run", "--no-lock", "--allow-all", path, ...args],
  });
}

/** Waits for the end of a child and returns its status. */
export async function endOf(child: ChildProcess): Promise<Deno.CommandStatus> {
  return await until(`the end of ${child.name}`, () => child.status, {
    timeoutMs: CHILD_TIMEOUT_MS,
  });
}

/** Runs `test` with a temporary directory, which is removed afterwards. */
export async function inTempDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
