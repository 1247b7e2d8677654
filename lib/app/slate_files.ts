import { resolve } from "node:path";
import { ConfigError, describeError } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { SlateFile } from "../server/slate_file.ts";

/** Largest file, in bytes; each worker keeps a copy. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Reads the files of `play.fallback`.
 *
 * @param folder What relative paths are relative to.
 * @throws {ConfigError} when one cannot be read, is too large, or cannot be shown.
 */
export function readSlates(
  { vhosts }: Config,
  folder = ".",
): ReadonlyMap<string, SlateFile> {
  const paths = new Set([...vhosts.values()].map(({ play }) => play.fallbackFile));
  paths.delete("");
  return new Map(Array.from(paths, (path) => [path, readSlate(path, folder)]));
}

function readSlate(path: string, folder: string): SlateFile {
  try {
    const file = resolve(folder, path);
    const { size } = Deno.statSync(file);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_BYTES}`);
    return SlateFile.parse(Deno.readFileSync(file));
  } catch (error) {
    const what = `The file of play.fallback cannot be used: ${describeError(error)}`;
    const fix = "name an FLV file with a keyframe; see docs/continuity.md for how to write one";
    throw new ConfigError([{ severity: "error", file: path, line: 0, column: 0, what, fix }]);
  }
}
