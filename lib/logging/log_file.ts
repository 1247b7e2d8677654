/** A log file that lines are appended to, and that never throws once it is open. */

import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import { makeParentDirectory } from "./parent_directory.ts";

/** Something with the synchronous write of a Deno file. */
export interface SyncWriter {
  /** Writes some of the bytes and returns how many; throws when none can be taken. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes all bytes, in as many pieces as the writer takes. */
export function writeAllSync(writer: SyncWriter, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writer.writeSync(bytes.subarray(at));
}

/**
 * Opens a file for appending, after making its directory.
 *
 * @throws what `Deno.openSync` throws when the file cannot be made or written.
 */
export function openLogFile(path: string): Deno.FsFile {
  makeParentDirectory(path);
  return Deno.openSync(path, { append: true, create: true });
}

/**
 * Appends lines to a writer. A line that cannot be written (a full disk) is dropped; the first such
 * failure is reported, and so is the first after lines could be written again.
 */
export class LineAppender {
  readonly #writer: SyncWriter;
  readonly #report: (problem: string) => void;
  #isFailing = false;

  constructor(writer: SyncWriter, report: (problem: string) => void) {
    this.#writer = writer;
    this.#report = report;
  }

  /** Writes `line` and a line end. */
  append(line: string): void {
    // The failed write may have left the beginning of a line behind.
    const start = this.#isFailing ? "\n" : "";
    try {
      writeAllSync(this.#writer, encodeUtf8(`${start}${line}\n`));
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#report(describeError(error));
      this.#isFailing = true;
    }
  }
}
