/**
 * Lets plain `deno test` pass: a suite that needs sockets, files or programs is ignored there, and
 * one line says which flags it needs.
 */

import { say } from "./say.ts";

/** A permission by its name in Deno's flags: `net` is `--allow-net`. */
type PermissionName = "env" | "net" | "read" | "run" | "write";

/** Spread into a test definition: `Deno.test({ ...(await needs("net")), name, fn })`. */
interface Granted {
  /** True when a permission is missing. */
  readonly ignore: boolean;
}

let isSaid = false;

/**
 * Checks that the suite has all permissions in `names`, without prompting. Prints at most one line
 * per suite (test file), so call it once with everything that the suite's tests need.
 */
export async function needs(...names: readonly PermissionName[]): Promise<Granted> {
  const states = await Promise.all(names.map((name) => Deno.permissions.query({ name })));
  const missing = names.filter((_, index) => states[index]?.state !== "granted");
  if (missing.length > 0 && !isSaid) {
    isSaid = true;
    const flags = missing.map((name) => `--allow-${name}`).join(" ");
    say(`ignored: ${suiteName()} needs ${flags}; use "deno task test"`);
  }
  return { ignore: missing.length > 0 };
}

/** Returns the test file as the runner shows it, starting with the `tests` folder. */
function suiteName(): string {
  const path = new URL(Deno.mainModule).pathname;
  const start = path.lastIndexOf("/tests/");
  return start < 0 ? path : path.slice(start + 1);
}
