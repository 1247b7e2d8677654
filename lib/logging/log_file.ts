import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import { makeParentDirectory } from "./parent_directory.ts";

/** The synchronous write of a Deno file. */
export interface SyncWriter {
  /** Writes some of the bytes and returns how many. Throws when it can write none. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes all bytes, in as many pieces as needed. */
export function writeAllSync(writer: SyncWriter, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writer.writeSync(bytes.subarray(at));
}

/**
 * Opens a file for appending and creates its directory.
 *
 * @throws what `Deno.openSync` throws when the file cannot be created or written.
 */
export function openLogFile(path: string): Deno.FsFile {
  makeParentDirectory(path);
  return Deno.openSync(path, { append: true, create: true });
}

/**
 * Appends lines to a file. Never throws: a line that cannot be written (full disk) is dropped, and
 * the first failure of a row of failures is reported.
 */
export class LineAppender {
  readonly #writer: SyncWriter;
  readonly #report: (problem: string) => void;
  #isFailing = false;

  constructor(writer: SyncWriter, report: (problem: string) => void) {
    this.#writer = writer;
    this.#report = report;
  }

  /** Writes `line` and a newline. */
  append(line: string): void {
    // The failed write may have left a partial line.
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
