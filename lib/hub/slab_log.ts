import { SpareBuffers } from "../base/spare_buffers.ts";
import { diffU32 } from "../base/u32.ts";

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

/** For many readers: nearly all writes are of one slab. */
const LARGE: SlabShape = {
  firstBytes: 64 * 1024,
  minBytes: 16 * 1024,
  maxBytes: 1024 * 1024,
  tooSoonMs: 1_500,
  tooLongMs: 8_000,
};

/** Close to what is needed. 300 streams of 1 Mbit/s in large slabs took twice as much memory. */
const SMALL: SlabShape = {
  firstBytes: 16 * 1024,
  minBytes: 8 * 1024,
  maxBytes: 512 * 1024,
  tooSoonMs: 400,
  tooLongMs: 1_600,
};

/** How much of a stream two slabs share: the longest usual merge period and some delay. */
const OVERLAP_MS = 500;

/**
 * One per event loop. Streams drop slabs with their keyframes, many at a time where encoders began
 * together, and fill others all the time.
 */
const spares = new SpareBuffers(64 * 1024 * 1024);

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

/** Bytes that a reader may keep until it gives them back. */
export interface Loan {
  /** Ends the loan: the bytes may change from now on. Once per loan. */
  giveBack(): void;
}

/** A slab that its log can fill. */
class OwnSlab implements Slab, Loan {
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes at its start that the previous slab holds, too. */
  readonly overlap: number;
  used: number;
  /** Whether a reader has a view of it for as long as it likes. */
  isViewed = false;
  #loans = 0;
  #isDropped = false;

  constructor(start: number, bytes: Uint8Array<ArrayBuffer>, overlap: number) {
    this.start = start;
    this.bytes = bytes;
    this.overlap = overlap;
    this.used = overlap;
  }

  lend(): void {
    this.#loans++;
  }

  giveBack(): void {
    this.#loans--;
    this.#reuse();
  }

  /** The log needs it no longer. */
  drop(): void {
    this.#isDropped = true;
    this.#reuse();
  }

  #reuse(): void {
    if (this.#isDropped && this.#loans === 0 && !this.isViewed) spares.give(this.bytes);
  }
}

/**
 * An append-only sequence of bytes that hold messages; the oldest are dropped. Readers are cursors:
 * plain offsets that count bytes since the beginning. They never wrap: at 8 Mbit/s, 2⁵³ bytes last
 * 285 years.
 *
 * The bytes lie in slabs that are filled front to back. One that is needed no longer is filled
 * again, by any log, once all its loans are given back: an asynchronous zero-copy write may read it
 * until then. One that was viewed without a loan is never filled again. No message straddles two
 * slabs, so a view that ends with the bytes of a slab ends at a message boundary.
 *
 * With many readers, a slab starts with a copy of the end of the previous one. So a reader close to
 * the head finds all it needs in the newest slab and takes it with one write. With few, slabs are
 * small: nothing but what a reader may need later takes memory.
 */
export class SlabLog {
  /** Whether there are many readers. Chooses the shape of later slabs. */
  isCrowded = true;
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
    const slab = new OwnSlab(this.#head - common.length, bytes, common.length);
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
    const slab = this.#at(cursor);
    if (slab === null) return NO_BYTES;
    slab.isViewed = true;
    return this.#viewOf(slab, cursor);
  }

  /**
   * Lends what {@linkcode lentView} returns for the same cursor. Null if the cursor is at the head
   * or before the tail.
   */
  // HOT: once per player and merge period; guarded by bench/fanout_bench.ts.
  lend(cursor: number): Loan | null {
    const slab = this.#at(cursor);
    slab?.lend();
    return slab;
  }

  /** As {@linkcode view}, but the bytes may change when the loan is given back. */
  lentView(cursor: number): Uint8Array<ArrayBuffer> {
    return this.#viewOf(this.#at(cursor)!, cursor);
  }

  #viewOf(slab: OwnSlab, cursor: number): Uint8Array<ArrayBuffer> {
    if (this.#viewFrom === cursor && this.#viewTo === this.#head) return this.#view;
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
    const shape = this.isCrowded ? LARGE : SMALL;
    if (this.#slabBytes === 0) return shape.firstBytes;
    const factor = filledMs < shape.tooSoonMs ? 2 : filledMs > shape.tooLongMs ? 0.5 : 1;
    return Math.max(shape.minBytes, Math.min(this.#slabBytes * factor, shape.maxBytes));
  }

  /** Returns the bytes that the next slab starts with: the end of `slab`, which is full. */
  #commonBytes(slab: OwnSlab, filledMs: number): Uint8Array {
    // If time stands still, no overlap can be chosen.
    if (!this.isCrowded || filledMs <= 0) return NO_BYTES;
    const wanted = Math.ceil((slab.used - slab.overlap) * OVERLAP_MS / filledMs);
    const overlap = Math.min(wanted, this.#slabBytes / 2, slab.used);
    return slab.bytes.subarray(slab.used - overlap, slab.used);
  }

  /** Drops slabs that end at or before `offset`, except the newest, which has room for more. */
  dropBefore(offset: number): void {
    let count = 0;
    while (count < this.#slabs.length - 1 && ownStart(this.#slabs[count + 1]!) <= offset) count++;
    if (count === 0) return;
    for (const slab of this.#slabs.splice(0, count)) slab.drop();
    // The view must neither be found again nor keep its slab alive.
    this.#view = NO_BYTES;
    this.#viewFrom = -1;
  }
}

/** Returns the offset of the first message that the previous slab does not hold. */
function ownStart({ start, overlap }: OwnSlab): number {
  return start + overlap;
}
