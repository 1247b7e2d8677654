import { readU24, readU32 } from "../base/bytes.ts";
import { diffU32 } from "../base/u32.ts";
import { MessageLog } from "../hub/message_log.ts";
import type { Slab } from "../hub/slab_log.ts";
import { encodedFlvTagBytes, encodeFlvTagInto, type FlvTag } from "../media/flv_file.ts";
import { TagType } from "../media/flv_layout.ts";
import { SequenceEnd } from "./sequence_end.ts";
import { CHUNK_FRAME_BYTES, CHUNK_HEAD_BYTES, frameChunk } from "./chunked.ts";

/**
 * A stream's messages as FLV tags, for its HTTP viewers: the counterpart of the hub's log. Each tag
 * is a chunk of a chunked body, so viewers are sent these bytes unchanged.
 */
export class FlvLog extends MessageLog {
  #newestTimestampMs = 0;
  readonly #sequenceEnd = new SequenceEnd();

  /** Takes the headers in force, which are not written: each viewer gets those of its start. */
  begin(headers: readonly FlvTag[]): void {
    for (const tag of headers) this.#sequenceEnd.before(tag);
  }

  /**
   * Appends a tag, whose payload is copied.
   *
   * @returns whether a new slab was started, which is the moment for {@linkcode dropBefore}.
   */
  // HOT: once per media message of a stream that is watched over HTTP; guarded by
  // bench/flv_bench.ts.
  append(tag: FlvTag): boolean {
    let isNewSlab = false;
    for (const end of this.#sequenceEnd.before(tag)) isNewSlab = this.#write(end) || isNewSlab;
    return this.#write(tag) || isNewSlab;
  }

  lagMs(cursor: number): number {
    const slab = this.slabs.at(cursor);
    if (slab === null) return 0;
    const at = skipData(slab, cursor - slab.start);
    if (at >= slab.used) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, timestampAt(slab.bytes, at)));
  }

  #write(tag: FlvTag): boolean {
    const tagBytes = encodedFlvTagBytes(tag.payload.length);
    const length = tagBytes + CHUNK_FRAME_BYTES;
    if (tag.typeId !== TagType.data) this.#newestTimestampMs = tag.timestampMs;
    const { bytes, used } = this.slabs.reserve(length, this.#newestTimestampMs);
    frameChunk(bytes, used, tagBytes);
    encodeFlvTagInto(bytes, used + CHUNK_HEAD_BYTES, tag);
    return this.slabs.commit(length);
  }
}

/** Returns the position in `slab` of the first audio or video tag from the chunk at `start` on. */
function skipData({ bytes, used }: Slab, start: number): number {
  let at = start + CHUNK_HEAD_BYTES;
  while (at < used && bytes[at] === TagType.data) {
    at += encodedFlvTagBytes(readU24(bytes, at + 1)) + CHUNK_FRAME_BYTES;
  }
  return at;
}

/** Returns the timestamp: a 24-bit field, followed by its highest byte. */
function timestampAt(bytes: Uint8Array, at: number): number {
  return ((readU32(bytes, at + 4) >>> 8) | (bytes[at + 7]! << 24)) >>> 0;
}
