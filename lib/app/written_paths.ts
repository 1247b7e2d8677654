import type { Config } from "../config/config.ts";
import { StartError } from "./start_error.ts";

/** Returns the files, and the folders of files, that a server with `config` writes. */
export function writtenPaths({ log, pid, vhosts }: Config): string[] {
  const folders = [...vhosts.values()].filter(({ enabled, hls }) => enabled && hls.enabled)
    .map(({ hls }) => hls.path);
  const logFile = log.tank === "file" ? log.file : "";
  return [logFile, pid, ...folders].filter((path) => path !== "");
}

/**
 * Checks that this process may still write what `config` asks for. It gives the permission up when
 * the configuration at the start writes nothing.
 *
 * @throws {StartError}
 */
export function requireWritable(config: Config): void {
  const refused = writtenPaths(config).find((path) =>
    Deno.permissions.querySync({ name: "write", path }).state !== "granted"
  );
  if (refused === undefined) return;
  throw new StartError(
    `Cannot write ${refused}: this process has no permission for it`,
    "restart the server with this configuration, or add the path to --allow-write",
  );
}
