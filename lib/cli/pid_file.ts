/**
 * The pid file: tells service managers who runs, and keeps a second server with the same file from
 * starting. What counts is the lock on the file and not the number in it, because the system gives
 * numbers of dead processes to new ones.
 */

import { decodeUtf8, encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import { writeAllSync } from "../logging/log_file.ts";
import { makeParentDirectory } from "../logging/parent_directory.ts";

/** A pid file that cannot be had. */
export class PidFileError extends Error {
  /** What a person can do about it, one sentence. */
  readonly fix: string;

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PidFileError";
    this.fix = fix;
  }
}

/** A pid file that this process holds. */
export interface PidFile {
  /** Removes the file and gives the lock back. */
  release(): void;
}

/**
 * Writes this process's number into the file and holds it. Makes missing directories, and takes over
 * a file that a dead process left behind.
 *
 * @throws {PidFileError} when a running process holds the file, or when it cannot be written.
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
    // The holder removed the file after we opened it and before we locked it: ours has no name.
    file.close();
  }
}

function writePid(file: Deno.FsFile, path: string): PidFile {
  file.truncateSync(0);
  writeAllSync(file, encodeUtf8(`${Deno.pid}\n`));
  return {
    release() {
      // Removed while locked, and only when nobody put another file in its place.
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
    `Cannot start: ${holder} runs with pid file ${path}`,
    `stop ${holder} or choose another pid path`,
  );
}
