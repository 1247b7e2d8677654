/** Size of the terminal that a recording is for: what all scenes fit in. */
const COLUMNS = 64;
const ROWS = 20;

/** Writes what a terminal shows as an asciinema recording, version 2: a header, then events. */
export class CastWriter {
  readonly #now: () => number;
  readonly #write: (line: string) => void;
  readonly #beganMs: number;

  /** @param now ms since 1970 */
  constructor(now: () => number, write: (line: string) => void) {
    this.#now = now;
    this.#write = write;
    this.#beganMs = now();
    const timestamp = Math.floor(this.#beganMs / 1000);
    this.#line({ version: 2, width: COLUMNS, height: ROWS, timestamp });
  }

  /** `text` was written to the terminal. */
  show(text: string): void {
    const seconds = (this.#now() - this.#beganMs) / 1000;
    this.#line([seconds, "o", text.replaceAll("\n", "\r\n")]);
  }

  #line(value: unknown): void {
    this.#write(`${JSON.stringify(value)}\n`);
  }
}
