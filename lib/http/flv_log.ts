/**
 * A stream's messages as FLV tags, for all who watch it over HTTP: the twin of the hub's log. Each
 * tag is a chunk of a chunked body, so that whoever watches is sent these very bytes.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { diffU32 } from "../base/u32.ts";
import { type Slab, SlabLog } from "../hub/slab_log.ts";
import type { StreamLogView } from "../hub/stream_log.ts";
import { encodedFlvTagBytes, encodeFlvTagInto, type FlvTag } from "../media/flv_file.ts";
import { TagType } from "../media/flv_layout.ts";
import { CHUNK_FRAME_BYTES, CHUNK_HEAD_BYTES, frameChunk } from "./chunked.ts";

/** See the file comment. */
export class FlvLog implements StreamLogView {
  readonly #slabs = new SlabLog();
  #newestTimestampMs = 0;

  get tail(): number {
    return this.#slabs.tail;
  }

  get head(): number {
    return this.#slabs.head;
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    return this.#slabs.heldBytes;
  }

  /**
   * Appends a tag; its payload is copied.
   *
   * @returns true when a new slab was begun, which is the moment to think about {@linkcode
   * dropBefore}.
   */
  // HOT: once per media message of a stream that is watched over HTTP; guarded by
  // bench/flv_bench.ts.
  append(tag: FlvTag): boolean {
    const tagBytes = encodedFlvTagBytes(tag.payload.length);
    const length = tagBytes + CHUNK_FRAME_BYTES;
    if (tag.typeId !== TagType.data) this.#newestTimestampMs = tag.timestampMs;
    const { bytes, used } = this.#slabs.reserve(length, this.#newestTimestampMs);
    frameChunk(bytes, used, tagBytes);
    encodeFlvTagInto(bytes, used + CHUNK_HEAD_BYTES, tag);
    return this.#slabs.commit(length);
  }

  view(cursor: number): Uint8Array<ArrayBuffer> {
    return this.#slabs.view(cursor);
  }

  lagMs(cursor: number): number {
    const slab = this.#slabs.at(cursor);
    if (slab === null) return 0;
    const at = skipData(slab, cursor - slab.start);
    if (at >= slab.used) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, timestampAt(slab.bytes, at)));
  }

  /** Forgets what lies before `offset`, as far as whole slabs do. */
  dropBefore(offset: number): void {
    this.#slabs.dropBefore(offset);
  }
}

/** Position in `slab` of the first tag at or behind the chunk at `start` that is no data. */
function skipData({ bytes, used }: Slab, start: number): number {
  let at = start + CHUNK_HEAD_BYTES;
  while (at < used && bytes[at] === TagType.data) {
    at += encodedFlvTagBytes(readU24(bytes, at + 1)) + CHUNK_FRAME_BYTES;
  }
  return at;
}

/** The 24-bit field, and behind it the byte that goes on top of it. */
function timestampAt(bytes: Uint8Array, at: number): number {
  return ((readU32(bytes, at + 4) >>> 8) | (bytes[at + 7]! << 24)) >>> 0;
}
