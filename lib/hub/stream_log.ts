/**
 * The log of a stream: its messages, encoded once, in the bytes that every player gets. Players are
 * cursors into it (plain offsets), so a message costs the same with one player or with ten thousand.
 */

import { diffU32 } from "../base/u32.ts";
import {
  encodedMessageBytes,
  encodeMessageInto,
  type MessageHeader,
} from "../rtmp/chunk_encode.ts";
import { MessageType } from "../rtmp/constants.ts";
import { skipData, timestampAt } from "../rtmp/encoded_messages.ts";
import { SlabLog } from "./slab_log.ts";

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

/** Most bytes kept for a slow viewer: a source whose time stands still must not make the log grow. */
const MAX_LAG_BYTES = 128 * 1024 * 1024;

/** Who still needs bytes of a log. */
export interface LogUse {
  /** Oldest place where a viewer may begin; the head when there is none. */
  readonly joinOffset: number;
  /** Those who follow; a cursor of -1 follows nothing. */
  readonly viewers: Iterable<{ readonly cursor: number }>;
  /** How far a viewer may lag, in ms of stream time. */
  readonly maxLagMs: number;
}

/**
 * Offset of the oldest byte of a log that somebody needs: what lies before the oldest join entry and before
 * every viewer's cursor is not needed, nor are slow viewers' bytes that lag more than they may.
 */
export function neededFrom(log: StreamLogView, use: LogUse): number {
  const oldest = Math.max(log.tail, log.head - MAX_LAG_BYTES);
  let needed = use.joinOffset;
  for (const { cursor } of use.viewers) {
    const isWanted = cursor >= oldest && cursor < needed && log.lagMs(cursor) <= use.maxLagMs;
    if (isWanted) needed = cursor;
  }
  return needed;
}

/** See the file comment. */
export class StreamLog implements StreamLogView {
  readonly #chunkSize: number;
  readonly #slabs = new SlabLog();
  #newestTimestampMs = 0;

  /** @param chunkSize Size all players are told, in bytes. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

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
   * Appends a message; `payload` is copied.
   *
   * @returns true when a new slab was begun, which is the moment to think about {@linkcode dropBefore}.
   */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  append(header: MessageHeader, payload: Uint8Array): boolean {
    const length = encodedMessageBytes(payload.length, header.timestampMs, this.#chunkSize);
    if (header.typeId !== MessageType.DATA_AMF0) this.#newestTimestampMs = header.timestampMs;
    const { bytes, used } = this.#slabs.reserve(length, this.#newestTimestampMs);
    encodeMessageInto(bytes, used, header, payload, this.#chunkSize);
    return this.#slabs.commit(length);
  }

  view(cursor: number): Uint8Array<ArrayBuffer> {
    return this.#slabs.view(cursor);
  }

  lagMs(cursor: number): number {
    const slab = this.#slabs.at(cursor);
    if (slab === null) return 0;
    const at = skipData(slab.bytes, cursor - slab.start, slab.used, this.#chunkSize);
    if (at === slab.used) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, timestampAt(slab.bytes, at)));
  }

  /** Forgets what lies before `offset`, as far as whole slabs do. */
  dropBefore(offset: number): void {
    this.#slabs.dropBefore(offset);
  }
}
