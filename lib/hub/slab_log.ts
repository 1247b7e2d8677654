import { diffU32 } from "../base/u32.ts";

/**
 * Slabs hold some seconds of a stream, so that a thin stream is cheap and little is copied. After
 * one that was filled too soon the next is twice as large; after one that took too long, half as
 * large.
 */
const FIRST_SLAB_BYTES = 64 * 1024;
const MIN_SLAB_BYTES = 16 * 1024;
const MAX_SLAB_BYTES = 1024 * 1024;
const TOO_SOON_MS = 3_000;
const TOO_LONG_MS = 16_000;

/** How much of a stream two slabs share: the longest usual merge period and some delay. */
const OVERLAP_MS = 500;

const NO_BYTES = new Uint8Array(0);

/** A piece of a {@linkcode SlabLog}. */
export interface Slab {
  /** Offset of its first byte, which may lie inside a message. */
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes filled so far. */
  readonly used: number;
}

/** A slab that its log can fill. */
interface OwnSlab extends Slab {
  used: number;
  /** Bytes at its start that the previous slab holds, too. */
  readonly overlap: number;
}

/**
 * An append-only sequence of bytes that hold messages; the oldest are dropped. Readers are cursors:
 * plain offsets that count bytes since the beginning. They never wrap: at 8 Mbit/s, 2⁵³ bytes last
 * 285 years.
 *
 * The bytes lie in slabs that are filled front to back and never written again. Any slab may be
 * under an asynchronous zero-copy write, so slabs are dropped, never recycled; a view under a
 * pending write keeps its slab alive. No message straddles two slabs, so a view that ends with the
 * bytes of a slab ends at a message boundary.
 *
 * A slab starts with a copy of the end of the previous one. So a reader close to the head finds all
 * it needs in the newest slab and takes it with one write.
 */
export class SlabLog {
  #slabs: OwnSlab[] = [];
  #head = 0;
  #slabBytes = FIRST_SLAB_BYTES;
  /** Stream time at which the newest slab was started. */
  #beganMs = 0;
  /** The newest view. Most players ask for the same one, and making it is the main cost here. */
  #view: Uint8Array<ArrayBuffer> = NO_BYTES;
  #viewFrom = -1;
  #viewTo = -1;

  /** Offset of the oldest message. */
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
   * Returns the slab for the next message of `length` bytes. The caller fills as many bytes from
   * `used` on, then calls {@linkcode commit}.
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

  /** Publishes `length` filled bytes. Returns whether they are the first of a slab. */
  commit(length: number): boolean {
    const slab = this.#slabs.at(-1)!;
    slab.used += length;
    this.#head += length;
    return slab.used === slab.overlap + length;
  }

  /**
   * Returns the bytes from `cursor` to a message boundary; none if the cursor is at the head or
   * before the tail. The bytes never change, as long as the view is referenced.
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

  /** Returns the newest slab with the byte at `cursor`; null at the head or before the tail. */
  at(cursor: number): Slab | null {
    if (cursor >= this.#head || cursor < this.tail) return null;
    // Most cursors are near the head.
    let index = this.#slabs.length - 1;
    while (index > 0 && this.#slabs[index]!.start > cursor) index--;
    return this.#slabs[index]!;
  }

  /**
   * Chooses the size of the slab after `slab`, which is full and holds `filledMs` of stream time.
   * Returns the bytes that the next one starts with.
   */
  #close(slab: OwnSlab, filledMs: number): Uint8Array {
    if (filledMs < TOO_SOON_MS) {
      this.#slabBytes = Math.min(this.#slabBytes * 2, MAX_SLAB_BYTES);
    } else if (filledMs > TOO_LONG_MS) {
      this.#slabBytes = Math.max(this.#slabBytes / 2, MIN_SLAB_BYTES);
    }
    // If time stands still, no overlap can be chosen.
    if (filledMs <= 0) return NO_BYTES;
    const wanted = Math.ceil((slab.used - slab.overlap) * OVERLAP_MS / filledMs);
    const overlap = Math.min(wanted, this.#slabBytes / 2, slab.used);
    return slab.bytes.subarray(slab.used - overlap, slab.used);
  }

  /** Drops slabs that end at or before `offset`, except the newest, which has room for more. */
  dropBefore(offset: number): void {
    let count = 0;
    while (count < this.#slabs.length - 1 && ownStart(this.#slabs[count + 1]!) <= offset) count++;
    if (count === 0) return;
    this.#slabs.splice(0, count);
    // The view must neither be found again nor keep its slab alive.
    this.#view = NO_BYTES;
    this.#viewFrom = -1;
  }
}

/** Returns the offset of the first message that the previous slab does not hold. */
function ownStart({ start, overlap }: OwnSlab): number {
  return start + overlap;
}
