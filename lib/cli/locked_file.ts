import { encodeUtf8 } from "../base/bytes.ts";
import { writeAllSync } from "../logging/log_file.ts";

/**
 * Writes a new file, locks it, and renames it to `path`: who reads `path` finds all of the old file
 * or all of this one. The lock says that this process runs.
 *
 * @param mode Permissions of the file.
 * @returns the file, locked until it is closed
 */
export async function replaceLocked(
  path: string,
  text: string,
  mode = 0o666,
): Promise<Deno.FsFile> {
  const temporary = `${path}.${Deno.pid}`;
  // A process of the same id may have left it; its permissions are not ours.
  removeIfPresent(temporary);
  const file = Deno.openSync(temporary, { read: true, write: true, createNew: true, mode });
  await file.lock(true);
  writeAllSync(file, encodeUtf8(text));
  Deno.renameSync(temporary, path);
  return file;
}

/** Removes a file, if it is there. */
export function removeIfPresent(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
