/**
 * Chunks to messages (RTMP 1.0 §5.3): an incremental machine that is fed bytes as they come and calls
 * back once per whole message. It applies SetChunkSize and Abort itself, because they count from the
 * very next chunk on.
 *
 * Invariants: a message's partial payload lives with its own chunk stream, so messages may interleave;
 * memory grows with bytes that arrived, never with lengths a peer merely announced; a message that lies
 * whole in one chunk of one input is handed out as a view and never copied.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { addU32 } from "../base/u32.ts";
import {
  EXTENDED_TIMESTAMP,
  INITIAL_CHUNK_SIZE,
  MAX_CHUNK_SIZE,
  MessageType,
} from "./constants.ts";

/** Receives whole messages. */
export interface MessageSink {
  /**
   * @param timestampMs Absolute time, u32.
   * @param payload Valid during the call only: its memory is used again.
   */
  onMessage(typeId: number, timestampMs: number, msid: number, payload: Uint8Array): void;
}

/** Bounds on what one peer may make the reader hold. */
export interface ChunkLimits {
  /** Longest message accepted. Default 8 MiB. */
  readonly maxMessageBytes: number;
  /** Most chunk streams one connection may use. Default 64; real peers use fewer than ten. */
  readonly maxChunkStreams: number;
  /** Most memory for unfinished messages, over all chunk streams. Default 16 MiB. */
  readonly maxUnassembledBytes: number;
}

/** The limits used unless told otherwise. */
export const DEFAULT_CHUNK_LIMITS: ChunkLimits = {
  maxMessageBytes: 8 * 1024 * 1024,
  maxChunkStreams: 64,
  maxUnassembledBytes: 16 * 1024 * 1024,
};

/** Basic header (3) + message header (11) + extended timestamp (4). */
const MAX_HEADER_BYTES = 18;

/** Message header bytes by fmt (RTMP 1.0 §5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/** First size of an assembly buffer; it doubles as bytes arrive. */
const MIN_ASSEMBLY_BYTES = 4096;

/**
 * An assembly buffer up to this size is kept for the chunk stream's next message, if that is likely: a
 * picture follows a picture, but a command may be the last.
 */
const MAX_KEPT_ASSEMBLY_BYTES = 512 * 1024;

const NO_BYTES = new Uint8Array(0);

/** What is remembered of one chunk stream between chunks. */
class ChunkStream {
  typeId = 0;
  msid = 0;
  length = 0;
  /** Absolute time of the current message. */
  timestampMs = 0;
  /** What a fmt 3 chunk that opens a message adds. */
  deltaMs = 0;
  /** The 32-bit value of the extended field, or -1 when the last full header had none. */
  extended = -1;
  /** Payload bytes received of the message under way; -1 between messages. */
  received = -1;
  assembly: Uint8Array<ArrayBuffer> = NO_BYTES;
}

/** See the file comment. One per connection and direction. */
export class ChunkReader {
  readonly #sink: MessageSink;
  readonly #limits: ChunkLimits;
  readonly #streams = new Map<number, ChunkStream>();
  #chunkSize = INITIAL_CHUNK_SIZE;
  /** Capacity of all assembly buffers together. */
  #assemblyBytes = 0;
  /** Bytes consumed, for error texts. */
  #consumed = 0;
  /** A header cut by the end of an input. Made for the first: most players' connections have none. */
  #head: Uint8Array | null = null;
  #headLength = 0;
  /** The chunk whose payload is under way. */
  #current: ChunkStream | null = null;
  #chunkRemaining = 0;
  /** The peer was seen to leave the extended timestamp of a continuation chunk out. */
  #omitsExtended = false;

  constructor(sink: MessageSink, limits: ChunkLimits = DEFAULT_CHUNK_LIMITS) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Size the peer cuts its messages into, in bytes. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /**
   * Takes the next bytes and calls the sink for every message that they complete. `bytes` may be used
   * again when this returns.
   *
   * @throws {WireError} `chunk.*` when the peer breaks the protocol or a limit. Nothing may be pushed
   *   afterwards.
   */
  // HOT: all ingest goes through here; guarded by bench/codec_bench.ts.
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length || this.#current !== null && this.#chunkRemaining === 0) {
      if (this.#current === null) {
        at = this.#pushHeader(bytes, at);
      } else {
        at = this.#pushPayload(this.#current, bytes, at);
      }
    }
  }

  #pushHeader(bytes: Uint8Array, at: number): number {
    if (this.#headLength === 0) {
      const size = this.#openChunk(bytes, at, bytes.length);
      if (size > 0) {
        this.#consumed += size;
        return at + size;
      }
    }
    // The header is cut: collect it byte by byte, which happens once per input at most.
    const head = this.#head ??= new Uint8Array(MAX_HEADER_BYTES);
    head[this.#headLength++] = bytes[at]!;
    const size = this.#openChunk(head, 0, this.#headLength);
    if (size === 0) return at + 1;
    // A continuation's four peeked bytes may turn out to be payload: give those back to the input.
    const unused = this.#headLength - size;
    this.#headLength = 0;
    this.#consumed += size;
    if (unused === 0) return at + 1;
    const peeked = head.slice(size, size + unused);
    this.push(peeked);
    return at + 1;
  }

  /**
   * Reads one chunk header at `at` and makes its chunk stream the current one.
   *
   * @returns bytes of the header, or 0 when more are needed; then nothing has changed.
   */
  #openChunk(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at]!;
    const fmt = first >>> 6;
    let csid = first & 0x3F;
    let basic = 1;
    if (csid === 0) {
      if (end - at < 2) return 0;
      csid = 64 + bytes[at + 1]!;
      basic = 2;
    } else if (csid === 1) {
      if (end - at < 3) return 0;
      csid = 64 + bytes[at + 1]! + bytes[at + 2]! * 256;
      basic = 3;
    }
    let size = basic + MESSAGE_HEADER_BYTES[fmt]!;
    if (end - at < size) return 0;

    const known = this.#streams.get(csid);
    const isContinuation = known !== undefined && known.received >= 0;
    if (fmt !== 3 && isContinuation) {
      throw this.#error(
        "chunk.unfinished_message",
        `Cannot start a message on csid ${csid} with fmt ${fmt}: ` +
          `${known.received} of ${known.length} bytes of the one before have come`,
      );
    }
    if (known === undefined && fmt >= 2) {
      throw this.#error(
        "chunk.no_previous",
        `Cannot read chunk on csid ${csid}: fmt ${fmt} came before any fmt 0`,
        "the peer must open each chunk stream with fmt 0",
      );
    }

    const header = at + basic;
    let extended = -1;
    if (fmt !== 3) {
      if (readU24(bytes, header) === EXTENDED_TIMESTAMP) {
        if (end - at < size + 4) return 0;
        extended = readU32(bytes, at + size);
        size += 4;
      }
    } else if (known!.extended >= 0) {
      const taken = this.#extendedBytes(known!, bytes, at + size, end);
      if (taken < 0) return 0;
      if (!isContinuation) extended = readU32(bytes, at + size);
      size += taken;
    }

    const stream = known ?? this.#openStream(csid);
    if (!isContinuation) this.#openMessage(stream, fmt, extended, bytes, header, csid);
    this.#current = stream;
    this.#chunkRemaining = Math.min(this.#chunkSize, stream.length - stream.received);
    return size;
  }

  /**
   * How many bytes of extended timestamp a fmt 3 chunk has at `at`: 4, 0, or -1 when that is not clear
   * before more bytes come. A peer that was seen to leave it out is not asked again, so that a short tail
   * which looks like the start of a timestamp is not held back.
   *
   * DEVIATION: fmt 3 repeats the extended timestamp (RTMP 1.0 §5.3.1.3) | because older ffmpeg and
   * librtmp leave it out | test "ChunkReader.push() reads continuations with the extended timestamp left
   * out"
   * DEVIATION: the same | because gortmplib (mediamtx) writes zeros | test "ChunkReader.push() reads
   * continuations with the extended timestamp zero"
   */
  #extendedBytes(stream: ChunkStream, bytes: Uint8Array, at: number, end: number): number {
    const isFirstOfMessage = stream.received < 0;
    if (isFirstOfMessage) return end - at < 4 ? -1 : 4;
    if (this.#omitsExtended) return 0;
    const available = Math.min(4, end - at);
    let isRepeated = true;
    let isZero = true;
    for (let i = 0; i < available; i++) {
      const byte = bytes[at + i]!;
      if (byte !== ((stream.extended >>> (24 - 8 * i)) & 0xFF)) isRepeated = false;
      if (byte !== 0) isZero = false;
    }
    if (!isRepeated && !isZero) {
      this.#omitsExtended = true;
      return 0;
    }
    return available < 4 ? -1 : 4;
  }

  #openStream(csid: number): ChunkStream {
    if (this.#streams.size >= this.#limits.maxChunkStreams) {
      throw this.#error(
        "chunk.too_many_streams",
        `Cannot open chunk stream ${csid}: ${this.#streams.size} are open, which is the limit`,
      );
    }
    const stream = new ChunkStream();
    this.#streams.set(csid, stream);
    return stream;
  }

  #openMessage(
    stream: ChunkStream,
    fmt: number,
    extended: number,
    bytes: Uint8Array,
    header: number,
    csid: number,
  ): void {
    if (fmt <= 1) {
      const length = readU24(bytes, header + 3);
      if (length > this.#limits.maxMessageBytes) {
        throw this.#error(
          "chunk.message_too_long",
          `Cannot take a message of ${length} bytes on csid ${csid}: ` +
            `the limit is ${this.#limits.maxMessageBytes}`,
        );
      }
      stream.length = length;
      stream.typeId = bytes[header + 6]!;
    }
    if (fmt === 0) {
      stream.msid = readLittleEndianU32(bytes, header + 7);
      stream.timestampMs = extended >= 0 ? extended : readU24(bytes, header);
      // RTMP 1.0 §5.3.1.2.4: a fmt 3 after a fmt 0 takes the fmt 0 timestamp as its delta. SRS, ffmpeg
      // and rust-media-libs read it that way; nginx-rtmp and gortmplib take 0. Peers rarely write it.
      stream.deltaMs = stream.timestampMs;
    } else {
      // DEVIATION: a chunk stream opens with fmt 0 | because librtmp opens its ping with fmt 1 | test
      // "ChunkReader.push() takes fmt 1 as the first chunk of a chunk stream".
      if (fmt !== 3) stream.deltaMs = extended >= 0 ? extended : readU24(bytes, header);
      stream.timestampMs = addU32(stream.timestampMs, stream.deltaMs);
    }
    stream.extended = extended;
    stream.received = 0;
  }

  #pushPayload(stream: ChunkStream, bytes: Uint8Array, at: number): number {
    const take = Math.min(this.#chunkRemaining, bytes.length - at);
    const end = at + take;
    this.#consumed += take;
    if (take === stream.length && stream.received === 0) {
      this.#current = null;
      this.#emit(stream, bytes.subarray(at, end));
      return end;
    }
    this.#assemble(stream, bytes, at, end);
    this.#chunkRemaining -= take;
    if (this.#chunkRemaining > 0) return end;
    this.#current = null;
    if (stream.received === stream.length) {
      this.#emit(stream, stream.assembly.subarray(0, stream.length));
      if (!isWorthKeeping(stream)) this.#release(stream);
    }
    return end;
  }

  #assemble(stream: ChunkStream, bytes: Uint8Array, at: number, end: number): void {
    const needed = stream.received + end - at;
    if (needed > stream.assembly.length) {
      const doubled = Math.max(needed, MIN_ASSEMBLY_BYTES, stream.assembly.length * 2);
      this.#grow(stream, Math.min(doubled, Math.max(needed, stream.length)));
    }
    stream.assembly.set(bytes.subarray(at, end), stream.received);
    stream.received = needed;
  }

  #grow(stream: ChunkStream, capacity: number): void {
    const { maxUnassembledBytes } = this.#limits;
    const growth = capacity - stream.assembly.length;
    if (this.#assemblyBytes + growth > maxUnassembledBytes) this.#releaseIdle();
    if (this.#assemblyBytes + growth > maxUnassembledBytes) {
      throw this.#error(
        "chunk.too_much_unassembled",
        `Cannot hold ${this.#assemblyBytes + growth} bytes of unfinished messages: ` +
          `the limit is ${maxUnassembledBytes}`,
      );
    }
    const larger = new Uint8Array(capacity);
    larger.set(stream.assembly.subarray(0, stream.received));
    this.#assemblyBytes += growth;
    stream.assembly = larger;
  }

  /** Gives up the buffers that are only kept for messages to come. */
  #releaseIdle(): void {
    for (const stream of this.#streams.values()) {
      if (stream.received < 0) this.#release(stream);
    }
  }

  #release(stream: ChunkStream): void {
    this.#assemblyBytes -= stream.assembly.length;
    stream.assembly = NO_BYTES;
  }

  #emit(stream: ChunkStream, payload: Uint8Array): void {
    stream.received = -1;
    if (stream.typeId === MessageType.SET_CHUNK_SIZE) {
      this.#setChunkSize(payload);
    } else if (stream.typeId === MessageType.ABORT) {
      this.#abort(payload);
    }
    this.#sink.onMessage(stream.typeId, stream.timestampMs, stream.msid, payload);
  }

  #setChunkSize(payload: Uint8Array): void {
    const size = payload.length >= 4 ? readU32(payload, 0) : 0;
    if (size === 0 || size > 0x7FFFFFFF) {
      throw this.#error(
        "chunk.bad_chunk_size",
        `Cannot use chunk size ${size}: it must be 1 to ${0x7FFFFFFF}`,
      );
    }
    this.#chunkSize = Math.min(size, MAX_CHUNK_SIZE);
  }

  #abort(payload: Uint8Array): void {
    if (payload.length < 4) return;
    const stream = this.#streams.get(readU32(payload, 0));
    if (stream !== undefined) stream.received = -1;
  }

  #error(code: `chunk.${string}`, message: string, fix = ""): WireError {
    return new WireError(code, message, { offset: this.#consumed, fix });
  }
}

function isWorthKeeping({ typeId, assembly }: ChunkStream): boolean {
  const isMedia = typeId === MessageType.VIDEO || typeId === MessageType.AUDIO;
  return isMedia && assembly.length <= MAX_KEPT_ASSEMBLY_BYTES;
}

function readLittleEndianU32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) |
    (bytes[offset + 3]! << 24)) >>> 0;
}
