import type { Config } from "../config/config.ts";
import type { DvrConfig } from "../config/dvr_config.ts";
import { StartError } from "./start_error.ts";

/** Returns the files, and the folders of files, that a server with `config` writes. */
export function writtenPaths({ log, pid, sessionLog, vhosts }: Config): string[] {
  const folders = [...vhosts.values()].filter(({ enabled }) => enabled).flatMap(({ hls, dvr }) => [
    ...(hls.enabled ? [hls.path] : []),
    ...(dvr.enabled ? [recordingFolder(dvr)] : []),
  ]);
  const logFile = log.tank === "file" ? log.file : "";
  return [logFile, pid, sessionLog, ...folders].filter((path) => path !== "");
}

/** Returns the folder that has all recordings: what `dvr_path` says before the first name. */
export function recordingFolder({ path }: DvrConfig): string {
  const folder = path.split("[")[0]!.replace(/[^/]*$/, "");
  return folder === "" ? "." : folder.replace(/(?<=.)\/+$/, "");
}

/** Returns whether this process may write to `path`. */
export function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}

/**
 * Checks that this process may write what `config` asks for.
 *
 * @throws {StartError}
 */
export function requireWritable(config: Config): void {
  const refused = writtenPaths(config).find((path) => !mayWrite(path));
  if (refused === undefined) return;
  throw new StartError(
    `Cannot write ${refused}: this process has no permission for it`,
    "restart the server with this configuration, or add the path to --allow-write",
  );
}
