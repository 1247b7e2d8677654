/**
 * Bytes are written by hand from RTMP 1.0 §5.3, one field per group: basic header, timestamp,
 * length, type, message stream id, extended timestamp, payload. Captured bytes are from
 * tests/fixtures/publisher_captures.ts.
 */

import { concatBytes } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { type ChunkLimits, MEDIA_LIMITS } from "../../lib/rtmp/chunk_limits.ts";
import { ChunkReader } from "../../lib/rtmp/chunk_reader.ts";
import {
  FFMPEG_AUDIO_VIDEO,
  LIBRTMP_AUDIO_VIDEO,
  LIBRTMP_VIDEO,
  RTMP2SINK_AUDIO_VIDEO,
  SOURCE_FLV,
} from "../fixtures/publisher_captures.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { feedAtEverySplit } from "../helpers/split.ts";

/** Type id, timestamp, message stream id, payload. */
type Message = readonly [number, number, number, Uint8Array];

/** Result of a connection: messages, and the code of the error that ended it. */
interface Outcome {
  readonly messages: readonly Message[];
  readonly code?: string;
}

const MIB = 1024 * 1024;

function readChunks(chunks: readonly Uint8Array[], limits?: ChunkLimits): Outcome {
  const messages: Message[] = [];
  const reader = new ChunkReader({
    onMessage: (typeId, timestampMs, msid, payload) =>
      messages.push([typeId, timestampMs, msid, payload.slice()]),
  }, limits === undefined ? undefined : { limits });
  try {
    for (const chunk of chunks) reader.push(chunk);
    return { messages };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { messages, code: error.code };
  }
}

/** Outcome of the concatenated parts, asserted to be the same for every split. */
function read(...parts: readonly (string | Uint8Array)[]): Outcome {
  const bytes = join(parts);
  // As text, because assertions are slow for arrays.
  feedAtEverySplit(bytes, (chunks) => describe(readChunks(chunks)));
  return readChunks([bytes]);
}

function describe({ messages, code }: Outcome): string {
  return [...messages, code].join("\n");
}

function join(parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return concatBytes(parts.map((part) => typeof part === "string" ? hex(part) : part));
}

/** `length` bytes that start with 0x11 and contain no four bytes twice. */
function filler(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (0x11 + i * 37 + (i >>> 8)) & 0xff);
}

/** A number as four hexadecimal bytes. */
function u32Hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** A number as three hexadecimal bytes. */
function u24Hex(value: number): string {
  return value.toString(16).padStart(6, "0");
}

function setChunkSize(size: number): string {
  return `02 000000 000004 01 00000000 ${u32Hex(size)}`;
}

function abort(csid: number): string {
  return `02 000000 000004 02 00000000 ${u32Hex(csid)}`;
}

/** A message on csid 4 that proves that the following bytes are still read correctly. */
const AFTER = "04 00000a 000002 08 01000000 af01";
const AFTER_MESSAGE: Message = [8, 10, 1, hex("af01")];

// Chunk stream ids (§5.3.1.1)

const CSIDS = [
  { csid: 2, form: "1-byte", fmt0: "02", fmt3: "c2" },
  { csid: 63, form: "1-byte", fmt0: "3f", fmt3: "ff" },
  { csid: 64, form: "2-byte", fmt0: "00 00", fmt3: "c0 00" },
  { csid: 64, form: "3-byte", fmt0: "01 00 00", fmt3: "c1 00 00" },
  { csid: 319, form: "2-byte", fmt0: "00 ff", fmt3: "c0 ff" },
  { csid: 319, form: "3-byte", fmt0: "01 ff 00", fmt3: "c1 ff 00" },
  { csid: 320, form: "3-byte", fmt0: "01 00 01", fmt3: "c1 00 01" },
  { csid: 65599, form: "3-byte", fmt0: "01 ff ff", fmt3: "c1 ff ff" },
] as const;

for (const { csid, form, fmt0, fmt3 } of CSIDS) {
  Deno.test(`ChunkReader.push() reads csid ${csid} in the ${form} form`, () => {
    const payload = filler(130);
    assertEquals(
      read(
        fmt0,
        "000007 000082 09 01000000",
        payload.subarray(0, 128),
        fmt3,
        payload.subarray(128),
      ),
      { messages: [[9, 7, 1, payload]] },
    );
  });

  Deno.test(`ChunkReader.push() names csid ${csid} of the ${form} form in an error`, () => {
    const reader = new ChunkReader({ onMessage() {} });
    assertThrows(() => reader.push(hex(fmt3)), WireError, `csid ${csid}:`);
  });
}

Deno.test("ChunkReader.push() treats the 2- and 3-byte forms of a csid as one chunk stream", () => {
  const payload = filler(300);
  assertEquals(
    read(
      ...["01 00 00", "000007 00012c 09 01000000", payload.subarray(0, 128)],
      ...["c0 00", payload.subarray(128, 256)],
      ...["c1 00 00", payload.subarray(256)],
    ),
    { messages: [[9, 7, 1, payload]] },
  );
});

// Message headers (§5.3.1.2)

Deno.test("ChunkReader.push() reads all four message headers", () => {
  const outcome = read(
    "06 0003e8 000003 09 0d0c0b0a  a1a2a3", // fmt 0: 1000 ms, video; the id is little-endian
    "46 000014 000002 08           b1b2  ", // fmt 1: +20 ms, two bytes of audio
    "86 000017                     c1c2  ", // fmt 2: +23 ms
    "c6                            d1d2  ", // fmt 3: +23 ms again
  );
  assertEquals(outcome, {
    messages: [
      [9, 1000, 0x0a0b0c0d, hex("a1a2a3")],
      [8, 1020, 0x0a0b0c0d, hex("b1b2")],
      [8, 1043, 0x0a0b0c0d, hex("c1c2")],
      [8, 1066, 0x0a0b0c0d, hex("d1d2")],
    ],
  });
});

Deno.test("ChunkReader.push() adds the fmt 0 timestamp when fmt 3 starts the next message", () => {
  // §5.3.1.2.4: "its delta is the same as the timestamp of the type 0 chunk".
  assertEquals(read("06 0003e8 000001 09 01000000 a1", "c6 b1", "c6 c1"), {
    messages: [[9, 1000, 1, hex("a1")], [9, 2000, 1, hex("b1")], [9, 3000, 1, hex("c1")]],
  });
});

Deno.test("ChunkReader.push() keeps the headers of chunk streams apart", () => {
  const outcome = read(
    "04 0003e8 000001 08 01000000 a1",
    "06 0007d0 000002 09 05000000 b1b2",
    "84 000001 a2",
    "86 000002 b3b4",
    "c4 a3",
  );
  assertEquals(outcome, {
    messages: [
      [8, 1000, 1, hex("a1")],
      [9, 2000, 5, hex("b1b2")],
      [8, 1001, 1, hex("a2")],
      [9, 2002, 5, hex("b3b4")],
      [8, 1002, 1, hex("a3")],
    ],
  });
});

Deno.test("ChunkReader.push() accepts fmt 1 as the first chunk of a chunk stream", () => {
  // librtmp starts its pings like this: csid 2, timestamp 7 and no message stream id.
  assertEquals(read("42 000007 000006 04  0006 00000001", "c2 0006 00000002"), {
    messages: [[4, 7, 0, hex("0006 00000001")], [4, 14, 0, hex("0006 00000002")]],
  });
});

for (const { fmt, chunk } of [{ fmt: 2, chunk: "86 000017 aa" }, { fmt: 3, chunk: "c6 aa" }]) {
  Deno.test(`ChunkReader.push() rejects fmt ${fmt} as the first chunk of a chunk stream`, () => {
    assertEquals(read(AFTER, chunk), { messages: [AFTER_MESSAGE], code: "chunk.no_previous" });
  });
}

Deno.test("ChunkReader.push() reads a 24-bit timestamp", () => {
  assertEquals(read("06 fffffe 000001 09 01000000 a1"), {
    messages: [[9, 0xfffffe, 1, hex("a1")]],
  });
});

Deno.test("ChunkReader.push() adds deltas across the wrap of 32-bit timestamps", () => {
  const outcome = read(
    "06 ffffff 000001 09 01000000 fffffff0 a1",
    "86 000020 b1",
    "c6 c1",
    "46 ffffff 000001 09 ffffffe0 d1", // 32 ms back, as librtmp writes it
  );
  assertEquals(outcome.messages.map(([, timestampMs]) => timestampMs), [
    0xfffffff0,
    0x10,
    0x30,
    0x10,
  ]);
});

// Assembly (§5.3.2)

Deno.test("ChunkReader.push() assembles interleaved messages", () => {
  const [video, audio] = [filler(300), filler(200).reverse()];
  const outcome = read(
    ...["06 000001 00012c 09 01000000", video.subarray(0, 128)],
    ...["04 000002 0000c8 08 01000000", audio.subarray(0, 128)],
    ...["c6", video.subarray(128, 256)],
    ...["c4", audio.subarray(128)],
    ...["44 000005 000001 08 a1"],
    ...["c6", video.subarray(256)],
  );
  assertEquals(outcome, {
    messages: [[8, 2, 1, audio], [8, 7, 1, hex("a1")], [9, 1, 1, video]],
  });
});

for (const length of [127, 128, 129, 255, 256, 257]) {
  Deno.test(`ChunkReader.push() assembles ${length} bytes at chunk size 128`, () => {
    const payload = filler(length);
    const parts = [payload.subarray(0, 128)];
    for (let at = 128; at < length; at += 128) {
      parts.push(hex("c6"), payload.subarray(at, at + 128));
    }
    assertEquals(read("06 000001", u24Hex(length), "09 01000000", ...parts, AFTER), {
      messages: [[9, 1, 1, payload], AFTER_MESSAGE],
    });
  });
}

Deno.test("ChunkReader.push() emits messages without payload", () => {
  const outcome = read(
    "06 000005 000000 09 01000000", // fmt 0
    "c6                          ", // fmt 3: the same again
    "46 000001 000000 08         ", // fmt 1
    "86 000001                   ", // fmt 2, the last byte of all
  );
  assertEquals(outcome, {
    messages: [
      [9, 5, 1, hex("")],
      [9, 10, 1, hex("")],
      [8, 11, 1, hex("")],
      [8, 12, 1, hex("")],
    ],
  });
});

Deno.test("ChunkReader.push() emits a message without payload between two chunks of another", () => {
  const payload = filler(130);
  const outcome = read(
    ...["06 000001 000082 09 01000000", payload.subarray(0, 128)],
    ...["04 ffffff 000000 08 01000000 01000000"],
    ...["c6", payload.subarray(128)],
  );
  assertEquals(outcome, { messages: [[8, 0x1000000, 1, hex("")], [9, 1, 1, payload]] });
});

const SECOND_STARTS = [
  { fmt: 0, start: "06 000002 000082 09 01000000" },
  { fmt: "1 with another length", start: "46 000002 000083 09" },
  { fmt: "1 with another type", start: "46 000002 000082 08" },
];

Deno.test("ChunkReader.push() reads continuations with the header of fmt 1 or 2", () => {
  const payload = filler(140);
  const starts = ["46 000005 00008c 09", "86 000005", "86 ffffff 01000000"];
  for (const start of starts) {
    // The next message uses the delta of before.
    assertEquals(
      read(
        ...["06 000001 00008c 09 01000000", payload.subarray(0, 128), start, payload.subarray(128)],
        ...["46 000003 000001 09 aa", "c6 bb"],
      ),
      { messages: [[9, 1, 1, payload], [9, 4, 1, hex("aa")], [9, 7, 1, hex("bb")]] },
    );
  }
});

for (const { fmt, start } of SECOND_STARTS) {
  Deno.test(`ChunkReader.push() rejects fmt ${fmt} in the middle of a message`, () => {
    assertEquals(read("06 000001 000082 09 01000000", filler(128), start), {
      messages: [],
      code: "chunk.unfinished_message",
    });
  });
}

// SetChunkSize (§5.4.1)

Deno.test("ChunkReader.push() uses a new chunk size from the next chunk on, even within a message", () => {
  const payload = filler(200);
  const outcome = read(
    ...["06 000001 0000c8 09 01000000", payload.subarray(0, 128)],
    ...[setChunkSize(50), "c6", payload.subarray(128, 178)],
    ...[setChunkSize(4000), "c6", payload.subarray(178)],
    ...["46 000000 0000c8 09", payload],
  );
  assertEquals(outcome.messages, [
    [1, 0, 0, hex("00000032")],
    [1, 0, 0, hex("00000fa0")],
    [9, 1, 1, payload],
    [9, 1, 1, payload],
  ]);
});

Deno.test("ChunkReader.push() reads chunks of one byte", () => {
  // The second SetChunkSize itself is split by the new size.
  const second = "42 000000 000004 01 00 c2 00 c2 00 c2 80";
  assertEquals(
    read(setChunkSize(1), "06 000001 000003 09 01000000 a1 c6 a2 c6 a3", second, AFTER),
    {
      messages: [
        [1, 0, 0, hex("00000001")],
        [9, 1, 1, hex("a1a2a3")],
        [1, 0, 0, hex("00000080")],
        AFTER_MESSAGE,
      ],
    },
  );
});

for (const size of [0, 0x80000000, 0xffffffff]) {
  Deno.test(`ChunkReader.push() rejects the chunk size 0x${u32Hex(size)}`, () => {
    assertEquals(read(AFTER, setChunkSize(size), AFTER), {
      messages: [AFTER_MESSAGE],
      code: "chunk.bad_chunk_size",
    });
  });
}

Deno.test("ChunkReader.push() ignores a SetChunkSize of three bytes", () => {
  const reader = new ChunkReader({ onMessage() {} });
  reader.push(hex("02 000000 000003 01 00000000 00003C"));
  assertEquals(reader.chunkSize, 128);
});

Deno.test("ChunkReader.chunkSize is the announced size, at most that of the longest message", () => {
  const reader = new ChunkReader({ onMessage() {} });
  assertEquals(reader.chunkSize, 128);
  reader.push(hex(setChunkSize(60_000)));
  assertEquals(reader.chunkSize, 60_000);
  reader.push(hex(setChunkSize(0x7fffffff)));
  assertEquals(reader.chunkSize, 0xffffff);
});

// Abort (§5.4.2)

Deno.test("ChunkReader.push() discards the incomplete message that the peer aborts", () => {
  const half = ["06 000001 000082 09 01000000", filler(128)] as const;
  const outcome = read(
    ...[...half, abort(6), "46 000001 000001 09 b1"],
    ...[...half, abort(6), "06 000009 000001 09 01000000 c1"],
  );
  assertEquals(outcome.messages.filter(([typeId]) => typeId === 9), [
    [9, 2, 1, hex("b1")],
    [9, 9, 1, hex("c1")],
  ]);
});

Deno.test("ChunkReader.push() reads fmt 3 after an abort as the start of a message", () => {
  const payload = filler(130);
  const outcome = read(
    ...["06 000001 000082 09 01000000", filler(128), abort(6)],
    ...["c6", payload.subarray(0, 128), "c6", payload.subarray(128)],
  );
  assertEquals(outcome.messages, [[2, 0, 0, hex("00000006")], [9, 2, 1, payload]]);
});

Deno.test("ChunkReader.push() keeps messages of other chunk streams on an abort", () => {
  const payload = filler(130);
  const outcome = read(
    ...["06 000001 000082 09 01000000", payload.subarray(0, 128)],
    ...["04 000001 000082 08 01000000", payload.subarray(0, 128)],
    ...[abort(4), "c6", payload.subarray(128)],
  );
  assertEquals(outcome.messages.at(-1), [9, 1, 1, payload]);
});

for (
  const { what, bytes } of [
    { what: "a chunk stream that was never used", bytes: abort(70_000) },
    { what: "a chunk stream between two messages", bytes: abort(4) },
    { what: "no chunk stream", bytes: "02 000000 000000 02 00000000" },
  ]
) {
  Deno.test(`ChunkReader.push() ignores an abort of ${what}`, () => {
    const { messages, code } = read(AFTER, bytes, AFTER);
    assertEquals([messages[0], messages[2], code], [AFTER_MESSAGE, AFTER_MESSAGE, undefined]);
  });
}

// Extended timestamps (§5.3.1.3)

/**
 * Bytes between the basic header and the payload of a continuation: the specified form and two
 * others.
 */
const CONTINUATION_STYLES = {
  "repeated": (extended: string) => extended,
  "omitted": () => "",
  "zero": () => "00000000",
} as const;

for (const [style, write] of Object.entries(CONTINUATION_STYLES)) {
  Deno.test(`ChunkReader.push() reads continuations with the extended timestamp ${style}`, () => {
    for (const timestampMs of [0xfffffe, 0xffffff, 0x1000000, 0xffffffff]) {
      const isExtended = timestampMs >= 0xffffff;
      const field = isExtended ? "ffffff" : u24Hex(timestampMs);
      const extended = isExtended ? u32Hex(timestampMs) : "";
      const next = isExtended ? write(extended) : "";
      const payload = filler(300);
      const message = [
        ...[`06 ${field} 00012c 09 01000000 ${extended}`, payload.subarray(0, 128)],
        ...[`c6 ${next}`, payload.subarray(128, 256)],
        ...[`c6 ${next}`, payload.subarray(256)],
      ];
      assertEquals(read(...message, AFTER, ...message), {
        messages: [[9, timestampMs, 1, payload], AFTER_MESSAGE, [9, timestampMs, 1, payload]],
      }, `at 0x${u32Hex(timestampMs)}`);
    }
  });

  for (const tailBytes of [1, 2, 3, 4, 5]) {
    Deno.test(`ChunkReader.push() reads a last continuation of ${tailBytes} bytes with the extended timestamp ${style}`, () => {
      // Bytes that look like the timestamp for as long as possible.
      const payload = concatBytes([filler(128), hex("0102030505").subarray(0, tailBytes)]);
      const outcome = read(
        ...[`06 ffffff ${u24Hex(payload.length)} 09 01000000 01020306`, payload.subarray(0, 128)],
        ...[`c6 ${write("01020306")}`, payload.subarray(128)],
        AFTER,
      );
      assertEquals(outcome, { messages: [[9, 0x01020306, 1, payload], AFTER_MESSAGE] });
    });
  }
}

Deno.test("ChunkReader.push() reads the deltas of fmt 1, 2 and 3 from the extended field", () => {
  const outcome = read(
    "06 00000a 000001 09 01000000 a1",
    "46 ffffff 000001 09 01000000 b1",
    "86 ffffff           00ffffff c1",
    "c6                  00ffffff d1",
    "86 000001                    e1", // a 24-bit delta ends it
    "c6                           f1",
  );
  assertEquals(outcome.messages.map(([, timestampMs]) => timestampMs), [
    10,
    0x0100000a,
    0x02000009,
    0x03000008,
    0x03000009,
    0x0300000a,
  ]);
});

Deno.test("ChunkReader.push() compares a continuation with the extended delta, not with the timestamp", () => {
  const payload = filler(130);
  const outcome = read(
    "06 00000a 000001 09 01000000 a1",
    ...["46 ffffff 000082 09 01000000", payload.subarray(0, 128)],
    ...["c6 01000000", payload.subarray(128)],
  );
  assertEquals(outcome.messages[1], [9, 0x0100000a, 1, payload]);
});

Deno.test("ChunkReader.push() reads no extended field in a message with a 24-bit timestamp", () => {
  const payload = filler(130);
  const outcome = read(
    "06 ffffff 000001 09 01000000 02000000 a1",
    ...["46 000005 000082 09", payload.subarray(0, 128)],
    ...["c6", payload.subarray(128)],
  );
  assertEquals(outcome.messages[1], [9, 0x02000005, 1, payload]);
});

Deno.test("ChunkReader.push() remembers extended timestamps per chunk stream", () => {
  const payload = filler(130);
  const outcome = read(
    ...["06 ffffff 000082 09 01000000 01020304", payload.subarray(0, 128)],
    ...["04 000001 000082 08 01000000", payload.subarray(0, 128)],
    ...["c4", payload.subarray(128)],
    ...["c6 01020304", payload.subarray(128)],
  );
  assertEquals(outcome.messages, [[8, 1, 1, payload], [9, 0x01020304, 1, payload]]);
});

Deno.test("ChunkReader.push() compares a continuation with the field of the fmt 3 that started the message", () => {
  const payload = filler(130);
  const outcome = read(
    "06 00000a 000082 09 01000000",
    ...[payload.subarray(0, 128), "c6", payload.subarray(128)],
    ...["86 ffffff 01000000", payload.subarray(0, 128), "c6 01000000", payload.subarray(128)],
    // A peer that writes the timestamp instead of its delta.
    ...["c6 0200000a", payload.subarray(0, 128), "c6 0200000a", payload.subarray(128)],
  );
  assertEquals(outcome.messages, [
    [9, 10, 1, payload],
    [9, 0x0100000a, 1, payload],
    [9, 0x0200000a, 1, payload],
  ]);
});

Deno.test("ChunkReader.push() treats zeros as payload once the peer has omitted the timestamp", () => {
  const [first, second] = [filler(132), concatBytes([filler(128), new Uint8Array(4)])];
  const outcome = read(
    ...["06 ffffff 000084 09 01000000 01020304", first.subarray(0, 128), "c6", first.subarray(128)],
    ...["06 ffffff 000084 09 01000000 01020304", second.subarray(0, 128)],
    ...["c6", second.subarray(128)],
  );
  assertEquals(outcome.messages.map(([, , , payload]) => payload), [first, second]);
});

Deno.test("ChunkReader.push() does not wait for bytes after a short tail when the peer omits the timestamp", () => {
  const payload = concatBytes([filler(256), hex("010203")]);
  const bytes = join([
    ...["06 ffffff 000103 09 01000000 01020304", payload.subarray(0, 128)],
    ...["c6", payload.subarray(128, 256)], // proves that the timestamp is omitted
    ...["c6", payload.subarray(256)], // could be the start of 01020304
  ]);
  assertEquals(read(bytes), { messages: [[9, 0x01020304, 1, payload]] });
});

// Limits

const SMALL_LIMITS: ChunkLimits = {
  ...MEDIA_LIMITS,
  maxMessageBytes: 10_000,
  maxChunkStreams: 3,
  maxUnassembledBytes: 4096 * 3,
};

for (
  const { fmt, start } of [{ fmt: 0, start: "06 000000 002711 09 01000000" }, {
    fmt: 1,
    start: "46 000000 002711 09",
  }]
) {
  Deno.test(`ChunkReader.push() rejects a message over the limit at its fmt ${fmt} header`, () => {
    assertEquals(readChunks([hex(start)], SMALL_LIMITS), {
      messages: [],
      code: "chunk.message_too_long",
    });
  });
}

Deno.test("ChunkReader.push() accepts a message as long as the limit", () => {
  const payload = filler(10_000);
  assertEquals(
    readChunks(
      [join([setChunkSize(65_536), "06 000000 002710 09 01000000", payload])],
      SMALL_LIMITS,
    )
      .messages.at(-1),
    [9, 0, 1, payload],
  );
});

Deno.test("ChunkReader.push() rejects a command of more than 64 KiB, in either encoding", () => {
  // 0x10000 is 64 KiB; a command of that length is only begun.
  for (const type of ["14", "11"]) {
    assertEquals(readChunks([hex(`03 000000 010000 ${type} 00000000`)]), { messages: [] });
    assertEquals(readChunks([hex(`03 000000 010001 ${type} 00000000`)]), {
      messages: [],
      code: "chunk.message_too_long",
    });
  }
});

// Parts

Deno.test("ChunkReader.pushPart() reads 256 chunks, however short, and continues where it stopped", () => {
  let count = 0;
  const reader = new ChunkReader({ onMessage: () => count++ });
  // An empty audio message, then fmt 3 chunks that repeat it: one byte each.
  const bytes = join(["05 000000 000000 08 01000000", "c5".repeat(600)]);
  const taken = [0, 0, 0].map((_, part) =>
    reader.pushPart(bytes.subarray(part && [0, 267, 523][part]!))
  );
  assertEquals([taken, count], [[267, 256, 89], 601]);
});

Deno.test("ChunkReader.pushPart() stops after a command: one may be much work", () => {
  const reader = new ChunkReader({ onMessage() {} });
  const command = hex("03 000000 000001 14 00000000 05");
  assertEquals(reader.pushPart(join([command, command])), command.length);
});

Deno.test("ChunkReader.pushPart() reads a whole buffer of an honest publisher", () => {
  const reader = new ChunkReader({ onMessage() {} });
  reader.push(hex(setChunkSize(65_536)));
  // 60 KB of video in one chunk, and twenty audio messages.
  const audio = join(["04 000000 000064 08 01000000", filler(100)]);
  const bytes = join(["06 000000 00ea60 09 01000000", filler(60_000), ...Array(20).fill(audio)]);
  assertEquals(reader.pushPart(bytes), bytes.length);
});

Deno.test("ChunkReader.push() rejects the 65th of 70,000 chunk streams", () => {
  let opened = 0;
  const reader = new ChunkReader({ onMessage: () => opened++ });
  const open = (csid: number) => {
    const [low, high] = [(csid - 64) & 0xff, (csid - 64) >>> 8];
    reader.push(concatBytes([Uint8Array.of(1, low, high), hex("000000 000001 09 01000000 aa")]));
  };
  const error = assertThrows(() => {
    for (let csid = 64; csid < 64 + 70_000; csid++) open(csid);
  }, WireError);
  assertEquals([opened, error.code], [64, "chunk.too_many_streams"]);
});

Deno.test("ChunkReader.push() limits received bytes, not those that 64 chunk streams announce", () => {
  // 64 times 8 MiB are announced; 128 bytes of each are in the smallest buffer of 4 KiB.
  const limits = { ...MEDIA_LIMITS, maxUnassembledBytes: 64 * 4096 };
  const outcome = readChunks(
    Array.from(
      { length: 64 },
      (_, i) => join(["00", Uint8Array.of(i), "000000 800000 09 01000000", filler(128)]),
    ),
    limits,
  );
  assertEquals(outcome, { messages: [] });
});

/**
 * Chunk `part` of a message of `length` bytes on csid 64 + `stream`; chunks have the size of
 * `part`.
 */
function chunkOf(stream: number, part: Uint8Array, length: number | null): Uint8Array {
  const basic = Uint8Array.of(length === null ? 0xc0 : 0, stream);
  const header = length === null ? "" : `000000 ${u24Hex(length)} 09 01000000`;
  return join([basic, header, part]);
}

Deno.test("ChunkReader.push() rejects incomplete messages that exceed the limit in total", () => {
  const reader = new ChunkReader({ onMessage() {} });
  reader.push(hex(setChunkSize(MIB)));
  const part = filler(MIB);
  let arrivedBytes = 0;
  const error = assertThrows(() => {
    for (let stream = 0; stream < 60; stream++) {
      reader.push(chunkOf(stream, part, 2 * MIB));
      arrivedBytes += MIB;
    }
  }, WireError);
  assertEquals([error.code, arrivedBytes], ["chunk.too_much_unassembled", 16 * MIB]);
});

Deno.test("ChunkReader.push() buffers two messages of the maximum length at a time", () => {
  const lengths: number[] = [];
  const reader = new ChunkReader({
    onMessage: (_, __, ___, payload) => lengths.push(payload.length),
  });
  reader.push(hex(setChunkSize(MIB)));
  const part = filler(MIB);
  for (let round = 0; round < 8; round++) {
    for (const stream of [0, 1]) reader.push(chunkOf(stream, part, round === 0 ? 8 * MIB : null));
  }
  assertEquals(lengths, [4, 8 * MIB, 8 * MIB]);
});

Deno.test("ChunkReader.push() does not count completed messages towards the limit", () => {
  let messages = 0;
  const reader = new ChunkReader({ onMessage: () => messages++ });
  reader.push(hex(setChunkSize(256 * 1024)));
  const part = filler(256 * 1024);
  for (const partCount of [2, 3]) {
    for (let stream = 0; stream < 60; stream++) {
      reader.push(chunkOf(stream, part, partCount * part.length));
      for (let i = 1; i < partCount; i++) reader.push(chunkOf(stream, part, null));
    }
  }
  assertEquals(messages, 121);
});

Deno.test("ChunkReader.push() does not count aborted messages towards the limit", () => {
  const reader = new ChunkReader({ onMessage() {} });
  reader.push(hex(setChunkSize(MIB)));
  const part = filler(MIB);
  for (let round = 0; round < 100; round++) {
    const stream = round % 60;
    reader.push(chunkOf(stream, part, 2 * MIB));
    reader.push(hex(abort(64 + stream)));
  }
});

// Memory

Deno.test("ChunkReader.push() emits a message within one input as a view of it", () => {
  const input = hex(AFTER);
  let seen: Uint8Array | undefined;
  new ChunkReader({ onMessage: (_, __, ___, payload) => seen = payload }).push(input);
  assert(seen?.buffer === input.buffer, "the payload was copied");
});

Deno.test("ChunkReader.push() does not depend on an input after it returns", () => {
  const payload = filler(300);
  const bytes = join([
    ...["06 ffffff 00012c 09 01000000 01020304", payload.subarray(0, 128)],
    ...["c6 01020304", payload.subarray(128, 256)],
    ...["c6 01020304", payload.subarray(256), AFTER],
  ]);
  for (const bufferBytes of [1, 3, 17, 150]) {
    const buffer = new Uint8Array(bufferBytes);
    const messages: Message[] = [];
    const reader = new ChunkReader({
      onMessage: (...message) =>
        messages.push([message[0], message[1], message[2], message[3].slice()]),
    });
    for (let at = 0; at < bytes.length; at += bufferBytes) {
      const part = bytes.subarray(at, at + bufferBytes);
      buffer.set(part);
      reader.push(buffer.subarray(0, part.length));
      buffer.fill(0xee);
    }
    assertEquals(messages, [[9, 0x01020304, 1, payload], AFTER_MESSAGE]);
  }
});

Deno.test("ChunkReader.push() reports the offset of an error in the connection", () => {
  const bytes = join([AFTER, AFTER, "c6 aa"]);
  for (const cut of [0, 1, 14, 27, 28]) {
    const reader = new ChunkReader({ onMessage() {} });
    const error = assertThrows(() => {
      reader.push(bytes.subarray(0, cut));
      reader.push(bytes.subarray(cut));
    }, WireError);
    assertEquals(error.offset, 28);
  }
});

// Real publishers

/** Sizes of the pieces of a capture: single bytes, a TCP segment, a typical read buffer. */
const PIECE_BYTES = [1, 7, 1448, 65_536];

/** Type, timestamp and payload of the audio and video in a capture. */
function mediaOf(capture: Uint8Array): (readonly [number, number, Uint8Array])[] {
  const [first, ...others] = PIECE_BYTES.map((size) => readChunks(piecesOf(capture, size)));
  for (const other of others) assertEquals(describe(other), describe(first!));
  return first!.messages.filter(([typeId]) => typeId === 8 || typeId === 9)
    .map(([typeId, timestampMs, , payload]) => [typeId, timestampMs, payload]);
}

function piecesOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}

/** The same of the published file. */
function sourceMedia(...typeIds: readonly number[]): (readonly [number, number, Uint8Array])[] {
  return readFlv(SOURCE_FLV).tags.filter(({ typeId }) => typeIds.includes(typeId))
    .map(({ typeId, timestampMs, payload }) => [typeId, timestampMs, payload]);
}

Deno.test("ChunkReader.push() reads what ffmpeg publishes", () => {
  assertEquals(mediaOf(FFMPEG_AUDIO_VIDEO), sourceMedia(8, 9));
});

Deno.test("ChunkReader.push() reads what librtmp publishes", () => {
  assertEquals(mediaOf(LIBRTMP_AUDIO_VIDEO), sourceMedia(8, 9));
});

Deno.test("ChunkReader.push() reads what librtmp publishes with an extended delta in every chunk", () => {
  assertEquals(mediaOf(LIBRTMP_VIDEO), sourceMedia(9));
});

Deno.test("ChunkReader.push() reads what GStreamer's rtmp2sink publishes", () => {
  for (const wanted of [8, 9]) {
    const received = mediaOf(RTMP2SINK_AUDIO_VIDEO).filter(([typeId]) => typeId === wanted);
    assertEquals(
      received.map(([, , payload]) => payload),
      sourceMedia(wanted).map(([, , payload]) => payload),
    );
  }
});
