import { diffU32 } from "../base/u32.ts";
import {
  encodedMessageBytes,
  encodeMessageInto,
  type MessageHeader,
} from "../rtmp/chunk_encode.ts";
import { MessageType } from "../rtmp/constants.ts";
import { skipData, timestampAt } from "../rtmp/encoded_messages.ts";
import { MessageLog, type StreamLogView } from "./message_log.ts";

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
export class StreamLog extends MessageLog {
  readonly #chunkSize: number;
  #newestTimestampMs = 0;

  /** @param chunkSize Chunk size announced to all players, in bytes. */
  constructor(chunkSize: number) {
    super();
    this.#chunkSize = chunkSize;
  }

  /** How many viewers follow it, from the next slab on; many at first. Few need less memory. */
  set viewerCount(count: number) {
    this.slabs.isCrowded = count > FEW_VIEWERS;
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
    const { bytes, used } = this.slabs.reserve(length, this.#newestTimestampMs);
    encodeMessageInto(bytes, used, header, payload, this.#chunkSize);
    return this.slabs.commit(length);
  }

  lagMs(cursor: number): number {
    const slab = this.slabs.at(cursor);
    if (slab === null) return 0;
    const at = skipData(slab.bytes, cursor - slab.start, slab.used, this.#chunkSize);
    if (at === slab.used) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, timestampAt(slab.bytes, at)));
  }
}
