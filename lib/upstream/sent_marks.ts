/**
 * How much of a log an origin surely has: it acknowledges bytes of the socket, and these marks tell which
 * place of the log they reach to.
 */

import { diffU32, toU32 } from "../base/u32.ts";

/** A place of the log, and the bytes written to the socket when everything before it was. */
interface Mark {
  readonly offset: number;
  readonly writtenBytes: number;
}

/** More marks than this are thinned out: an origin that acknowledges nothing must not make them pile up. */
const MAX_MARKS = 256;

/** See the file comment. One per connection. */
export class SentMarks {
  /** Not acknowledged yet, oldest first. */
  #marks: Mark[] = [];
  #offset: number;

  /** @param offset Where in the log the connection began. */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** The origin has everything from its beginning up to here. */
  get offset(): number {
    return this.#offset;
  }

  /** Everything before `offset` was written, `writtenBytes` in all since the connection was made. */
  note(offset: number, writtenBytes: number): void {
    if (offset <= (this.#marks.at(-1)?.offset ?? this.#offset)) return;
    this.#marks.push({ offset, writtenBytes });
    if (this.#marks.length > MAX_MARKS) {
      this.#marks = this.#marks.filter((_, index) => index % 2 === 1);
    }
  }

  /**
   * The origin has received `totalBytes` (u32). Servers that do not count the handshake seem to have less
   * than they have, which errs on the safe side.
   */
  acknowledge(totalBytes: number): void {
    let count = 0;
    while (
      count < this.#marks.length &&
      diffU32(totalBytes, toU32(this.#marks[count]!.writtenBytes)) >= 0
    ) count++;
    if (count === 0) return;
    this.#offset = this.#marks[count - 1]!.offset;
    this.#marks.splice(0, count);
  }
}
