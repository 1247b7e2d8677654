import { type CancelTimer, systemClock } from "../base/clock.ts";
import { decodeUtf8, encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import { writeAllSync } from "../logging/log_file.ts";
import { makeParentDirectory } from "../logging/parent_directory.ts";
import { replaceLocked } from "./locked_file.ts";

/** Time between two checks whether another process has replaced the file. */
const WATCH_MS = 500;

/** What the file contains. */
const PID_TEXT = `${Deno.pid}\n`;

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
  /**
   * Watches the file. Calls `onReplaced` once, when another process that runs has replaced it.
   *
   * @returns stops watching
   */
  watch(onReplaced: (pid: string) => void): CancelTimer;
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

/**
 * Writes the process id to a new file and renames it to `path`, whether a process holds that or
 * not. One that does sees it ({@linkcode PidFile.watch}).
 *
 * @throws {PidFileError} when it cannot be written.
 */
export async function replacePidFile(path: string): Promise<PidFile> {
  try {
    makeParentDirectory(path);
    return heldPidFile(await replaceLocked(path, PID_TEXT), path);
  } catch (error) {
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
  writeAllSync(file, encodeUtf8(PID_TEXT));
  return heldPidFile(file, path);
}

/** @param file That at `path`, written and locked by this process. */
function heldPidFile(file: Deno.FsFile, path: string): PidFile {
  return {
    watch(onReplaced) {
      let isWatching = true;
      const check = async (): Promise<void> => {
        const pid = await holderOf(path);
        if (!isWatching) return;
        if (pid === null) schedule();
        else onReplaced(pid);
      };
      const schedule = () => {
        cancel = systemClock.after(WATCH_MS, () => void check());
      };
      let cancel: CancelTimer;
      schedule();
      return () => {
        isWatching = false;
        cancel();
      };
    },
    release() {
      // Remove it while it is locked, and only if no other file has replaced it.
      if (isStillAt(file, path)) Deno.removeSync(path);
      file.close();
    },
  };
}

/** Returns the id of the other process that holds the file at `path`, or null. */
async function holderOf(path: string): Promise<string | null> {
  try {
    using file = Deno.openSync(path, { read: true });
    const pid = readPid(file);
    if (pid === "" || pid === String(Deno.pid)) return null;
    return await file.tryLock(true) ? null : pid;
  } catch {
    return null; // Removed, or not readable: not a sign of another server.
  }
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
    `stop ${holder}, replace it with --replace, or choose another pid path`,
  );
}
