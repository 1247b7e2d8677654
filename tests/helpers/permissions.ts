/**
 * Lets plain `deno test` pass: a suite that needs sockets, files or programs is ignored there, with one
 * line saying which flags it wants.
 */

import { say } from "./say.ts";

/** A permission by its name in Deno's flags: `net` is `--allow-net`. */
export type PermissionName = "env" | "net" | "read" | "run" | "write";

/** Spread into a test definition: `Deno.test({ ...(await needs("net")), name, fn })`. */
export interface Granted {
  /** True when a permission is missing. */
  readonly ignore: boolean;
}

let isSaid = false;

/**
 * Tells whether the suite has all of `names`, without ever asking at a terminal. Says at most one line per
 * suite (test file), so call it once there with all that its tests need.
 */
export async function needs(...names: readonly PermissionName[]): Promise<Granted> {
  const states = await Promise.all(names.map((name) => Deno.permissions.query({ name })));
  const missing = names.filter((_, index) => states[index]?.state !== "granted");
  if (missing.length > 0 && !isSaid) {
    isSaid = true;
    const flags = missing.map((name) => `--allow-${name}`).join(" ");
    say(`ignored: ${suiteName()} needs ${flags}; "deno task test" gives it`);
  }
  return { ignore: missing.length > 0 };
}

/** The test file as the runner shows it, from the `tests` folder on. */
function suiteName(): string {
  const path = new URL(Deno.mainModule).pathname;
  const start = path.lastIndexOf("/tests/");
  return start < 0 ? path : path.slice(start + 1);
}
