/**
 * An append-only row of bytes with messages in it, of which the oldest are forgotten. Readers are cursors:
 * plain offsets, which count bytes since the beginning and never wrap (2⁵³ bytes are 285 years at
 * 1 Gbit/s).
 *
 * The bytes lie in slabs that are filled front to back and never written again: a slab may be under an
 * asynchronous zero-copy write at any time, so it is neither recycled nor overwritten, only dropped; a
 * view under a pending write keeps its slab alive. No message straddles two slabs, hence every view
 * that ends where a slab's bytes end, ends at a message boundary.
 *
 * A slab begins with a copy of what came last in the one before: whoever follows the head finds all that
 * it has not got yet in the newest slab, and takes it with one write.
 */

import { diffU32 } from "../base/u32.ts";

/**
 * Slabs hold some seconds of a stream, so that a thin one is cheap and little is copied: the next one is
 * twice as large when one was filled too soon, and half as large when it took too long.
 */
const FIRST_SLAB_BYTES = 64 * 1024;
const MIN_SLAB_BYTES = 16 * 1024;
const MAX_SLAB_BYTES = 1024 * 1024;
const TOO_SOON_MS = 3_000;
const TOO_LONG_MS = 16_000;

/**
 * How much of the stream a slab has in common with the one before: the longest merge period that is usual
 * and some delay. At most half a slab.
 */
const OVERLAP_MS = 500;

const NO_BYTES = new Uint8Array(0);

/** A piece of a {@linkcode SlabLog}. */
export interface Slab {
  /** Offset of its first byte, which may lie inside a message. */
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of its bytes are filled. */
  readonly used: number;
}

/** A slab of a {@linkcode SlabLog}, as that sees it. */
interface OwnSlab extends Slab {
  used: number;
  /** How many bytes it begins with that the slab before it holds too. */
  readonly overlap: number;
}

/** See the file comment. */
export class SlabLog {
  #slabs: OwnSlab[] = [];
  #head = 0;
  #slabBytes = FIRST_SLAB_BYTES;
  /** Stream time at which the newest slab was begun. */
  #beganMs = 0;
  /** The newest view: most players ask for the same, and making one costs more than all else here. */
  #view: Uint8Array<ArrayBuffer> = NO_BYTES;
  #viewFrom = -1;
  #viewTo = -1;

  /** Offset of the first message still held. */
  get tail(): number {
    const oldest = this.#slabs[0];
    return oldest === undefined ? this.#head : ownStart(oldest);
  }

  /** Offset after the newest byte. */
  get head(): number {
    return this.#head;
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    let total = 0;
    for (const slab of this.#slabs) total += slab.bytes.length;
    return total;
  }

  /**
   * The slab that the next message of `length` bytes goes into: the caller fills so many bytes from `used`
   * on, then calls {@linkcode commit}.
   *
   * @param streamMs Stream time, u32.
   */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  reserve(length: number, streamMs: number): Slab {
    const newest = this.#slabs.at(-1);
    if (newest !== undefined && newest.bytes.length - newest.used >= length) return newest;
    const common = newest === undefined
      ? NO_BYTES
      : this.#close(newest, diffU32(streamMs, this.#beganMs));
    this.#beganMs = streamMs;
    const bytes = new Uint8Array(Math.max(this.#slabBytes, common.length + length));
    bytes.set(common);
    const overlap = common.length;
    const slab = { start: this.#head - overlap, bytes, used: overlap, overlap };
    this.#slabs.push(slab);
    return slab;
  }

  /** `length` reserved bytes are filled. @returns true when they are a slab's first. */
  commit(length: number): boolean {
    const slab = this.#slabs.at(-1)!;
    slab.used += length;
    this.#head += length;
    return slab.used === slab.overlap + length;
  }

  /**
   * Bytes from `cursor` up to a message boundary; empty when the cursor is at the head or before the
   * tail. The view stays unchanged for as long as it is referenced.
   */
  view(cursor: number): Uint8Array<ArrayBuffer> {
    if (this.#viewFrom === cursor && this.#viewTo === this.#head) return this.#view;
    const slab = this.at(cursor);
    if (slab === null) return NO_BYTES;
    this.#viewFrom = cursor;
    this.#viewTo = this.#head;
    this.#view = slab.bytes.subarray(cursor - slab.start, slab.used);
    return this.#view;
  }

  /** The newest slab with the byte at `cursor`, or null when that is at the head or before the tail. */
  at(cursor: number): Slab | null {
    if (cursor >= this.#head || cursor < this.tail) return null;
    // Most cursors are near the head.
    let index = this.#slabs.length - 1;
    while (index > 0 && this.#slabs[index]!.start > cursor) index--;
    return this.#slabs[index]!;
  }

  /**
   * Chooses the size of the slab after `slab`, which is full and holds `filledMs` of stream time.
   *
   * @returns what the next one begins with
   */
  #close(slab: OwnSlab, filledMs: number): Uint8Array {
    if (filledMs < TOO_SOON_MS) {
      this.#slabBytes = Math.min(this.#slabBytes * 2, MAX_SLAB_BYTES);
    } else if (filledMs > TOO_LONG_MS) {
      this.#slabBytes = Math.max(this.#slabBytes / 2, MIN_SLAB_BYTES);
    }
    // Where time stands still nobody knows how much is behind the head.
    if (filledMs <= 0) return NO_BYTES;
    const wanted = Math.ceil((slab.used - slab.overlap) * OVERLAP_MS / filledMs);
    const overlap = Math.min(wanted, this.#slabBytes / 2, slab.used);
    return slab.bytes.subarray(slab.used - overlap, slab.used);
  }

  /** Forgets the slabs that end at or before `offset`, but for the newest: it has room for more. */
  dropBefore(offset: number): void {
    let count = 0;
    while (count < this.#slabs.length - 1 && ownStart(this.#slabs[count + 1]!) <= offset) count++;
    if (count === 0) return;
    this.#slabs.splice(0, count);
    // It must neither be found any more nor keep its slab alive.
    this.#view = NO_BYTES;
    this.#viewFrom = -1;
  }
}

/** Offset of a slab's first message that is not in the one before. */
function ownStart({ start, overlap }: OwnSlab): number {
  return start + overlap;
}
