import { makeParentDirectory } from "./parent_directory.ts";

/** The synchronous write of a Deno file. */
interface SyncWriter {
  /** Writes some of the bytes and returns how many. Throws when it can write none. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes all bytes, in as many pieces as needed. */
export function writeAllSync(writer: SyncWriter, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writer.writeSync(bytes.subarray(at));
}

/**
 * Opens a file for appending and creates its directory. A named pipe is opened at once, too, with a
 * reader or without: with write access alone, the open would wait for one.
 *
 * @throws what `Deno.openSync` throws when the file cannot be created or written.
 */
export function openLogFile(path: string): Deno.FsFile {
  makeParentDirectory(path);
  return Deno.openSync(path, { append: true, create: true, read: isNamedPipe(path) });
}

function isNamedPipe(path: string): boolean {
  try {
    return Deno.statSync(path).isFifo === true;
  } catch {
    return false;
  }
}
