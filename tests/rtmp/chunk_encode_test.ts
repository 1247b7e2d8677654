/** Expected bytes are written by hand from RTMP 1.0 §5.3: fields in groups, chunks in rows. */

import fc from "fast-check";
import {
  encodedMessageBytes,
  encodeMessage,
  encodeMessageInto,
  type MessageHeader,
} from "../../lib/rtmp/chunk_encode.ts";
import { ChunkReader } from "../../lib/rtmp/chunk_reader.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const CHUNK_SIZE = 3;

/** Payload of the following messages: 1, 2, 3, … */
function payload(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i + 1);
}

interface Sample {
  readonly timestampMs: number;
  readonly length: number;
  readonly bytes: string;
}

// Video on csid 6 and message stream 1, in chunks of three bytes.
const SAMPLES: readonly Sample[] = [
  { timestampMs: 0xfffffe, length: 0, bytes: "06 fffffe 000000 09 01000000" },
  { timestampMs: 0xfffffe, length: 1, bytes: "06 fffffe 000001 09 01000000  01" },
  { timestampMs: 0xfffffe, length: 2, bytes: "06 fffffe 000002 09 01000000  0102" },
  { timestampMs: 0xfffffe, length: 3, bytes: "06 fffffe 000003 09 01000000  010203" },
  {
    timestampMs: 0xfffffe,
    length: 4,
    bytes: `06 fffffe 000004 09 01000000  010203
            c6 04`,
  },
  {
    timestampMs: 0xfffffe,
    length: 6,
    bytes: `06 fffffe 000006 09 01000000  010203
            c6 040506`,
  },
  {
    timestampMs: 0xfffffe,
    length: 7,
    bytes: `06 fffffe 000007 09 01000000  010203
            c6 040506
            c6 07`,
  },
  { timestampMs: 0xffffff, length: 0, bytes: "06 ffffff 000000 09 01000000  00ffffff" },
  { timestampMs: 0xffffff, length: 1, bytes: "06 ffffff 000001 09 01000000  00ffffff 01" },
  { timestampMs: 0xffffff, length: 2, bytes: "06 ffffff 000002 09 01000000  00ffffff 0102" },
  { timestampMs: 0xffffff, length: 3, bytes: "06 ffffff 000003 09 01000000  00ffffff 010203" },
  {
    timestampMs: 0xffffff,
    length: 4,
    bytes: `06 ffffff 000004 09 01000000  00ffffff 010203
            c6                            00ffffff 04`,
  },
  {
    timestampMs: 0x1000000,
    length: 6,
    bytes: `06 ffffff 000006 09 01000000  01000000 010203
            c6                            01000000 040506`,
  },
  {
    timestampMs: 0xffffffff,
    length: 7,
    bytes: `06 ffffff 000007 09 01000000  ffffffff 010203
            c6                            ffffffff 040506
            c6                            ffffffff 07`,
  },
  { timestampMs: 0, length: 1, bytes: "06 000000 000001 09 01000000  01" },
];

for (const { timestampMs, length, bytes } of SAMPLES) {
  const what = `${length} bytes at 0x${timestampMs.toString(16)} in chunks of ${CHUNK_SIZE}`;

  Deno.test(`encodeMessage() writes ${what}`, () => {
    const header = { csid: 6, typeId: 9, msid: 1, timestampMs };
    assertEquals(encodeMessage(header, payload(length), CHUNK_SIZE), hex(bytes));
  });

  Deno.test(`encodedMessageBytes() returns the size of ${what}`, () => {
    assertEquals(encodedMessageBytes(length, timestampMs, CHUNK_SIZE), hex(bytes).length);
  });
}

Deno.test("encodeMessage() writes the message stream id little-endian", () => {
  const header = { csid: 63, typeId: 18, msid: 0xfedcba98, timestampMs: 0x010203 };
  assertEquals(encodeMessage(header, hex("02"), 128), hex("3f 010203 000001 12 98badcfe  02"));
});

Deno.test("encodeMessage() writes payloads up to the longest allowed by the header", () => {
  const header = { csid: 6, typeId: 9, msid: 1, timestampMs: 1 };
  const bytes = encodeMessage(header, new Uint8Array(0xffffff).fill(0xaa), 0xffffff);
  assertEquals(bytes.subarray(0, 13), hex("06 000001 ffffff 09 01000000  aa"));
  assertEquals(bytes.length, 12 + 0xffffff);
});

Deno.test("encodeMessageInto() writes at the offset and nothing outside the message", () => {
  const target = new Uint8Array(25).fill(0xee);
  const header = { csid: 4, typeId: 8, msid: 1, timestampMs: 0xffffff };
  assertEquals(encodeMessageInto(target, 2, header, payload(1), CHUNK_SIZE), 19);
  assertEquals(
    target,
    hex("eeee  04 ffffff 000001 08 01000000  00ffffff 01  eeeeeeeeeeee"),
  );
});

Deno.test("encodeMessageInto() copies the payload", () => {
  const source = payload(4);
  const header = { csid: 4, typeId: 8, msid: 1, timestampMs: 0 };
  const bytes = encodeMessage(header, source, CHUNK_SIZE);
  source.fill(0xee);
  assertEquals(bytes, hex("04 000000 000004 08 01000000  010203 c4 04"));
});

const anyHeader: fc.Arbitrary<MessageHeader> = fc.record({
  csid: fc.integer({ min: 2, max: 63 }),
  typeId: fc.constantFrom(8, 9, 18, 20),
  msid: fc.nat(0xffffffff),
  timestampMs: fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 0xfffffd, max: 0x1000001 })),
});

Deno.test("encodedMessageBytes() is the size that encodeMessageInto() writes and a reader reads", () => {
  const shape = {
    header: anyHeader,
    length: fc.nat(2000),
    chunkSize: fc.integer({ min: 1, max: 2100 }),
  };
  fc.assert(fc.property(fc.record(shape), ({ header, length, chunkSize }) => {
    const size = encodedMessageBytes(length, header.timestampMs, chunkSize);
    const target = new Uint8Array(size + 100);
    assertEquals(encodeMessageInto(target, 50, header, payload(length), chunkSize), 50 + size);
    const message = target.subarray(50, 50 + size);
    assertEquals(readBack(message, chunkSize), {
      typeId: header.typeId,
      timestampMs: header.timestampMs,
      msid: header.msid,
      text: payload(length).join(),
    });
  }));
});

/** The only message in `bytes`, which has chunks of `chunkSize`. */
function readBack(bytes: Uint8Array, chunkSize: number) {
  const messages: unknown[] = [];
  const reader = new ChunkReader({
    onMessage: (typeId, timestampMs, msid, body) =>
      messages.push({ typeId, timestampMs, msid, text: body.join() }),
  });
  reader.push(hex(`02 000000 000004 01 00000000 ${chunkSize.toString(16).padStart(8, "0")}`));
  reader.push(bytes);
  return messages[1];
}
