import { readU24, readU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { addU32 } from "../base/u32.ts";
import { CONSTANT_LIMITS, isCommand, type LimitsSource, longestMessage } from "./chunk_limits.ts";
import { assemblies, assemblyBytesFor, ChunkStream, NO_BYTES } from "./chunk_stream.ts";
import {
  EXTENDED_TIMESTAMP,
  INITIAL_CHUNK_SIZE,
  MAX_CHUNK_SIZE,
  MessageType,
} from "./constants.ts";

/** Receives complete messages. */
export interface MessageSink {
  /**
   * @param timestampMs Absolute timestamp, u32.
   * @param payload Valid only during the call, because its memory is reused.
   */
  onMessage(typeId: number, timestampMs: number, msid: number, payload: Uint8Array): void;
}

/**
 * Most chunks that one {@linkcode ChunkReader.pushPart} reads: about a millisecond of work with
 * messages of one byte. Honest peers send a read buffer in fewer.
 */
const CHUNKS_PER_PART = 256;

/** Basic header (3) + message header (11) + extended timestamp (4). */
const MAX_HEADER_BYTES = 18;

/** Length of the message header by fmt (RTMP 1.0 §5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/**
 * Reads chunks and reassembles messages (RTMP 1.0 §5.3). Accepts bytes in pieces of any size and
 * calls its sink once per complete message. Applies SetChunkSize and Abort, because they affect the
 * very next chunk.
 *
 * The parser alternates between two states. `#current` is null in HEADER and the chunk stream in
 * PAYLOAD:
 *
 *     HEADER ── header complete ──> PAYLOAD ── chunk complete ──> HEADER
 *      │  ^                          │   ^      (and sink.onMessage() if
 *      └──┘ incomplete:              └───┘       the message is complete)
 *           bytes go to #head        incomplete: bytes go to the
 *                                    chunk stream's assembly
 *
 * - Each chunk stream assembles its own message, so messages may interleave.
 * - Memory grows with the bytes received, never with the lengths that a peer announces.
 * - A message that is contained in one chunk of one input is passed on as a view, without a copy.
 * - Limits are asked for at use, because they depend on what the peer does.
 */
export class ChunkReader {
  readonly #sink: MessageSink;
  readonly #limits: LimitsSource;
  readonly #streams = new Map<number, ChunkStream>();
  #chunkSize = INITIAL_CHUNK_SIZE;
  /** Total capacity of all assembly buffers. */
  #assemblyBytes = 0;
  /** Number of bytes consumed, for errors. */
  #consumed = 0;
  /** An incomplete header. Created when first needed: most players never send one in pieces. */
  #head: Uint8Array | null = null;
  #headLength = 0;
  /** Chunk stream of the payload being read; null while a header is read. */
  #current: ChunkStream | null = null;
  #chunkRemaining = 0;
  /** Chunks that the current part may still have. */
  #partChunks = 0;
  /** Whether the peer omitted the extended timestamp of a continuation chunk before. */
  #omitsExtended = false;

  constructor(sink: MessageSink, limits: LimitsSource = CONSTANT_LIMITS) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** The peer's chunk size in bytes. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /**
   * Reads the next bytes and calls the sink for every message that they complete. The caller may
   * reuse `bytes` afterwards.
   *
   * @throws {WireError} `chunk.*` when the peer violates the protocol or a limit; call nothing
   *   afterwards
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.pushPart(bytes.subarray(at));
  }

  /**
   * Reads like {@linkcode push}, but returns early: after a command, or after 256 chunks. So the
   * caller can give others a turn, however short a peer's messages are.
   *
   * @returns bytes read, at least one unless there are none; pass the rest in the next call
   * @throws {WireError} as {@linkcode push} does
   */
  // HOT: all received bytes. Measured by bench/codec_bench.ts.
  pushPart(bytes: Uint8Array): number {
    this.#partChunks = CHUNKS_PER_PART;
    let at = 0;
    while (at < bytes.length || this.#isChunkEmpty) {
      if (this.#current !== null) at = this.#pushPayload(this.#current, bytes, at);
      else if (this.#partChunks-- <= 0) break;
      else at = this.#pushHeader(bytes, at);
    }
    return at;
  }

  /** A message without payload is complete with its header. */
  get #isChunkEmpty(): boolean {
    return this.#current !== null && this.#chunkRemaining === 0;
  }

  #pushHeader(bytes: Uint8Array, at: number): number {
    if (this.#headLength === 0) {
      const size = this.#openChunk(bytes, at, bytes.length);
      if (size > 0) {
        this.#consumed += size;
        return at + size;
      }
    }
    // The header is incomplete: collect it byte by byte. This happens at most once per input.
    const head = this.#head ??= new Uint8Array(MAX_HEADER_BYTES);
    head[this.#headLength++] = bytes[at]!;
    const size = this.#openChunk(head, 0, this.#headLength);
    if (size === 0) return at + 1;
    // The four bytes peeked for an extended timestamp may turn out to be payload: read them again.
    const unused = this.#headLength - size;
    this.#headLength = 0;
    this.#consumed += size;
    if (unused === 0) return at + 1;
    const peeked = head.slice(size, size + unused);
    // All of them, even if the part is over.
    for (let i = 0; i < unused || this.#isChunkEmpty;) {
      i = this.#current === null
        ? this.#pushHeader(peeked, i)
        : this.#pushPayload(this.#current, peeked, i);
    }
    return at + 1;
  }

  /**
   * Reads one chunk header at `at` and makes its chunk stream the current one.
   *
   * @returns the length of the header, or 0 when more bytes are needed, without any change of state
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
    if (fmt !== 3 && isContinuation && !repeatsHeader(known, fmt, bytes, at + basic)) {
      throw this.#error(
        "chunk.unfinished_message",
        `Cannot start a message on csid ${csid} with fmt ${fmt}: ` +
          `only ${known.received} of ${known.length} bytes of the previous one were received`,
      );
    }
    if (known === undefined && fmt >= 2) {
      throw this.#error(
        "chunk.no_previous",
        `Cannot read chunk on csid ${csid}: fmt ${fmt} before any fmt 0`,
        "the peer must start each chunk stream with fmt 0",
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
   * Returns the length of the extended timestamp of a fmt 3 chunk at `at`: 4, 0, or -1 when more
   * bytes are needed to decide. Once a peer has omitted it, it is never expected again, so that a
   * short payload which looks like the start of a timestamp is not held back.
   *
   * DEVIATION: fmt 3 repeats the extended timestamp (RTMP 1.0 §5.3.1.3) | because older ffmpeg and
   * librtmp omit it | test "ChunkReader.push() reads continuations with the extended timestamp
   * omitted"
   * DEVIATION: the same | because gortmplib (mediamtx) writes zeros | test "ChunkReader.push()
   * reads continuations with the extended timestamp zero"
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
    if (this.#streams.size >= this.#limits.limits.maxChunkStreams) {
      throw this.#error(
        "chunk.too_many_streams",
        `Cannot open chunk stream ${csid}: the limit of ${this.#streams.size} is reached`,
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
      stream.length = readU24(bytes, header + 3);
      stream.typeId = bytes[header + 6]!;
      this.#requireLength(stream, csid);
    }
    if (fmt === 0) {
      stream.msid = readLittleEndianU32(bytes, header + 7);
      stream.timestampMs = extended >= 0 ? extended : readU24(bytes, header);
      // RTMP 1.0 §5.3.1.2.4: a fmt 3 after a fmt 0 uses the timestamp of the fmt 0 as its delta.
      // SRS, ffmpeg and rust-media-libs do so; nginx-rtmp and gortmplib use 0. It is rare.
      stream.deltaMs = stream.timestampMs;
    } else {
      // DEVIATION: a chunk stream starts with fmt 0 | because librtmp starts its ping with fmt 1 |
      // test "ChunkReader.push() accepts fmt 1 as the first chunk of a chunk stream"
      if (fmt !== 3) stream.deltaMs = extended >= 0 ? extended : readU24(bytes, header);
      stream.timestampMs = addU32(stream.timestampMs, stream.deltaMs);
    }
    stream.extended = extended;
    stream.received = 0;
  }

  #requireLength({ typeId, length }: ChunkStream, csid: number): void {
    const limit = longestMessage(typeId, this.#limits.limits);
    if (length <= limit) return;
    throw this.#error(
      "chunk.message_too_long",
      `Cannot accept message of ${length} bytes, type ${typeId}, on csid ${csid}: ` +
        `the limit is ${limit}`,
    );
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
      this.#release(stream);
    }
    return end;
  }

  #assemble(stream: ChunkStream, bytes: Uint8Array, at: number, end: number): void {
    const needed = stream.received + end - at;
    if (needed > stream.assembly.length) this.#grow(stream, assemblyBytesFor(needed, stream));
    stream.assembly.set(bytes.subarray(at, end), stream.received);
    stream.received = needed;
  }

  #grow(stream: ChunkStream, capacity: number): void {
    const { maxUnassembledBytes } = this.#limits.limits;
    const totalBytes = this.#assemblyBytes + capacity - stream.assembly.length;
    if (totalBytes > maxUnassembledBytes) {
      throw this.#error(
        "chunk.too_much_unassembled",
        `Cannot buffer ${totalBytes} bytes of incomplete messages: ` +
          `the limit is ${maxUnassembledBytes}`,
      );
    }
    const larger = assemblies.take(capacity);
    larger.set(stream.assembly.subarray(0, stream.received));
    this.#release(stream);
    this.#assemblyBytes += capacity;
    stream.assembly = larger;
  }

  #release(stream: ChunkStream): void {
    this.#assemblyBytes -= stream.assembly.length;
    assemblies.give(stream.assembly);
    stream.assembly = NO_BYTES;
  }

  #emit(stream: ChunkStream, payload: Uint8Array): void {
    stream.received = -1;
    if (stream.typeId === MessageType.SET_CHUNK_SIZE) {
      this.#setChunkSize(payload);
    } else if (stream.typeId === MessageType.ABORT) {
      this.#abort(payload);
    } else if (isCommand(stream.typeId)) {
      this.#partChunks = 0;
    }
    this.#sink.onMessage(stream.typeId, stream.timestampMs, stream.msid, payload);
  }

  #setChunkSize(payload: Uint8Array): void {
    if (payload.length < 4) return;
    const size = readU32(payload, 0);
    if (size === 0 || size > 0x7FFFFFFF) {
      throw this.#error(
        "chunk.bad_chunk_size",
        `Cannot use chunk size ${size}: it must be between 1 and ${0x7FFFFFFF}`,
      );
    }
    this.#chunkSize = Math.min(size, MAX_CHUNK_SIZE);
  }

  #abort(payload: Uint8Array): void {
    if (payload.length < 4) return;
    const stream = this.#streams.get(readU32(payload, 0));
    if (stream === undefined) return;
    stream.received = -1;
    this.#release(stream);
  }

  #error(code: `chunk.${string}`, message: string, fix = ""): WireError {
    return new WireError(code, message, { offset: this.#consumed, fix });
  }
}

/**
 * Whether a chunk in the middle of a message has the message's own header again, at `at`. Its
 * timestamp is ignored.
 *
 * DEVIATION: such chunks have fmt 3 (RTMP 1.0 §5.3.1.2.4) | because nginx-rtmp and SRS take these
 * | test "ChunkReader.push() reads continuations with the header of fmt 1 or 2"
 */
function repeatsHeader(stream: ChunkStream, fmt: number, bytes: Uint8Array, at: number): boolean {
  if (fmt !== 1) return fmt === 2;
  return readU24(bytes, at + 3) === stream.length && bytes[at + 6] === stream.typeId;
}

function readLittleEndianU32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) |
    (bytes[offset + 3]! << 24)) >>> 0;
}
