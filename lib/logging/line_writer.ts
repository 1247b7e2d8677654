import { concatBytes, encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";

/** The asynchronous write of a Deno file. */
interface AsyncWriter {
  /** Writes some of the bytes and returns how many. Rejects when it can write none. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Options of {@linkcode LineWriter}. */
interface LineWriterOptions {
  /** Called at the first failure of a row of failures. */
  readonly onFailure: (problem: string) => void;
  /** Returns the line that is written where `count` lines are missing. */
  readonly describeDropped: (count: number) => string;
}

/** Most bytes that wait while a write is in progress. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** A busy machine writes within that time; a reader that has hung for so long is not waited for. */
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * Writes lines without ever blocking the caller: to a file, or to a pipe whose reader may hang.
 *
 * ```
 *          append()              all written
 *   idle ───────────▶ writing ──────────────▶ idle
 *                      │   ▲
 *    MAX_WAITING_BYTES │   │ what waited is written: a line says how many are missing
 *                      ▼   │
 *                     dropping
 * ```
 *
 * Never throws: lines that cannot be written (full disk) are dropped as well.
 */
export class LineWriter {
  readonly #writer: AsyncWriter;
  readonly #options: LineWriterOptions;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #isFailing = false;
  /** Settles when everything is written; null while idle. */
  #writing: Promise<void> | null = null;

  constructor(writer: AsyncWriter, options: LineWriterOptions) {
    this.#writer = writer;
    this.#options = options;
  }

  /** Writes `line` and a newline, or drops it when too much is waiting. */
  append(line: string): void {
    const bytes = encodeUtf8(`${line}\n`);
    const isFull = this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > MAX_WAITING_BYTES;
    // One gap and one line about it, rather than many small ones.
    if (isFull || this.#dropped > 0) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is written, or after `timeoutMs`. */
  async flush(timeoutMs = FLUSH_TIMEOUT_MS): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([this.#writing, promise]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = concatBytes(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      await this.#write(bytes);
      if (this.#waiting.length === 0 && this.#dropped > 0) this.#reportDropped();
    }
    this.#writing = null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    // The failed write may have left a partial line.
    const text = this.#isFailing ? concatBytes([encodeUtf8("\n"), bytes]) : bytes;
    try {
      for (let at = 0; at < text.length;) at += await this.#writer.write(text.subarray(at));
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#options.onFailure(describeError(error));
      this.#isFailing = true;
    }
  }

  #reportDropped(): void {
    const line = this.#options.describeDropped(this.#dropped);
    this.#dropped = 0;
    this.append(line);
  }
}
