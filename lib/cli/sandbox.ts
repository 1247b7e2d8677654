import { writtenPaths } from "../app/written_paths.ts";
import type { Config } from "../config/config.ts";

/** Never needed once the environment has been read, even if the command line allowed them. */
const UNUSED = ["run", "ffi", "env", "import"] as const;

/** What the API says about the machine. */
const MACHINE = ["loadavg", "osUptime", "systemMemoryInfo"] as const;

/**
 * Gives up the runtime's permissions that a server with `config` does not need. Worker threads that
 * start later have none of them either. Reading and the network stay: files are served and
 * configurations loaded from any path, and origins may have any address. Writing stays if the
 * configuration writes files, so that it can change their paths, and if the service manager has a
 * socket in a file: sending to it is writing.
 *
 * @param notifySocket The address of the service manager; empty for none.
 */
export function dropPermissions(config: Config, notifySocket: string): void {
  for (const name of UNUSED) Deno.permissions.revokeSync({ name });
  const isGranted = (kind: typeof MACHINE[number]) =>
    Deno.permissions.querySync({ name: "sys", kind }).state === "granted";
  const asksAll = Deno.permissions.querySync({ name: "sys" }).state === "granted";
  const isNeeded = config.httpApi.enabled && !asksAll && MACHINE.every(isGranted);
  if (!isNeeded) Deno.permissions.revokeSync({ name: "sys" });
  const isWriting = writtenPaths(config).length > 0 || notifySocket.startsWith("/");
  if (!isWriting) Deno.permissions.revokeSync({ name: "write" });
}
