import { diffU32, toU32 } from "../base/u32.ts";

/** A log offset, and the bytes written to the socket when everything before it was. */
interface Mark {
  readonly offset: number;
  readonly writtenBytes: number;
}

/**
 * Above this, every other mark is dropped: an origin that never acknowledges must not fill the
 * memory.
 */
const MAX_MARKS = 256;

/**
 * How much of a log an origin surely has. It acknowledges bytes of the socket; the marks tell which
 * log offset those reach to. One per connection.
 */
export class SentMarks {
  /** Not acknowledged yet, oldest first. */
  #marks: Mark[] = [];
  #offset: number;
  #isAcknowledged = false;

  /** @param offset where in the log the connection began */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** The origin has everything from the connection's beginning up to this log offset. */
  get offset(): number {
    return this.#offset;
  }

  /** The origin acknowledges what it gets; not all do. */
  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  /**
   * Everything before `offset` was written: `writtenBytes` in all since the connection was made.
   */
  note(offset: number, writtenBytes: number): void {
    if (offset <= (this.#marks.at(-1)?.offset ?? this.#offset)) return;
    this.#marks.push({ offset, writtenBytes });
    if (this.#marks.length > MAX_MARKS) {
      this.#marks = this.#marks.filter((_, index) => index % 2 === 1);
    }
  }

  /**
   * The origin has received `totalBytes` (u32). Servers that do not count the handshake seem to
   * have less than they have: then the next origin gets a little more than it needs.
   */
  acknowledge(totalBytes: number): void {
    let count = 0;
    while (
      count < this.#marks.length &&
      diffU32(totalBytes, toU32(this.#marks[count]!.writtenBytes)) >= 0
    ) count++;
    if (count === 0) return;
    this.#isAcknowledged = true;
    this.#offset = this.#marks[count - 1]!.offset;
    this.#marks.splice(0, count);
  }
}
