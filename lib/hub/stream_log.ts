/**
 * The log of a stream: its messages, encoded once, in the bytes that every player gets. Players are
 * cursors into it (plain offsets), so a message costs the same with one player or with ten thousand.
 *
 * The bytes lie in slabs that are filled front to back and never written again: a slab may be under an
 * asynchronous zero-copy write at any time, so it is neither recycled nor overwritten, only dropped; a
 * view under a pending write keeps its slab alive. No message straddles two slabs, hence every view
 * that ends where a slab's bytes end, ends at a message boundary.
 *
 * Offsets count bytes since the stream began and never wrap (2⁵³ bytes are 285 years at 1 Gbit/s).
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { diffU32 } from "../base/u32.ts";
import {
  encodedMessageBytes,
  encodeMessageInto,
  type MessageHeader,
} from "../rtmp/chunk_encode.ts";
import { EXTENDED_TIMESTAMP, MessageType } from "../rtmp/constants.ts";

/** Read access to a stream's bytes for those that follow it with a cursor. */
export interface StreamLogView {
  /** Offset of the first byte still held. */
  readonly tail: number;
  /** Offset after the newest byte. */
  readonly head: number;
  /**
   * Bytes from `cursor` up to a message boundary; empty when the cursor is at the head or before the
   * tail. The view stays unchanged for as long as it is referenced.
   */
  view(cursor: number): Uint8Array<ArrayBuffer>;
  /**
   * How far the message that begins at `cursor` is behind the newest, in ms; 0 when the cursor is at the
   * head or before the tail. Data messages do not count: metadata has no time.
   */
  lagMs(cursor: number): number;
}

/** Slabs begin small, so that an idle or slow stream is cheap, and double with every one filled. */
const MIN_SLAB_BYTES = 64 * 1024;
const MAX_SLAB_BYTES = 1024 * 1024;

const NO_BYTES = new Uint8Array(0);

interface Slab {
  /** Offset of its first byte. */
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  used: number;
}

/** See the file comment. */
export class StreamLog implements StreamLogView {
  readonly #chunkSize: number;
  #slabs: Slab[] = [];
  #head = 0;
  #newestTimestampMs = 0;
  #nextSlabBytes = MIN_SLAB_BYTES;

  /** @param chunkSize Size all players are told, in bytes. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  get tail(): number {
    return this.#slabs[0]?.start ?? this.#head;
  }

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
   * Appends a message; `payload` is copied.
   *
   * @returns true when a new slab was begun, which is the moment to think about {@linkcode dropBefore}.
   */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  append(header: MessageHeader, payload: Uint8Array): boolean {
    const needed = encodedMessageBytes(payload.length, header.timestampMs, this.#chunkSize);
    let slab = this.#slabs.at(-1);
    const isFull = slab === undefined || slab.bytes.length - slab.used < needed;
    if (isFull) slab = this.#beginSlab(needed);
    encodeMessageInto(slab!.bytes, slab!.used, header, payload, this.#chunkSize);
    slab!.used += needed;
    this.#head += needed;
    if (header.typeId !== MessageType.DATA_AMF0) this.#newestTimestampMs = header.timestampMs;
    return isFull;
  }

  view(cursor: number): Uint8Array<ArrayBuffer> {
    if (cursor >= this.#head || cursor < this.tail) return NO_BYTES;
    const slab = this.#slabs[this.#indexOf(cursor)]!;
    return slab.bytes.subarray(cursor - slab.start, slab.used);
  }

  lagMs(cursor: number): number {
    if (cursor >= this.#head || cursor < this.tail) return 0;
    const slab = this.#slabs[this.#indexOf(cursor)]!;
    const at = this.#skipData(slab, cursor - slab.start);
    if (at === slab.used) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, timestampAt(slab.bytes, at)));
  }

  /** Forgets the slabs that end at or before `offset`, but for the newest: it has room for more. */
  dropBefore(offset: number): void {
    let count = 0;
    while (count < this.#slabs.length - 1 && this.#slabs[count + 1]!.start <= offset) count++;
    if (count > 0) this.#slabs.splice(0, count);
  }

  /** Position in `slab` of the first message at or behind the one at `start` that is no data. */
  #skipData(slab: Slab, start: number): number {
    let at = start;
    while (at < slab.used && slab.bytes[at + 7] === MessageType.DATA_AMF0) {
      const length = readU24(slab.bytes, at + 4);
      at += encodedMessageBytes(length, timestampAt(slab.bytes, at), this.#chunkSize);
    }
    return at;
  }

  #beginSlab(neededBytes: number): Slab {
    const slab: Slab = {
      start: this.#head,
      bytes: new Uint8Array(Math.max(this.#nextSlabBytes, neededBytes)),
      used: 0,
    };
    this.#nextSlabBytes = Math.min(this.#nextSlabBytes * 2, MAX_SLAB_BYTES);
    this.#slabs.push(slab);
    return slab;
  }

  /** Index of the slab that holds `offset`; most cursors are near the head. */
  #indexOf(offset: number): number {
    let index = this.#slabs.length - 1;
    while (index > 0 && this.#slabs[index]!.start > offset) index--;
    return index;
  }
}

/** Every message of the log begins with a full header behind a one-byte chunk stream id. */
function timestampAt(bytes: Uint8Array, at: number): number {
  const field = readU24(bytes, at + 1);
  return field === EXTENDED_TIMESTAMP ? readU32(bytes, at + 12) : field;
}
