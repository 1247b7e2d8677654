import { diffU32 } from "../base/u32.ts";
import { SpareSlabs } from "./spare_slabs.ts";

/**
 * How large slabs are. They hold a certain time of a stream: after one that was filled too soon the
 * next is twice as large; after one that took too long, half as large.
 */
interface SlabShape {
  readonly firstBytes: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly tooSoonMs: number;
  readonly tooLongMs: number;
}

const WATCHED: SlabShape = {
  firstBytes: 64 * 1024,
  minBytes: 16 * 1024,
  maxBytes: 1024 * 1024,
  tooSoonMs: 1_500,
  tooLongMs: 8_000,
};

/** Close to what is needed. 300 streams of 1 Mbit/s in other slabs took twice as much memory. */
const UNWATCHED: SlabShape = {
  firstBytes: 16 * 1024,
  minBytes: 8 * 1024,
  maxBytes: 256 * 1024,
  tooSoonMs: 400,
  tooLongMs: 1_600,
};

/** How much of a stream two slabs share: the longest usual merge period and some delay. */
const OVERLAP_MS = 500;

/** One per event loop. */
const spares = new SpareSlabs();

/** Leaves the memory that logs keep for reuse to the collector. */
export function dropSpareSlabs(): void {
  spares.drop();
}

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
  /** Whether a reader was given a view of it, which may be under a write. */
  isViewed: boolean;
}

/**
 * An append-only sequence of bytes that hold messages; the oldest are dropped. Readers are cursors:
 * plain offsets that count bytes since the beginning. They never wrap: at 8 Mbit/s, 2⁵³ bytes last
 * 285 years.
 *
 * The bytes lie in slabs that are filled front to back and never written again. A slab that was
 * viewed may be under an asynchronous zero-copy write, so it is dropped, never recycled; a view
 * under a pending write keeps its slab alive. No message straddles two slabs, so a view that ends
 * with the bytes of a slab ends at a message boundary.
 *
 * While there are readers, a slab starts with a copy of the end of the previous one. So a reader
 * close to the head finds all it needs in the newest slab and takes it with one write. Without
 * readers, slabs are small: nothing but what a reader may need later takes memory.
 */
export class SlabLog {
  /** Whether there are readers. Chooses the shape of later slabs. */
  isWatched = true;
  #slabs: OwnSlab[] = [];
  #head = 0;
  /** Size of the newest slab; 0 before the first. */
  #slabBytes = 0;
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
    const filledMs = diffU32(streamMs, this.#beganMs);
    this.#slabBytes = this.#nextSlabBytes(filledMs);
    const common = newest === undefined ? NO_BYTES : this.#commonBytes(newest, filledMs);
    this.#beganMs = streamMs;
    const bytes = spares.take(Math.max(this.#slabBytes, common.length + length));
    bytes.set(common);
    const overlap = common.length;
    const slab = { start: this.#head - overlap, bytes, used: overlap, overlap, isViewed: false };
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
    const slab = this.#at(cursor);
    if (slab === null) return NO_BYTES;
    slab.isViewed = true;
    this.#viewFrom = cursor;
    this.#viewTo = this.#head;
    this.#view = slab.bytes.subarray(cursor - slab.start, slab.used);
    return this.#view;
  }

  /** Returns the newest slab with the byte at `cursor`; null at the head or before the tail. */
  at(cursor: number): Slab | null {
    return this.#at(cursor);
  }

  #at(cursor: number): OwnSlab | null {
    if (cursor >= this.#head || cursor < this.tail) return null;
    // Most cursors are near the head.
    let index = this.#slabs.length - 1;
    while (index > 0 && this.#slabs[index]!.start > cursor) index--;
    return this.#slabs[index]!;
  }

  /** Returns the size of the slab after one that holds `filledMs` of stream time. */
  #nextSlabBytes(filledMs: number): number {
    const shape = this.isWatched ? WATCHED : UNWATCHED;
    if (this.#slabBytes === 0) return shape.firstBytes;
    const factor = filledMs < shape.tooSoonMs ? 2 : filledMs > shape.tooLongMs ? 0.5 : 1;
    return Math.max(shape.minBytes, Math.min(this.#slabBytes * factor, shape.maxBytes));
  }

  /** Returns the bytes that the next slab starts with: the end of `slab`, which is full. */
  #commonBytes(slab: OwnSlab, filledMs: number): Uint8Array {
    // If time stands still, no overlap can be chosen.
    if (!this.isWatched || filledMs <= 0) return NO_BYTES;
    const wanted = Math.ceil((slab.used - slab.overlap) * OVERLAP_MS / filledMs);
    const overlap = Math.min(wanted, this.#slabBytes / 2, slab.used);
    return slab.bytes.subarray(slab.used - overlap, slab.used);
  }

  /** Drops slabs that end at or before `offset`, except the newest, which has room for more. */
  dropBefore(offset: number): void {
    let count = 0;
    while (count < this.#slabs.length - 1 && ownStart(this.#slabs[count + 1]!) <= offset) count++;
    if (count === 0) return;
    for (const { bytes, isViewed } of this.#slabs.splice(0, count)) {
      if (!isViewed) spares.give(bytes);
    }
    // The view must neither be found again nor keep its slab alive.
    this.#view = NO_BYTES;
    this.#viewFrom = -1;
  }
}

/** Returns the offset of the first message that the previous slab does not hold. */
function ownStart({ start, overlap }: OwnSlab): number {
  return start + overlap;
}
