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

/** What becomes of a pid file that this process holds or held. */
export interface PidFileWatcher {
  /** Another process that runs has replaced the file. */
  onReplaced(pid: string): void;
  /**
   * A process that has replaced the file died without removing it. Not called for one that stopped.
   */
  onDied(pid: string): void;
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
    return new PidFile(await lockAndWrite(path), path);
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
    return new PidFile(await replaceLocked(path, PID_TEXT), path);
  } catch (error) {
    throw new PidFileError(
      `Cannot write pid file ${path}: ${describeError(error)}`,
      "make its directory writable, or choose another pid path",
      { cause: error },
    );
  }
}

/**
 * A pid file that this process has written.
 *
 * ```
 *   held ── another process replaces it ──▶ replaced ── that one dies ──▶ left behind
 *    ▲                                         ▲                             │   │
 *    └─────────── reclaim() ───────────────────┼─────────────────────────────┘   │
 *                                              └── another process takes it ─────┘
 * ```
 */
export class PidFile {
  #file: Deno.FsFile;
  readonly #path: string;
  /** Who holds the file, as far as its watcher knows; null for this process. */
  #holder: string | null = null;
  /** How many processes have replaced this one since it held the file. */
  #replacements = 0;
  /** Looks that found the file left behind. */
  #looks = 0;

  /** @param file That at `path`, written and locked by this process. */
  constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Watches the file. @returns stops watching */
  watch(watcher: PidFileWatcher): CancelTimer {
    let isWatching = true;
    const schedule = () => {
      cancel = systemClock.after(WATCH_MS, () => {
        void holderOf(this.#path).then((holder) => {
          if (!isWatching) return;
          this.#look(holder, watcher);
          schedule();
        });
      });
    };
    let cancel: CancelTimer;
    schedule();
    return () => {
      isWatching = false;
      cancel();
    };
  }

  /** Takes the file of a dead process. @returns false when another one was faster. */
  async reclaim(): Promise<boolean> {
    try {
      const file = await lockAndWrite(this.#path);
      this.#file.close();
      this.#file = file;
    } catch {
      return false;
    }
    this.#holder = null;
    this.#replacements = 0;
    return true;
  }

  /** Removes the file and releases the lock. */
  release(): void {
    // Remove it while it is locked, and only if no other file has replaced it.
    if (isStillAt(this.#file, this.#path)) Deno.removeSync(this.#path);
    this.#file.close();
  }

  #look(holder: Holder | null, watcher: PidFileWatcher): void {
    const looks = this.#looks;
    this.#looks = 0;
    if (holder === null) return;
    const { pid, isRunning } = holder;
    if (isRunning) {
      if (pid === this.#holder) return;
      this.#holder = pid;
      this.#replacements++;
      return watcher.onReplaced(pid);
    }
    // Of several processes that were replaced, the newest is the first to take it.
    this.#looks = looks + 1;
    if (this.#looks === Math.max(1, this.#replacements)) watcher.onDied(pid);
  }
}

async function lockAndWrite(path: string): Promise<Deno.FsFile> {
  makeParentDirectory(path);
  while (true) {
    const file = Deno.openSync(path, { read: true, write: true, create: true });
    try {
      if (!await file.tryLock(true)) throw heldError(path, readPid(file));
      if (isStillAt(file, path)) return writePid(file);
    } catch (error) {
      file.close();
      throw error;
    }
    // The holder removed the file before we locked it, so ours has no name.
    file.close();
  }
}

function writePid(file: Deno.FsFile): Deno.FsFile {
  file.truncateSync(0);
  writeAllSync(file, encodeUtf8(PID_TEXT));
  return file;
}

/** Another process that has written a pid file. */
interface Holder {
  readonly pid: string;
  readonly isRunning: boolean;
}

/** Returns the other process that has written the file at `path`, or null. */
async function holderOf(path: string): Promise<Holder | null> {
  try {
    using file = Deno.openSync(path, { read: true });
    const pid = readPid(file);
    if (pid === "" || pid === String(Deno.pid)) return null;
    return { pid, isRunning: !await file.tryLock(true) };
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
