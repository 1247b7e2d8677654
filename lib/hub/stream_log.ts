import { diffU32 } from "../base/u32.ts";
import {
  encodedMessageBytes,
  encodeMessageInto,
  type MessageHeader,
} from "../rtmp/chunk_encode.ts";
import { MessageType } from "../rtmp/constants.ts";
import { skipData, timestampAt } from "../rtmp/encoded_messages.ts";
import { type Loan, SlabLog } from "./slab_log.ts";

/** Read access to the bytes of a stream, for cursors. */
export interface StreamLogView {
  /** Offset of the oldest byte. */
  readonly tail: number;
  /** Offset after the newest byte. */
  readonly head: number;
  /**
   * Returns the bytes from `cursor` to a message boundary; none if the cursor is at the head or
   * before the tail. The bytes never change, as long as the view is referenced.
   */
  view(cursor: number): Uint8Array<ArrayBuffer>;
  /**
   * Lends what {@linkcode lentView} returns for the same cursor. Null if the cursor is at the head
   * or before the tail.
   */
  lend(cursor: number): Loan | null;
  /** As {@linkcode view}, but the bytes may change once the loan is given back. */
  lentView(cursor: number): Uint8Array<ArrayBuffer>;
  /**
   * Returns how far the message at `cursor` is behind the newest, in ms; 0 if the cursor is at the
   * head or before the tail. Data messages do not count: metadata has no time.
   */
  lagMs(cursor: number): number;
}

/** So few read small slabs at little more cost. */
const FEW_VIEWERS = 8;

/** Bytes kept for a slow viewer. Limits the log of a source whose time stands still. */
const MAX_LAG_BYTES = 128 * 1024 * 1024;

/** What still needs bytes of a log. */
interface LogUse {
  /** Oldest join point; the head if there is none. */
  readonly joinOffset: number;
  /** A cursor of -1 follows nothing. */
  readonly viewers: Iterable<{ readonly cursor: number }>;
  /** How far a viewer may lag, in ms of stream time. */
  readonly maxLagMs: number;
}

/**
 * Returns the offset of the oldest byte that is needed: by the oldest join point, or by a viewer
 * that lags at most `maxLagMs`.
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

/**
 * The log of a stream: its messages, encoded once into the bytes that every player gets. Players
 * are cursors (plain offsets), so a message costs the same with one player or ten thousand.
 */
export class StreamLog implements StreamLogView {
  readonly #chunkSize: number;
  readonly #slabs = new SlabLog();
  #newestTimestampMs = 0;

  /** @param chunkSize Chunk size announced to all players, in bytes. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  get tail(): number {
    return this.#slabs.tail;
  }

  get head(): number {
    return this.#slabs.head;
  }

  /** How many viewers follow it, from the next slab on; many at first. Few need less memory. */
  set viewerCount(count: number) {
    this.#slabs.isCrowded = count > FEW_VIEWERS;
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    return this.#slabs.heldBytes;
  }

  /**
   * Appends a message; `payload` is copied.
   *
   * @returns whether a new slab was started, which is the moment to call {@linkcode dropBefore}.
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

  lend(cursor: number): Loan | null {
    return this.#slabs.lend(cursor);
  }

  lentView(cursor: number): Uint8Array<ArrayBuffer> {
    return this.#slabs.lentView(cursor);
  }

  lagMs(cursor: number): number {
    const slab = this.#slabs.at(cursor);
    if (slab === null) return 0;
    const at = skipData(slab.bytes, cursor - slab.start, slab.used, this.#chunkSize);
    if (at === slab.used) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, timestampAt(slab.bytes, at)));
  }

  /** Drops the whole slabs before `offset`. */
  dropBefore(offset: number): void {
    this.#slabs.dropBefore(offset);
  }
}
