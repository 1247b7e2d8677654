import type { Logger } from "../base/log.ts";
import { LineWriter } from "./line_writer.ts";
import { openLogFile } from "./log_file.ts";

/**
 * The file of session records, a line each. It is opened with its first line, and appended to, so
 * that several processes and worker threads may share it.
 */
export class SessionLog {
  readonly #path: string;
  readonly #logger: Logger;
  #file: Deno.FsFile | null = null;
  #writer: LineWriter | null = null;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Appends a line. Never throws: what cannot be written is dropped, and the log says so. */
  append(line: string): void {
    this.#writer ??= this.#open();
    this.#writer?.append(line);
  }

  /** Writes what is left and closes the file. */
  async stop(): Promise<void> {
    await this.#writer?.flush();
    this.#file?.close();
    this.#file = null;
    this.#writer = null;
  }

  #open(): LineWriter | null {
    try {
      this.#file = openLogFile(this.#path);
    } catch (error) {
      this.#report(error instanceof Error ? error.message : String(error));
      return null;
    }
    return new LineWriter(this.#file, {
      onFailure: (problem) => this.#report(problem),
      describeDropped: (count) => JSON.stringify({ dropped: count }),
    });
  }

  #report(problem: string): void {
    this.#logger.error(`Session records are lost: ${problem}`, {
      file: this.#path,
      fix: "free space, or correct session_log and restart the server",
    });
  }
}
