import { decodeUtf8, encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import { writeAllSync } from "../logging/log_file.ts";
import { makeParentDirectory } from "../logging/parent_directory.ts";

/** The pid file cannot be written, or another process holds it. */
export class PidFileError extends Error {
  /** What to do about it, in one sentence. */
  readonly fix: string;

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PidFileError";
    this.fix = fix;
  }
}

/** A pid file that this process holds. */
interface PidFile {
  /** Removes the file and releases the lock. */
  release(): void;
}

/**
 * Writes the process id to the file and locks it. Creates missing directories, and takes over the
 * file of a dead process. The lock keeps a second server from starting, not the number in the file:
 * the system reuses process ids.
 *
 * @throws {PidFileError} when a running process holds the file, or it cannot be written.
 */
export async function acquirePidFile(path: string): Promise<PidFile> {
  try {
    return await lockAndWrite(path);
  } catch (error) {
    if (error instanceof PidFileError) throw error;
    throw new PidFileError(
      `Cannot write pid file ${path}: ${describeError(error)}`,
      "make its directory writable, or choose another pid path",
      { cause: error },
    );
  }
}

async function lockAndWrite(path: string): Promise<PidFile> {
  makeParentDirectory(path);
  while (true) {
    const file = Deno.openSync(path, { read: true, write: true, create: true });
    try {
      if (!await file.tryLock(true)) throw heldError(path, readPid(file));
      if (isStillAt(file, path)) return writePid(file, path);
    } catch (error) {
      file.close();
      throw error;
    }
    // The holder removed the file before we locked it, so ours has no name.
    file.close();
  }
}

function writePid(file: Deno.FsFile, path: string): PidFile {
  file.truncateSync(0);
  writeAllSync(file, encodeUtf8(`${Deno.pid}\n`));
  return {
    release() {
      // Remove it while it is locked, and only if no other file has replaced it.
      if (isStillAt(file, path)) Deno.removeSync(path);
      file.close();
    },
  };
}

function isStillAt(file: Deno.FsFile, path: string): boolean {
  try {
    return file.statSync().ino === Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function readPid(file: Deno.FsFile): string {
  const bytes = new Uint8Array(16);
  const length = file.readSync(bytes) ?? 0;
  return /^\d+/.exec(decodeUtf8(bytes.subarray(0, length)))?.[0] ?? "";
}

function heldError(path: string, pid: string): PidFileError {
  const holder = pid === "" ? "another process" : `process ${pid}`;
  return new PidFileError(
    `Cannot start: ${holder} holds pid file ${path}`,
    `stop ${holder} or choose another pid path`,
  );
}
